package backpressure

import (
	"context"
	"testing"
)

func TestCallerTravelsInTheContext(t *testing.T) {
	ctx := t.Context()
	if got := CallerFrom(ctx); got != (Caller{}) || got.Class != Critical {
		t.Errorf("a bare context has %+v, want the zero Caller, which is critical", got)
	}
	want := Caller{Tenant: "acme", Key: "k1", Class: Sheddable, Hops: 1}
	ctx = WithCaller(ctx, want)
	if got := CallerFrom(context.WithoutCancel(ctx)); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for in, want := range map[Class]Class{-100: Sheddable, 100: CriticalPlus, SheddablePlus: SheddablePlus} {
		if got := CallerFrom(WithCaller(ctx, Caller{Class: in})).Class; got != want {
			t.Errorf("class %d became %v, want %v", in, got, want)
		}
	}
}
