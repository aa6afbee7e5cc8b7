package backpressure

import (
	"context"
	"strconv"
)

// A Caller says on whose behalf a request runs and how much it matters. It comes
// from the server's own code, by [WithCaller]: no header sets it unless a function
// of the user's says so. The zero Caller is nobody in particular, and critical.
type Caller struct {
	// Tenant shares capacity with other tenants, each its fair part. Empty: the
	// tenant of all who have no name. Names need not be known in advance, and are
	// hashed before they reach a metric, a journal or a page.
	Tenant string
	// Key has the quota, usually an API key. Empty: the tenant.
	Key string
	// Class is how much the request matters. Default [Critical].
	Class Class
	// Hops is how many gates have passed the request on to another region. A gate
	// passes it on only once.
	Hops int

	inFull bool // no route will do: it is what was degraded, and comes again
}

// Class says what goes first when there is not room for all: the four
// criticalities of the book "Site Reliability Engineering" (Google, 2016, chapter
// 21). A higher number goes first.
type Class int8

// The classes, from the one that is shed first.
const (
	Sheddable     Class = iota - 2 // may often fail: batch work that is repeated
	SheddablePlus                  // some failures are expected
	Critical                       // what users see, and the default
	CriticalPlus                   // what must not fail

	classes = 4
)

var classNames = [classes]string{"sheddable", "sheddable_plus", "critical", "critical_plus"}

// String returns the class's name in lower case with underscores.
func (c Class) String() string {
	if c >= Sheddable && c <= CriticalPlus {
		return classNames[c-Sheddable]
	}
	return "class(" + strconv.Itoa(int(c)) + ")"
}

type callerKey struct{}

// WithCaller returns a context whose requests run on behalf of c. A class out of
// range counts as the nearest.
func WithCaller(ctx context.Context, c Caller) context.Context {
	c.Class = min(max(c.Class, Sheddable), CriticalPlus)
	return &callerContext{ctx, c}
}

// A callerContext is a context.WithValue that needs no memory for the value.
type callerContext struct {
	context.Context //nolint:containedctx // it is one
	caller          Caller
}

func (c *callerContext) Value(key any) any {
	if _, ok := key.(callerKey); ok {
		return &c.caller
	}
	return c.Context.Value(key)
}

// CallerFrom returns what [WithCaller] put into ctx, or the zero Caller.
func CallerFrom(ctx context.Context) Caller {
	if c, ok := ctx.Value(callerKey{}).(*Caller); ok {
		return *c
	}
	return Caller{}
}
