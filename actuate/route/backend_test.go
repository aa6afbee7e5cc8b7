package route

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/evenkeel/evenkeel/actuate"
)

func bare(t testing.TB, set ...actuate.Instance) *Router {
	t.Helper()
	r, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	r.Route(set)
	return r
}

func fleet(n int) []actuate.Instance {
	set := make([]actuate.Instance, n)
	for i := range set {
		set[i] = actuate.Instance{ID: fmt.Sprint(i), Addr: fmt.Sprintf("h:%d", i), Phase: actuate.Ready}
	}
	return set
}

// TestTiesAreFair: requests one after another go round, whoever else is out.
func TestTiesAreFair(t *testing.T) {
	set := fleet(5)
	set[1].Phase, set[2].Phase = actuate.Draining, actuate.Starting
	r := bare(t, set...)
	for range 300 {
		r.release(r.pick(nil), false, false)
	}
	for i, want := range []int64{100, 0, 0, 100, 100} {
		if got := r.Stats()[i].Total; got != want {
			t.Errorf("instance %d got %d of 300 requests, want %d", i, got, want)
		}
	}
}

// TestPickLaws: whatever happens, the choice is one of the usable with the fewest
// in flight, and counts are those of the requests that are out.
func TestPickLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, _ := New(Config{})
		set := fleet(4)
		r.Route(set)
		var out []*backend
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				usable := map[string]int64{}
				for _, b := range r.set {
					if b.phase == actuate.Ready && !b.down {
						usable[b.id] = b.inFlight
					}
				}
				b := r.pick(nil)
				if (b == nil) != (len(usable) == 0) {
					t.Fatalf("picked %v of %v", b, usable)
				}
				if b == nil {
					break
				}
				for id, n := range usable {
					if n < usable[b.id] {
						t.Fatalf("picked %s with %d in flight, %s has %d", b.id, usable[b.id], id, n)
					}
				}
				out = append(out, b)
			case 2:
				if len(out) > 0 {
					i := rapid.IntRange(0, len(out)-1).Draw(t, "which")
					r.release(out[i], false, rapid.Bool().Draw(t, "failed"))
					out = append(out[:i], out[i+1:]...)
				}
			case 3:
				i := rapid.IntRange(0, 3).Draw(t, "instance")
				set[i].Phase = actuate.Phase(rapid.IntRange(0, 3).Draw(t, "phase"))
				if rapid.IntRange(0, 4).Draw(t, "moves") == 0 {
					set[i].Addr += "0"
				}
				from := rapid.IntRange(0, 3).Draw(t, "from")
				r.Route(set[from:])
			}
			want := map[*backend]int64{}
			for _, b := range out {
				want[b]++
			}
			for _, b := range r.byID {
				if b.inFlight != want[b] {
					t.Fatalf("%s: %d in flight, want %d", b.id, b.inFlight, want[b])
				}
			}
		}
		r.Route(nil)
		for _, b := range out {
			r.release(b, false, false)
		}
		if len(r.byID) != 0 {
			t.Fatalf("kept %v after the last request", r.byID)
		}
	})
}

// TestNoneAfterRoute is what a drain rests on: once Route has returned, an
// InFlight of 0 stays 0.
func TestNoneAfterRoute(t *testing.T) {
	r := bare(t, fleet(2)...)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					r.release(r.pick(nil), false, false)
				}
			}
		})
	}
	for range 200 {
		set := fleet(2)
		set[0].Phase = actuate.Draining
		r.Route(set)
		for r.InFlight("0") != 0 {
		}
		total := r.Stats()[0].Total
		for range 100 {
			if n := r.InFlight("0"); n != 0 || r.Stats()[0].Total != total {
				t.Errorf("a draining instance got a request")
			}
		}
		r.Route(fleet(2))
	}
	close(stop)
	wg.Wait()
}

func TestGoneIsKnownWhileBusy(t *testing.T) {
	r := bare(t, fleet(1)...)
	b := r.pick(nil)
	r.Route(nil)
	if n := r.InFlight("0"); n != 1 {
		t.Errorf("in flight %d after the instance left the set, want 1", n)
	}
	r.Route(fleet(1)) // it comes back
	if again := r.pick(nil); again != b || r.InFlight("0") != 2 {
		t.Errorf("the instance that came back is another one, or forgot its request")
	}
	r.release(b, false, false)
	r.release(b, false, false)
	if n := r.InFlight("0"); n != 0 {
		t.Errorf("in flight %d, want 0", n)
	}
}

func TestNewAddressIsBelieved(t *testing.T) {
	r := bare(t, fleet(1)...)
	r.suspect(r.set[0], nil)
	if b := r.pick(nil); b != nil {
		t.Fatal("a suspect was picked")
	}
	set := fleet(1)
	set[0].Addr = "h:99"
	r.Route(set)
	if b := r.pick(nil); b == nil || b.addr != "h:99" {
		t.Error("an instance at a new address bears the blame of the old one")
	}
}

// TestSuspectWithoutChecks: where nothing checks, time brings a suspect back.
func TestSuspectWithoutChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := New(Config{Health: Health{Off: true}})
		if err != nil {
			t.Fatal(err)
		}
		r.Route(fleet(1))
		r.suspect(r.set[0], nil)
		if r.pick(nil) != nil {
			t.Error("picked at once")
		}
		time.Sleep(time.Second)
		if r.pick(nil) == nil {
			t.Error("not picked after Interval")
		}
	})
}

// TestOneOfAnID: an ID that is listed twice is one instance, the later one.
func TestOneOfAnID(t *testing.T) {
	set := fleet(2)
	set[1].ID = set[0].ID
	r := bare(t, set...)
	for range 3 {
		if b := r.pick(nil); b.addr != set[1].Addr {
			t.Errorf("picked %s, want %s", b.addr, set[1].Addr)
		}
	}
	if n := r.InFlight(set[0].ID); n != 3 || len(r.Stats()) != 1 {
		t.Errorf("in flight %d, stats %+v; want 3 at one instance", n, r.Stats())
	}
}
