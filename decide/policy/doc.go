// Package policy reads scaling policies from files that people write, in YAML or
// JSON, and keeps the policy of a file in force while the file changes.
//
//	min: 2
//	max: 16
//	up:   { when: "gpu_utilization > 70% or latency_p95 > 800ms or queue_depth > 50" }
//	down: { when: "gpu_utilization < 35% and queue_depth < 5", for: 5m }
//	scale_up: { fast: true }
//	schedule:
//	  - { days: mon-fri, from: "08:00", to: "20:00", zone: Europe/Berlin, min: 4 }
//
// [Parse] makes a decide.Config of it, [Format] and [Effective] a file of that,
// and a [Loader] follows a file. [Preset] is the text of the files that come with
// the package: chat, batch, embeddings, image and gateway. [Schema] is the JSON
// Schema, for editors.
//
// A file is taken whole or not at all. A field that is unknown or given twice, a
// wrong type or a wrong unit is an error with file, line, column and field, and
// all errors of a file are reported at once. Anchors, aliases, merge keys, tags and
// second documents are refused; a file has at most 1 MiB.
//
// # Values
//
// Whole numbers, plain numbers and true or false are written as such. Beyond them
// there are:
//
//	time       800ms, 30s, 5m, 1h30m, 2d
//	share      70% or 0.7
//	size       64MiB, 2GB
//	rate       40/s, 2400/min, 4k tokens/s
//	days       mon-fri, or sat,sun, or daily
//	time of day  "08:00"
//	off        where it is allowed, as is 0: switches off what the field does
//
// A field that is left out has its default.
//
// # Fields
//
//	extends   a preset that this file changes: fields replace those of the preset,
//	          groups are gone through, lists are replaced, off takes a policy away
//	name      for people
//	min       fewest replicas, default 1; 0 lets the fleet go to zero
//	max       most replicas; required, here or in what is extended
//	tick      time between decisions; default: the program's
//	signals   signals without a short name, by name: unit (share, seconds, bytes,
//	          requests, tokens, replicas, requests/s, tokens/s, bytes/s, or UCUM),
//	          merge (sum, mean, max, p90, distribution), quantile, max_age 15s
//	up        when to grow: when (a condition), for (how long it must have held),
//	          count and share (how large a step is, at least one replica), period 1m
//	          (pause between steps), fast (steps that double and do not wait)
//	down      when to shrink, the same. up and down make one policy, called rule
//	policies  what says how many replicas are needed, by name; the memory of a
//	          policy is kept by its name. Each has one of these, and a weight,
//	          default 1, for combine weighted:
//	  track     signal, setpoint in its unit, total (one number for the fleet)
//	  capacity  demand, rate (a signal) or per_replica, utilization 70%,
//	            headroom 0.5 (off), reserve
//	  rule      up, down, as above, and monotone
//	  objective  as capacity, with a utilization that is learned: demand, goals (a
//	            list: signal, most, per), rate or per_replica or neither, utilization
//	            to begin with, floor, ceiling, headroom, reserve, interval 5s,
//	            warmup 30s
//	  backlog   queue, rate or per_replica, demand, within 30s
//	combine   up and down: max, min, all or weighted; default max, which grows when
//	          one asks for it and shrinks when all agree
//	scale_up  fast, tolerance 5% (off), window off, rate, rates, select max,
//	          cooldown off. fast: nothing delays growth, as by default
//	scale_down  tolerance 10% (off), window 3m (off), rate, rates, select max,
//	          cooldown off, idle 15m (off): how long before the last one goes
//	  rate      count and share, whichever is more, per period 1m; of several
//	            rates, select max, min, or disabled
//	burst     factor (2), window off, for (1m): a surge overrules scale_up; only if
//	          factor or for is given
//	warm      replicas or share to spare, whichever is more
//	pending   timeout 10m (off), extra 50% (off): replicas that do not start
//	hold      coverage 90% (off), and what to do when nobody can tell: fallback
//	          hold, floor, last_good or fixed, with replicas, after 30s (off)
//	schedule  a list: name, days daily, from and to (left out: the whole day; to
//	          not after from: on the next day), zone UTC, min, max (0 closes the
//	          fleet), warm, ramp
//	budget    price of a replica per hour, per_hour, per_month, pace 2 (off)
//
// # Conditions
//
//	or, and, not          three-valued: what is stale or absent is not known, and
//	                      stays so unless the other side settles it
//	< <= > >= == !=       between numbers of the same unit
//	+ - * / ( )           of numbers
//	min(…) max(…) abs(…)
//	70%  800ms  1h30m  64MiB  50  40/s  4k tokens/s
//	queue_depth  latency_p95  jobs{chat}     a signal, a quantile, a pool
//	fleet.desired  fleet.ready  fleet.starting
//
// Units are checked: a time is compared with a time. A number without a unit goes
// with everything that is counted, and with a share. A condition has at most 4 KiB
// and 64 levels. A division by zero is not known.
//
// # Signals
//
// A signal may be named in full or by its short name. _p50, _p90, _p95 or _p99
// says which quantile it must be published with.
//
//	demand            evenkeel.demand.requests
//	demand_input      evenkeel.demand.input_tokens
//	demand_work       evenkeel.demand.work
//	error_rate        evenkeel.errors.ratio
//	gpu_memory        hw.gpu.memory.utilization
//	gpu_sick          hw.gpu.sick
//	gpu_utilization   hw.gpu.utilization
//	in_flight         evenkeel.requests.in_flight
//	kv_cache_use      evenkeel.kv_cache.utilization
//	latency           gen_ai.server.request.duration
//	output_rate       evenkeel.output_tokens
//	queue_age         evenkeel.queue.age
//	queue_depth       evenkeel.queue.requests
//	queue_work        evenkeel.queue.work
//	saturation        evenkeel.saturation
//	shed_rate         evenkeel.shed.requests
//	tpot              gen_ai.server.time_per_output_token
//	ttft              gen_ai.server.time_to_first_token
//	unit_rate         evenkeel.unit.rate
//	unit_utilization  evenkeel.unit.utilization
//
// # Concurrency
//
// A [Loader] may be used from any number of goroutines. Everything else is a
// function or a value that never changes.
package policy
