package llm

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawModel draws small bounds, so that a few requests reach all of them.
func drawModel(t *rapid.T) Model {
	m := Model{A: 10, B: 1, C: 0.01, P: 0.1}
	m.MaxBatchTokens = rapid.IntRange(1, 64).Draw(t, "MaxBatchTokens")
	m.MaxSeqs = rapid.IntRange(1, min(m.MaxBatchTokens, 8)).Draw(t, "MaxSeqs")
	m.KVTokens = rapid.Int64Range(20, 200).Draw(t, "KVTokens")
	return m
}

// Whatever comes and goes: every request gets exactly its tokens, first one
// first; bounds hold at every step; first tokens keep the order of arrival; and
// at the end nothing is left over.
func TestEngineLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		e, err := NewEngine(m)
		if err != nil {
			t.Fatal(err)
		}
		asked := map[uint64]Request{} // alive
		got := map[uint64]int64{}
		var lastFirst, id uint64 // IDs rise in order of arrival

		step := func() {
			d, out := e.Step()
			b := e.Batch()
			if e.KVUsed() < 0 || e.KVUsed() > m.KVTokens {
				t.Fatalf("KV %d outside 0..%d", e.KVUsed(), m.KVTokens)
			}
			if e.Running() > m.MaxSeqs || b.Decode+b.Prefill > m.MaxBatchTokens {
				t.Fatalf("running %d, batch %+v exceed %+v", e.Running(), b, m)
			}
			if len(asked) > 0 && (d <= 0 || b.Decode+b.Prefill == 0) {
				t.Fatalf("a step of %v over %+v with %d requests alive", d, b, len(asked))
			}
			for _, ev := range out {
				r, ok := asked[ev.ID]
				if !ok {
					t.Fatalf("event %+v for a request that is not alive", ev)
				}
				if ev.First != (got[ev.ID] == 0) {
					t.Fatalf("event %+v after %d tokens", ev, got[ev.ID])
				}
				if ev.First && ev.ID < lastFirst {
					t.Fatalf("first token of %d after that of %d", ev.ID, lastFirst)
				}
				if ev.First {
					lastFirst = ev.ID
				}
				got[ev.ID] += int64(ev.Tokens)
				if ev.Done != (got[ev.ID] == r.Output) {
					t.Fatalf("event %+v at %d of %d tokens", ev, got[ev.ID], r.Output)
				}
				if ev.Done {
					delete(asked, ev.ID)
				}
			}
			if e.Running()+e.Waiting() != len(asked) {
				t.Fatalf("running %d and waiting %d, but %d alive", e.Running(), e.Waiting(), len(asked))
			}
		}

		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				id++
				r := Request{ID: id, Prompt: rapid.Int64Range(1, 150).Draw(t, "prompt"), Output: rapid.Int64Range(1, 60).Draw(t, "output")}
				if err := e.Add(r); (err == nil) != (r.Prompt+r.Output <= m.KVTokens) {
					t.Fatalf("Add(%+v) with room for %d: %v", r, m.KVTokens, err)
				} else if err == nil {
					asked[id] = r
				}
			},
			"cancel": func(t *rapid.T) {
				if id == 0 {
					t.Skip("nothing to cancel")
				}
				victim := rapid.Uint64Range(1, id).Draw(t, "victim")
				_, alive := asked[victim]
				before := e.KVUsed()
				if e.Cancel(victim) != alive {
					t.Fatalf("Cancel(%d) with alive %v", victim, alive)
				}
				if e.KVUsed() > before {
					t.Fatalf("KV grew from %d to %d by a cancel", before, e.KVUsed())
				}
				delete(asked, victim)
			},
			"step": func(*rapid.T) { step() },
		})

		for limit := 100_000; !e.Idle(); limit-- {
			if limit == 0 {
				t.Fatal("does not come to an end")
			}
			step()
		}
		if e.KVUsed() != 0 || e.WaitingTokens() != 0 || len(asked) != 0 {
			t.Fatalf("left over: KV %d, waiting tokens %d, requests %v", e.KVUsed(), e.WaitingTokens(), asked)
		}
	})
}

// When all are cancelled, the cache is empty at once.
func TestCancelFreesTheCache(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, err := NewEngine(drawModel(t))
		if err != nil {
			t.Fatal(err)
		}
		var ids []uint64
		for i := range uint64(rapid.IntRange(1, 12).Draw(t, "requests")) {
			if e.Add(Request{ID: i, Prompt: 1 + int64(i), Output: 5}) == nil {
				ids = append(ids, i)
			}
		}
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			_, out := e.Step()
			for _, ev := range out {
				if ev.Done {
					ids = slices.DeleteFunc(ids, func(id uint64) bool { return id == ev.ID })
				}
			}
		}
		for _, id := range rapid.Permutation(ids).Draw(t, "order") {
			if !e.Cancel(id) {
				t.Fatalf("%d was alive and could not be cancelled", id)
			}
		}
		if !e.Idle() || e.KVUsed() != 0 {
			t.Fatalf("idle %v, KV %d after all were cancelled", e.Idle(), e.KVUsed())
		}
	})
}

// The same calls give the same steps.
func TestEngineIsDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		a, errA := NewEngine(m)
		b, errB := NewEngine(m)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		for id := range uint64(rapid.IntRange(1, 60).Draw(t, "steps")) {
			r := Request{ID: id, Prompt: rapid.Int64Range(1, 40).Draw(t, "prompt"), Output: rapid.Int64Range(1, 20).Draw(t, "output")}
			if (a.Add(r) == nil) != (b.Add(r) == nil) {
				t.Fatal("one engine took a request that the other refused")
			}
			da, outA := a.Step()
			db, outB := b.Step()
			if da != db || !slices.Equal(outA, outB) {
				t.Fatalf("%v %v and %v %v", da, outA, db, outB)
			}
		}
	})
}
