//go:build race

package decide_test

const longChecks = "2000" // it finds races, not counterexamples, and takes ten times as long
