package main

import (
	"math/rand/v2"
	"time"
)

// An action is what a policy does with an arrival.
type action uint8

const (
	admit action = iota
	hold
	shed
)

// A verdict is a policy's answer.
type verdict struct {
	action action
	retry  time.Duration // after a refusal; 0: nothing is said
}

// A policy stands before the servers. The loop calls it for what happens, and after
// every event asks expire and next until they have nothing.
type policy interface {
	offer(now time.Duration, j *job) verdict
	// next returns a held job that may run now, or nil.
	next(now time.Duration) *job
	// expire returns a held job that is refused now, or nil.
	expire(now time.Duration) (*job, verdict)
	// wake is when to ask again although nothing happened, or never.
	wake() time.Duration
	// leave takes out a held job whose client has left.
	leave(now time.Duration, j *job)
	first(now time.Duration, j *job)
	token(now time.Duration, j *job) // one more, after the first
	done(now time.Duration, j *job, how ending)
	// units says how many servers there are.
	units(now time.Duration, n int)
}

// A starter also wants to know when a job leaves the server's queue.
type starter interface {
	started(now time.Duration, j *job)
}

// A preempter stops running jobs to make room for others.
type preempter interface {
	// preempt returns a running job that is stopped now, or nil.
	preempt(now time.Duration) (*job, verdict)
}

// A waiter keeps time itself: it lets time pass until then, or until something is
// to be fetched with next or expire, and returns the instant.
type waiter interface {
	wait(until time.Duration) time.Duration
}

// passive is a policy that holds nothing and hears nothing.
type passive struct{}

func (passive) next(time.Duration) *job              { return nil }
func (passive) expire(time.Duration) (*job, verdict) { return nil, verdict{} }
func (passive) wake() time.Duration                  { return never }
func (passive) leave(time.Duration, *job)            {}
func (passive) first(time.Duration, *job)            {}
func (passive) token(time.Duration, *job)            {}
func (passive) done(time.Duration, *job, ending)     {}
func (passive) units(time.Duration, int)             {}

// An env is what a policy may be told of its scenario. The objective goes to all;
// slots and rate only to those whose users would have to measure them.
type env struct {
	seed       uint64
	ttft, tpot time.Duration // 0: the default of the policy
	units      int
	slots      int     // of all servers
	rate       float64 // requests/s of all servers
}

// rng is for a policy that draws random numbers.
func (e env) rng() *rand.Rand { return rand.New(rand.NewPCG(e.seed, 7)) }
