package main

import (
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
)

// Instants are times since the start of a run.
const never = time.Duration(1<<63 - 1)

// epoch is where runs begin for those that want a time.Time.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A job is one request of a client, from its arrival to its one end.
type job struct {
	id       uint64
	at       time.Duration
	giveUp   time.Duration // the client leaves; never
	toAnswer bool          // it leaves only while it has no first token
	tenant   int
	class    backpressure.Class

	service                time.Duration // at a slot
	prompt, cached, output int           // at an engine; cached is a part of prompt

	state    state
	closed   bool // its end is counted
	ending   ending
	unit     int
	working  bool // has a slot
	admitted time.Duration
	first    time.Duration // 0: none yet
	last     time.Duration
	made     int
	retry    time.Duration // what a refusal says

	ticket backpressure.Request // of the policy evenkeel
	extra  any                  // of the policy

	refusals int // of the client before, since it was served
}

type state uint8

const (
	fresh   state = iota
	held          // by the policy
	running       // at the server, in its queue or at work
	ended
)

// ending says how a job ended.
type ending uint8

const (
	served  ending = iota
	refused        // on arrival, or after it was held
	left           // the client gave up
	lost           // the server that ran it went away
	endings
)

// perToken is the mean time per token after the first, in seconds.
func (j *job) perToken() float64 {
	return (j.last - j.first).Seconds() / float64(max(j.made-1, 1))
}
