package actuate_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
)

// BenchmarkStatus is one reading through the safeguards, of a fleet in memory.
func BenchmarkStatus(b *testing.B) {
	a, err := actuate.New(actuate.Config{Target: new(actuatetest.Fleet)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Status(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkApply is one change and its read-back.
func BenchmarkApply(b *testing.B) {
	a, err := actuate.New(actuate.Config{Target: new(actuatetest.Fleet)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for n := int64(0); b.Loop(); n++ {
		if _, err := a.Apply(b.Context(), actuate.Request{Desired: 1 + n%2}); err != nil {
			b.Fatal(err)
		}
	}
}
