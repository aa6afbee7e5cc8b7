//go:build unix

package process

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/route"
)

// TestNoStreamIsCut: whatever the count does, no stream that a router sends to
// the instances breaks off or is refused.
func TestNoStreamIsCut(t *testing.T) {
	long := os.Getenv("EVENKEEL_LONG") != ""
	clients, want := 16, int64(400)
	if long {
		clients, want = 64, 10_000
	}
	router, err := route.New(route.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { _ = router.Run(ctx) })
	s, end := run(t, Config{Command: self("serve"), Traffic: router})
	front := httptest.NewServer(router)
	defer front.Close()
	scale(t, s, 3)
	ready(t, s, 3)

	var done, cut atomic.Int64
	for range clients {
		wg.Go(func() {
			for done.Load() < want && cut.Load() < 10 {
				body, err := stream(front.URL, 20)
				if err != nil || !strings.HasSuffix(body, "data: 19\n\ndata: [DONE]\n\n") {
					cut.Add(1)
					t.Errorf("a stream ended as %q, %v", body, err)
				}
				done.Add(1)
			}
		})
	}
	changes := 0
	for counts := []int64{1, 3, 2, 4, 1, 2}; done.Load() < want && cut.Load() < 10; changes++ {
		scale(t, s, counts[changes%len(counts)])
		time.Sleep(60 * time.Millisecond) // often in the midst of a drain
	}
	st := status(t, s)
	cancel()
	wg.Wait()
	end()
	t.Logf("%d streams, %d cut, %d changes of the count, last fleet %+v", done.Load(), cut.Load(), changes, st.Fleet)
	if changes < 3 {
		t.Errorf("only %d changes of the count: the test tested nothing", changes)
	}
}

func stream(url string, n int) (string, error) {
	res, err := http.Get(fmt.Sprintf("%s/stream?n=%d", url, n))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		return string(body), fmt.Errorf("status %d", res.StatusCode)
	}
	return string(body), err
}

// TestGrace: a drain is bounded, and says what it cut.
func TestGrace(t *testing.T) {
	traffic := &load{}
	var d diary
	s, _ := run(t, Config{Command: self("serve"), Traffic: traffic, Grace: 150 * time.Millisecond, Event: d.write})
	scale(t, s, 1)
	in := ready(t, s, 1).Instances[0]
	traffic.is(in.ID, 2)
	began := time.Now()
	scale(t, s, 0)
	if st := status(t, s); st.Fleet.Draining != 1 || st.Instances[0].InFlight != 2 || traffic.routed() != 0 {
		t.Errorf("right after the scale-in: %+v, routed %d", st, traffic.routed())
	}
	ready(t, s, 0)
	if took := time.Since(began); took < 150*time.Millisecond {
		t.Errorf("gone after %v, want Grace at least", took)
	}
	await(t, s, "the last event", func(actuate.Status) bool { return strings.HasSuffix(d.of(in.ID), "stopped") })
	if got := d.of(in.ID); got != "started ready draining stopping stopped" {
		t.Errorf("events %q", got)
	}
	for _, e := range d.all {
		if e.Kind == Stopping && !strings.Contains(e.Detail, "2 requests did not finish") {
			t.Errorf("detail %q, want what was cut", e.Detail)
		}
	}
}

// TestCalledOffStarting: an instance that was to go before it was ready is kept,
// or replaced, when the count rises again; there are never too many.
func TestCalledOffStarting(t *testing.T) {
	s, _ := run(t, Config{Command: self("slow:100ms"), Traffic: &load{}})
	for range 10 {
		scale(t, s, 3)
		scale(t, s, 1)
		scale(t, s, 2)
		if st := status(t, s); st.Fleet.Desired != 2 {
			t.Fatalf("desired %d", st.Fleet.Desired)
		}
	}
	ready(t, s, 2)
}

// TestCrashWhileLeaving: one that dies while it drains is not started again.
func TestCrashWhileLeaving(t *testing.T) {
	traffic := &load{}
	s, _ := run(t, Config{Command: self("serve"), Traffic: traffic})
	scale(t, s, 2)
	in := ready(t, s, 2).Instances[0]
	traffic.is(in.ID, 1)
	scale(t, s, 1, in.ID)
	if res, err := http.Get("http://" + in.Addr + "/crash"); err == nil {
		res.Body.Close()
	}
	if st := ready(t, s, 1); st.Instances[0].ID == in.ID {
		t.Errorf("%s came back", in.ID)
	}
}

func TestWhoGoesFirst(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	in := func(id string, p actuate.Phase, age time.Duration, stuck bool) *instance {
		return &instance{id: id, phase: p, since: at.Add(-age), stuck: stuck}
	}
	set := []*instance{
		in("busy", actuate.Ready, 9, false),
		in("idle old", actuate.Ready, 8, false),
		in("idle young", actuate.Ready, 7, false),
		in("draining", actuate.Draining, 6, false),
		in("starting", actuate.Starting, 5, false),
		in("stuck", actuate.Starting, 4, true),
		in("named second", actuate.Ready, 3, false),
		in("named first", actuate.Ready, 2, false),
	}
	busy := map[string]int64{"busy": 3, "named first": 9, "draining": 5}
	slices.SortStableFunc(set, byWorth([]string{"nobody", "named first", "named second"}, busy))
	var got []string
	for _, in := range set {
		got = append(got, in.id)
	}
	want := []string{"named first", "named second", "stuck", "starting", "draining", "idle young", "idle old", "busy"}
	if !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}

// TestOneThreadForks: children hang on the thread that forked them, so it must
// be the same one, and stay, whatever happens to the others.
func TestOneThreadForks(t *testing.T) {
	s, _ := run(t, Config{Command: self("serve")})
	scale(t, s, 2)
	ready(t, s, 2)
	var first int
	for i := range 50 {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				runtime.LockOSThread() // and never unlocked: the thread ends with it
				time.Sleep(time.Millisecond)
			})
		}
		id := make(chan int)
		s.forks <- func() { id <- threadID() }
		if got := <-id; i == 0 {
			first = got
		} else if got != first {
			t.Fatalf("forks on thread %d, then on %d", first, got)
		}
		wg.Wait()
	}
	for _, in := range ready(t, s, 2).Instances {
		if in.Restarts != 0 {
			t.Errorf("%s died with a thread", in.ID)
		}
	}
}
