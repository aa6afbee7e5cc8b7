package actuate

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// maxAttempts bounds the attempts of one Apply, and so its writes.
const maxAttempts = 5

// Waits between attempts: they begin at a 32nd of all the time there is, at
// most firstWait, and double, half of each at random so that many clients of one
// platform do not return together.
const (
	firstWait   = 500 * time.Millisecond
	waitGrowth  = 2
	waitJitter  = 0.5
	waitDivisor = 32
)

// pacer says how long to wait before the next attempt. It is made for one Apply.
type pacer struct {
	ctx      context.Context //nolint:containedctx // for its deadline only, within one call
	waits    *backoff.ExponentialBackOff
	attempts int
	// asked is what the last error asked for; now, that the next attempt may
	// follow at once.
	asked time.Duration
	now   bool
}

func newPacer(ctx context.Context, within time.Duration) *pacer {
	return &pacer{ctx: ctx, waits: backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(max(time.Millisecond, min(firstWait, within/waitDivisor))),
		backoff.WithMultiplier(waitGrowth),
		backoff.WithRandomizationFactor(waitJitter),
		backoff.WithMaxElapsedTime(0), // the context's deadline bounds it
	)}
}

// Reset implements backoff.BackOff.
func (p *pacer) Reset() { p.waits.Reset() }

// NextBackOff implements backoff.BackOff. It stops rather than wait for a time at
// which nothing could be tried any more.
func (p *pacer) NextBackOff() time.Duration {
	p.attempts++
	if p.attempts >= maxAttempts {
		return backoff.Stop
	}
	wait := max(p.waits.NextBackOff(), p.asked)
	if p.now {
		wait = 0
	}
	p.asked, p.now = 0, false
	if end, ok := p.ctx.Deadline(); ok && wait >= time.Until(end) {
		return backoff.Stop
	}
	return wait
}
