package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// The objective that the run is judged by.
const (
	objectiveTTFT = 2 * time.Second
	objectiveTPOT = 100 * time.Millisecond
)

// figures is what a run came to. Times are in seconds.
type figures struct {
	Offered  int64            `json:"offered"`
	Admitted int64            `json:"admitted"`
	Queued   int64            `json:"queued"`
	Shed     map[string]int64 `json:"shed"`
	// Failed requests were admitted and got no full answer.
	Failed map[string]int64 `json:"failed,omitempty"`

	Within        float64 `json:"within_objective"` // of admitted
	WithinOffered float64 `json:"within_objective_offered"`

	TTFTp50 float64 `json:"ttft_p50_s"`
	TTFTp95 float64 `json:"ttft_p95_s"`
	TTFTp99 float64 `json:"ttft_p99_s"`
	TPOTp50 float64 `json:"tpot_p50_s"`
	TPOTp95 float64 `json:"tpot_p95_s"`
	TPOTp99 float64 `json:"tpot_p99_s"`

	ReplicasMin    int64   `json:"replicas_min"`
	ReplicasMax    int64   `json:"replicas_max"`
	ReplicaSeconds float64 `json:"replica_seconds"`
	// The smallest constant fleet that serves as well, on the fleet model.
	StaticReplicas       int64   `json:"static_replicas"`
	StaticReplicaSeconds float64 `json:"static_replica_seconds"`
	StaticWithinOffered  float64 `json:"static_within_objective_offered"`

	// FirstReady is from the steepest rise of the arrivals to the first replica
	// that became ready after it; null if none did.
	FirstReady *float64 `json:"first_ready_s"`
	Aborted    int64    `json:"aborted"`

	Speed   float64 `json:"speed"`
	Seconds float64 `json:"seconds"`
	OK      bool    `json:"ok"`
}

// The bars that make a run OK.
const (
	barWithin = 0.95
	barShed   = 0.05
)

// count fills in what the clients saw.
func (f *figures) count(outcomes []outcome) {
	f.Shed, f.Failed = make(map[string]int64), make(map[string]int64)
	var ttft, tpot signal.Dist
	var within int64
	for _, o := range outcomes {
		f.Offered++
		if o.shed != "" {
			f.Shed[o.shed]++
			continue
		}
		f.Admitted++
		if o.err != "" {
			f.Failed[o.err]++
			f.Aborted++
			continue
		}
		ttft.Record(o.ttft.Seconds())
		if o.tokens > 1 {
			tpot.Record(o.tpot.Seconds())
		}
		if o.ttft <= objectiveTTFT && o.tpot <= objectiveTPOT {
			within++
		}
	}
	f.Within, f.WithinOffered = share(within, f.Admitted), share(within, f.Offered)
	f.TTFTp50, f.TTFTp95, f.TTFTp99 = quantiles(&ttft)
	f.TPOTp50, f.TPOTp95, f.TPOTp99 = quantiles(&tpot)
}

func (f *figures) judge() {
	f.OK = f.Offered > 0 && f.Within >= barWithin && share(f.shed(), f.Offered) <= barShed &&
		f.Aborted == 0 && f.ReplicaSeconds < f.StaticReplicaSeconds
}

func (f *figures) shed() (n int64) {
	for _, k := range f.Shed {
		n += k
	}
	return n
}

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// quantiles returns 0 for a distribution of nothing: JSON knows no NaN.
func quantiles(d *signal.Dist) (p50, p95, p99 float64) {
	if d.Count() == 0 {
		return 0, 0, 0
	}
	return d.Quantile(0.50), d.Quantile(0.95), d.Quantile(0.99)
}

// table writes the figures for people.
func (f *figures) table(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(w)
	row("offered", "%d requests in %.0f s", f.Offered, f.Seconds)
	row("admitted", "%d", f.Admitted)
	row("waited in the queue", "%d, some of which were shed after it", f.Queued)
	row("shed", "%d (%.1f %%)%s", f.shed(), 100*share(f.shed(), f.Offered), byReason(f.Shed))
	row("time to first token", "p50 %s   p95 %s   p99 %s", ms(f.TTFTp50), ms(f.TTFTp95), ms(f.TTFTp99))
	row("time per output token", "p50 %s   p95 %s   p99 %s", ms(f.TPOTp50), ms(f.TPOTp95), ms(f.TPOTp99))
	row("within the objective", "%.1f %% of admitted, %.1f %% of offered   (first token ≤ %v, then ≤ %v each)", 100*f.Within, 100*f.WithinOffered, objectiveTTFT, objectiveTPOT)
	row("replicas", "%d to %d", f.ReplicasMin, f.ReplicasMax)
	saved := 100 * (1 - f.ReplicaSeconds/max(f.StaticReplicaSeconds, 1))
	row("replica-seconds", "%.0f, against %.0f for the smallest constant fleet with the same service (%d replicas, %.1f %% of offered, by simulation): %+.0f %%", f.ReplicaSeconds, f.StaticReplicaSeconds, f.StaticReplicas, 100*f.StaticWithinOffered, -saved)
	if f.FirstReady != nil {
		row("from burst to new replica", "%.1f s to the first one ready", *f.FirstReady)
	} else {
		row("from burst to new replica", "no replica was added after the burst")
	}
	row("aborted in flight", "%d%s", f.Aborted, byReason(f.Failed))
	_ = t.Flush() // like every line here: where it cannot be printed, nobody reads
	verdict := "ok"
	if !f.OK {
		verdict = "not ok: " + strings.Join(f.misses(), ", ")
	}
	fmt.Fprintf(w, "\n  %s\n", verdict)
}

// misses names the bars that the run did not reach.
func (f *figures) misses() (out []string) {
	miss := func(bad bool, format string, args ...any) {
		if bad {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	miss(f.Offered == 0, "nothing was offered")
	miss(f.Within < barWithin, "%.1f %% of admitted within the objective (bar %.0f %%)", 100*f.Within, 100*barWithin)
	miss(share(f.shed(), f.Offered) > barShed, "%.1f %% shed (bar %.0f %%)", 100*share(f.shed(), f.Offered), 100*barShed)
	miss(f.Aborted > 0, "%d aborted", f.Aborted)
	miss(f.ReplicaSeconds >= f.StaticReplicaSeconds, "a constant fleet of %d is cheaper", f.StaticReplicas)
	return out
}

func byReason(m map[string]int64) string {
	if len(m) == 0 {
		return ""
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	return ": " + strings.Join(parts, ", ")
}

func ms(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.0f ms", 1000*seconds)
	}
	return fmt.Sprintf("%.2f s", seconds)
}

// json writes the figures on one line.
func (f *figures) json(w io.Writer) error { return json.NewEncoder(w).Encode(f) }
