package backpressure

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// heapBytes is what is in use after a collection.
func heapBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A hundred thousand tenants that have all had more than their share fit into 50
// MB, and are forgotten when they have not.
func TestManyTenants(t *testing.T) {
	const tenants = 100_000
	a := mustAdmission(t, Config{TTFT: time.Hour, Queue: Queue{Requests: 2 * tenants, Wait: time.Hour}})
	a.folded = 1 << 61
	a.lines[answers] = line{allowed: 1 - coldAhead}
	before := heapBytes()
	first := &Request{Cost: Cost{Whole: true}}
	a.Offer(epoch, first)
	requests := make([]Request, tenants)
	own := heapBytes()
	for i := range requests {
		r := &requests[i]
		r.Cost.Whole, r.Tenant = true, rand.Uint64()|1
		if v := a.Offer(epoch, r); v.Action != Hold {
			t.Fatalf("%d: %+v", i, v)
		}
	}
	took := heapBytes() - own
	t.Logf("%.1f MB, %d bytes a tenant; %.1f MB more for their requests", float64(took)/1e6, took/tenants, float64(own-before)/1e6)
	if took > 50e6 || len(a.queue.bands[2].flows) != tenants {
		t.Errorf("%d bytes for %d tenants", took, len(a.queue.bands[2].flows))
	}
	now, last := epoch, first
	for range requests {
		now = now.Add(time.Millisecond)
		a.Done(now, last, Failed)
		if last = a.Next(now); last == nil {
			t.Fatal("nobody goes next")
		}
	}
	a.Done(now, last, Failed)
	// All have had one request. Those who come again, one after the other, drive
	// the rest out.
	for i := range tenants {
		r := &Request{Cost: Cost{Whole: true}, Tenant: uint64(i%10)<<1 | 1}
		if v := a.Offer(now, r); v.Action != Admit {
			t.Fatalf("%+v", v)
		}
		a.Done(now, r, Failed)
	}
	for range tenants/sweepSteps + 100 {
		a.queue.bands[2].sweep()
	}
	if n := len(a.queue.bands[2].flows); n > 11 { // and the first
		t.Errorf("%d tenants are remembered, 10 came back", n)
	}
	a.folded = 0
	a.advance(now.Add(2 * fairMemory))
	if a.queue.bands[2].flows != nil || a.queue.fair {
		t.Error("shares are remembered though nobody waits")
	}
	runtime.KeepAlive(requests)
}

// A day, or a part of it, of random load: tenants without number, all classes,
// rushes and lulls, units that come and go, streams and whole answers. Nothing is
// left behind, and memory stays what it was.
func TestADayOfLoad(t *testing.T) {
	length := 20 * time.Minute
	if os.Getenv("EVENKEEL_LONG") == "1" {
		length = 24 * time.Hour
	}
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Config{Queue: Queue{Requests: 200}})
		rng := rand.New(rand.NewPCG(1, 2))
		slots := make(chan struct{}, 16)
		var refused, served atomic.Int64
		one := func(seed uint64) {
			rng := rand.New(rand.NewPCG(seed, 3))
			ctx := WithCaller(context.Background(), Caller{Tenant: string(rune('a'+rng.IntN(20))) + time.Duration(rng.Int64N(1<<40)).String(), Class: Class(rng.IntN(4) - 2)})
			if rng.IntN(3) > 0 {
				ctx = WithCaller(ctx, Caller{Tenant: "regular", Class: Class(rng.IntN(4) - 2)})
			}
			ctx, cancel := context.WithTimeout(ctx, time.Duration(rng.IntN(8000))*time.Millisecond)
			defer cancel()
			p, err := g.Acquire(ctx, Cost{Prompt: rng.Int64N(2000), MaxOutput: rng.Int64N(300), Bytes: rng.Int64N(5000)})
			if err != nil {
				refused.Add(1)
				return
			}
			defer p.Release()
			stop, cause := context.WithCancelCause(ctx)
			defer cause(nil)
			p.OnPreempt(cause)
			select {
			case slots <- struct{}{}:
			case <-stop.Done():
				return
			}
			defer func() { <-slots }()
			time.Sleep(time.Duration(rng.IntN(100)) * time.Millisecond)
			p.FirstToken()
			for range rng.IntN(10) {
				time.Sleep(30 * time.Millisecond)
				p.Tokens(rng.IntN(20))
				if stop.Err() != nil {
					return
				}
			}
			served.Add(1)
		}
		begin := time.Now()
		var half uint64
		for time.Since(begin) < length {
			if half == 0 && time.Since(begin) > length/2 {
				time.Sleep(time.Minute)
				half = heapBytes()
			}
			g.Observe(Outlook{Ready: rng.IntN(4), ReadyIn: time.Duration(rng.IntN(20)) * time.Second})
			for range rng.IntN(400) {
				go one(rng.Uint64())
				time.Sleep(time.Duration(rng.ExpFloat64() * float64(20*time.Millisecond)))
			}
		}
		time.Sleep(time.Minute)
		s := g.Stats()
		if s.InFlight != 0 || s.Waiting != 0 || s.PromptsAhead != 0 || s.WaitingWork != 0 || s.WaitingBytes != 0 || s.Decoding != 0 {
			t.Errorf("left behind: %+v", s)
		}
		if ended := s.Completed + s.Failed + s.Abandoned + s.Preempted; ended != s.Admitted || s.Offered != s.Admitted+s.Shed.Total() {
			t.Errorf("%d offered, %d admitted, %d shed, %d ended", s.Offered, s.Admitted, s.Shed.Total(), ended)
		}
		grown := int64(heapBytes()) - int64(half)
		t.Logf("%d offered, %d served, %d refused, %d preempted; heap grew by %d KB in the second half", s.Offered, served.Load(), refused.Load(), s.Preempted, grown/1000)
		if grown > 1<<20 || refused.Load() == 0 || served.Load() == 0 {
			t.Errorf("memory is not flat, or this was no load")
		}
	})
}

// Handlers that panic, callers that leave and permits released twice leave
// nothing behind.
func TestFaultsLeakNothing(t *testing.T) {
	const n = 100_000
	g := newGate(t, Config{Mode: Off})
	for name, fault := range map[string]func(){
		"panic": func() {
			defer func() { _ = recover() }()
			p := acquire(t, g, Cost{Prompt: 10})
			defer p.Release()
			panic("handler")
		},
		"cancel": func() {
			ctx, cancel := context.WithCancel(context.Background())
			p, err := g.Acquire(ctx, Cost{Prompt: 10})
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			p.Abandon()
			p.Release()
			if _, err := g.Acquire(ctx, Cost{}); err == nil {
				t.Fatal("admitted after it has left")
			}
		},
		"released twice": func() {
			p := acquire(t, g, Cost{Prompt: 10})
			p.Release()
			q := acquire(t, g, Cost{Prompt: 10})
			p.Release()
			q.Release()
		},
	} {
		for range n {
			fault()
		}
		s := g.Stats()
		if s.InFlight != 0 || s.PromptsAhead != 0 || s.Admitted != s.Completed+s.Abandoned+s.Failed {
			t.Errorf("%s: %+v", name, s)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	leases := 0
	for l := g.free; l != nil; l = l.free {
		leases++
	}
	if leases > 2 {
		t.Errorf("%d leases were made, two are enough", leases)
	}
}
