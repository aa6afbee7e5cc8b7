package actuate

import (
	"errors"
	"fmt"
	"time"
)

// Class says what an error means to the caller, whatever the platform calls it.
type Class uint8

// The classes. The zero Class, Transient, is what an error counts as that says
// nothing of itself.
const (
	Transient Class = iota // try again soon: network, 5xx
	Throttled              // the platform asks to slow down; not its failure
	Busy                   // an earlier change is still under way; try next tick
	Conflict               // somebody else wrote first; read again, then decide
	Fenced                 // a later leader writes now; stop
	Capacity               // the platform has no more to give; Achieved says how far it came
	Quota                  // not before a human raises a limit
	Forbidden              // not before a human grants a right
	Invalid                // the request can never succeed as it is
	NotFound               // the scaled thing does not exist
)

var classNames = [...]string{"transient", "throttled", "busy", "conflict", "fenced", "capacity", "quota", "forbidden", "invalid", "not found"}

// String returns the lower-case name of c.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "unknown"
}

// An Error is a Target's refusal or failure, classified.
type Error struct {
	Class Class
	// RetryAfter is how long the platform asks to wait; zero if it does not say.
	RetryAfter time.Duration
	// Achieved is the count reached so far when Class is Capacity.
	Achieved int64
	Err      error
}

// Error names the class and what went wrong.
func (e *Error) Error() string { return fmt.Sprintf("%v: %v", e.Class, e.Err) }

// Unwrap returns the platform's own error.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of err: that of the first [Error] in its tree, or
// Transient.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Transient
}
