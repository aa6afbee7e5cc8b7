//go:build !race

package decide_test

const longChecks = "100000"
