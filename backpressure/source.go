package backpressure

import (
	"context"

	"github.com/evenkeel/evenkeel/signal"
)

// Positions of the gate's signals in Defs.
const (
	defDemandRequests = iota
	defDemandInput
	defDemandWork
	defUnitRate
	defUnitUse
	defInFlight
	defQueued
	defQueuedWork
	defQueueAge
	defShed
	defSaturation
	defTTFT
	defTPOT
	defDuration
	defOutput
	defErrors
	defDegraded
	defCount
)

// Defs returns the gate's signals; Key.Pool is Config.Pool. Rates and
// distributions are over Config.Window.
func (g *Gate) Defs() []signal.Def {
	p95 := func(name string) signal.Def {
		return signal.Def{Key: signal.Key{Name: name}, Unit: signal.Seconds, Quantile: 0.95}
	}
	sum := func(name string, unit signal.Unit) signal.Def {
		return signal.Def{Key: signal.Key{Name: name}, Unit: unit, Merge: signal.MergeSum}
	}
	merged := func(name string, unit signal.Unit, m signal.Merge) signal.Def {
		return signal.Def{Key: signal.Key{Name: name}, Unit: unit, Merge: m}
	}
	defs := make([]signal.Def, defCount)
	defs[defDemandRequests] = sum(signal.NameDemandRequests, signal.RequestsPerSecond)
	defs[defDemandInput] = sum(signal.NameDemandInput, signal.TokensPerSecond)
	defs[defDemandWork] = sum(signal.NameDemandWork, signal.TokensPerSecond)
	defs[defUnitRate] = merged(signal.NameUnitRate, signal.TokensPerSecond, signal.MergeMean)
	defs[defUnitUse] = merged(signal.NameUnitUse, signal.Ratio, signal.MergeDefault)
	defs[defInFlight] = sum(signal.NameInFlight, signal.Requests)
	defs[defQueued] = sum(signal.NameQueued, signal.Requests)
	defs[defQueuedWork] = sum(signal.NameQueuedWork, signal.Tokens)
	defs[defQueueAge] = merged(signal.NameQueueAge, signal.Seconds, signal.MergeMax)
	defs[defShed] = sum(signal.NameShed, signal.RequestsPerSecond)
	defs[defSaturation] = merged(signal.NameSaturation, signal.Ratio, signal.MergeMax)
	defs[defTTFT] = p95(signal.NameTTFT)
	defs[defTPOT] = p95(signal.NameTPOT)
	defs[defDuration] = p95(signal.NameDuration)
	defs[defOutput] = sum(signal.NameOutput, signal.TokensPerSecond)
	defs[defErrors] = merged(signal.NameErrors, signal.Ratio, signal.MergeMean)
	defs[defDegraded] = sum(signal.NameDegraded, signal.RequestsPerSecond)
	for i := range defs {
		defs[i].Pool = g.pool
	}
	return defs
}

// Collect fills in the gate's signals. What is not known yet, such as the unit
// rate, is set absent. It never fails.
func (g *Gate) Collect(_ context.Context, into *signal.Snapshot) error {
	s, now := g.Stats(), g.now()
	finished := s.FinishRate * g.window.Seconds()
	into.Set(defDemandRequests, signal.Value(s.DemandRequests))
	into.Set(defDemandInput, signal.Value(s.DemandInput))
	into.Set(defDemandWork, signal.Value(s.DemandWork))
	into.Set(defInFlight, signal.Value(float64(s.InFlight)))
	into.Set(defQueued, signal.Value(float64(s.Waiting)))
	into.Set(defQueuedWork, signal.Value(s.WaitingWork))
	into.Set(defQueueAge, signal.Value(s.Oldest.Seconds()))
	into.Set(defShed, signal.Value(s.ShedRate))
	into.Set(defDegraded, signal.Value(s.DegradedRate))
	into.Set(defSaturation, signal.Value(s.Saturation))
	into.Set(defOutput, signal.Value(s.OutputRate))
	into.Set(defUnitRate, signal.Sample{})
	if s.UnitRate > 0 {
		into.Set(defUnitRate, signal.Sample{Value: s.UnitRate, Weight: s.UnitRateConfidence, Quality: signal.Fresh})
	}
	into.Set(defUnitUse, signal.Sample{})
	if s.UnitUseKnown {
		into.Set(defUnitUse, signal.Value(s.UnitUse))
	}
	into.Set(defErrors, signal.Sample{})
	if finished > 0 {
		into.Set(defErrors, signal.Sample{Value: s.ErrorRatio, Weight: finished, Quality: signal.Fresh})
	}
	g.scratch.Lock()
	defer g.scratch.Unlock()
	for i, h := range [...]*signal.Histogram{g.ttft, g.tpot, g.duration} {
		h.Into(now, &g.scratch.dist)
		into.SetDist(defTTFT+i, &g.scratch.dist, 0)
	}
	return nil
}
