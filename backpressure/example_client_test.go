package backpressure_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
)

// A client that comes back when it is told to, and holds back when the server
// sheds.
func ExampleTransport() {
	gate, err := backpressure.New(backpressure.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	model := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") })
	srv := httptest.NewServer(gate.Handler(model, backpressure.HandlerConfig{}))
	defer srv.Close()

	transport, err := backpressure.NewTransport(backpressure.TransportConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()

	if err := gate.Drain(context.Background()); err != nil { // so nobody is let in
		fmt.Println(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // less than the Retry-After
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := client.Do(req)
	switch {
	case errors.Is(err, backpressure.ErrThrottled):
		fmt.Println("not sent")
	case err != nil:
		fmt.Println(err)
	default:
		after, ok := backpressure.RetryAfter(resp.Header, time.Now())
		fmt.Println(resp.StatusCode, after >= 5*time.Second, ok)
		_ = resp.Body.Close()
	}
	// Output:
	// 503 true true
}

// Restraint for a protocol of one's own.
func ExampleThrottle() {
	var throttle backpressure.Throttle // one for each server
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sent := 0
	for range 1000 {
		now = now.Add(time.Millisecond)
		if err := throttle.Ask(now); err != nil {
			continue // a *Throttled, which says when to try again
		}
		sent++
		throttle.Refused(now, 5*time.Second) // the server sheds everything
	}
	fmt.Println(sent < 50, throttle.Ask(now.Add(5*time.Second)))
	// Output:
	// true <nil>
}
