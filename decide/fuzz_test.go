package decide_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// FuzzStep feeds the core a state and an input made of anything at all.
func FuzzStep(f *testing.F) {
	good := `{"v":1,"started":true,"last":63900000000000,"observed":100,"from":3,"decided":4,"down":{"width":2904,"head":0,"cells":[9]},"policies":{"capacity":[1500]}}`
	f.Add([]byte(good), int64(1772366400), int64(5), int64(3), int64(2), int64(1772366300), int64(1), int64(9), 20000.0, 1500.0, uint8(2), int64(0), 10, 9, int64(-1))
	f.Add([]byte(`{"v":1}`), int64(math.MinInt64), int64(math.MinInt64), int64(-1), int64(math.MaxInt64), int64(math.MaxInt64), int64(9), int64(1), math.NaN(), math.Inf(1), uint8(2), int64(math.MinInt64), -1, math.MaxInt, int64(math.MaxInt64))
	f.Add([]byte(good), int64(math.MaxInt64), int64(math.MaxInt64), int64(0), int64(1), int64(0), int64(math.MaxInt64), int64(math.MinInt64), math.Copysign(0, -1), 5e-324, uint8(9), int64(math.MaxInt64), math.MaxInt, 1, int64(0))
	core := newCore(f, full())
	f.Fuzz(func(t *testing.T, state []byte, now, desired, ready, n, since, least, most int64, x, y float64, quality uint8, age int64, expected, fresh int, until int64) {
		var s, next decide.State
		if err := json.Unmarshal(state, &s); err != nil {
			s = decide.State{}
		}
		in := decide.Input{
			Now:      time.Unix(now, age),
			Fleet:    decide.Fleet{Desired: desired, Ready: ready, Starting: []decide.Cohort{{N: n, Since: time.Unix(since, 0)}, {N: desired, Stuck: quality&1 != 0}}},
			Members:  signal.Coverage{Expected: expected, Fresh: fresh},
			Limits:   decide.Limits{Min: least, Max: most},
			Override: decide.Override{Replicas: n, Until: time.Unix(until, 0)},
		}
		for i := range int(quality) {
			v := x
			if i%2 == 1 {
				v = y
			}
			in.Signals = append(in.Signals, signal.Sample{Value: v, Weight: y, Age: time.Duration(age), Quality: signal.Quality(quality % 5)})
		}
		var d decide.Decision
		for range 3 {
			before := text(t, &s)
			core.Step(&next, &s, &in, &d)
			if text(t, &s) != before {
				t.Fatal("Step changed prev")
			}
			l := in.Limits.Normal()
			if d.Desired < l.Min || d.Desired > l.Max || d.Desired < 0 || d.Desired > decide.MaxReplicas {
				t.Fatalf("Desired is %d, limits are %+v", d.Desired, l)
			}
			text(t, d)
			core.Explain(&in, &d)
			var read decide.State
			if err := json.Unmarshal([]byte(text(t, &next)), &read); err != nil {
				t.Fatalf("the state that follows is refused: %v", err)
			}
			s, next = next, decide.State{}
			in.Fleet.Desired, in.Now = d.Desired, in.Now.Add(time.Duration(age))
		}
	})
}

// FuzzState reads anything as a state: refused with ErrState, or readable for
// good.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"v":1}`))
	f.Add([]byte(`{"v":1,"started":true,"last":9,"observed":9,"up":{"width":1,"head":3,"cells":[1,0,2]},"ups":[[1,2,3]],"policies":{"a":[1,-0,1e-300]}}`))
	f.Add([]byte(`{"v":2,"policies":{"":[]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s, again decide.State
		if err := s.UnmarshalJSON(data); err != nil {
			if !errors.Is(err, decide.ErrState) {
				t.Fatalf("the error is %v, not ErrState", err)
			}
			return
		}
		written := text(t, s)
		if err := json.Unmarshal([]byte(written), &again); err != nil {
			t.Fatalf("%s is refused: %v", written, err)
		}
		if !again.Equal(&s) {
			t.Fatalf("%s came back as %s", written, text(t, again))
		}
	})
}
