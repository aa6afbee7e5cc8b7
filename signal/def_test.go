package signal

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestDefDefaults(t *testing.T) {
	key := Key{Name: "x"}
	tests := []struct {
		name string
		in   Def
		want Merge
	}{
		{"a number", Def{Key: key, Unit: Requests}, MergeSum},
		{"a ratio", Def{Key: key, Unit: Ratio}, MergeP90},
		{"a quantile", Def{Key: key, Unit: Seconds, Quantile: 0.95}, MergeDistribution},
		{"chosen", Def{Key: key, Unit: Ratio, Merge: MergeMax}, MergeMax},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.in.WithDefaults()
			if got.Merge != tt.want || got.MaxAge != DefaultMaxAge {
				t.Errorf("merge %v, max age %v; want %v, %v", got.Merge, got.MaxAge, tt.want, DefaultMaxAge)
			}
			if got.WithDefaults() != got {
				t.Error("defaults change what has them")
			}
		})
	}
}

func TestNewSchemaRefuses(t *testing.T) {
	key := Key{Name: "x", Pool: "p"}
	tests := []struct {
		name string
		defs []Def
		want string
	}{
		{"no name", []Def{{Unit: Ratio}}, "Name is empty"},
		{"no unit", []Def{{Key: key}}, "x{p}"},
		{"merge", []Def{{Key: key, Unit: Ratio, Merge: 99}}, "merge(99)"},
		{"quantile above 1", []Def{{Key: key, Unit: Ratio, Quantile: 95}}, "Quantile is 95"},
		{"quantile NaN", []Def{{Key: key, Unit: Ratio, Quantile: math.NaN()}}, "Quantile is NaN"},
		{"quantile with sum", []Def{{Key: key, Unit: Ratio, Quantile: 0.5, Merge: MergeSum}}, "needs both"},
		{"distribution without", []Def{{Key: key, Unit: Ratio, Merge: MergeDistribution}}, "needs both"},
		{"max age", []Def{{Key: key, Unit: Ratio, MaxAge: -time.Second}}, "MaxAge"},
		{"twice", []Def{{Key: key, Unit: Ratio}, {Key: key, Unit: Bytes}}, "defined twice, at 0 and 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := NewSchema(tt.defs...)
			if s != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v; want an error with %q", s, err, tt.want)
			}
		})
	}
}

func TestSchemaHash(t *testing.T) {
	base := Def{Key: Key{Name: "x"}, Unit: Requests}
	same := []Def{
		{Key: Key{Name: "x"}, Unit: Requests, Merge: MergeSum},
		{Key: Key{Name: "x"}, Unit: Requests, MaxAge: time.Hour}, // not on the wire
	}
	other := []Def{
		{Key: Key{Name: "y"}, Unit: Requests},
		{Key: Key{Name: "x", Pool: "p"}, Unit: Requests},
		{Key: Key{Name: "x"}, Unit: Tokens},
		{Key: Key{Name: "x"}, Unit: Requests, Merge: MergeMax},
		{Key: Key{Name: "x"}, Unit: Requests, Quantile: 0.5},
	}
	hash := mustSchema(t, base).Hash()
	for i, d := range same {
		if mustSchema(t, d).Hash() != hash {
			t.Errorf("same %d: the hash differs", i)
		}
	}
	for i, d := range other {
		if mustSchema(t, d).Hash() == hash {
			t.Errorf("other %d: the hash is the same", i)
		}
	}
	two := mustSchema(t, base, other[0])
	if two.Hash() == mustSchema(t, other[0], base).Hash() {
		t.Error("the order does not count")
	}
	if i, ok := two.Index(Key{Name: "y"}); !ok || i != 1 {
		t.Errorf("index of y: %d, %v", i, ok)
	}
	if _, ok := two.Index(Key{Name: "z"}); ok {
		t.Error("z has an index")
	}
	two.Defs()[0].Name = "changed"
	if two.Def(0).Name != "x" || two.Len() != 2 {
		t.Error("a schema can be changed from outside")
	}
}

func TestNames(t *testing.T) {
	for want, got := range map[string]string{
		"absent":       Quality(77).String(),
		"fresh":        Fresh.String(),
		"distribution": MergeDistribution.String(),
		"x":            Key{Name: "x"}.String(),
		"x{p}":         Key{Name: "x", Pool: "p"}.String(),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
