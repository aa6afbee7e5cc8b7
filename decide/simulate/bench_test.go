package simulate

import (
	"context"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/simulate/llm"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
)

// An hour of about 20,000 requests on six replicas.
func BenchmarkHour(b *testing.B) {
	m := preset(b, "llama-3.1-8b/l40s-class")
	day, err := trace.Day(1, trace.Shape{Length: time.Hour, Mean: 5.5, Peak: 8.5})
	if err != nil {
		b.Fatal(err)
	}
	c := Config{Model: m, Startup: llm.Startup{Median: 100 * time.Second, Sigma: 0.2}, Arrivals: day, Gate: &backpressure.Config{},
		Policy: byCapacity(), Initial: 6, Limits: decide.Limits{Min: 6, Max: 6}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Run(context.Background(), c); err != nil {
			b.Fatal(err)
		}
	}
}
