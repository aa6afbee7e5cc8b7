package simulate

import (
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/signal"
)

// What engines say of themselves, under the names that vLLM gives it. Nothing of
// evenkeel needs them: they are for the autoscalers that it is compared with.
const (
	// NameEngineCache is the share of its KV cache that an engine uses, the mean
	// over those that are ready. Times the capacity it is the tokens held by each.
	NameEngineCache = "vllm:kv_cache_usage_perc"
	// NameEngineWaiting is the requests that wait inside the ready engines, in all.
	NameEngineWaiting = "vllm:num_requests_waiting"
)

// Signals returns the definitions of all signals that a simulation has: those
// of a gate, with the latencies' 95th percentiles, and those of the engines. A Decider may ask for another
// quantile of a latency by a Def of the same name.
func Signals() []signal.Def {
	return []signal.Def{
		def(signal.NameDemandRequests, signal.RequestsPerSecond),
		def(signal.NameDemandInput, signal.TokensPerSecond),
		def(signal.NameDemandWork, signal.TokensPerSecond),
		{Key: signal.Key{Name: signal.NameUnitRate}, Unit: signal.TokensPerSecond, Merge: signal.MergeMean},
		def(signal.NameUnitUse, signal.Ratio),
		def(signal.NameInFlight, signal.Requests),
		def(signal.NameQueued, signal.Requests),
		def(signal.NameQueuedWork, signal.Tokens),
		{Key: signal.Key{Name: signal.NameQueueAge}, Unit: signal.Seconds, Merge: signal.MergeMax},
		def(signal.NameShed, signal.RequestsPerSecond),
		def(signal.NameSaturation, signal.Ratio),
		{Key: signal.Key{Name: signal.NameTTFT}, Unit: signal.Seconds, Quantile: 0.95},
		{Key: signal.Key{Name: signal.NameTPOT}, Unit: signal.Seconds, Quantile: 0.95},
		{Key: signal.Key{Name: signal.NameDuration}, Unit: signal.Seconds, Quantile: 0.95},
		def(signal.NameOutput, signal.TokensPerSecond),
		{Key: signal.Key{Name: signal.NameErrors}, Unit: signal.Ratio, Merge: signal.MergeMean},
		{Key: signal.Key{Name: NameEngineCache}, Unit: signal.Ratio, Merge: signal.MergeMean},
		def(NameEngineWaiting, signal.Requests),
	}
}

func def(name string, unit signal.Unit) signal.Def {
	return signal.Def{Key: signal.Key{Name: name}, Unit: unit}
}

// signals turns an admission's figures into samples.
type signals struct {
	snapshot             *signal.Snapshot
	ttft, tpot, duration *signal.Histogram
	dist                 signal.Dist
}

func newSignals(defs []signal.Def, window time.Duration) (signals, error) {
	schema, err := signal.NewSchema(defs...)
	if err != nil {
		return signals{}, err
	}
	const slots = 20
	return signals{
		snapshot: signal.NewSnapshot(schema),
		ttft:     signal.NewHistogram(window, slots),
		tpot:     signal.NewHistogram(window, slots),
		duration: signal.NewHistogram(window, slots),
	}, nil
}

// collect returns the samples of all signals at now.
func (g *gate) collect(now time.Duration, f *fleet) []signal.Sample {
	at := epoch.Add(now)
	stats := g.Stats(at)
	snap := g.signals.snapshot
	snap.Reset()
	for i := range snap.Schema().Len() {
		name := snap.Schema().Def(i).Name
		switch name {
		case signal.NameTTFT:
			g.signals.set(i, g.signals.ttft, at)
		case signal.NameTPOT:
			g.signals.set(i, g.signals.tpot, at)
		case signal.NameDuration:
			g.signals.set(i, g.signals.duration, at)
		case NameEngineCache, NameEngineWaiting:
			if cache, waiting, ok := f.engines(); ok && name == NameEngineCache {
				snap.Set(i, signal.Value(cache))
			} else if ok {
				snap.Set(i, signal.Value(waiting))
			}
		default:
			if v, ok := figure(name, &stats); ok {
				snap.Set(i, signal.Value(v))
			}
		}
	}
	return snap.Samples()
}

func (s *signals) set(i int, h *signal.Histogram, now time.Time) {
	h.Into(now, &s.dist)
	s.snapshot.SetDist(i, &s.dist, 0)
}

// figure returns the figure of that name, and whether it is known.
func figure(name string, s *backpressure.Stats) (float64, bool) {
	switch name {
	case signal.NameDemandRequests:
		return s.DemandRequests, true
	case signal.NameDemandInput:
		return s.DemandInput, true
	case signal.NameDemandWork:
		return s.DemandWork, true
	case signal.NameUnitRate:
		return s.UnitRate, s.UnitRate > 0
	case signal.NameUnitUse:
		return s.UnitUse, s.UnitUseKnown
	case signal.NameInFlight:
		return float64(s.InFlight), true
	case signal.NameQueued:
		return float64(s.Waiting), true
	case signal.NameQueuedWork:
		return s.WaitingWork, true
	case signal.NameQueueAge:
		return s.Oldest.Seconds(), true
	case signal.NameShed:
		return s.ShedRate, true
	case signal.NameSaturation:
		return s.Saturation, true
	case signal.NameOutput:
		return s.OutputRate, true
	case signal.NameErrors:
		return s.ErrorRatio, s.FinishRate > 0
	}
	return 0, false
}
