package policy

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// known is a schema of all that has a short name, and of some that has not.
func known(t testing.TB) *signal.Schema {
	t.Helper()
	var defs []signal.Def
	for _, n := range Names() {
		defs = append(defs, n.Def)
	}
	defs = append(defs,
		signal.Def{Key: signal.Key{Name: "memory"}, Unit: signal.Bytes},
		signal.Def{Key: signal.Key{Name: "wait_ms"}, Unit: "ms"},
		signal.Def{Key: signal.Key{Name: "vllm:kv.use", Pool: "chat"}, Unit: "%", Merge: signal.MergeMax},
		signal.Def{Key: signal.Key{Name: "jobs", Pool: "chat"}, Unit: "{job}"},
		signal.Def{Key: signal.Key{Name: "jobs", Pool: "batch"}, Unit: "{job}"},
		signal.Def{Key: signal.Key{Name: "network"}, Unit: "By/s"},
	)
	s, err := signal.NewSchema(defs...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// values is an input in which these signals are fresh, by the names people use.
func values(t testing.TB, s *signal.Schema, v map[string]float64) *decide.Input {
	t.Helper()
	in := &decide.Input{Signals: make([]signal.Sample, s.Len())}
	for name, x := range v {
		base, pool, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
		i, err := resolve(s, base, pool)
		if err != nil {
			t.Fatal(err)
		}
		in.Signals[i] = signal.Value(x)
	}
	return in
}

func TestTruth(t *testing.T) {
	s := known(t)
	in := values(t, s, map[string]float64{
		"gpu_utilization": 0.71, "latency_p95": 0.8, "queue_depth": 12, "demand": 40, "demand_work": 4000,
		"memory": 64 << 20, "wait_ms": 800, "vllm:kv.use": 85, "jobs{chat}": 5, "in_flight": 0, "network": 2e6,
	})
	in.Fleet = decide.Fleet{Desired: 6, Ready: 4, Starting: []decide.Cohort{{N: 1}, {N: 1}}}
	for _, c := range []struct {
		text string
		want decide.Truth
	}{
		{"gpu_utilization > 70%", decide.True},
		{"gpu_utilization > 70 %", decide.True},
		{"gpu_utilization > 70% or latency_p95 > 800ms", decide.True},
		{"gpu_utilization > 0.72", decide.False},
		{"70% < gpu_utilization", decide.True},
		{"latency_p95 > 800ms", decide.False},
		{"latency_p95 >= 800ms", decide.True},
		{"latency_p95 == 0.8s", decide.True},
		{"latency_p95 != 0.8s", decide.False},
		{"gen_ai.server.request.duration < 1h30m", decide.True},
		{"latency > 0.5s and not queue_depth > 12", decide.True},
		{"queue_depth > 2 * fleet.ready and queue_depth <= 2 * fleet.desired", decide.True},
		{"queue_depth / fleet.ready == 3", decide.True},
		{"fleet.starting == 2", decide.True},
		{"fleet.desired == 6 and fleet.ready == 4 and not fleet.desired == 4", decide.True},
		{"queue_depth > 5 and (demand > 50 or (in_flight > 1 or not (wait_ms > 1s and memory > 1GB)))", decide.True},
		{"not (queue_depth > 5 and (demand > 30 and (in_flight < 1 and not wait_ms > 1s)))", decide.False},
		{"demand == 40/s and demand == 2400/min and demand == 40 requests/s and demand == 40", decide.True},
		{"demand_work >= 4k and demand_work >= 4k tokens/s and demand_work < 4.1k tokens/s", decide.True},
		{"memory == 64MiB and memory > 67MB and memory < 1GB", decide.True},
		{"network == 2MB/s", decide.True},
		{"wait_ms == 800ms", decide.True},
		{"vllm:kv.use > 80% and vllm:kv.use < 90%", decide.True},
		{"jobs{chat} > 4 and not jobs{chat} > 5", decide.True},
		{"queue_depth > 40/s * 0.25s", decide.True},
		{"queue_depth / demand < 1s", decide.True},
		{"max(queue_depth, in_flight) - min(queue_depth, in_flight, 3) == 12", decide.True},
		{"abs(in_flight - queue_depth) == 12 and -queue_depth < -11", decide.True},
		{"queue_depth - 5 - 4 == 3 and queue_depth - (5 - 4) == 11", decide.True},
		{"2 + 3 * queue_depth == 38", decide.True},
		{"gpu_utilization < 5 and gpu_utilization < 1", decide.True}, // 5 may be meant
		// What need not be read is left out, and what follows it is not.
		{"not (queue_depth > 5 or ttft_p95 > 1s)", decide.False},
		{"not (queue_depth > 50 and ttft_p95 > 1s)", decide.True},
		{"(queue_depth > 5 or ttft_p95 > 1s) and demand > 50", decide.False},
		{"(queue_depth > 50 and ttft_p95 > 1s) or demand > 30", decide.True},
		// Unknown: ttft was never measured, in_flight is 0.
		{"ttft_p95 > 1s", decide.Unknown},
		{"not ttft_p95 > 1s", decide.Unknown},
		{"ttft_p95 > 1s or queue_depth > 5", decide.True},
		{"queue_depth > 5 or ttft_p95 > 1s", decide.True},
		{"ttft_p95 > 1s or queue_depth > 50", decide.Unknown},
		{"queue_depth > 50 or ttft_p95 > 1s", decide.Unknown},
		{"ttft_p95 > 1s and queue_depth > 50", decide.False},
		{"queue_depth > 50 and ttft_p95 > 1s", decide.False},
		{"ttft_p95 > 1s and queue_depth > 5", decide.Unknown},
		{"queue_depth > 5 and ttft_p95 > 1s", decide.Unknown},
		{"ttft_p95 + 1s > 1s", decide.Unknown},
		{"max(ttft_p95, 5s) > 1s", decide.Unknown},
		{"queue_depth / in_flight > 1", decide.Unknown},
		{"1 / (queue_depth / in_flight) < 1", decide.Unknown},
		{"in_flight / in_flight == 1", decide.Unknown},
		{"not (queue_depth > 5 and (in_flight > 5 or ttft_p95 > 1s))", decide.Unknown},
	} {
		e, err := ParseExpression(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		test, err := e.Bind(s)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := test.Test(in); got != c.want {
			t.Errorf("%s is %v, want %v", c.text, got, c.want)
		}
		again, err := ParseExpression(e.String())
		if err != nil || again.String() != e.String() {
			t.Errorf("%s prints as %s, which reads as %s, %v", c.text, e, again, err)
		}
	}
}

// Whatever is not fresh is not known, and neither is what is no number.
func TestQualityDecides(t *testing.T) {
	s := known(t)
	e, err := ParseExpression("queue_depth > 5 or queue_depth + 1 > 6")
	if err != nil {
		t.Fatal(err)
	}
	test, err := e.Bind(s)
	if err != nil {
		t.Fatal(err)
	}
	i, err := resolve(s, "queue_depth", "")
	if err != nil {
		t.Fatal(err)
	}
	in := values(t, s, nil)
	for _, c := range []struct {
		sample signal.Sample
		want   decide.Truth
	}{
		{signal.Sample{}, decide.Unknown},
		{signal.Sample{Value: 9, Quality: signal.Stale, Age: time.Hour}, decide.Unknown},
		{signal.Value(9), decide.True},
		{signal.Value(1), decide.False},
		{signal.Value(math.NaN()), decide.Unknown},
		{signal.Value(math.Inf(1)), decide.Unknown},
	} {
		in.Signals[i] = c.sample
		if got := test.Test(in); got != c.want {
			t.Errorf("%+v: %v, want %v", c.sample, got, c.want)
		}
	}
	if got := test.Test(&decide.Input{}); got != decide.Unknown {
		t.Errorf("no signals at all: %v", got)
	}
	if reads := test.(decide.SignalReader).Reads(); len(reads) != 1 || reads[0] != i {
		t.Errorf("reads %v, want [%d]", reads, i)
	}
}

func TestExpressionErrors(t *testing.T) {
	s := known(t)
	for _, c := range []struct{ text, want string }{
		{"", "at character 1: the expression is empty"},
		{"queue_depth", `at character 1: this is a number, not a condition: compare it, as in "queue_depth > 50"`},
		{"queue_depth > .5", `at character 15: '.' has no meaning here`},
		{"demand_work > 4 tokens ?", "at character 24: '?' has no meaning here"},
		{"queue_depth > 1e999", "at character 15: 1e999 is out of range"},
		{"queue_depth > 5.", `at character 15: "5." is no number`},
		{"queue_depth >", "at character 14: the expression ends here"},
		{"queue_depth > 50 or", "at character 20: the expression ends here"},
		{"queue_depth > 50 && in_flight > 2", `at character 18: "&&": write and`},
		{"queue_depth => 50", `at character 13: "=>": write >=`},
		{"queue_depth = 50", `at character 13: "=": write ==`},
		{"queue_depth > 50 OR in_flight > 2", `at character 18: "OR": write or`},
		{"1 < queue_depth < 5", `at character 17: one comparison follows another`},
		{"(queue_depth > 50", "at character 1: the parenthesis is never closed"},
		{"queue_depth > 50)", `at character 17: ")" closes nothing`},
		{"queue_depth > 5x", `at character 15: "x" is no unit: use %`},
		{"latency_p95 > 800msec", `"msec" is no unit`},
		{"latency_p95 > 5m1h", "the largest first"},
		{"latency_p95 > 1h30", "ends without a unit"},
		{"queue_depth > 5 and in_flight", `at character 21: "and" needs a condition`},
		{"(queue_depth > 5) + 1 > 2", `"+" needs a number`},
		{"not queue_depth", `"not" needs a condition`},
		{"queue_depth{ > 5", "at character 12: the brace is never closed"},
		{"avg(queue_depth) > 5", `"avg" is no function: there are min, max and abs`},
		{"abs(queue_depth, 1) > 5", "abs takes one number"},
		{"min{chat}(queue_depth, 1) > 5", "a function has no pool"},
		{"queue_depth{} > 5", "pool"},
		{"gpu_utilization > 7", "write 7% or 0.07"},
		{"min(queue_depth) > 5", "min takes two numbers or more"},
		{"queue_depth > tokens", `"tokens" is a unit`},
		{"queue_depth > \x00", "has no meaning"},
		{strings.Repeat("(", 65) + "queue_depth > 5" + strings.Repeat(")", 65), "deeper than 64"},
		{strings.Repeat("not ", 65) + "queue_depth > 5", "deeper than 64"},
		{"queue_depth > 5" + strings.Repeat(" ", maxExpression), "longer than 4 KiB"},
		// What only shows beside the signals.
		{"latency_p95 > 70%", "at character 15: 70% is a share and latency_p95 is a time: write a time such as 800ms"},
		{"latency_p95 > 0.8", "at character 15: 0.8 is a plain number and latency_p95 is a time: write a time such as 800ms"},
		{"gpu_utilization > 800ms", "at character 19: 800ms is a time and gpu_utilization is a share: write a share such as 70%"},
		{"gpu_utilization > 70", "at character 19: gpu_utilization is a share, where 1 is the whole: write 70% or 0.7"},
		{"memory > 1000", "write a size such as 64MiB"},
		{"queue_depth > 70%", "write a plain number such as 50"},
		{"queue_depth > 4k tokens", "4k tokens is tokens and queue_depth is requests"},
		{"demand > 40 tokens/s", "tokens per second"},
		{"latency_p95 > queue_depth", "cannot be compared"},
		{"latency_p95 + queue_depth > 1s", "they do not go together"},
		{"1 > 2", "both sides are fixed numbers"},
		{"qeue_depth > 5", `at character 1: no signal is called "qeue_depth": did you mean queue_depth?`},
		{"queue_depth_p95 > 5", "is a plain number: write queue_depth"},
		{"latency_p99 > 5s", "another quantile than the signal is published with: write latency_p95"},
		{"jobs > 5", `"jobs" is there in the pools "chat", "batch"`},
		{"jobs{x} > 5", `has no pool "x"`},
	} {
		e, err := ParseExpression(c.text)
		if err == nil {
			_, err = e.Bind(s)
		}
		var syntax *SyntaxError
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &syntax) {
			t.Errorf("%.60q: %v\nwant %s", c.text, err, c.want)
		}
	}
	if _, err := (Expression{}).Bind(s); err == nil {
		t.Error("the zero Expression was bound")
	}
	e, err := ParseExpression("latncy_p95 > 1s and queue_depth > 1s or in_fligt > 2")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = e.Bind(s); strings.Count(err.Error(), "at character") != 3 {
		t.Errorf("not all of three mistakes are named: %v", err)
	}
}

func TestCanonicalForm(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"((queue_depth)>(50))  or\n(latency_p95>1h30m)", "queue_depth > 50 or latency_p95 > 1h30m"},
		{"(a > 1 or b > 1) and c > 1", "(a > 1 or b > 1) and c > 1"},
		{"a > 1 or (b > 1 and c > 1)", "a > 1 or b > 1 and c > 1"},
		{"a > 1 or (b > 1 or c > 1)", "a > 1 or (b > 1 or c > 1)"},
		{"not (a > 1)", "not a > 1"},
		{"not (not (a > 1 and b > 1))", "not not (a > 1 and b > 1)"},
		{"a-(b-c)*2/(d*e) > - -1", "a - (b - c) * 2 / (d * e) > --1"},
		{"a > 4k  tokens / s", "a > 4k tokens/s"},
		{"a > (4)/b{x y}", "a > 4 / b{x y}"},
		{"max( a,b )>70 %", "max(a, b) > 70%"},
	} {
		e, err := ParseExpression(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		} else if e.String() != c.want {
			t.Errorf("%s prints as %s, want %s", c.text, e, c.want)
		}
	}
}

func TestExpressionAllocatesNothing(t *testing.T) {
	s := known(t)
	for _, text := range []string{threeComparisons, "queue_depth / fleet.ready > 5 and max(ttft_p95, latency_p95) > 2 * tpot_p95"} {
		e, err := ParseExpression(text)
		if err != nil {
			t.Fatal(err)
		}
		test, err := e.Bind(s)
		if err != nil {
			t.Fatal(err)
		}
		in := values(t, s, map[string]float64{"gpu_utilization": 0.5, "latency_p95": 0.5, "queue_depth": 20})
		if n := testing.AllocsPerRun(200, func() { test.Test(in) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}

const threeComparisons = "gpu_utilization > 70% or latency_p95 > 800ms or queue_depth > 50"

func BenchmarkExpression(b *testing.B) {
	s := known(b)
	in := values(b, s, map[string]float64{"gpu_utilization": 0.5, "latency_p95": 0.5, "queue_depth": 20})
	for _, c := range []struct{ name, text string }{
		{"three comparisons", threeComparisons},
		{"arithmetic", "queue_depth / fleet.ready > 5 and latency_p95 * 2 > 800ms or queue_depth + 1 > 50"},
	} {
		e, err := ParseExpression(c.text)
		if err != nil {
			b.Fatal(err)
		}
		test, err := e.Bind(s)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				test.Test(in)
			}
		})
	}
}

// What every unit is worth, in seconds, bytes and whole things.
func TestUnits(t *testing.T) {
	for text, want := range map[string]float64{
		"8%": 0.08, "8 %": 0.08, "8ns": 8e-9, "8us": 8e-6, "8µs": 8e-6, "800ms": 0.8, "8s": 8, "8m": 480, "8min": 480, "8h": 28800, "8d": 691200,
		"8B": 8, "8kB": 8e3, "8KB": 8e3, "8MB": 8e6, "8GB": 8e9, "8TB": 8e12,
		"8KiB": 8 << 10, "8MiB": 8 << 20, "8GiB": 8 << 30, "8TiB": 8 << 40,
		"8k": 8e3, "8K": 8e3, "8M": 8e6, "8G": 8e9, "1h30m": 5400, "1m30s500ms": 90.5,
		"8/s": 8, "90/sec": 90, "90/second": 90, "90/m": 1.5, "90/min": 1.5, "90/minute": 1.5, "7200/h": 2, "7200/hour": 2,
		"8 tokens": 8, "8k tokens/s": 8e3, "1 token": 1, "8 requests": 8, "1 request/s": 1, "8e3": 8e3, "-8e-3": -0.008,
	} {
		if q, err := parseQuantity(text); err != nil || q.value != want {
			t.Errorf("%s is %v, %v, want %v", text, q.value, err, want)
		}
	}
}

func TestNoQuantities(t *testing.T) {
	for text, want := range map[string]string{
		"": "is no number", ".5": "is no number", "5.": "is no number", "many": "is no number", "-": "is no number",
		"1e999": "1e999 is out of range", "1e308TB": "out of range", "8x": `"x" is no unit`, "1h30": "ends without a unit", "30m1h": "the largest first",
		"1kB2kB": "only times have several parts", "8 gpus": `"gpus" after the number is no unit`, "8s tokens": `"tokens" after the number is no unit`,
		"8/fortnight": `"fortnight" after the slash is no time`,
	} {
		if q, err := parseQuantity(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %v, %v; want an error with %q", text, q.value, err, want)
		}
	}
}

// The quantiles that have a name of their own.
func TestNamesOfQuantiles(t *testing.T) {
	for q, want := range map[float64]string{0: "ttft", 0.5: "ttft_p50", 0.9: "ttft_p90", 0.95: "ttft_p95", 0.99: "ttft_p99", 0.75: "ttft"} {
		if got := nameOf(signal.Def{Key: signal.Key{Name: signal.NameTTFT}, Unit: signal.Seconds, Quantile: q}); got != want {
			t.Errorf("quantile %v is called %s, want %s", q, got, want)
		}
	}
}
