package backpressure

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever happens, in whatever order and at whatever time: every request is
// counted once, the queue stays within its bounds and in order, and nothing is
// left when all have ended.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, err := NewAdmission(Config{
			Mode:  Mode(rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "mode")),
			Queue: Queue{Requests: rapid.IntRange(-1, 5).Draw(t, "queue"), Bytes: 100},
			Routes: rapid.SampledFrom([][]Route{nil, {{Name: "short", From: 0.5, MaxOutput: 20, Scale: 0.5},
				{Name: "small", Elsewhere: true, Limit: 2, Classes: []Class{Critical}}}}).Draw(t, "routes"),
		})
		if err != nil {
			t.Fatal(err)
		}
		now := epoch
		var running, waits []*Request
		ended := 0
		forget := func(r *Request) {
			for i, w := range waits {
				if w == r {
					waits = append(waits[:i:i], waits[i+1:]...)
					return
				}
			}
			t.Fatal("the queue returned a request that did not wait")
		}
		pump := func() {
			for {
				r, v := a.Expire(now)
				if r == nil {
					if r = a.Next(now); r == nil {
						break
					}
					for _, w := range waits {
						if w.rank == r.rank && w.Tenant == r.Tenant && w != r && !stands(a.now, r, w, waits) {
							t.Fatalf("%+v overtaken by %+v", w, r)
						}
						if w == r {
							break
						}
					}
					forget(r)
					running = append(running, r)
					continue
				}
				forget(r)
				if v.Action == Admit && r.Route() == "small" {
					running = append(running, r)
				} else if v.Action != Shed || v.Reason == Admitted {
					t.Fatalf("evicted with %+v", v)
				}
			}
			for {
				r, _ := a.Preempt(now)
				if r == nil {
					break
				}
				if r.Class >= Critical || !slices.Contains(running, r) {
					t.Fatalf("%+v is to stop", r)
				}
			}
			checkQueue(t, &a.queue, waits)
		}
		pick := func(s []*Request) *Request {
			if len(s) == 0 {
				return nil
			}
			return s[rapid.IntRange(0, len(s)-1).Draw(t, "which")]
		}
		check := func() {
			s := a.Stats(now)
			away := 0
			for _, r := range running {
				away += b2i(r.state == elsewhere)
			}
			if s.Routes != nil && s.Routes[1].InFlight != away || away > 2 || a.elsewhere != away {
				t.Fatalf("%d elsewhere: %+v", away, s.Routes)
			}
			if s.InFlight+away != len(running) || s.Waiting != len(waits) {
				t.Fatalf("%d in flight, %d waiting; want %d, %d", s.InFlight, s.Waiting, len(running), len(waits))
			}
			if s.Offered != s.Admitted+s.Elsewhere+s.Shed.Total()+uint64(s.Waiting) {
				t.Fatalf("offered %d, admitted %d, shed %d, waiting %d", s.Offered, s.Admitted, s.Shed.Total(), s.Waiting)
			}
			if stopped := uint64(a.preempt.stopped); s.Completed+s.Failed+s.Abandoned+s.Preempted-stopped != uint64(ended) || stopped > maxPreempted {
				t.Fatalf("%d ended, %d of them counted", ended, s.Completed+s.Failed+s.Abandoned)
			}
			if s.Waiting > max(a.cfg.Queue.Requests, 0) || s.WaitingBytes > 100 || s.WaitingBytes < 0 {
				t.Fatalf("%d requests and %d bytes wait", s.Waiting, s.WaitingBytes)
			}
			for _, v := range []float64{s.PromptsAhead, s.DrainRate, s.WaitingWork, s.Saturation, float64(s.Decoding), float64(s.PredictedTTFT)} {
				if !(v >= 0) {
					t.Fatalf("a figure is %v: %+v", v, s)
				}
			}
		}
		end := func(r *Request) {
			if r.state != elsewhere {
				ended++
			}
			a.Done(now, r, Outcome(rapid.IntRange(0, 2).Draw(t, "outcome")))
			a.Done(now, r, Completed) // once too often
			for i, x := range running {
				if x == r {
					running = append(running[:i:i], running[i+1:]...)
					break
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { pump(); check() },
			"offer": func(t *rapid.T) {
				r := &Request{Class: Class(rapid.IntRange(-2, 1).Draw(t, "class")), Tenant: rapid.Uint64Range(0, 3).Draw(t, "tenant"), Cost: Cost{
					Prompt:    rapid.Int64Range(-1, 5000).Draw(t, "prompt"),
					MaxOutput: rapid.Int64Range(-1, 500).Draw(t, "output"),
					Bytes:     rapid.Int64Range(0, 60).Draw(t, "bytes"),
					Whole:     rapid.Bool().Draw(t, "whole"),
				}}
				if rapid.Bool().Draw(t, "hasDeadline") {
					r.Deadline = now.Add(time.Duration(rapid.IntRange(-100, 5000).Draw(t, "deadline")) * time.Millisecond)
				}
				switch v := a.Offer(now, r); v.Action {
				case Admit:
					running = append(running, r)
				case Hold:
					waits = append(waits, r)
				}
			},
			"first token": func(*rapid.T) {
				if r := pick(running); r != nil {
					a.FirstToken(now, r)
				}
			},
			"preemptible": func(*rapid.T) {
				if r := pick(running); r != nil {
					a.Preemptible(r)
				}
			},
			"tokens": func(t *rapid.T) {
				if r := pick(running); r != nil {
					a.Tokens(now, r, rapid.Int64Range(-1, 50).Draw(t, "n"))
				}
			},
			"done": func(*rapid.T) {
				if r := pick(running); r != nil {
					end(r)
				}
			},
			"cancel": func(*rapid.T) {
				if r := pick(waits); r != nil {
					a.Cancel(now, r)
					forget(r)
				}
			},
			"observe": func(t *rapid.T) {
				a.Observe(now, Outlook{
					Ready:   rapid.IntRange(-1, 5).Draw(t, "ready"),
					Members: rapid.IntRange(-1, 3).Draw(t, "members"),
					ReadyIn: time.Duration(rapid.IntRange(0, 40).Draw(t, "in")) * time.Second,
				})
			},
			"drain": func(t *rapid.T) { a.Drain(rapid.Bool().Draw(t, "on")) },
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 20, 300, 5000, -300, -500_000, 500_000}).Draw(t, "ms")) * time.Millisecond)
			},
		})
		for len(running) > 0 {
			end(running[0])
			pump()
		}
		a.Drain(true)
		pump()
		check()
		if s := a.Stats(now); s.PromptsAhead != 0 || s.WaitingWork != 0 || s.Decoding != 0 {
			t.Fatalf("left behind: %+v", s)
		}
	})
}

// stands reports whether r, the newest of its flow, may overtake w because that
// flow is a standing queue.
func stands(now time.Duration, r, w *Request, waits []*Request) bool {
	for _, x := range waits[slices.Index(waits, r)+1:] {
		if x.rank == r.rank && x.Tenant == r.Tenant {
			return false // not the newest
		}
	}
	return now-w.arrived > standing
}

// checkQueue holds the queue's sums and heaps against what waits.
func checkQueue(t *rapid.T, q *queue, waits []*Request) {
	var n [classes]int
	for _, r := range waits {
		n[r.rank]++
		if r.flow == nil || r.flow.n == 0 || r.flow.tenant != r.Tenant {
			t.Fatalf("%+v waits in flow %+v", r, r.flow)
		}
	}
	for i := range q.bands {
		b := &q.bands[i]
		flows, total := 0, 0
		for _, h := range []*heap{&b.starts, &b.tails} {
			for i, f := range h.flows {
				if f.pos[h.by] != i || i > 0 && h.before(f, h.flows[(i-1)/2]) {
					t.Fatalf("flow %d of heap %d is out of place", i, h.by)
				}
				total += f.n
				flows++
			}
		}
		if b.n != n[i] || total != 2*b.n || flows > 2*len(b.flows) || b.credit < 0 {
			t.Fatalf("class %d: %d wait, counted %d, in the flows %d", i, n[i], b.n, total/2)
		}
	}
}
