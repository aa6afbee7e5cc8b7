package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

// options are the command line, checked.
type options struct {
	trace   string
	speed   float64 // 0: so that the peak needs about peakReplicas
	load    int     // requests for each one of the workload
	length  time.Duration
	seed    uint64
	min     int64
	max     int64
	listen  string
	policy  string
	json    bool
	journal string

	engine  string // path of an engine binary; empty: this program itself
	model   llm.Model
	startup llm.Startup
}

// peakReplicas is how many replicas the busiest ten seconds shall need if -speed
// is left to the program.
const peakReplicas = 6

// defaultMin: one replica alone is no reserve, neither for a crash nor for a burst.
const defaultMin = 2

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	var model, startup string
	fs := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // one line is enough, and run writes it
	fs.StringVar(&o.trace, "trace", "", "replay this `file` (CSV or .csv.gz: arrival_s,input_tokens,output_tokens) from its busiest window; default: a bursty day in miniature")
	fs.Float64Var(&o.speed, "speed", 0, fmt.Sprintf("play the arrivals `k` times as fast; 0: so that the peak needs about %d replicas", peakReplicas))
	fs.IntVar(&o.load, "load", 1, "send `k` requests for each one of the workload; with a low -max more than the fleet can take")
	fs.DurationVar(&o.length, "for", 75*time.Second, "how long to send requests")
	fs.Uint64Var(&o.seed, "seed", 1, "seed of the synthetic day and of start-up times")
	fs.Int64Var(&o.min, "min", defaultMin, "least replicas; of -max, if that is less and -min is not given")
	fs.Int64Var(&o.max, "max", 10, "most replicas")
	fs.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` of the gateway and the live page; port 0: any free one")
	fs.StringVar(&o.policy, "policy", "lean", "how much headroom to keep: "+strings.Join(policyNames(), ", ")+"; or a policy `file` (.yaml, .yml, .json), which brings min and max and may be changed during the run")
	fs.BoolVar(&o.json, "json", false, "print the figures as one JSON object on the last line")
	fs.StringVar(&o.journal, "journal", "", "write the journal to this `file`")
	fs.StringVar(&o.engine, "engine", "", "`path` of an engine binary that takes the emulator's flags; default: the emulator built in")
	fs.StringVar(&model, "model", "minimax-m2.5-fp8/h100x4", "engine `preset`: "+strings.Join(modelNames(), ", "))
	fs.StringVar(&startup, "startup", "sleeping", "start-up `preset`: "+strings.Join(startupNames(), ", "))
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(stderr, "usage: quickstart [flags]")
		fs.SetOutput(stderr)
		fs.PrintDefaults()
		return o, err
	} else if err != nil {
		return o, fmt.Errorf("%w: -help lists the flags", err)
	}
	given := ""
	fs.Visit(func(f *flag.Flag) {
		if f.Name == "min" || f.Name == "max" && given == "" {
			given = f.Name
		}
	})
	if given == "max" {
		o.min = min(o.min, max(o.max, 1))
	}
	if isFile(o.policy) {
		if given != "" {
			return o, fmt.Errorf("-%s is set and -policy is a file: set %s in the file", given, given)
		}
		limits, err := fileLimits(o.policy)
		if err != nil {
			return o, err
		}
		o.min, o.max = limits.Min, limits.Max
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: quickstart takes flags only", fs.Arg(0))
	}
	var ok bool
	if o.model, ok = llm.Preset(model); !ok {
		return o, fmt.Errorf("-model %q is not known: use one of %s", model, strings.Join(modelNames(), ", "))
	}
	if o.startup, ok = llm.StartupPreset(startup); !ok {
		return o, fmt.Errorf("-startup %q is not known: use one of %s", startup, strings.Join(startupNames(), ", "))
	}
	return o, o.check()
}

// check reports the first value that makes no sense.
func (o options) check() error {
	where := "-" // of min and max
	if isFile(o.policy) {
		where = o.policy + ": "
	}
	switch {
	case !(o.speed >= 0) || o.speed > 1e6:
		return fmt.Errorf("-speed is %v: it must be above 0 and at most 1e6, or 0 to have it chosen", o.speed)
	case o.load < 1 || o.load > 100:
		return fmt.Errorf("-load is %d: it must be from 1 to 100", o.load)
	case o.length < 5*time.Second || o.length > 24*time.Hour:
		return fmt.Errorf("-for is %v: it must be from 5s to 24h", o.length)
	case o.min < 1:
		return fmt.Errorf("%smin is %d: it must be at least 1", where, o.min)
	case o.max < o.min:
		return fmt.Errorf("-max is %d, below -min, %d: raise -max or lower -min", o.max, o.min)
	case o.max > 64:
		return fmt.Errorf("%smax is %d: more than 64 processes on one machine would measure the machine", where, o.max)
	case !isFile(o.policy) && !slices.Contains(policyNames(), o.policy):
		return fmt.Errorf("-policy %q is not known: use one of %s, or a file that ends in .yaml", o.policy, strings.Join(policyNames(), ", "))
	}
	if _, _, err := net.SplitHostPort(o.listen); err != nil {
		return fmt.Errorf("-listen %q: %w: give host:port, such as 127.0.0.1:8080", o.listen, err)
	}
	return nil
}

func policyNames() []string { return slices.Sorted(maps.Keys(headroom)) }

func modelNames() (names []string) {
	for _, m := range llm.Presets() {
		names = append(names, m.Name)
	}
	return names
}

func startupNames() (names []string) {
	for _, s := range llm.Startups() {
		names = append(names, s.Name)
	}
	return names
}
