// Package decide says what to do: from what is known of a fleet it decides how
// many replicas there should be, and explains it.
//
// The package is pure. It reads no clock, does no I/O, starts no goroutine, takes
// no lock, logs nothing and draws no random number; time is an argument. The same
// state and input give the same bits on every platform, so one line of a journal
// replays one decision, a policy can be tried on yesterday, and a new leader goes
// on where the last one stopped.
//
// # Guide
//
// A scaler of your own in ten minutes; examples/bespoke is one that runs.
//
// 1. Name what can be seen. A [signal.Def] says what a figure is; its unit makes
// the explanations read well.
//
//	waiting := signal.Key{Name: "pictures.waiting"}
//	signals := []signal.Def{{Key: waiting, Unit: signal.Requests}}
//
// 2. Say what demand needs. A policy gives an absolute count, so what is already
// on its way never makes it ask again; one that cannot tell, because a signal is
// absent or stale, holds.
//
//	Track      a figure per replica has a setpoint: concurrency, utilisation
//	Capacity   demand per second over what one replica can take, plus headroom
//	Backlog    what waits is to be gone within a time
//	Objective  a latency or error rate is to stay under a bound: how much load
//	           a replica takes until then is learned
//	Rule       a step up while one condition holds, down while another does
//	your own   a type with the two methods of Policy, made by a Spec
//
// Of several, the largest opinion counts unless [Config] says otherwise. A policy
// of your own remembers in the words that it is handed, nowhere else, and says
// which signals it reads as a [SignalReader].
//
// 3. Say what may be done about it. Zero fields are sensible, a negative number
// switches a guard off. [New] refuses what makes no sense, all of it at once.
//
//	core, err := decide.New(decide.Config{
//		Signals:  signals,
//		Policies: []decide.NamedSpec{{Name: "drain", Spec: decide.Backlog{Queue: waiting, PerReplica: 20}}},
//		Up:       decide.Direction{Rate: decide.Rate{Count: 4, Period: time.Minute}},
//		Down:     decide.Direction{Window: 5 * time.Minute},
//	})
//
// The guards are stages between what is needed and what is done, in this order; a
// later one has the last word:
//
//	recommend → combine → burst → warm → pending → tolerance → stabilise → rate →
//	cooldown → hold → schedule → pause → override → budget → bounds
//
// From zero to what is needed is one step: no guard of Up delays that. To zero it
// takes Down.Idle without demand, and a minimum of 0.
//
// 4. Look, decide, act, as often as you like: every second to every half minute.
// A sample that you do not have is the zero one, which is absent and not 0.
//
//	var state decide.State // cold: nothing is taken away before a window has passed
//	for range time.Tick(5 * time.Second) {
//		in := decide.Input{
//			Now:     time.Now(),
//			Fleet:   decide.Fleet{Desired: asked, Ready: serving},
//			Signals: []signal.Sample{signal.Value(queueLength())},
//			Limits:  decide.Limits{Min: 1, Max: 16},
//		}
//		var d decide.Decision
//		state, d = core.Next(state, in)
//		scaleTo(d.Desired)
//	}
//
// [Core.Step] does what Next does in memory that is used again. An
// [github.com/evenkeel/evenkeel/actuate.Actuator] around scaleTo brings deadlines,
// retries, a breaker and a dry run.
//
// 5. Read why. Each stage that has something to say leaves a [Note]; the Decision
// names the one that bound it, and what would have been Without.
//
//	core.Explain(&in, &d)   6 → 9: drain wants 11: 412 queued, drained in 60 s at
//	                        3.1/s each; +3 per 30 s binds; without it 11
//	core.Table(&in, &d)     every opinion, signal and stage, for a terminal
//	core.AppendRecord(...)  the same as JSON of at most 1 KB, for a log
//
// 6. Keep what it knows. The State encodes as JSON, in 16 KiB at the most: write
// it down after a step, read it at the next start. A policy finds its memory by
// its name, so a configuration may change in between. An Input, cleaned with
// [Input.Clean], is a line of a journal: from the same State it decides the same
// again, on any machine, and another configuration can be tried on it. A [Tally]
// compares the two. Package decide/simulate has a fleet in virtual time.
//
// # Laws
//
// Each of these is a property test on Next.
//
//  1. Bounds always hold, whatever the signals say.
//  2. Under fixed limits, bad, stale or absent data never scales down.
//  3. With policies that are [Monotone], more demand never yields fewer replicas
//     from the same state.
//  4. The same state and input give the same bits.
//  5. Under fixed limits, no change of direction is faster than the window, but
//     for growth from zero and in a [Burst].
//  6. A slow start never causes a second scale-up for the same demand. A stuck
//     replica stops counting after its time and, once a burst is over, never keeps
//     the fleet from shrinking to what is ready.
//  7. Tolerance never strands queued work.
//  8. Constant demand and limits settle, and stay.
//  9. A restart, a change of leader or the loss of 30 % of the members causes no
//     scale-down.
//  10. Time may jump either way; no deadline ends up in next year.
//
// Limits are fixed while Input.Limits are, and while no [Window] that has a floor
// or a ceiling begins, ends or ramps, no [Budget] for a month draws to its end,
// and no [Override] or [Pause] comes or goes: those are limits that change, by the
// clock, the money or an operator's wish, and may scale down on bad data. No law
// holds for a policy that breaks the contract of Policy.
//
// # Input
//
// Nothing that comes in makes the core panic. NaN and infinity count as absent,
// counts are brought into the range from 0 to [MaxReplicas], times into the years
// that can be written down; [Input.Clean] shows what the core makes of an Input.
//
// # Concurrency
//
// A Core is immutable and safe for concurrent use. A State, an Input and a
// Decision belong to one goroutine at a time.
package decide
