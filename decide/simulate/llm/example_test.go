package llm_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

// Two requests share an engine in virtual time.
func ExampleEngine() {
	model, _ := llm.Preset("llama-3.1-8b/h100")
	e, err := llm.NewEngine(model)
	if err != nil {
		fmt.Println(err)
		return
	}
	for id, prompt := range []int64{1000, 12000} {
		if err := e.Add(llm.Request{ID: uint64(id), Prompt: prompt, Output: 100}); err != nil {
			fmt.Println(err)
			return
		}
	}
	var now time.Duration
	for !e.Idle() {
		d, events := e.Step()
		now += d
		for _, ev := range events {
			if ev.First {
				fmt.Printf("%d: first token after %v\n", ev.ID, now.Round(time.Millisecond))
			}
			if ev.Done {
				fmt.Printf("%d: done after %v\n", ev.ID, now.Round(time.Millisecond))
			}
		}
	}
	// Output:
	// 0: first token after 167ms
	// 1: first token after 268ms
	// 0: done after 1.041s
	// 1: done after 1.048s
}

// How many engines serve 30 requests a second at 50 ms between tokens?
func ExampleModel_Replicas() {
	model, _ := llm.Preset("llama-3.1-70b-fp8/h100x2")
	const prompt, output = 1000, 250
	fmt.Printf("work a request: %v\n", model.Work(prompt, output).Round(time.Millisecond))
	fmt.Printf("knee: %.2f requests/s\n", model.MaxRate(50*time.Millisecond, prompt, output))
	fmt.Printf("engines: %d\n", model.Replicas(30, 50*time.Millisecond, prompt, output))
	// Output:
	// work a request: 96ms
	// knee: 6.95 requests/s
	// engines: 5
}

func ExampleStartup_Sample() {
	s, _ := llm.StartupPreset("warm-node")
	rng := rand.New(rand.NewPCG(1, 1))
	d := s.Sample(rng)
	fmt.Println(s.Median, d > s.Median/2, d < 4*s.Median)
	// Output:
	// 1m55s true true
}
