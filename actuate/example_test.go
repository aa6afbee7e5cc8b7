package actuate_test

import (
	"context"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
)

func Example() {
	ctx := context.Background()
	a, err := actuate.New(actuate.Config{Target: &actuatetest.Fleet{StartUp: time.Minute}})
	if err != nil {
		fmt.Println(err)
		return
	}
	st, err := a.Status(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := a.Apply(ctx, actuate.Request{Desired: 2, Version: st.Version})
	fmt.Printf("%v: %d to %d, agreed %v, settled %v, error %v\n", res.Action, res.From, res.To, res.Agreed, res.Settled, err)
	res, err = a.Apply(ctx, actuate.Request{Desired: 2})
	fmt.Printf("%v: %d to %d, %d writes, error %v\n", res.Action, res.From, res.To, res.Writes, err)
	// Output:
	// scaled: 0 to 2, agreed true, settled false, error <nil>
	// none: 2 to 2, 0 writes, error <nil>
}

func ExampleActuator_SetPause() {
	a, _ := actuate.New(actuate.Config{Target: new(actuatetest.Fleet)})
	a.SetPause(actuate.Pause{Up: true})
	res, err := a.Apply(context.Background(), actuate.Request{Desired: 3})
	fmt.Println(res.Action, err)
	// Output: paused <nil>
}

func ExampleConfig_dryRun() {
	a, _ := actuate.New(actuate.Config{Target: new(actuatetest.Fleet), DryRun: true})
	res, err := a.Apply(context.Background(), actuate.Request{Desired: 3})
	fmt.Printf("%v: %d to %d, %d writes, error %v\n", res.Action, res.From, res.To, res.Writes, err)
	// Output: dry run: 0 to 3, 0 writes, error <nil>
}

func ExampleVictims() {
	fmt.Println(actuate.Victims([]actuate.Instance{
		{ID: "busy", Phase: actuate.Ready, InFlight: 9},
		{ID: "idle", Phase: actuate.Ready},
		{ID: "new", Phase: actuate.Starting},
		{ID: "broken", Phase: actuate.Starting, Detail: "no such image"},
	}, 3))
	// Output: [broken new idle]
}

func ExampleClassOf() {
	err := fmt.Errorf("pool chat: %w", &actuate.Error{Class: actuate.Quota, Err: fmt.Errorf("8 GPUs of 8 in use")})
	fmt.Println(actuate.ClassOf(err))
	fmt.Println(err)
	// Output:
	// quota
	// pool chat: quota: 8 GPUs of 8 in use
}

func ExampleSolo() {
	term, err := actuate.Solo{}.Campaign(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = term.Save(context.Background(), []byte("state"))
	state, _ := term.Load(context.Background())
	fmt.Printf("%s %v\n", state, term.Check())
	// Output: state <nil>
}
