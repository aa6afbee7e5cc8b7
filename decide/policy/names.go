package policy

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/signal"
)

// A Name is a short name for a signal. Files and expressions may use it in place
// of the full one, which is always understood too.
type Name struct {
	// Short is what people write.
	Short string
	// Def is the signal as evenkeel's own packages publish it, without a pool.
	Def signal.Def
	// Doc says in a few words what it is.
	Doc string
}

// Names returns all short names, in alphabetical order. A name with a quantile
// is a distribution: written with _p50, _p90, _p95 or _p99 behind it, it must be
// published with that quantile.
func Names() []Name {
	def := func(name string, unit signal.Unit, merge signal.Merge) signal.Def {
		return signal.Def{Key: signal.Key{Name: name}, Unit: unit, Merge: merge}
	}
	p95 := func(name string) signal.Def {
		return signal.Def{Key: signal.Key{Name: name}, Unit: signal.Seconds, Quantile: 0.95}
	}
	return []Name{
		{"demand", def(signal.NameDemandRequests, signal.RequestsPerSecond, signal.MergeSum), "offered requests: admitted, queued and shed"},
		{"demand_input", def(signal.NameDemandInput, signal.TokensPerSecond, signal.MergeSum), "offered prompt tokens"},
		{"demand_work", def(signal.NameDemandWork, signal.TokensPerSecond, signal.MergeSum), "offered work, in weighted tokens"},
		{"error_rate", def(signal.NameErrors, signal.Ratio, signal.MergeMean), "share of finished requests that failed"},
		{"gpu_memory", def("hw.gpu.memory.utilization", signal.Ratio, signal.MergeMax), "memory use of the fullest GPU"},
		{"gpu_sick", def("hw.gpu.sick", "{gpu}", signal.MergeSum), "GPUs that are not well"},
		{"gpu_utilization", def("hw.gpu.utilization", signal.Ratio, signal.MergeP90), "share of time that a kernel ran"},
		{"in_flight", def(signal.NameInFlight, signal.Requests, signal.MergeSum), "admitted requests that have not finished"},
		{"kv_cache_use", def(signal.NameKVCache, signal.Ratio, signal.MergeP90), "use of the inference engines' KV cache"},
		{"latency", p95(signal.NameDuration), "arrival to end"},
		{"output_rate", def(signal.NameOutput, signal.TokensPerSecond, signal.MergeSum), "generated tokens"},
		{"queue_age", def(signal.NameQueueAge, signal.Seconds, signal.MergeMax), "how long the oldest request has waited"},
		{"queue_depth", def(signal.NameQueued, signal.Requests, signal.MergeSum), "requests that wait for admission"},
		{"queue_work", def(signal.NameQueuedWork, signal.Tokens, signal.MergeSum), "the work of those, in weighted tokens"},
		{"saturation", def(signal.NameSaturation, signal.Ratio, signal.MergeMax), "predicted time to first token over its objective; 1 is full"},
		{"shed_rate", def(signal.NameShed, signal.RequestsPerSecond, signal.MergeSum), "refused requests"},
		{"tpot", p95(signal.NameTPOT), "time per output token after the first"},
		{"ttft", p95(signal.NameTTFT), "time to first token, from arrival"},
		{"unit_rate", def(signal.NameUnitRate, signal.TokensPerSecond, signal.MergeMean), "learned work that one replica does at full use"},
		{"unit_utilization", def(signal.NameUnitUse, signal.Ratio, signal.MergeP90), "share of time that the units are busy"},
	}
}

// Figures of the fleet, which an expression may use like signals. They are plain
// numbers and always known.
const (
	fleetDesired  = "fleet.desired"
	fleetReady    = "fleet.ready"
	fleetStarting = "fleet.starting"
)

// resolve finds the signal that people call name. Without a pool it is the only
// one of that name, or the one that has no pool.
func resolve(signals *signal.Schema, name, pool string) (int, error) {
	full, quantile := fullName(signals, name)
	matches, bare := []int(nil), -1
	var pools []string
	for i := range signals.Len() {
		d := signals.Def(i)
		if d.Name != full {
			continue
		}
		if d.Pool == "" {
			bare = i
		}
		pools = append(pools, strconv.Quote(d.Pool))
		if pool == "" || d.Pool == pool {
			matches = append(matches, i)
		}
	}
	i := bare
	switch {
	case len(pools) == 0:
		return 0, fmt.Errorf("no signal is called %q%s", clip(name), nearest(signals, name))
	case len(matches) == 0:
		return 0, fmt.Errorf("%q has no pool %q: it has %s", clip(name), clip(pool), strings.Join(pools, ", "))
	case len(matches) == 1:
		i = matches[0]
	case bare < 0:
		return 0, fmt.Errorf("%q is there in the pools %s: name one, as in %s{%s}", clip(name), strings.Join(pools, ", "), clip(name), signals.Def(matches[0]).Pool)
	}
	switch d := signals.Def(i); {
	case quantile == 0 || d.Quantile == quantile:
		return i, nil
	case d.Quantile == 0:
		return 0, fmt.Errorf("%q asks for a quantile, and the signal is a plain number: write %s", clip(name), clip(name[:strings.LastIndexByte(name, '_')]))
	default:
		return 0, fmt.Errorf("%q is another quantile than the signal is published with: write %s, or give its source the other one",
			clip(name), clip(name[:strings.LastIndexByte(name, '_')])+suffix(d.Quantile))
	}
}

// fullName returns the full name that name stands for, and the quantile that it
// asks for, 0 if none. A name that a signal has wins over a short one.
func fullName(signals *signal.Schema, name string) (string, float64) {
	full := func(name string) (string, bool) {
		for i := range signals.Len() {
			if signals.Def(i).Name == name {
				return name, true
			}
		}
		for _, n := range Names() {
			if n.Short == name {
				return n.Def.Name, true
			}
		}
		return name, false
	}
	if f, ok := full(name); ok {
		return f, 0
	}
	for _, q := range []float64{0.5, 0.9, 0.95, 0.99} {
		if base, ok := strings.CutSuffix(name, suffix(q)); ok {
			f, _ := full(base)
			return f, q
		}
	}
	return name, 0
}

// suffix is how quantile q is written behind a name.
func suffix(q float64) string { return "_p" + strconv.FormatFloat(math.Round(q*1e4)/100, 'f', -1, 64) }

// nameOf returns what people call the signal d.
func nameOf(d signal.Def) string {
	name := d.Name
	for _, n := range Names() {
		if n.Def.Name == d.Name {
			name = n.Short
		}
	}
	if d.Quantile != 0 && slices.Contains([]float64{0.5, 0.9, 0.95, 0.99}, d.Quantile) {
		name += suffix(d.Quantile)
	}
	if d.Pool != "" {
		name += "{" + d.Pool + "}"
	}
	return name
}

// nearest suggests signals that are there and called something like name.
func nearest(signals *signal.Schema, name string) string {
	var all []string
	for i := range signals.Len() {
		d := signals.Def(i)
		d.Pool = ""
		all = append(all, nameOf(d), d.Name)
	}
	return suggest(name, all)
}

// suggest names the most similar of all, or some of them.
func suggest(name string, all []string) string {
	best, least := "", len(name)/3+2
	for _, a := range all {
		if d := distance(strings.ToLower(name), strings.ToLower(a)); d < least {
			best, least = a, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf(": did you mean %s?", best)
	case len(all) == 0:
		return ""
	}
	slices.Sort(all)
	all = slices.Compact(all)
	const most = 24
	if len(all) > most {
		all = append(all[:most:most], "…")
	}
	return ": there are " + strings.Join(all, ", ")
}

// distance is how many letters must be put in, taken out or replaced to turn a
// into b (Levenshtein), for names of up to 64 letters.
func distance(a, b string) int {
	const longest = 64
	a, b = a[:min(len(a), longest)], b[:min(len(b), longest)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j]+1, row[j+1]+1, cost)
		}
	}
	return row[len(b)]
}
