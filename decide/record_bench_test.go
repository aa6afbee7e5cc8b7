package decide_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/decide"
)

// What it costs to put a decision of four policies, eight signals and every stage
// on record: as JSON of at most 1 KB, and as a line for people.
func BenchmarkExplain(b *testing.B) {
	core := newCore(b, full())
	var in decide.Input
	var s decide.State
	var d decide.Decision
	for k := range 100 {
		fullInput(&in, k, d.Desired)
		core.Step(&s, &s, &in, &d)
	}
	b.Run("record", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf = core.AppendRecord(buf[:0], &in, &d)
		}
	})
	b.Run("line", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = core.Explain(&in, &d)
		}
	})
}
