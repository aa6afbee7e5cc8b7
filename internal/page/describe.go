package page

import (
	"fmt"
	"strconv"
	"time"
)

// Tone is how things stand, for colour and order. The zero Tone is Unknown.
type Tone string

// The tones, from best to worst.
const (
	Unknown  Tone = ""         // nothing is known yet
	Idle     Tone = "idle"     // at zero, nothing asked
	Steady   Tone = "steady"   // as it should be
	Moving   Tone = "moving"   // on the way to another count
	Strained Tone = "strained" // served, but worse than wished
	Failing  Tone = "failing"  // work is turned away, or nothing can serve it
)

// newsFor is how long a bad event stays in the detail line.
const newsFor = 45 * time.Second

// Describe says in words what is going on with p at now: the tone, a headline of
// one sentence, and a detail which may be empty. What hurts callers comes first.
func Describe(p *Pool, now time.Time) (tone Tone, headline, detail string) {
	tone, headline = headlineOf(p, now)
	return tone, headline, detailOf(p, now)
}

func headlineOf(p *Pool, now time.Time) (Tone, string) {
	r := p.Replicas
	if !r.Known {
		return Unknown, "The fleet could not be read yet."
	}
	starting := startingWords(p, now)
	if r.Ready == 0 {
		return atZero(p, starting)
	}
	if shed := shedRate(p); shed.above(0.05) {
		s := "Overloaded: turning away " + rate(shed)
		if p.Demand.Requests.Known {
			s = "Overloaded: turning away " + num(shed.Num) + " of " + rate(p.Demand.Requests)
		}
		if starting != "" {
			s += "; " + starting
		}
		return Failing, s + "."
	}
	switch {
	case r.Stuck > 0:
		return Strained, fmt.Sprintf("%s cannot start; %d of %d are ready.", count(r.Stuck, "replica"), r.Ready, r.Desired)
	case p.Latency.TTFT.missed():
		return Strained, slow("first token", p.Latency.TTFT, starting)
	case p.Latency.TPOT.missed():
		return Strained, slow("time per token", p.Latency.TPOT, starting)
	case p.Latency.Duration.missed():
		return Strained, slow("request time", p.Latency.Duration, starting)
	case starting != "":
		return Moving, fmt.Sprintf("On the way to %d: %s ready, %s.", r.Desired, ofDesired(r), starting)
	case r.Desired > r.Ready:
		return Moving, fmt.Sprintf("Waiting for the platform: %s ready, %d not created yet.", ofDesired(r), r.Desired-r.Ready)
	case r.Draining > 0:
		return Moving, fmt.Sprintf("Scaling in to %d: %s finishing what %s.", r.Desired, count(r.Draining, "replica"), has(r.Draining))
	case r.Desired < r.Ready:
		return Moving, fmt.Sprintf("Scaling in: %d ready, %d wanted.", r.Ready, r.Desired)
	}
	s := "Steady: " + ofDesired(r) + " ready"
	if p.Demand.Requests.Known {
		s += ", serving " + rate(p.Demand.Requests)
	}
	if v := p.Latency.TTFT.P95; v.Known {
		s += ", p95 first token " + seconds(v)
	} else if v := p.Latency.Duration.P95; v.Known {
		s += ", p95 " + seconds(v)
	}
	return Steady, s + "."
}

func atZero(p *Pool, starting string) (Tone, string) {
	r, waiting := p.Replicas, ""
	if p.Queue.Requests.above(0) {
		waiting = ", " + count(int64(p.Queue.Requests.Num), "request") + " waiting"
	}
	if shed := shedRate(p); shed.above(0.05) {
		waiting += ", turning away " + rate(shed)
	}
	switch {
	case starting != "" && shedRate(p).above(0.05):
		return Failing, "Starting from nothing: " + starting + waiting + "."
	case starting != "":
		return Moving, "Starting from nothing: " + starting + waiting + "."
	case r.Stuck > 0:
		return Failing, fmt.Sprintf("Nothing can serve: %s cannot start%s.", count(r.Stuck, "replica"), waiting)
	case r.Desired > 0:
		return Failing, fmt.Sprintf("Nothing serves yet: %s wanted, none created%s.", count(r.Desired, "replica"), waiting)
	case waiting != "":
		return Moving, "At zero" + waiting + "."
	case r.StartUp.Known:
		return Idle, "Idle at zero: the first request will wait about " + seconds(r.StartUp) + "."
	}
	return Idle, "Idle at zero: nothing is asked."
}

// detailOf is the freshest thing worth a line: a bad event while it is news,
// else why the count is what it is.
func detailOf(p *Pool, now time.Time) string {
	for _, e := range p.Events {
		if now.Sub(e.At) > newsFor {
			break
		}
		if e.Tone == Strained || e.Tone == Failing {
			return e.Text
		}
	}
	if p.Replicas.Stuck > 0 {
		for _, i := range p.Instances {
			if i.Phase == "stuck" && i.Detail != "" {
				return i.ID + ": " + i.Detail
			}
		}
	}
	if len(p.Decisions) > 0 {
		return p.Decisions[0].Summary
	}
	return ""
}

// startingWords is "2 starting, 14 s so far", empty if none is.
func startingWords(p *Pool, now time.Time) string {
	if p.Replicas.Starting <= 0 {
		return ""
	}
	s := strconv.FormatInt(p.Replicas.Starting, 10) + " starting"
	var oldest time.Time
	see := func(t time.Time) {
		if !t.IsZero() && (oldest.IsZero() || t.Before(oldest)) {
			oldest = t
		}
	}
	for _, i := range p.Instances {
		if i.Phase == "starting" {
			see(i.Since)
		}
	}
	for _, c := range p.Replicas.Cohorts {
		if !c.Stuck {
			see(c.Since)
		}
	}
	if age := now.Sub(oldest); !oldest.IsZero() && age >= time.Second && age < 24*time.Hour {
		s += " for " + span(age)
	}
	return s
}

// shedRate is what was turned away for want of capacity, per second.
func shedRate(p *Pool) Value {
	var sum Value
	for _, s := range p.Shed {
		if s.Rate.Known && !s.Quota {
			sum = Of(sum.Num + s.Rate.Num)
		}
	}
	return sum
}

func slow(what string, l Latency, starting string) string {
	s := fmt.Sprintf("Slower than wished: p95 %s %s, objective %s", what, seconds(l.P95), seconds(l.Objective))
	if starting != "" {
		s += "; " + starting
	}
	return s + "."
}

func ofDesired(r Replicas) string {
	return fmt.Sprintf("%d of %s", r.Ready, count(r.Desired, "replica"))
}

func has(n int64) string {
	if n == 1 {
		return "it has"
	}
	return "they have"
}

func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatInt(n, 10) + " " + noun + "s"
}
