package backpressure

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

func collect(g *Gate) *signal.Snapshot {
	schema, err := signal.NewSchema(g.Defs()...)
	if err != nil {
		panic(err) // in a test
	}
	s := signal.NewSnapshot(schema)
	_ = g.Collect(context.Background(), s)
	return s
}

func TestSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Config{Pool: "chat", Queue: Queue{Requests: -1}})
		s := collect(g)
		for _, i := range []int{defUnitRate, defUnitUse, defErrors, defTTFT} {
			if s.At(i).Quality != signal.Absent {
				t.Errorf("%v is known before anything happened: %+v", g.Defs()[i].Key, s.At(i))
			}
		}
		g.freeze(1000)
		for i := range 40 { // offered 20 a second over two seconds, room for half
			if p, err := g.Acquire(t.Context(), Cost{Prompt: 100, MaxOutput: 10}); err == nil && i%2 == 0 {
				time.AfterFunc(990*time.Millisecond, func() { p.Fail(); p.Release() })
			}
			time.Sleep(50 * time.Millisecond)
		}
		s = collect(g)
		for i, want := range map[int]float64{
			defDemandRequests: 20, defDemandInput: 2000, defDemandWork: 20 * (100 + 80),
			defInFlight: float64(g.Stats().InFlight), defErrors: 1,
		} {
			if got := s.At(i); got.Quality != signal.Fresh || got.Value < want*0.99 || got.Value > want*1.01 {
				t.Errorf("%v is %+v, want %v", g.Defs()[i].Key, got, want)
			}
		}
		if shed, sat := s.At(defShed).Value, s.At(defSaturation).Value; shed <= 0 || sat <= 1 {
			t.Errorf("shed %v/s, saturation %v; want more than 0 and 1", shed, sat)
		}
		if g.Defs()[0].Pool != "chat" {
			t.Error("the pool is not in the keys")
		}
	})
}
