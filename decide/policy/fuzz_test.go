package policy

import (
	"testing"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// What can be read prints as something that reads as the same, and what can be
// bound gives an answer.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{
		threeComparisons, "not (a > 1h30m and b{chat} <= -2) or max(c, 4k tokens/s) / 64MiB == 40/min",
		"gpu_utilization < 35% and queue_depth < 5", "fleet.ready * 2 > queue_depth - 1", "(((", "1e308k>d", "µs>1µs",
	} {
		f.Add(s)
	}
	schema := known(f)
	in := &decide.Input{Signals: make([]signal.Sample, schema.Len())}
	for i := range in.Signals {
		in.Signals[i] = signal.Value(float64(i))
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseExpression(text)
		if err != nil {
			return
		}
		printed := e.String()
		again, err := ParseExpression(printed)
		if len(printed) > maxExpression {
			return // single spaces can be more than none
		}
		if err != nil {
			t.Fatalf("%q prints as %q: %v", text, printed, err)
		}
		if again.String() != printed {
			t.Fatalf("%q prints as %q and then as %q", text, printed, again)
		}
		test, err := e.Bind(schema)
		_, err2 := again.Bind(schema)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("%q binds with %v, %q with %v", text, err, printed, err2)
		}
		if err == nil {
			if got := test.Test(in); got > decide.True {
				t.Fatalf("%q is %v", text, got)
			}
			if got := test.Test(&decide.Input{}); got > decide.True {
				t.Fatalf("%q is %v", text, got)
			}
		}
	})
}

// No file makes Parse panic or hang, and what it takes survives being written.
func FuzzFile(f *testing.F) {
	for _, s := range []string{minimal, everything, example, "extends: gateway", "min: &a 2\nmax: *a", "a: [[[[[", "{\"min\": 1e3}", "- ? :", "max: 1\n---\n", "\t{", "signals: {a: {unit: ms}}\npolicies: {b: {track: {signal: a, setpoint: 1ms}}}\nmax: 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse("f.yaml", []byte(text))
		if err == nil {
			same(t, p)
		}
	})
}
