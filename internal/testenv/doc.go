// Package testenv starts real servers and browsers for the tests of the other
// modules. It is a module of its own so that none of what it needs reaches a
// user.
package testenv
