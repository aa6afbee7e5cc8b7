// Package decide says what to do: from what is known of a fleet it decides how
// many replicas there should be, and explains it.
package decide
