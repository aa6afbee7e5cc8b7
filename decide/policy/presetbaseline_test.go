package policy_test

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide/compat"
	"github.com/evenkeel/evenkeel/decide/simulate"
	"github.com/evenkeel/evenkeel/signal"
)

// A rival is another autoscaler on the same hour, without a gate, as they come.
type rival struct {
	name    string
	decider func(testing.TB, hour) simulate.Decider
}

// rivals are the autoscalers that presets are put beside: with the settings that
// they ship with, and some that are right for one of the traces in hindsight.
func rivals() []rival {
	inFlight := signal.Def{Key: signal.Key{Name: signal.NameInFlight}, Unit: signal.Requests}
	waiting := signal.Def{Key: signal.Key{Name: simulate.NameEngineWaiting}, Unit: signal.Requests}
	cache := signal.Def{Key: signal.Key{Name: simulate.NameEngineCache}, Unit: signal.Ratio, Merge: signal.MergeMean}
	demand := signal.Def{Key: signal.Key{Name: signal.NameDemandRequests}, Unit: signal.RequestsPerSecond}
	feeds := func(f ...compat.Feed) compat.Wiring { return compat.Wiring{Feeds: f} }

	hpa := func(target float64, window time.Duration) func(testing.TB, hour) simulate.Decider {
		return func(t testing.TB, _ hour) simulate.Decider {
			return based(t, compat.HPA{Metrics: []compat.HPAMetric{{Source: compat.HPAPods, Type: compat.HPAAverageValue, Target: target}}, Window: window},
				feeds(compat.Feed{Signal: inFlight, Per: compat.PerReplica}))
		}
	}
	kpa := func(target float64) func(testing.TB, hour) simulate.Decider {
		return func(t testing.TB, _ hour) simulate.Decider {
			return based(t, compat.KPA{Target: target}, feeds(compat.Feed{Signal: inFlight}))
		}
	}
	return []rival{
		{"HPA on concurrency, 64 in flight each", hpa(64, 0)},
		{"HPA on concurrency, 32 in flight each", hpa(32, 0)},
		{"HPA on concurrency, 4 in flight each", hpa(4, 0)},
		{"HPA, 32 each, down after 60 s", hpa(32, time.Minute)},
		{"HPA, 4 each, down after 60 s", hpa(4, time.Minute)},
		{"KPA as shipped, 100 in flight each", kpa(0)},
		{"KPA, 45 in flight each", kpa(45)},
		{"KPA, 6 in flight each", kpa(6)},
		{"KEDA on the engines' queue, 5 each", func(t testing.TB, _ hour) simulate.Decider {
			return based(t, compat.KEDA{Triggers: []compat.KEDATrigger{{Target: 5}}}, feeds(compat.Feed{Signal: waiting}))
		}},
		{"WVA V2", func(t testing.TB, h hour) simulate.Decider {
			in, out := h.arrivals.MeanTokens()
			rule := compat.WVATokens{KV: float64(h.model.KVTokens), Input: in, Output: out,
				Batch: float64(h.model.MaxBatchTokens), Sequences: float64(h.model.MaxSeqs)}
			return based(t, rule, feeds(compat.Feed{Signal: cache, Per: compat.PerEach, Scale: float64(h.model.KVTokens)},
				compat.Feed{Signal: waiting, Per: compat.PerReplica}))
		}},
		{"Dynamo, throughput", func(t testing.TB, h hour) simulate.Decider {
			in, out := h.arrivals.MeanTokens()
			const ms = 1e-3
			return based(t, compat.DynamoThroughput{Input: in, Output: out, TTFT: h.objective.TTFT, TPOT: h.objective.TPOT,
				Sequences: float64(h.model.MaxSeqs), KV: float64(h.model.KVTokens),
				Model: compat.DynamoModel{PrefillBase: h.model.A * ms, PrefillToken: h.model.P * ms,
					DecodeBase: h.model.A * ms, DecodeSequence: h.model.B * ms, DecodeToken: h.model.C * ms}},
				feeds(compat.Feed{Signal: demand}))
		}},
	}
}

func based[S any](t testing.TB, rule compat.Rule[S], w compat.Wiring) simulate.Decider {
	t.Helper()
	b, err := compat.NewBaseline(rule, w)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
