// Package testenv starts real servers and browsers for the tests of the other
// modules. It is a module of its own so that none of what it needs reaches a
// user.
//
// The browser tests look at the live page in a headless chromium: setup.sh
// installs one where it can, and without one they skip. EVENKEEL_SCREENSHOTS, if
// set, names a directory that gets a picture of every scene at both widths and in
// both colour schemes.
package testenv
