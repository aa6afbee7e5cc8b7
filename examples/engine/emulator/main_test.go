package emulator

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// Wrong flags give one clear line and status 2, before anything is opened.
func TestBadFlags(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"-model no-such", `-model "no-such" is not known; give one of llama`},
		{"-startup soon", `-startup "soon" is neither a duration nor one of sleeping`},
		{"-startup -3s", "Startup is -3s"},
		{"-jitter 2", "Jitter is 2"},
		{"-max-queue -1", "MaxQueue is -1"},
		{"-kv-tokens -5", "KVTokens is -5"},
		{"-fail burn", `"burn" is no fault`},
		{"-fail slow=0", `"0" is not a factor`},
		{"-fail slow=1e9", "factor of 0.01 to 1000"},
		{"-fail hang@noon", `"noon" is not a time`},
		{"-no-such-flag", "no-such-flag"},
		{"serve", `unexpected argument "serve"`},
		{"-jitter 2 -max-queue -1", "; "},
	} {
		var out, errs bytes.Buffer
		code := Main(strings.Fields(c.args), &out, &errs)
		if code != 2 || strings.Count(errs.String(), "\n") != 1 || !strings.Contains(errs.String(), c.says) || out.Len() > 0 {
			t.Errorf("%s: status %d, %q, %q; want 2 and one line with %q", c.args, code, out.String(), errs.String(), c.says)
		}
	}
}

func TestHelp(t *testing.T) {
	var out, errs bytes.Buffer
	if code := Main([]string{"-h"}, &out, &errs); code != 0 || errs.Len() > 0 {
		t.Errorf("status %d, %q", code, errs.String())
	}
	for _, want := range []string{"emulates", "-model", "minimax-m2.5-fp8/h100x4", "warm-node-cached", "-fail"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the help does not mention %s", want)
		}
	}
}

func TestCannotListen(t *testing.T) {
	var out, errs bytes.Buffer
	if code := Main([]string{"-listen", "256.0.0.1:x"}, &out, &errs); code != 1 || !strings.Contains(errs.String(), "cannot listen") {
		t.Errorf("status %d, %q", code, errs.String())
	}
	t.Setenv(listenFD, "two")
	errs.Reset()
	if code := Main(nil, &out, &errs); code != 1 || !strings.Contains(errs.String(), `EVENKEEL_LISTEN_FD is "two"`) {
		t.Errorf("status %d, %q", code, errs.String())
	}
}

func TestParseFault(t *testing.T) {
	for v, want := range map[string]Fault{
		"hang":           {Hang: true},
		"crash@30s":      {Crash: true, After: 30 * time.Second},
		"slow=2.5@1m30s": {Slow: 2.5, After: 90 * time.Second},
	} {
		if got, err := ParseFault(v); err != nil || got != want {
			t.Errorf("ParseFault(%q) = %+v, %v", v, got, err)
		}
	}
}

// A start-up preset is drawn, and the same seed draws the same.
func TestStartupFlag(t *testing.T) {
	draw := func(seed string) time.Duration {
		cfg, _, err := parseFlags([]string{"-startup", "warm-node", "-seed", seed}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return cfg.Startup
	}
	if a, b, c := draw("7"), draw("7"), draw("8"); a != b || a == c || a < 50*time.Second {
		t.Errorf("seed 7: %v and %v, seed 8: %v", a, b, c)
	}
}

func TestNewRefuses(t *testing.T) {
	unbounded := round()
	unbounded.KVTokens = 0
	for name, cfg := range map[string]Config{
		"no model":     {},
		"no KV bound":  {Model: unbounded},
		"empty fault":  {Model: round(), Faults: []Fault{{}}},
		"early fault":  {Model: round(), Faults: []Fault{{Crash: true, After: -1}}},
		"slow startup": {Model: round(), Startup: -1},
	} {
		if s, err := New(cfg); err == nil || s != nil {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}
