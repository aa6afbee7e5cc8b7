package policy_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/policy"
	"github.com/evenkeel/evenkeel/signal"
)

func ExampleParse() {
	p, err := policy.Parse("chat.yaml", []byte(`
extends: chat
min: 2
max: 16
policies:
  demand: { capacity: { utilization: 80% } }
schedule:
  - { days: mon-fri, from: "08:00", to: "20:00", zone: Europe/Berlin, min: 4 }
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Limits.Min, "to", p.Limits.Max)
	for _, s := range p.Config.Policies {
		fmt.Printf("%s: %T\n", s.Name, s.Spec)
	}
	// Output:
	// 2 to 16
	// demand: decide.Capacity
	// waiting: decide.Backlog
}

// Every mistake is reported, with its place and what to do.
func ExampleParse_mistakes() {
	_, err := policy.Parse("chat.yaml", []byte(`
extends: chat
mni: 2
scale_down: { window: 70%, idel: 5m }
`))
	fmt.Println(err)
	// Output:
	// evenkeel: chat.yaml:3:1: mni: there is no such field: did you mean min?
	// evenkeel: chat.yaml:4:23: scale_down.window: 70% is a share: write a time such as 800ms, 30s or 5m
	// evenkeel: chat.yaml:4:28: scale_down.idel: there is no such field: did you mean idle?
}

func ExampleParseExpression() {
	e, err := policy.ParseExpression("ttft_p95 > 2s or (queue_depth / fleet.ready > 5)")
	if err != nil {
		fmt.Println(err)
		return
	}
	schema, err := signal.NewSchema(
		signal.Def{Key: signal.Key{Name: signal.NameTTFT}, Unit: signal.Seconds, Quantile: 0.95},
		signal.Def{Key: signal.Key{Name: signal.NameQueued}, Unit: signal.Requests},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	test, err := e.Bind(schema)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e)
	// Nothing is known of the time to first token, and so nothing of the whole
	// until the queue is long enough by itself.
	for _, queued := range []float64{10, 30} {
		in := decide.Input{Fleet: decide.Fleet{Ready: 4}, Signals: []signal.Sample{{}, signal.Value(queued)}}
		fmt.Println(queued, test.Test(&in))
	}
	_, err = policy.ParseExpression("ttft_p95 > 2s && queue_depth > 5")
	fmt.Println(err)
	// Output:
	// ttft_p95 > 2s or queue_depth / fleet.ready > 5
	// 10 unknown
	// 30 true
	// at character 15: "&&": write and
}

func ExampleEffective() {
	p, err := policy.Parse("small.yaml", []byte("max: 4\npolicies: { use: { track: { signal: gpu_utilization, setpoint: 70% } } }\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := policy.Effective(p)
	fmt.Printf("%s%v\n", text, err)
	// Output:
	// min: 1
	// max: 4
	// policies:
	//   use:
	//     track:
	//       signal: gpu_utilization
	//       setpoint: 70%
	//     weight: 1
	// combine:
	//   up: max
	//   down: max
	// scale_up:
	//   tolerance: 5%
	//   window: off
	//   select: max
	//   cooldown: off
	// scale_down:
	//   tolerance: 10%
	//   window: 3m
	//   select: max
	//   cooldown: off
	//   idle: 15m
	// burst:
	//   factor: off
	// pending:
	//   timeout: 10m
	//   extra: 50%
	// hold:
	//   coverage: 90%
	//   fallback: hold
	//   after: 30s
	// <nil>
}

// A program runs the Loader beside its loop and decides by Core each time.
func ExampleLoader() {
	dir, err := os.MkdirTemp("", "policy")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "policy.yaml")
	put := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			fmt.Println(err)
		}
	}
	put("extends: chat\nmax: 8\n")
	loader, err := policy.NewLoader(policy.LoaderConfig{
		Path:     path,
		OnChange: func(now *policy.Loaded) { fmt.Println("at most", now.Policy.Limits.Max) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- loader.Run(ctx) }() // looks at the file every two seconds

	put("extends: chat\nmax: 12\n")
	fmt.Println(loader.Load()) // or now
	put("extends: chat\nmax: many\n")
	var bad *policy.FileError
	fmt.Println(errors.As(loader.Load(), &bad), bad.Line, bad.Field)
	fmt.Println("still at most", loader.Current().Policy.Limits.Max, loader.Core().PolicyNames())

	stop()
	fmt.Println(<-done)
	// Output:
	// at most 12
	// <nil>
	// true 2 max
	// still at most 12 [demand waiting]
	// <nil>
}
