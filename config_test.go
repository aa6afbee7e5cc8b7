package evenkeel

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func TestNewRefusesWhole(t *testing.T) {
	target, err := actuate.New(actuate.Config{Target: &actuatetest.Fleet{}})
	if err != nil {
		t.Fatal(err)
	}
	policy := decide.Config{Policies: []decide.NamedSpec{{Name: "load", Spec: decide.Track{Signal: loadKey, Setpoint: 10, Total: true}}}}
	good := Pool{Sources: []signal.Source{&load{}}, Policy: policy, Target: target, Limits: decide.Limits{Min: 1, Max: 2}}
	with := func(change func(*Pool)) []Pool { p := good; change(&p); return []Pool{p} }
	for _, tc := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"no pool", Config{}, "Config.Pools is empty"},
		{"tick", Config{Pools: []Pool{good}, Tick: -1}, "Config.Tick"},
		{"two of a name", Config{Pools: []Pool{good, good}}, "as another pool's"},
		{"min above max", Config{Pools: with(func(p *Pool) { p.Limits = decide.Limits{Min: 3, Max: 2} })}, "below Limits.Min"},
		{"negative min", Config{Pools: with(func(p *Pool) { p.Limits.Min = -1 })}, "must not be negative"},
		{"embedded from zero", Config{Pools: with(func(p *Pool) { p.Embedded = true; p.Limits.Min = 0 })}, "must be at least 1"},
		{"no target", Config{Pools: with(func(p *Pool) { p.Target = nil })}, "Target is nil"},
		{"no policy", Config{Pools: with(func(p *Pool) { p.Policy = decide.Config{} })}, "no policies"},
		{"unknown signal", Config{Pools: with(func(p *Pool) { p.Sources = []signal.Source{&other{}} })}, "test.load"},
		{"other signals", Config{Pools: with(func(p *Pool) { p.Policy.Signals = (&other{}).Defs() })}, "Policy.Signals"},
		{"nil source", Config{Pools: with(func(p *Pool) { p.Sources = []signal.Source{nil} })}, "Sources[0] is nil"},
		{"no limits", Config{Pools: with(func(p *Pool) { p.Limits = decide.Limits{} })}, "Limits are empty"},
		{"min beyond all", Config{Pools: with(func(p *Pool) { p.Limits = decide.Limits{Min: decide.MaxReplicas + 1} })}, "at most"},
		{"bad host", Config{Pools: []Pool{good}, Hosts: []string{"http://x/"}}, "http://x/"},
	} {
		k, err := New(tc.cfg)
		if err == nil || k != nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: New gave %v, %v; want an error with %q", tc.name, k != nil, err, tc.want)
		}
	}
	if _, err := New(Config{Pools: []Pool{good}}); err != nil {
		t.Errorf("a good config is refused: %v", err)
	}
}
