//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/route"
)

// routed runs two instances behind a router and returns its URL.
func routed(t *testing.T, h route.Health, c Config) (*Supervisor, *route.Router, string) {
	t.Helper()
	router, err := route.New(route.Config{Health: h, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	c.Command, c.Traffic = self("serve"), router
	s, _ := run(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = router.Run(ctx) })
	front := httptest.NewServer(router)
	t.Cleanup(func() {
		front.Close()
		cancel()
		wg.Wait()
	})
	scale(t, s, 2)
	ready(t, s, 2)
	return s, router, front.URL
}

// all sends n requests one after another, which all have to be served.
func all(t *testing.T, url string, n int) {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second}
	for i := range n {
		res, err := client.Get(url + "/pid")
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("request %d: status %d", i, res.StatusCode)
		}
	}
}

// TestCrashCostsNoNewRequest: after an instance was killed every new request is
// served, whether or not the supervisor has seen the death yet.
func TestCrashCostsNoNewRequest(t *testing.T) {
	s, _, url := routed(t, route.Health{}, Config{})
	for i := range int64(5) {
		st := await(t, s, "up again", func(st actuate.Status) bool { return st.Fleet.Ready == 2 && st.Instances[0].Restarts == i })
		addr, pid := st.Instances[0].Addr, pidOf(t, st.Instances[0])
		all(t, url, 4)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		// Until its port is closed it can take a request and break it off.
		await(t, s, "the port closed", func(actuate.Status) bool {
			conn, err := net.Dial("tcp", addr)
			if err == nil {
				conn.Close()
			}
			return err != nil
		})
		all(t, url, 20)
	}
}

// TestHangCostsNoNewRequest: an instance that stands still gets no requests until
// it moves again.
func TestHangCostsNoNewRequest(t *testing.T) {
	s, router, url := routed(t, route.Health{Interval: 20 * time.Millisecond, Timeout: 500 * time.Millisecond}, Config{Hang: -1})
	pid := pidOf(t, ready(t, s, 2).Instances[0])
	healthy := func(want bool) {
		t.Helper()
		await(t, s, fmt.Sprint("healthy: ", want), func(actuate.Status) bool { return router.Stats()[0].Healthy == want })
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	healthy(false)
	all(t, url, 20)
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	healthy(true)
	before := router.Stats()[0].Total
	all(t, url, 20)
	if got := router.Stats()[0].Total - before; got == 0 {
		t.Error("it gets no requests though it moves again")
	}
	if n := ready(t, s, 2).Instances[0].Restarts; n != 0 {
		t.Errorf("%d restarts although Hang is off", n)
	}
}

func TestListenerRefuses(t *testing.T) {
	for _, fd := range []string{"", "x", "2", "-1", "99999"} {
		t.Setenv(EnvListenFD, fd)
		if ln, err := Listener(); !errors.Is(err, ErrNoListener) {
			t.Errorf("descriptor %q: %v, %v", fd, ln, err)
		}
	}
}
