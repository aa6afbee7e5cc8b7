package main

import "time"

const fullUnits, fewUnits = 6, 3

// units takes three of six servers or engines away at 45 s, with what runs on them,
// and brings them back at 75 s.
func (t trial) units() (values, error) {
	if t.load.name == "2x" {
		return t.serverUnits()
	}
	return t.engineUnits()
}

func (t trial) comeAndGo(w *world) {
	for at, n := range map[time.Duration]int{t.s(45): fewUnits, t.s(75): fullUnits} {
		w.at(at, func() {
			w.fleet.resize(w, n)
			w.policy.units(w.now, n)
		})
	}
}

func (t trial) serverUnits() (values, error) {
	few, full := 0, 0
	countFew := servedIn(&few, t.s(47), t.s(75))
	countFull := servedIn(&full, t.s(77), t.s(105))
	e := slotEnv(fullUnits * serverSlots)
	e.units = fullUnits
	arrive := t.requests(t.load.rate, fullUnits*serverSlots, 0.5, time.Second, t.s(105))
	_, err := t.play(e, newSlots(fullUnits, serverSlots), arrive, func(j *job) { countFew(j); countFull(j) }, t.comeAndGo)
	secs := t.s(28).Seconds()
	return values{
		"goodput_few":  float64(few) / secs / capacity(fewUnits*serverSlots),
		"goodput_full": float64(full) / secs / capacity(fullUnits*serverSlots),
	}, err
}

// engineUnits compares with as many engines from the start, each under a static cap
// that is tuned for them.
func (t trial) engineUnits() (values, error) {
	few, full, err := t.engines(fullUnits, t.make, t.comeAndGo)
	if err != nil {
		return nil, err
	}
	tuned := func(e env) (policy, error) { return &tokenCap{n: tunedCap * e.units}, nil }
	bestFew, _, err := t.engines(fewUnits, tuned)
	if err != nil {
		return nil, err
	}
	_, bestFull, err := t.engines(fullUnits, tuned)
	return values{"goodput_few": ratio(few, bestFew), "goodput_full": ratio(full, bestFull)}, err
}

// tunedCap, in tokens per engine: at these loads caps from 3,000 to 15,000 do the same.
const tunedCap = 6_000

// engines returns how many good requests came while there were few, and while there
// were all again.
func (t trial) engines(units int, policy func(env) (policy, error), events ...func(*world)) (few, full int, err error) {
	f, err := newEngines(engineModel(1), units)
	if err != nil {
		return 0, 0, err
	}
	t.make = policy
	arrive := ask(newRand(t.scenario, t.load.name, t.seed), inTurn(chat(t.load.rate)), t.s(105+tail), patience)
	e := env{ttft: objectiveTTFT, tpot: 50 * time.Millisecond, units: units}
	_, err = t.play(e, f, arrive, func(j *job) {
		switch {
		case !j.good(e.tpot):
		case j.at >= t.s(47) && j.at < t.s(75):
			few++
		case j.at >= t.s(77) && j.at < t.s(105):
			full++
		}
	}, events...)
	return few, full, err
}
