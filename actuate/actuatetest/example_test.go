package actuatetest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
)

// A Fleet stands for a platform in the tests of whatever scales one, and can be
// told to fail.
func ExampleFleet() {
	ctx := context.Background()
	f := new(actuatetest.Fleet)
	fmt.Println(f.Scale(ctx, actuate.Request{Desired: 2}))
	f.OnScale = func(context.Context, actuate.Request) error {
		return &actuate.Error{Class: actuate.Quota, Err: errors.New("2 of 2 in use")}
	}
	fmt.Println(f.Scale(ctx, actuate.Request{Desired: 3}))
	st, err := f.Status(ctx)
	fmt.Println(st.Fleet.Desired, st.Fleet.Ready, actuatetest.Settled(st), err)
	// Output:
	// <nil>
	// quota: 2 of 2 in use
	// 2 2 true <nil>
}
