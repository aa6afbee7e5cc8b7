package backpressure

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Mode says what the gate does with its verdicts. It learns in all of them.
type Mode uint8

// The modes. The zero value enforces.
const (
	Enforce Mode = iota // admit, queue and shed
	Shadow              // admit everything, and count what would have been shed
	Off                 // admit everything
)

var modeNames = [...]string{"enforce", "shadow", "off"}

// String returns "enforce", "shadow" or "off".
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return "mode(" + strconv.Itoa(int(m)) + ")"
}

// Defaults of [Config].
const (
	DefaultTTFT          = 2 * time.Second
	DefaultTPOT          = 100 * time.Millisecond
	DefaultShare         = 0.5
	DefaultWindow        = 10 * time.Second
	DefaultQueueRequests = 1000
	DefaultQueueBytes    = 64 << 20
	DefaultQueueWait     = 30 * time.Second
)

// A Config configures a [Gate] or an [Admission]. The zero Config is valid.
type Config struct {
	// Pool names the pool in the gate's signals. Empty where there is only one.
	Pool string
	// Mode of the gate. Default [Enforce].
	Mode Mode
	// TTFT is the objective for the time to first token, from arrival at the gate.
	// Default [DefaultTTFT].
	TTFT time.Duration
	// LongPrompt lets TTFT grow with the prompt. Default: it is the same for all.
	LongPrompt LongPrompt
	// TPOT is the objective for the mean time per output token after the first.
	// Default [DefaultTPOT].
	TPOT time.Duration
	// Share of TTFT that the predicted time behind the gate may take, in (0, 1). Half
	// of the rest is for the queue, half for what the prediction gets wrong. More
	// does not raise throughput, for a backlog of half the objective keeps units as
	// busy as a longer one; it makes late what the units slow down under. Default
	// [DefaultShare].
	Share float64
	// Queue bounds the requests that wait.
	Queue Queue
	// Routes that serve a request less well than in full, and better than not at
	// all. Default: none, what does not fit is shed.
	Routes []Route
	// Quotas bound what each key uses, by the Key of the request's [Caller] or its
	// Tenant. They are asked before the queue. Several gates may share them.
	// Default: none. An [Admission] knows no keys, and leaves them alone.
	Quotas *Quotas
	// Fair weighs the tenants. Default: all the same.
	Fair Fair
	// Window over which demand and latencies are reported. Short, so that a burst
	// is seen at once. Default [DefaultWindow].
	Window time.Duration
}

// A Queue bounds the waiting requests.
type Queue struct {
	// Requests that may wait. Default [DefaultQueueRequests]; negative: none, what
	// does not fit is shed at once.
	Requests int
	// Bytes that they may occupy (Cost.Bytes). Default [DefaultQueueBytes].
	Bytes int64
	// Wait is the longest wait. It matters while no unit is ready; behind a full
	// fleet what remains of the TTFT objective ends the wait much earlier. Default
	// [DefaultQueueWait].
	Wait time.Duration
}

// withDefaults returns c with its zero fields filled in.
func (c Config) withDefaults() Config {
	orDefault(&c.TTFT, DefaultTTFT)
	orDefault(&c.TPOT, DefaultTPOT)
	orDefault(&c.Share, DefaultShare)
	orDefault(&c.Window, DefaultWindow)
	orDefault(&c.Queue.Requests, DefaultQueueRequests)
	orDefault(&c.Queue.Bytes, DefaultQueueBytes)
	orDefault(&c.Queue.Wait, DefaultQueueWait)
	c.Routes = cloneRoutes(c.Routes)
	return c
}

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// validate checks c, defaults filled in.
func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("backpressure: "+format, args...))
	}
	if int(c.Mode) >= len(modeNames) {
		bad("Mode is %v: use Enforce, Shadow or Off", c.Mode)
	}
	if c.TTFT < 0 {
		bad("TTFT is %v: it must be positive, or 0 for %v", c.TTFT, DefaultTTFT)
	}
	if c.LongPrompt.Above < 0 || c.LongPrompt.PerToken < 0 {
		bad("LongPrompt is %d tokens and %v: neither may be negative, and no PerToken is the same TTFT for all", c.LongPrompt.Above, c.LongPrompt.PerToken)
	}
	if c.TPOT < 0 {
		bad("TPOT is %v: it must be positive, or 0 for %v", c.TPOT, DefaultTPOT)
	}
	if !(c.Share > 0 && c.Share < 1) || math.IsNaN(c.Share) {
		bad("Share is %v: it must lie in (0, 1), or be 0 for %v", c.Share, DefaultShare)
	}
	if c.Window < time.Second || c.Window > time.Hour {
		bad("Window is %v: it must lie between 1s and 1h, or be 0 for %v", c.Window, DefaultWindow)
	}
	if c.Queue.Bytes < 0 {
		bad("Queue.Bytes is %d: it must be positive, or 0 for %d", c.Queue.Bytes, int64(DefaultQueueBytes))
	}
	if c.Queue.Wait < 0 {
		bad("Queue.Wait is %v: it must be positive, or 0 for %v", c.Queue.Wait, DefaultQueueWait)
	}
	errs = append(errs, validateRoutes(c.Routes))
	return errors.Join(errs...)
}
