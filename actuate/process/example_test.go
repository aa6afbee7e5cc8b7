//go:build unix

package process_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/process"
)

// A program that serves nothing stands for an engine, so there is no probe.
func ExampleNew() {
	up := make(chan process.Event, 16)
	engines, err := process.New(process.Config{
		Name:    "engine",
		Command: process.Command{Path: "sleep", Args: []string{"3600"}},
		Ready:   process.Probe{Off: true},
		Max:     4,
		Event:   func(e process.Event) { up <- e },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := engines.Check(ctx); err != nil {
		fmt.Println(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = engines.Run(ctx) })

	if err := engines.Scale(ctx, actuate.Request{Desired: 1}); err != nil {
		fmt.Println(err)
	}
	for e := range up {
		fmt.Println(e.ID, e.Kind)
		switch e.Kind {
		case process.Ready:
			cancel() // everything is ended before Run returns
		case process.Stopped:
			close(up)
		}
	}
	wg.Wait()
	fmt.Println(engines.Scale(context.Background(), actuate.Request{Desired: 5}))
	// Output:
	// engine-1 started
	// engine-1 ready
	// engine-1 stopping
	// engine-1 stopped
	// not found: evenkeel: process: the supervisor has ended
}

// In a child: serve on the listener that the parent handed down.
func ExampleListener() {
	_, err := process.Listener()
	fmt.Println(err)
	// Output: evenkeel: process: no listener was handed down
}
