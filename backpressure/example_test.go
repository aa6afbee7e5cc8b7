package backpressure_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
)

func ExampleGate_Acquire() {
	gate, err := backpressure.New(backpressure.Config{TTFT: 2 * time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer := func(ctx context.Context, prompt []string) error {
		p, err := gate.Acquire(ctx, backpressure.Cost{Prompt: int64(len(prompt)), MaxOutput: 100})
		if err != nil {
			return err
		}
		defer p.Release()
		for i, word := range prompt { // a model that repeats what it hears
			if i == 0 {
				p.FirstToken()
			} else {
				p.Tokens(1)
			}
			fmt.Println(word)
		}
		return nil
	}
	if err := answer(context.Background(), []string{"steady", "under", "load"}); err != nil {
		fmt.Println(err)
	}
	s := gate.Stats()
	fmt.Println(s.Completed, "completed,", s.InFlight, "in flight,", s.MeanOutput, "tokens")
	// Output:
	// steady
	// under
	// load
	// 1 completed, 0 in flight, 3 tokens
}

func ExampleGate_Handler() {
	gate, err := backpressure.New(backpressure.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	model := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "fine")
	})
	h := gate.Handler(model, backpressure.HandlerConfig{})
	ask := func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/v1/completions", strings.NewReader(`{"prompt":"how are you"}`)))
		fmt.Printf("%d %q\n", w.Code, w.Header().Get(backpressure.ReasonHeader))
	}
	ask()
	gate.Observe(backpressure.Outlook{Ready: 0, ReadyIn: time.Minute})
	ask()
	// Output:
	// 200 ""
	// 503 "no_capacity"
}

func ExampleRejected() {
	gate, err := backpressure.New(backpressure.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := gate.Drain(context.Background()); err != nil {
		fmt.Println(err)
	}
	_, err = gate.Acquire(context.Background(), backpressure.Cost{})
	if r, ok := errors.AsType[*backpressure.Rejected](err); ok {
		fmt.Println(r.Reason(), r.Status(), errors.Is(err, backpressure.ErrShed), r.RetryAfter() > 0)
	}
	// Output:
	// draining 503 true true
}

// A simulation asks the pure core, in its own time.
func ExampleAdmission() {
	a, err := backpressure.NewAdmission(backpressure.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 100 { // one after the other, 100 prompt tokens in 100 ms each
		r := &backpressure.Request{Cost: backpressure.Cost{Prompt: 100}}
		a.Offer(now, r)
		now = now.Add(100 * time.Millisecond)
		a.FirstToken(now, r)
		a.Done(now, r, backpressure.Completed)
	}
	admitted := 0
	for range 100 { // all at once: there is room for what takes 1 s
		r := &backpressure.Request{Cost: backpressure.Cost{Prompt: 100}}
		if a.Offer(now, r).Action == backpressure.Admit {
			admitted++
		}
	}
	s := a.Stats(now)
	fmt.Println(admitted > 8 && admitted < 12, s.Waiting > 0, s.Shed[backpressure.Saturated] > 0)
	// Output:
	// true true true
}
