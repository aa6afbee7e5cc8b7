package backpressure_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/evenkeel/evenkeel/backpressure"
)

func ExampleQuotas() {
	quotas, err := backpressure.NewQuotas(backpressure.QuotaConfig{
		Default: backpressure.Quota{Requests: 60, Tokens: 1000},
		Keys:    map[string]backpressure.Quota{"sk-big": {Tokens: 1_000_000}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	gate, err := backpressure.New(backpressure.Config{Quotas: quotas})
	if err != nil {
		fmt.Println(err)
		return
	}
	cost := backpressure.Cost{Prompt: 400, MaxOutput: 200}
	for _, key := range []string{"sk-small", "sk-small", "sk-big"} {
		ctx := backpressure.WithCaller(context.Background(), backpressure.Caller{Key: key})
		p, err := gate.Acquire(ctx, cost)
		if r, ok := errors.AsType[*backpressure.Rejected](err); ok {
			fmt.Println(key, r.Status(), r.Reason())
			continue
		}
		defer p.Release()
		fmt.Println(key, "admitted")
	}
	// Output:
	// sk-small admitted
	// sk-small 429 quota_tokens
	// sk-big admitted
}
