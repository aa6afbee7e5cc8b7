package signal

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a source of two signals that does what its test says.
type scripted struct {
	name    string
	collect func(ctx context.Context, into *Snapshot) error
	calls   atomic.Int32
}

func (s *scripted) Defs() []Def {
	return []Def{
		{Key: Key{Name: s.name + ".a"}, Unit: Requests, MaxAge: 2 * time.Second},
		{Key: Key{Name: s.name + ".b"}, Unit: Seconds, Quantile: 0.5, MaxAge: 2 * time.Second},
	}
}

func (s *scripted) Collect(ctx context.Context, into *Snapshot) error {
	s.calls.Add(1)
	return s.collect(ctx, into)
}

func setBoth(v float64) func(context.Context, *Snapshot) error {
	return func(_ context.Context, into *Snapshot) error {
		into.Set(0, Value(v))
		into.SetDist(1, distOf([]float64{v}), 0)
		return nil
	}
}

// Whatever one source does, its samples age and the other's do not.
func TestCollectorKeepsSourcesApart(t *testing.T) {
	tests := []struct {
		name string
		bad  func(ctx context.Context, into *Snapshot) error
		want error
	}{
		{"error after half", func(_ context.Context, into *Snapshot) error {
			into.Set(0, Value(666))
			into.Dist(1).Record(666)
			return errors.ErrUnsupported
		}, errors.ErrUnsupported},
		{"panic", func(_ context.Context, into *Snapshot) error {
			into.Set(0, Value(666))
			panic("oh")
		}, ErrSourcePanic},
		{"goexit", func(context.Context, *Snapshot) error {
			runtime.Goexit()
			return nil
		}, ErrSourcePanic},
		{"late", func(ctx context.Context, into *Snapshot) error {
			into.Set(0, Value(666))
			<-ctx.Done()
			return ctx.Err()
		}, context.DeadlineExceeded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bad := &scripted{name: "bad", collect: setBoth(1)}
				good := &scripted{name: "good", collect: setBoth(2)}
				c, err := NewCollector(bad, good)
				if err != nil {
					t.Fatal(err)
				}
				into := NewSnapshot(c.Schema())
				collect := func() error {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					return c.Collect(ctx, time.Now(), into)
				}
				if err := collect(); err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				bad.collect = tt.bad
				for _, step := range []struct {
					sleep   time.Duration
					quality Quality
				}{{time.Second, Fresh}, {2 * time.Second, Stale}, {10 * time.Second, Absent}} {
					time.Sleep(step.sleep)
					asked := time.Now()
					err := collect()
					var source *SourceError
					if !errors.Is(err, tt.want) || !errors.As(err, &source) || source.Source != 0 || source.First.Name != "bad.a" {
						t.Fatalf("got %v, want %v of source 0", err, tt.want)
					}
					for i := range 2 {
						v := into.At(i)
						if v.Quality != step.quality {
							t.Fatalf("the bad source's signal %d is %v, want %v", i, v.Quality, step.quality)
						}
						if v.Quality != Absent && (v.Value > 1.1 || v.Age != asked.Sub(begun)) {
							t.Fatalf("the bad source's signal %d is %+v, want 1 at %v", i, v, asked.Sub(begun))
						}
						if g := into.At(2 + i); !g.OK() || g.Age != 0 {
							t.Fatalf("the good source's signal %d is %+v", i, g)
						}
					}
				}
				synctest.Wait()
				bad.collect = setBoth(3)
				if err := collect(); err != nil || into.At(0) != Value(3) {
					t.Errorf("after it is well again: %+v, %v", into.At(0), err)
				}
			})
		})
	}
}

func TestCollectorSourceThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hung := &scripted{name: "hung"}
		hung.collect = func(_ context.Context, into *Snapshot) error {
			<-release
			into.Set(0, Value(7))
			return nil
		}
		c, err := NewCollector(hung)
		if err != nil {
			t.Fatal(err)
		}
		into := NewSnapshot(c.Schema())
		begun := time.Now()
		if err := c.Collect(t.Context(), time.Now(), into); !errors.Is(err, ErrSourceLate) {
			t.Fatalf("got %v, want ErrSourceLate", err)
		}
		if d := time.Since(begun); d != DefaultTimeout {
			t.Errorf("returned after %v, want %v", d, DefaultTimeout)
		}
		for range 3 { // refused at once, and not called again
			before := time.Now()
			if err := c.Collect(t.Context(), time.Now(), into); !errors.Is(err, ErrSourceRunning) {
				t.Fatalf("got %v, want ErrSourceRunning", err)
			}
			if time.Now() != before || hung.calls.Load() != 1 {
				t.Fatalf("waited %v, %d calls", time.Since(before), hung.calls.Load())
			}
		}
		if into.At(0).Quality != Absent {
			t.Errorf("got %+v from a source that has said nothing", into.At(0))
		}
		close(release)
		synctest.Wait()
		// Its late answer counts, as old as its question, unless a new one replaces it.
		hung.collect = func(context.Context, *Snapshot) error { return errors.ErrUnsupported }
		err = c.Collect(t.Context(), begun.Add(6*time.Second), into)
		if want := (Sample{Value: 7, Age: 6 * time.Second, Quality: Stale}); !errors.Is(err, errors.ErrUnsupported) || into.At(0) != want {
			t.Errorf("got %+v, %v; want %+v", into.At(0), err, want)
		}
	})
}

func TestCollectorUnsetSignalsAge(t *testing.T) {
	src := &scripted{name: "s", collect: setBoth(1)}
	c, err := NewCollector(src)
	if err != nil {
		t.Fatal(err)
	}
	into := NewSnapshot(c.Schema())
	for _, s := range []int{0, 1, 3, 2, 100} {
		if err := c.Collect(t.Context(), epoch.Add(time.Duration(s)*time.Second), into); err != nil {
			t.Fatal(err)
		}
		want := Sample{Value: 1, Age: time.Duration(s) * time.Second, Quality: Fresh}
		switch s {
		case 3:
			want.Quality = Stale
		case 2: // time ran backwards: nothing becomes younger
			want.Age, want.Quality = 3*time.Second, Stale
		case 100:
			want = Sample{}
		}
		if into.At(0) != want {
			t.Errorf("at %d s: %+v, want %+v", s, into.At(0), want)
		}
		src.collect = func(context.Context, *Snapshot) error { return nil } // well, and says nothing
	}
}

func TestCollectorStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &scripted{name: "s", collect: func(ctx context.Context, _ *Snapshot) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		c, err := NewCollector(src)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Collect(ctx, time.Now(), NewSnapshot(c.Schema())); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}

func TestNewCollectorRefuses(t *testing.T) {
	good := &scripted{name: "s"}
	tests := []struct {
		name    string
		sources []Source
		want    string
	}{
		{"nil", []Source{good, nil}, "source 1 is nil"},
		{"no signals", []Source{nothing{}}, "source 0 has no signals"},
		{"twice", []Source{good, good}, `"s.a": defined twice, at 0 and 2`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := NewCollector(tt.sources...)
			if c != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v; want %q", c, err, tt.want)
			}
		})
	}
	c, err := NewCollector(good)
	if err != nil {
		t.Fatal(err)
	}
	other := NewSnapshot(mustSchema(t, Def{Key: Key{Name: "x"}, Unit: Ratio}))
	if err := c.Collect(t.Context(), epoch, other); !errors.Is(err, ErrSchema) || good.calls.Load() != 0 {
		t.Errorf("got %v after %d calls, want ErrSchema before any", err, good.calls.Load())
	}
}

type nothing struct{}

func (nothing) Defs() []Def                              { return nil }
func (nothing) Collect(context.Context, *Snapshot) error { return nil }
