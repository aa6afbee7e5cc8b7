package compat_test

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/compat"
	"github.com/evenkeel/evenkeel/decide/policy"
	"github.com/evenkeel/evenkeel/signal"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fleet is n replicas, all ready, that see these metrics.
func fleet(n int64, metrics ...compat.Metric) compat.Observation {
	return compat.Observation{Now: noon, Spec: n, Status: n, Ready: n, Limits: decide.Limits{Min: 1, Max: 50}, Metrics: metrics}
}

func ExampleFromHPA() {
	file, report, err := compat.FromHPA([]byte(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: chat, namespace: prod, labels: { team: serving } }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: chat }
  minReplicas: 2
  maxReplicas: 20
  metrics:
    - type: Pods
      pods: { metric: { name: requests_running }, target: { type: AverageValue, averageValue: 24 } }
  behavior:
    scaleUp:
      policies: [ { type: Pods, value: 4, periodSeconds: 60 } ]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n%s\n", file, &report)
	p, err := policy.Parse("chat.yaml", file)
	fmt.Println(p.Limits.Min, p.Limits.Max, err)
	// Output:
	// # From the HorizontalPodAutoscaler prod/chat, which scales apps/v1 Deployment chat.
	// name: prod/chat
	// min: 2
	// max: 20
	// signals:
	//   requests_running: {unit: '{value}', merge: mean}
	// policies:
	//   requests_running: {track: {signal: requests_running, setpoint: 24}}
	// scale_up:
	//   tolerance: 10%
	//   window: off
	//   rates:
	//     - {count: 4, period: 1m}
	// scale_down:
	//   tolerance: 10%
	//   window: 5m
	//
	// from     prod/chat, which scales apps/v1 Deployment chat
	// publish  requests_running ({value}): the metric requests_running of a replica, mean of the replicas; spec.metrics[0]
	// left     metadata.labels: a policy has no metadata of Kubernetes
	// noted    spec.scaleTargetRef = apps/v1 Deployment chat: a comment in the policy: what is scaled is for the program to say
	//
	// 2 20 <nil>
}

// A baseline sees what its autoscaler would see, when it would see it.
func ExampleNewBaseline() {
	b, err := compat.NewBaseline(compat.KPA{Target: 10}, compat.Wiring{Feeds: []compat.Feed{{
		Signal: signal.Def{Key: signal.Key{Name: signal.NameInFlight}, Unit: signal.Requests},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fleet := decide.Fleet{Desired: 1, Ready: 1}
	for s := range 7 {
		in := decide.Input{Now: noon.Add(time.Duration(s) * time.Second), Fleet: fleet, Limits: decide.Limits{Min: 1, Max: 50},
			Signals: []signal.Sample{signal.Value(40)}}
		var d decide.Decision
		b.Decide(&in, &d)
		fmt.Print(d.Desired, " ")
		fleet.Desired = d.Desired
	}
	fmt.Println(b.Facts().Name)
	// Output: 1 1 6 6 6 6 6 knative-kpa
}

func ExampleRules() {
	for _, f := range compat.Rules()[:3] {
		fmt.Printf("%s reads %v every %v, signals %v old: %v\n", f.Name, f.Reads, f.Tick, f.Delay, f.Shape)
	}
	// Output:
	// kubernetes-hpa reads spec+status+ready every 15s, signals 27.5s old: ratio
	// knative-kpa reads ready every 2s, signals 1s old: absolute
	// keda reads spec+status+ready every 15s, signals 7.5s old: ratio
}

func ExampleHPA() {
	h := compat.HPA{Metrics: []compat.HPAMetric{{Source: compat.HPAExternal, Type: compat.HPAAverageValue, Target: 10}}}
	var s compat.HPAState
	s, v := h.Next(s, fleet(4, compat.Metric{Value: 120}))
	fmt.Println(v.Replicas, v.Reason)
	_, v = h.Next(s, fleet(8, compat.Metric{Value: 43}))
	fmt.Println(v.Replicas, v.Reason)
	// Output:
	// 8 rate
	// 12 window
}

func ExampleKPA() {
	k := compat.KPA{Target: 10}
	s, v := k.Next(compat.KPAState{}, fleet(1, compat.Metric{Value: 10, Short: 30}))
	fmt.Println(v.Replicas, s.Panicking, s.Spare)
	// Output: 5 true -231
}

func ExampleKEDA() {
	k := compat.KEDA{Triggers: []compat.KEDATrigger{{Target: 10}}}
	o := fleet(0, compat.Metric{Value: 3})
	o.Limits.Min = 0
	_, v := k.Next(compat.KEDAState{}, o)
	fmt.Println(v.Replicas, v.Reason)
	// Output: 1 first
}

func ExampleKEDAJobs_Create() {
	fmt.Println(compat.JobsDefault.Create(8, 3, 2, 10), compat.JobsAccurate.Create(8, 3, 2, 10), compat.JobsEager.Create(8, 3, 2, 10))
	// Output: 5 6 5
}

func ExampleRay() {
	r := compat.Ray{UpDelay: -1} // without its half a minute
	_, v := r.Next(compat.RayState{}, fleet(2, compat.Metric{Value: 10}))
	fmt.Println(v.Replicas)
	// Output: 5
}

// Two replicas are ready, all others on their way.
func ExampleAPA() {
	for _, repaired := range []bool{false, true} {
		rule, s, n := compat.APA{Setpoints: []float64{0.5}, Repaired: repaired}, compat.AIBrixState{}, int64(2)
		for range 5 {
			o := fleet(n, compat.Metric{Value: 1})
			o.Ready = 2
			var v compat.Verdict
			s, v = rule.Next(s, o)
			n = v.Replicas
			fmt.Print(n, " ")
		}
		fmt.Println(rule.Facts().Name)
	}
	// Output:
	// 4 8 16 32 50 aibrix-apa@as-shipped
	// 4 4 4 4 4 aibrix-apa@repaired
}

// Eight replicas with their caches at 90 %, and a setpoint of half of that.
func ExampleAIBrixKPA() {
	_, v := compat.AIBrixKPA{Setpoint: 0.5}.Next(compat.AIBrixState{}, fleet(8, compat.Metric{Value: 0.9, Short: 0.9}))
	_, r := compat.AIBrixKPA{Setpoint: 0.5, Repaired: true}.Next(compat.AIBrixState{}, fleet(8, compat.Metric{Value: 0.9, Short: 0.9}))
	fmt.Println(v.Replicas, r.Replicas)
	// Output: 4 15
}

func ExampleWVASaturation() {
	v := compat.WVAVariant{Cost: 1, Desired: 2, Current: 2, Replicas: []compat.WVAReplica{{KV: 0.65}, {KV: 0.76}}}
	fmt.Println(compat.WVASaturation{}.Decide([]compat.WVAVariant{v}))
	// Output: [3]
}

// What WVA publishes is scaled to by an HPA, with its own tick and window.
func ExampleLayered() {
	l := compat.Layered[compat.WVAState]{Inner: compat.WVASaturation{}}
	f := l.Facts()
	fmt.Println(f.Name, f.Tick)
	// Output: llm-d-wva-v1+hpa 15s
}

func ExampleWVATokens() {
	pools := []compat.WVAPool{{Cost: 1, Capacity: 100, Ready: 2, Pending: 2}}
	fmt.Println(compat.WVATokens{}.Decide(pools, 180), compat.WVATokens{}.Decide(pools, 400))
	// Output: [4] [5]
}

func ExampleWVAQueue() {
	q := compat.WVAQueue{Alpha: 0.01, Beta: 2e-5, Gamma: 1e-7, Input: 500, Output: 100, Batch: 32}
	fmt.Printf("%.1f requests/s\n", q.Rate(0.5, 0.02))
	// Output: 17.9 requests/s
}

func ExampleDynamoLoad() {
	queued := compat.Metric{Pods: []compat.Pod{{Value: 0.2}, {Value: 1.4}}}
	cache := compat.Metric{Pods: []compat.Pod{{Value: 0.5}, {Value: 0.9}}}
	_, v := compat.DynamoLoad{}.Next(compat.DynamoState{}, fleet(2, queued, cache))
	fmt.Println(v.Replicas)
	// Output: 3
}

func ExampleDynamoThroughput() {
	d := compat.DynamoThroughput{Role: compat.DynamoPrefill, Input: 1000, Output: 200, Sequences: 64, KV: 100_000,
		Model: compat.DynamoModel{PrefillBase: 0.02, PrefillToken: 1e-4}}
	_, v := d.Next(compat.DynamoState{}, fleet(2, compat.Metric{Value: 30}))
	fmt.Println(v.Replicas)
	// Output: 4
}

func ExampleDynamoBudget() {
	fmt.Println(compat.DynamoBudget(6, 4, 1, 2, 8, 1))
	// Output: 3 2
}

func ExampleNomad() {
	n := compat.Nomad{Checks: []compat.NomadCheck{{Target: 70}}}
	_, v := n.Next(compat.NomadState{}, fleet(4, compat.Metric{Value: 71}))
	fmt.Println(v.Replicas)
	// Output: 5
}

func ExampleAWS() {
	a, s := compat.AWS{Setpoints: []float64{50}}, compat.AWSState{}
	for range 3 { // a point a minute
		var v compat.Verdict
		s, v = a.Next(s, fleet(4, compat.Metric{Value: 80}))
		fmt.Print(v.Replicas, " ")
	}
	// Output: 4 4 7
}
