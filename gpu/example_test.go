package gpu_test

import (
	"context"
	"fmt"

	"github.com/evenkeel/evenkeel/gpu"
	"github.com/evenkeel/evenkeel/signal"
)

// two is a reader of two GPUs that never change.
type two struct{}

func (two) Read(context.Context) ([]gpu.Status, error) {
	gib := func(n float64) gpu.Quantity { return gpu.Known(n * (1 << 30)) }
	return []gpu.Status{
		{Usage: gpu.Usage{Utilization: gpu.Known(0.3), MemoryUsed: gib(20), MemoryTotal: gib(80)}},
		{Usage: gpu.Usage{Utilization: gpu.Known(0.8), MemoryUsed: gib(60), MemoryTotal: gib(80)}},
	}, nil
}

func ExampleSource() {
	source, err := gpu.NewSource(gpu.Config{Reader: two{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	schema, err := signal.NewSchema(source.Defs()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	snap := signal.NewSnapshot(schema)
	if err := source.Collect(context.Background(), snap); err != nil {
		fmt.Println(err)
		return
	}
	for i, s := range snap.Samples() {
		fmt.Println(schema.Def(i).Name, s.Value)
	}
	// Output:
	// hw.gpu.utilization 0.8
	// hw.gpu.memory.utilization 0.75
	// evenkeel.gpu.sick 0
}
