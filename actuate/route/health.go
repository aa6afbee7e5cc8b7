package route

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// ErrRunning says that Run was called while it runs.
var ErrRunning = errors.New("evenkeel: route: Run is running already")

// Run checks the health of the instances until ctx ends, and returns nil. It
// closes the idle connections of the Router's own transport when it ends;
// requests may be served before, during and after it. While one Run runs another
// returns [ErrRunning].
func (r *Router) Run(ctx context.Context) error {
	r.mu.Lock()
	running := r.running
	r.running = true
	r.mu.Unlock()
	if running {
		return ErrRunning
	}
	var wg sync.WaitGroup
	defer func() {
		wg.Wait()
		if r.own != nil {
			r.own.CloseIdleConnections()
		}
		r.mu.Lock()
		r.running = false
		r.mu.Unlock()
	}()
	if r.cfg.Health.Off {
		<-ctx.Done()
		return nil
	}
	slots := make(chan struct{}, r.cfg.Health.Concurrency)
	var watched []*backend
	for {
		set := r.backends()
		here := make(map[*backend]bool, len(set))
		for _, b := range set {
			here[b] = true
			if b.watch == nil {
				var bctx context.Context
				bctx, b.watch = context.WithCancel(ctx)
				wg.Go(func() { r.watch(bctx, b, slots) })
			}
		}
		for _, b := range watched {
			if !here[b] {
				b.watch()
				b.watch = nil
			}
		}
		watched = set
		select {
		case <-r.changed:
		case <-ctx.Done():
			for _, b := range watched {
				b.watch()
				b.watch = nil
			}
			return nil
		}
	}
}

func (r *Router) backends() []*backend {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set // replaced as a whole, never changed
}

// watch checks b once per Interval, and at once when poked.
func (r *Router) watch(ctx context.Context, b *backend, slots chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time // end of the last check
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.poke:
			// Pokes come with every failed request; a client that retries hard
			// must not drive checks at its own rate.
			if d := r.cfg.Health.Interval/10 - time.Since(last); d > 0 {
				timer.Reset(d)
				continue
			}
		case <-timer.C:
		}
		// The next check begins Interval after the beginning of this one: with
		// Failures checks of Timeout each a hang is found within
		// Interval + Failures*max(Interval, Timeout).
		timer.Reset(r.cfg.Health.Interval)
		if !r.wantsCheck(b) {
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		err := r.check(ctx, b.addr)
		<-slots
		if ctx.Err() != nil {
			return
		}
		last = time.Now()
		r.judge(b, err)
	}
}

// wantsCheck reports whether b is one that could get requests.
func (r *Router) wantsCheck(b *backend) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return b.phase == actuate.Ready && !b.gone
}

// check asks the instance at addr once.
func (r *Router) check(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Health.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.cfg.Scheme+"://"+addr+r.cfg.Health.Path, nil)
	if err != nil {
		return err
	}
	res, err := r.cfg.Transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	// Read a short answer to its end, so that the connection can be used again.
	if _, err := io.CopyN(io.Discard, res.Body, 4<<10); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if res.StatusCode < 200 || res.StatusCode > 399 {
		return fmt.Errorf("GET %s answered %s", r.cfg.Health.Path, res.Status)
	}
	return nil
}

// judge notes the outcome of a check.
func (r *Router) judge(b *backend, err error) {
	r.mu.Lock()
	before := b.down
	if err == nil {
		b.failed, b.down = 0, false
	} else {
		b.failed++
		if b.failed >= r.cfg.Health.Failures || errors.Is(err, syscall.ECONNREFUSED) {
			b.down = true
		}
	}
	after := b.down
	r.mu.Unlock()
	switch {
	case after && !before:
		r.cfg.Logger.Warn("instance taken out: bad health check", "instance", b.id, "addr", b.addr, "error", err)
	case before && !after:
		r.cfg.Logger.Info("instance back: it answers its health check", "instance", b.id, "addr", b.addr)
	}
}
