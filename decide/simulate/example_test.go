package simulate_test

import (
	"context"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/simulate"
	"github.com/evenkeel/evenkeel/decide/simulate/llm"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
	"github.com/evenkeel/evenkeel/signal"
)

func ExampleRun() {
	day, err := trace.Day(1, trace.Shape{Length: 15 * time.Minute, Mean: 20, Peak: 40})
	if err != nil {
		fmt.Println(err)
		return
	}
	model, _ := llm.Preset("llama-3.1-70b-fp8/h100x4")
	startup, _ := llm.StartupPreset("warm-node-cached")
	report, err := simulate.Run(context.Background(), simulate.Config{
		Model:    model,
		Startup:  startup,
		Arrivals: day,
		Gate:     &backpressure.Config{},
		Initial:  3,
		Policy: decide.Config{Policies: []decide.NamedSpec{{
			Name: "capacity",
			Spec: decide.Capacity{
				Demand: signal.Key{Name: signal.NameDemandWork},
				Rate:   signal.Key{Name: signal.NameUnitRate},
			},
		}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("all accounted for:", report.Offered == report.Completed+report.Shed+report.Abandoned)
	fmt.Println("aborted:", report.Aborted)
	fmt.Println("more than one size:", report.Largest > report.Smallest)
	// Output:
	// all accounted for: true
	// aborted: 0
	// more than one size: true
}
