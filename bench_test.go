package evenkeel

import (
	"io"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// What one tick costs from the input on: decided, journalled, put in words for the
// page, and the states written down for the next leader; alone and with a shadow
// that is the same policy.
func BenchmarkTick(b *testing.B) {
	policy := decide.Config{Policies: []decide.NamedSpec{
		{Name: "load", Spec: decide.Track{Signal: loadKey, Setpoint: 10, Total: true}},
		{Name: "capacity", Spec: decide.Capacity{Demand: demandKey, Rate: rateKey}},
	}}
	for name, shadow := range map[string]decide.Config{"alone": {}, "with a shadow": policy} {
		b.Run(name, func(b *testing.B) {
			target, err := actuate.New(actuate.Config{Target: &actuatetest.Fleet{}})
			if err != nil {
				b.Fatal(err)
			}
			k, err := New(Config{Journal: io.Discard, Pools: []Pool{{
				Name: "p", Sources: []signal.Source{&load{}, &rated{}}, Policy: policy, Shadow: shadow,
				Limits: decide.Limits{Min: 1, Max: 64}, Target: target,
			}}})
			if err != nil {
				b.Fatal(err)
			}
			term, err := actuate.Solo{}.Campaign(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			k.leads.Store(&term)
			l := k.loops[0]
			now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			l.led(now, false)
			in := decide.Input{Limits: l.limits, Signals: make([]signal.Sample, 3), Members: signal.Coverage{Expected: 1, Fresh: 1}}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				now = now.Add(5 * time.Second)
				in.Now, in.Fleet.Ready = now, in.Fleet.Desired
				in.Signals[0], in.Signals[1], in.Signals[2] = signal.Value(float64(i*7%100)), signal.Value(50), signal.Value(10)
				l.tell(&in)
				in.Fleet.Desired = l.acting().decision.Desired
			}
		})
	}
}
