package otel

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

func TestNewSourceRefuses(t *testing.T) {
	good := number("s", "i", signal.Requests)
	noInstrument, badKind, noQuantile, noUnit := good, good, good, good
	noInstrument.Instrument = ""
	badKind.Kind = 9
	noQuantile.Kind = Distribution
	noUnit.Def.Unit = ""
	tests := []struct {
		name   string
		config Config
		want   string
	}{
		{"no signals", Config{}, "Signals is empty"},
		{"window", Config{Signals: []Signal{good}, Window: -1}, "Window is -1ns"},
		{"series", Config{Signals: []Signal{good}, MaxSeries: -1}, "MaxSeries is -1"},
		{"instrument", Config{Signals: []Signal{good, noInstrument}}, "Signals[1].Instrument"},
		{"kind", Config{Signals: []Signal{badKind}}, "kind(9)"},
		{"quantile", Config{Signals: []Signal{noQuantile}}, "Signals[0].Kind is distribution and Def.Quantile 0"},
		{"def", Config{Signals: []Signal{noUnit}}, "Unit is empty"},
		{"twice", Config{Signals: []Signal{good, good}}, "defined twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := NewSource(tt.config)
			if s != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v; want %q", s, err, tt.want)
			}
		})
	}
}

func TestKinds(t *testing.T) {
	quantile := number("s", "i", signal.Seconds)
	quantile.Def.Quantile = 0.5
	chosen := number("s", "i", "{thing}")
	chosen.Kind = Rate
	for _, tt := range []struct {
		in   Signal
		want Kind
	}{
		{number("s", "i", signal.Requests), Level},
		{number("s", "i", signal.TokensPerSecond), Rate},
		{quantile, Distribution},
		{chosen, Rate},
	} {
		c := Config{Signals: []Signal{tt.in}}.withDefaults()
		if got := c.Signals[0].Kind; got != tt.want {
			t.Errorf("unit %v: %v, want %v", tt.in.Def.Unit, got, tt.want)
		}
	}
}

// However often it is asked, the history stays small and covers its window.
func TestHistoryIsBounded(t *testing.T) {
	for _, step := range []time.Duration{0, time.Millisecond, time.Second, 7 * time.Second, time.Minute} {
		h := history{window: 30 * time.Second}
		for range 2000 {
			h.push(step).sum += step.Seconds()
		}
		if len(h.past) > 13 {
			t.Errorf("every %v: %d intervals", step, len(h.past))
		}
		if got := h.covered(); step > 0 && 2000*step >= h.window && (got < h.window || got > h.window+max(step, h.window/5)) {
			t.Errorf("every %v: covers %v", step, got)
		}
		if got := h.perSecond(); step > 0 && (got < 0.999 || got > 1.001) {
			t.Errorf("every %v: %v per second, want 1", step, got)
		}
	}
}
