package simulate
import ("testing";"time";"os";"context";"github.com/evenkeel/evenkeel/backpressure";"github.com/evenkeel/evenkeel/decide";"github.com/evenkeel/evenkeel/decide/simulate/llm";"github.com/evenkeel/evenkeel/decide/simulate/trace"
"github.com/evenkeel/evenkeel/signal")
func TestZZ(t *testing.T) {
	m := preset(t, "minimax-m2.5-fp8/h100x4")
	st,_ := llm.StartupPreset("sleeping")
	for _, name := range []string{"azure2023_conv","mooncake_conversation"} {
		tr, err := trace.Read(os.Getenv("EVENKEEL_TRACES")+"/"+name+".csv.gz")
		if err!=nil {t.Fatal(err)}
		k, err := SpeedFor(tr, m, 6, 100*time.Millisecond, 10*time.Second)
		if err!=nil {t.Fatal(err)}
		L := 90*time.Second
		b := tr.Busiest(time.Duration(float64(L)*k)).Speed(k)
		in,out := b.MeanTokens()
		t.Logf("%s speed %.2f n %d mean %.1f/s peak10 %.1f/s need %.2f, min5s.. knee %.1f in %.0f out %.0f work-rate %.0f", name, k, len(b), float64(len(b))/90, b.PeakRate(10*time.Second), ReplicasNeeded(b,m,100*time.Millisecond,10*time.Second), m.MaxRate(100*time.Millisecond,in,out), in,out, (in+8*out)/m.Work(in,out).Seconds())
		c := Config{Model:m, Startup: st, Arrivals:b, Length: L, Gate:&backpressure.Config{}, Tick: time.Second, Log:true}
		for n:=int64(2); n<=8; n++ {
			c.Decider=Constant(n); c.Initial=n
			r := run(t,c)
			t.Logf("constant %d: adm %.3f off %.3f shed %.3f by %v ttft %v tpot %v rs %.0f", n, r.WithinAdmitted, r.WithinOffered, float64(r.Shed)/float64(r.Offered), r.ShedBy, r.TTFT, r.TPOT, r.ReplicaSeconds)
		}
		c.Decider=nil
		c.Initial=3
		c.Policy = policies(decide.Capacity{Demand: key(signal.NameDemandWork), Rate: key(signal.NameUnitRate), Utilization: 0.7, Headroom: 0.5},
			decide.Backlog{Queue:key(signal.NameQueuedWork), Rate: key(signal.NameUnitRate), Demand: key(signal.NameDemandWork), Within: 5*time.Second},
			decide.Track{Signal: key(signal.NameUnitUse), Setpoint: 0.7})
		c.Policy.Down.Window=15*time.Second
		r := run(t,c)
		t.Logf("auto: adm %.3f off %.3f shed %.3f by %v ttft %v tpot %v rs %.0f", r.WithinAdmitted, r.WithinOffered, float64(r.Shed)/float64(r.Offered), r.ShedBy, r.TTFT, r.TPOT, r.ReplicaSeconds)
		for i,d := range r.Decisions { if i%3==0 {t.Logf("%v desired %d work %.0f rate %.0f use %.3f ready %d inflight %.0f q %.0f sat %.2f shed %.1f why %v/%v %v", d.At, d.Decision.Desired, d.Input.Signals[2].Value, d.Input.Signals[3].Value, d.Input.Signals[4].Value, d.Input.Fleet.Ready, d.Input.Signals[5].Value,d.Input.Signals[6].Value, d.Input.Signals[10].Value, d.Input.Signals[9].Value, d.Decision.Binding, d.Decision.Reason, d.Decision.Recommendations)}}
	}
	_ = context.Background
}
