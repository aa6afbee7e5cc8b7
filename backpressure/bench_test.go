package backpressure

import (
	"context"
	"testing"
	"time"
)

func newGate(t testing.TB, cfg Config) *Gate {
	t.Helper()
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func BenchmarkAcquireRelease(b *testing.B) {
	g, ctx := newGate(b, Config{}), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		p, err := g.Acquire(ctx, Cost{})
		if err != nil {
			b.Fatal(err)
		}
		p.Release()
	}
}

func BenchmarkAcquireReleaseFull(b *testing.B) {
	g := newGate(b, Config{})
	ctx, cancel := context.WithTimeout(WithCaller(context.Background(), Caller{Tenant: "acme"}), time.Hour)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		p, err := g.Acquire(ctx, Cost{Prompt: 300, MaxOutput: 200, Bytes: 2000})
		if err != nil {
			b.Fatal(err)
		}
		p.FirstToken()
		p.Tokens(1)
		p.Release()
	}
}

// Eight goroutines for each core ask one gate.
func BenchmarkAcquireReleaseParallel(b *testing.B) {
	g, ctx := newGate(b, Config{Mode: Off}), context.Background()
	b.SetParallelism(8)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p, _ := g.Acquire(ctx, Cost{})
			p.Release()
		}
	})
}

func BenchmarkReject(b *testing.B) {
	g, ctx := newGate(b, Config{Queue: Queue{Requests: -1}}), context.Background()
	g.Observe(Outlook{Ready: 0, ReadyIn: 20 * time.Second})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Acquire(ctx, Cost{Prompt: 300}); err == nil {
			b.Fatal("admitted")
		}
	}
}

func BenchmarkRejectSaturated(b *testing.B) {
	g, ctx := newGate(b, Config{Queue: Queue{Requests: -1}}), context.Background()
	saturate(b, g)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Acquire(ctx, Cost{Prompt: 300}); err == nil {
			b.Fatal("admitted")
		}
	}
}

func BenchmarkTokens(b *testing.B) {
	g := newGate(b, Config{})
	p, _ := g.Acquire(context.Background(), Cost{})
	defer p.Release()
	p.FirstToken()
	b.ReportAllocs()
	for b.Loop() {
		p.Tokens(1)
	}
}

// saturate freezes what g has learned at 1000 prompt tokens per second, and
// fills it up.
func saturate(t testing.TB, g *Gate) {
	t.Helper()
	g.freeze(1000)
	for {
		if _, err := g.Acquire(context.Background(), Cost{Prompt: 100}); err != nil {
			return
		}
	}
}

// freeze pins the drain rate: nothing is learned from then on.
func (g *Gate) freeze(rate float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.adm.folded = 1 << 61
	g.adm.lines[prompts].rate, g.adm.lines[prompts].conf = rate, 1
	g.adm.comeback.rate, g.adm.comeback.units, g.adm.comeback.room = rate, 1, rate/3
}
