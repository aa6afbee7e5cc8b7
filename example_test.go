package evenkeel_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/evenkeel/evenkeel"
	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

var waiting = signal.Key{Name: "queue.messages"}

// queue is a source of one signal: how many messages wait.
type queue struct{}

func (queue) Defs() []signal.Def {
	return []signal.Def{{Key: waiting, Unit: signal.Requests}}
}

func (queue) Collect(_ context.Context, into *signal.Snapshot) error {
	into.Set(0, signal.Value(42))
	return nil
}

// policy wants one worker for each ten messages.
func policy() decide.Config {
	return decide.Config{
		Signals:  queue{}.Defs(),
		Policies: []decide.NamedSpec{{Name: "backlog", Spec: decide.Track{Signal: waiting, Setpoint: 10, Total: true}}},
	}
}

// Workers on a queue, scaled by how much waits. The fleet here lives in memory;
// another Target makes it processes, containers or a workload of a cluster.
func ExampleNew() {
	accepted := make(chan int64, 1)
	fleet := &actuatetest.Fleet{OnScale: func(_ context.Context, r actuate.Request) error {
		accepted <- r.Desired
		return nil
	}}
	target, err := actuate.New(actuate.Config{Target: fleet})
	if err != nil {
		fmt.Println(err)
		return
	}
	keel, err := evenkeel.New(evenkeel.Config{Pools: []evenkeel.Pool{{
		Name:    "workers",
		Sources: []signal.Source{queue{}},
		Policy:  policy(),
		Limits:  decide.Limits{Min: 0, Max: 20},
		Target:  target,
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- keel.Run(ctx) }()

	fmt.Println("workers wanted:", <-accepted)
	stop()
	fmt.Println("run ended:", <-ended)
	// Output:
	// workers wanted: 5
	// run ended: <nil>
}

// The same from a file, which may be changed while the pool runs.
func ExamplePool_policyFile() {
	dir, err := os.MkdirTemp("", "policy")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "policy.yaml")
	err = os.WriteFile(file, []byte(`
min: 0
max: 20
policies:
  backlog: { track: { signal: queue.messages, setpoint: 10, total: true } }
`), 0o600)
	if err != nil {
		fmt.Println(err)
		return
	}
	accepted := make(chan int64, 1)
	target, err := actuate.New(actuate.Config{Target: &actuatetest.Fleet{OnScale: func(_ context.Context, r actuate.Request) error {
		accepted <- r.Desired
		return nil
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	keel, err := evenkeel.New(evenkeel.Config{Pools: []evenkeel.Pool{{
		Name: "workers", Sources: []signal.Source{queue{}}, PolicyFile: file, Target: target,
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- keel.Run(ctx) }()

	fmt.Println("workers wanted:", <-accepted)
	stop()
	fmt.Println("run ended:", <-ended)
	// Output:
	// workers wanted: 5
	// run ended: <nil>
}

// What would a policy with half as many messages for each worker have asked for?
// The journal of yesterday tells.
func ExampleCompare() {
	var journal bytes.Buffer
	scaled := make(chan struct{}, 1)
	target, err := actuate.New(actuate.Config{Target: &actuatetest.Fleet{OnScale: func(context.Context, actuate.Request) error {
		scaled <- struct{}{}
		return nil
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	keel, err := evenkeel.New(evenkeel.Config{Tick: time.Hour, Journal: &journal, Pools: []evenkeel.Pool{{
		Name: "workers", Sources: []signal.Source{queue{}}, Policy: policy(), Limits: decide.Limits{Max: 20}, Target: target,
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- keel.Run(ctx) }()
	<-scaled
	stop()
	if err := <-ended; err != nil {
		fmt.Println(err)
		return
	}

	candidate := policy()
	candidate.Policies[0].Spec = decide.Track{Signal: waiting, Setpoint: 5, Total: true}
	found, err := evenkeel.Compare(&journal, "workers", candidate)
	if err != nil {
		fmt.Println(err)
		return
	}
	first := found.Differences[0]
	fmt.Printf("%d, not %d: %s\n", first.Candidate, first.Desired, first.Why)
	// Output:
	// 9, not 5: 0 → 9: backlog wants 9: queue.messages is 42, setpoint 5
}

// A journal shows what was decided on which figures, and proves that a core, of
// this build or the next, would decide the same again.
func ExampleReplay() {
	var journal bytes.Buffer
	scaled := make(chan struct{}, 1)
	fleet := &actuatetest.Fleet{OnScale: func(context.Context, actuate.Request) error {
		scaled <- struct{}{}
		return nil
	}}
	target, err := actuate.New(actuate.Config{Target: fleet})
	if err != nil {
		fmt.Println(err)
		return
	}
	keel, err := evenkeel.New(evenkeel.Config{
		Tick:    time.Hour, // one decision is enough here
		Journal: &journal,
		Pools: []evenkeel.Pool{{
			Name: "workers", Sources: []signal.Source{queue{}}, Policy: policy(), Limits: decide.Limits{Max: 20}, Target: target,
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- keel.Run(ctx) }()
	<-scaled
	stop()
	if err := <-ended; err != nil {
		fmt.Println(err)
		return
	}

	core, err := decide.New(policy())
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := evenkeel.Replay(&journal, map[string]*decide.Core{"workers": core})
	fmt.Printf("segments %d, decided again %v, different %d, error %v\n", found.Segments, found.Decisions > 0, found.Differ, err)
	// Output:
	// segments 1, decided again true, different 0, error <nil>
}
