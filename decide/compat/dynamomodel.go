package compat

import (
	"errors"
	"math"
)

// A DynamoModel says how long a step of an engine takes, in seconds, by linear
// regression of what was measured.
type DynamoModel struct {
	// PrefillBase and PrefillToken: a prompt of n tokens takes base + token × n.
	PrefillBase, PrefillToken float64
	// DecodeBase, DecodeSequence and DecodeToken: one token for each of n requests
	// with c tokens of context in all takes base + sequence × n + token × c.
	DecodeBase, DecodeSequence, DecodeToken float64
}

// ErrNegative is what a regression is refused with whose time falls when there is
// more to do: it would promise the most to whoever asks for the most.
var ErrNegative = errors.New("evenkeel: compat: the regression has a negative coefficient")

// ErrSamples is what a regression without enough, or without different, samples
// is refused with.
var ErrSamples = errors.New("evenkeel: compat: too few samples, or all alike")

func (m DynamoModel) validate() error {
	for _, x := range []float64{m.PrefillBase, m.PrefillToken, m.DecodeBase, m.DecodeSequence, m.DecodeToken} {
		if x < 0 || !finite(x) {
			return ErrNegative
		}
	}
	return nil
}

// Prefill is the time of a prompt.
func (m DynamoModel) Prefill(tokens float64) float64 {
	return m.PrefillBase + float64(m.PrefillToken*tokens)
}

// Decode is the time of a step.
func (m DynamoModel) Decode(sequences, context float64) float64 {
	return m.DecodeBase + float64(m.DecodeSequence*sequences) + float64(m.DecodeToken*context)
}

// FitPrefill returns the line through times by tokens with the least squares. It
// wants five samples at least, and uses the last 64.
func (m DynamoModel) FitPrefill(tokens, seconds []float64) (DynamoModel, error) {
	n := min(len(tokens), len(seconds))
	if n < 5 {
		return m, ErrSamples
	}
	tokens, seconds = tokens[max(0, n-64):n], seconds[max(0, n-64):n]
	count := float64(len(tokens))
	var x, y float64
	for i := range tokens {
		x, y = x+tokens[i]/count, y+seconds[i]/count
	}
	var xx, xy float64
	for i := range tokens {
		dx := tokens[i] - x
		xx, xy = xx+float64(dx*dx), xy+float64(dx*(seconds[i]-y))
	}
	if !(xx > 0) || !finite(xx) || !finite(xy) {
		return m, ErrSamples
	}
	slope := xy / xx
	base := y - float64(slope*x)
	if slope < 0 || base < 0 {
		return m, ErrNegative
	}
	m.PrefillBase, m.PrefillToken = base, slope
	return m, nil
}

// A DynamoEngine is what one engine reports, for the load mode with objectives.
type DynamoEngine struct {
	// Queued prompt tokens.
	Queued float64
	// Decoding requests, on average, with Scheduled tokens of context; Waiting
	// tokens are those that the queue will add.
	Decoding, Scheduled, Waiting float64
}

// DynamoSLO is the load mode with objectives: one more when every engine is
// beyond its objective, one fewer when the rest would stay well within it.
type DynamoSLO struct {
	Role  DynamoRole
	Model DynamoModel
	// Input is the mean prompt, Chunk the tokens of one prefill step, KV those of
	// the cache.
	Input, Chunk, KV float64
	// TTFT and TPOT are the objectives in seconds. Default 0.5 and 0.05.
	TTFT, TPOT float64
	// Sensitivity is the part of the objective that must be enough with one engine
	// fewer. Default 0.8.
	Sensitivity float64
}

// First is the time to first token to expect of an engine with queued tokens
// before a mean prompt: the sum of the steps that compute both.
func (d DynamoSLO) First(queued float64) float64 {
	rest := max(queued, 0) + d.Input
	if !(d.Chunk > 0) || rest <= d.Chunk {
		return d.Model.Prefill(rest)
	}
	whole := math.Floor(rest / d.Chunk)
	t := float64(whole * d.Model.Prefill(d.Chunk))
	if last := rest - float64(whole*d.Chunk); last > 0 {
		t += d.Model.Prefill(last)
	}
	return t
}

// Token is the time per token to expect of an engine that takes one request more.
func (d DynamoSLO) Token(e DynamoEngine) float64 {
	return d.Model.Decode(e.Decoding+1, e.Scheduled+e.Waiting+d.Input)
}

// Change returns +1, 0 or −1. An aggregated fleet goes up if either part asks for
// it and down only if both agree.
func (d DynamoSLO) Change(engines []DynamoEngine) int {
	if len(engines) == 0 {
		return 0
	}
	up, down := false, true
	if d.Role != DynamoDecode {
		u, dn := d.prefill(engines)
		up, down = up || u, down && dn
	}
	if d.Role != DynamoPrefill {
		u, dn := d.decode(engines)
		up, down = up || u, down && dn
	}
	switch {
	case up:
		return 1
	case down && len(engines) > 1:
		return -1
	}
	return 0
}

func (d DynamoSLO) prefill(engines []DynamoEngine) (up, down bool) {
	objective, own := or(d.TTFT, 0.5), d.First(0)
	up, down = true, true
	share := float64(len(engines)) / float64(len(engines)-1)
	for _, e := range engines {
		up = up && d.First(e.Queued) > objective
		induced := d.First(float64(e.Queued*share)) - own
		down = down && len(engines) > 1 && induced < float64((objective-own)*or(d.Sensitivity, 0.8))
	}
	return up, down
}

func (d DynamoSLO) decode(engines []DynamoEngine) (up, down bool) {
	objective := or(d.TPOT, 0.05)
	up, down = true, true
	share := float64(len(engines)) / float64(len(engines)-1)
	for _, e := range engines {
		up = up && d.Token(e) > objective
		more := DynamoEngine{Decoding: e.Decoding * share, Scheduled: e.Scheduled * share, Waiting: e.Waiting * share}
		down = down && len(engines) > 1 && more.Scheduled+more.Waiting < d.KV && d.Token(more) < float64(or(d.Sensitivity, 0.8)*objective)
	}
	return up, down
}
