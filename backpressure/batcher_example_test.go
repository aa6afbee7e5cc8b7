package backpressure_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/backpressure"
)

// An embedding server: the gate admits each text by itself, and the batcher runs
// together what was let in. A permit is held until the text's own result is there,
// so the gate sees texts, their tokens and how long each took, and needs to know
// nothing of batches.
func ExampleBatcher() {
	gate, err := backpressure.New(backpressure.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	tokens := func(text string) int64 { return int64(len(strings.Fields(text))) }
	model := func(ctx context.Context, texts []string) ([][]float32, error) {
		vectors := make([][]float32, len(texts))
		failed := make(backpressure.ItemErrors, len(texts))
		for i, text := range texts {
			if text == "" {
				failed[i] = errors.New("nothing to embed")
			}
			vectors[i] = []float32{float32(len(text))}
		}
		return vectors, failed
	}
	batcher, err := backpressure.NewBatcher(backpressure.BatcherConfig[string]{
		MaxSize:   64,
		MaxWeight: 16384, // tokens
		Weigh:     tokens,
	}, model)
	if err != nil {
		fmt.Println(err)
		return
	}
	embed := func(ctx context.Context, text string) ([]float32, error) {
		p, err := gate.Acquire(ctx, backpressure.Cost{Prompt: tokens(text), Whole: true})
		if err != nil {
			return nil, err // a *Rejected
		}
		defer p.Release()
		vector, err := batcher.Do(ctx, text)
		if err != nil {
			p.Fail() // the model's error: it counts as one
		}
		return vector, err
	}
	texts := []string{"on an even keel", "", "steady"}
	vectors, errs := make([][]float32, len(texts)), make([]error, len(texts))
	var wg sync.WaitGroup
	for i, text := range texts {
		wg.Go(func() { vectors[i], errs[i] = embed(context.Background(), text) })
	}
	wg.Wait()
	for i := range texts {
		fmt.Println(vectors[i], errs[i])
	}
	fmt.Println(gate.Stats().Admitted, "admitted,", batcher.Stats().Items, "run")
	// Output:
	// [15] <nil>
	// [] nothing to embed
	// [6] <nil>
	// 3 admitted, 3 run
}
