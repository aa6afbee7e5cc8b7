package signal_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// start is when the examples take place; a program passes time.Now().
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func ExampleHistogram() {
	latency := signal.NewHistogram(30*time.Second, 10)
	for i := range 100 {
		latency.Record(start, float64(i+1)/100) // seconds
	}
	var d signal.Dist
	latency.Into(start.Add(time.Second), &d)
	fmt.Printf("%d requests, p95 %.2f s\n", d.Count(), d.Quantile(0.95))

	latency.Into(start.Add(time.Minute), &d)
	fmt.Println(d.Count(), "a minute later")
	// Output:
	// 100 requests, p95 0.95 s
	// 0 a minute later
}

func ExampleCounter() {
	tokens := signal.NewCounter(30*time.Second, 10)
	for i := range 5 {
		tokens.Add(start.Add(time.Duration(i)*time.Second), 200)
	}
	// Five seconds in, the rate is over five seconds, not over thirty.
	fmt.Println(tokens.PerSecond(start.Add(5*time.Second)), "per second,", tokens.Total(), "in all")
	// Output: 200 per second, 1000 in all
}

func ExampleGauge() {
	var depth signal.Gauge
	fmt.Println(depth.Sample(start).Quality)
	depth.Set(start, 12)
	s := depth.Sample(start.Add(4 * time.Second))
	fmt.Println(s.Value, s.Age)
	// Output:
	// absent
	// 12 4s
}

// queue is a source with one signal.
type queue struct{ depth func() (int, error) }

func (q queue) Defs() []signal.Def {
	return []signal.Def{{Key: signal.Key{Name: signal.NameQueued}, Unit: signal.Requests}}
}

func (q queue) Collect(_ context.Context, into *signal.Snapshot) error {
	n, err := q.depth()
	if err != nil {
		return err
	}
	into.Set(0, signal.Value(float64(n)))
	return nil
}

func ExampleCollector() {
	depth, down := 7, error(nil)
	c, err := signal.NewCollector(queue{func() (int, error) { return depth, down }})
	if err != nil {
		fmt.Println(err)
		return
	}
	snap := signal.NewSnapshot(c.Schema())
	for _, now := range []int{0, 10, 30, 90} {
		err := c.Collect(context.Background(), start.Add(time.Duration(now)*time.Second), snap)
		v := snap.At(0)
		fmt.Printf("%2d s: %v %v %v, error: %v\n", now, v.Value, v.Age, v.Quality, err)
		down = errors.New("connection refused")
	}
	// Output:
	//  0 s: 7 0s fresh, error: <nil>
	// 10 s: 7 10s fresh, error: source 0 (evenkeel.queue.requests): connection refused
	// 30 s: 7 30s stale, error: source 0 (evenkeel.queue.requests): connection refused
	// 90 s: 0 0s absent, error: source 0 (evenkeel.queue.requests): connection refused
}

// The fleet's p95 comes from all values together. One slow member of two does
// not hide behind a mean.
func ExampleMergeMembers() {
	schema, err := signal.NewSchema(
		signal.Def{Key: signal.Key{Name: signal.NameDemandRequests}, Unit: signal.RequestsPerSecond},
		signal.Def{Key: signal.Key{Name: signal.NameTTFT}, Unit: signal.Seconds, Quantile: 0.95},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	member := func(demand, ttft float64, n uint64) *signal.Snapshot {
		s := signal.NewSnapshot(schema)
		s.Set(0, signal.Value(demand))
		var d signal.Dist
		d.RecordN(ttft, n)
		s.SetDist(1, &d, 0)
		return s
	}
	fleet := signal.NewSnapshot(schema)
	cover, err := signal.MergeMembers(fleet, []*signal.Snapshot{
		member(30, 0.5, 900),
		member(3, 8, 100),
		nil, // did not answer
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d of %d members\n", cover.Fresh, cover.Expected)
	fmt.Printf("demand %v/s, p95 of the time to first token %.0f s\n", fleet.At(0).Value, fleet.At(1).Value)
	// Output:
	// 2 of 3 members
	// demand 33/s, p95 of the time to first token 8 s
}

func ExampleSnapshot_MarshalBinary() {
	schema, err := signal.NewSchema(
		signal.Def{Key: signal.Key{Name: signal.NameInFlight}, Unit: signal.Requests},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	here := signal.NewSnapshot(schema)
	here.Set(0, signal.Value(12))
	data, err := here.MarshalBinary()
	if err != nil {
		fmt.Println(err)
		return
	}
	there := signal.NewSnapshot(schema)
	if err := there.UnmarshalBinary(data); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(there.At(0).Value, there.At(0).Quality, len(data), "bytes")
	// Output: 12 fresh 20 bytes
}

func ExampleFunc() {
	jobs := make(chan string, 100)
	jobs <- "a picture"
	source := signal.Func{
		Def:  signal.Def{Key: signal.Key{Name: "jobs.waiting"}, Unit: signal.Requests},
		Read: func(context.Context) (float64, error) { return float64(len(jobs)), nil },
	}
	schema, err := signal.NewSchema(source.Defs()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	snap := signal.NewSnapshot(schema)
	fmt.Println(source.Collect(context.Background(), snap), snap.Samples()[0].Value)
	// Output: <nil> 1
}
