package policy

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// A dice makes the same numbers in every run (xorshift64*).
type dice uint64

func (d *dice) below(n uint64) uint64 {
	*d ^= *d >> 12
	*d ^= *d << 25
	*d ^= *d >> 27
	return uint64(*d) * 2685821657736338717 >> 33 % n
}

func (d *dice) of(words ...string) string { return words[d.below(uint64(len(words)))] }

// number and truth write an expression at random. All its signals are requests,
// so that everything may be compared with everything but with their squares.
func (d *dice) number(depth uint64) string {
	if depth == 0 || d.below(3) == 0 {
		return d.of("queue_depth", "in_flight", "memory{chat}", "fleet.ready", "fleet.desired", "fleet.starting", "0", "1", "2.5", "7")
	}
	a, b := d.number(depth-1), d.number(depth-1)
	switch d.below(5) {
	case 0:
		return "-" + d.of("", "-") + "(" + a + ")"
	case 1:
		return d.of("min", "max") + "(" + a + ", " + b + d.of("", ", 3") + ")"
	case 2:
		return "abs(" + a + ")"
	}
	if d.below(2) == 0 {
		return "(" + a + ") " + d.of("*", "/") + " " + d.of("fleet.ready", "fleet.starting", "2", "0.5", "0")
	}
	return "(" + a + ") " + d.of("+", "-") + " (" + b + ")"
}

func (d *dice) truth(depth uint64) string {
	if depth == 0 || d.below(4) == 0 {
		return d.number(2) + " " + d.of("<", "<=", ">", ">=", "==", "!=") + " " + d.number(1)
	}
	if d.below(4) == 0 {
		return "not (" + d.truth(depth-1) + ")"
	}
	return "(" + d.truth(depth-1) + ") " + d.of("and", "or") + " (" + d.truth(depth-1) + ")"
}

// value and holds are what an expression means, read off its tree.
func (n *node) value(in map[string]float64) float64 {
	known := func(x float64) float64 {
		if math.IsInf(x, 0) {
			return math.NaN()
		}
		return x
	}
	switch n.op {
	case opNumber:
		return n.num.value
	case opSignal:
		x, ok := in[n.text]
		if !ok {
			return math.NaN()
		}
		return x
	case opNegate:
		return -n.args[0].value(in)
	case opAbs:
		return math.Abs(n.args[0].value(in))
	}
	x := n.args[0].value(in)
	for _, arg := range n.args[1:] {
		y := arg.value(in)
		switch n.op {
		case opAdd:
			x += y
		case opSubtract:
			x -= y
		case opMultiply:
			x = float64(x * y)
		case opDivide:
			x /= y
		case opMin:
			x = min(x, y)
		case opMax:
			x = max(x, y)
		}
		x = known(x)
	}
	return x
}

func (n *node) holds(in map[string]float64) decide.Truth {
	truth := map[bool]decide.Truth{true: decide.True, false: decide.False}
	switch n.op {
	case opNot:
		return [...]decide.Truth{decide.Unknown: decide.Unknown, decide.True: decide.False, decide.False: decide.True}[n.args[0].holds(in)]
	case opAnd, opOr:
		settles := truth[n.op == opOr] // whatever the other side says
		a, b := n.args[0].holds(in), n.args[1].holds(in)
		switch {
		case a == settles || b == settles:
			return settles
		case a == decide.Unknown || b == decide.Unknown:
			return decide.Unknown
		}
		return truth[n.op == opAnd]
	}
	a, b := n.args[0].value(in), n.args[1].value(in)
	if math.IsNaN(a) || math.IsNaN(b) {
		return decide.Unknown
	}
	return truth[map[operation]bool{opLess: a < b, opLessEqual: a <= b, opGreater: a > b, opGreaterEqual: a >= b, opEqual: a == b, opNotEqual: a != b}[n.op]]
}

// A program means what its tree means, and the tree what its canonical text does.
func TestProgramsMeanTheirTrees(t *testing.T) {
	requests := func(name, pool string) signal.Def {
		return signal.Def{Key: signal.Key{Name: name, Pool: pool}, Unit: signal.Requests}
	}
	s, err := signal.NewSchema(requests(signal.NameQueued, ""), requests(signal.NameInFlight, ""), requests("memory", "chat"), requests("memory", "batch"))
	if err != nil {
		t.Fatal(err)
	}
	d := dice(0x9e3779b97f4a7c15)
	seen := map[decide.Truth]int{}
	for range 3000 {
		text := d.truth(3)
		e, err := ParseExpression(text)
		if err != nil {
			if strings.Contains(err.Error(), "longer than") {
				continue
			}
			t.Fatalf("%s: %v", text, err)
		}
		again, err := ParseExpression(e.String())
		if err != nil {
			t.Fatalf("%s prints as %s: %v", text, e, err)
		}
		test, err := e.Bind(s)
		if err != nil {
			if strings.Contains(err.Error(), "fixed numbers") {
				continue
			}
			t.Fatalf("%s: %v", text, err)
		}
		fresh := map[string]float64{}
		for _, name := range []string{"queue_depth", "in_flight", "memory{chat}"} {
			if d.below(5) > 0 {
				fresh[name] = float64(d.below(4))
			}
		}
		in := values(t, s, fresh)
		in.Fleet = decide.Fleet{Desired: int64(d.below(5)), Ready: int64(d.below(3)), Starting: []decide.Cohort{{N: int64(d.below(3))}, {N: 1}}}
		all := map[string]float64{"fleet.desired": float64(in.Fleet.Desired), "fleet.ready": float64(in.Fleet.Ready), "fleet.starting": float64(in.Fleet.Starting[0].N + 1)}
		for name, x := range fresh {
			name, _, _ = strings.Cut(name, "{")
			all[name] = x
		}
		want := e.root.holds(all)
		seen[want]++
		if got := test.Test(in); got != want {
			t.Fatalf("%s is %v with %v, want %v", text, got, all, want)
		}
		if got := again.root.holds(all); got != want {
			t.Fatalf("%s prints as %s, which is %v with %v, want %v", text, e, got, all, want)
		}
	}
	if min(seen[decide.True], seen[decide.False], seen[decide.Unknown]) < 200 {
		t.Errorf("only %v", seen)
	}
}

// 64 values at once are kept, and all of them count.
func TestDeepestExpression(t *testing.T) {
	s := known(t)
	sum := func(n int) string {
		return strings.Repeat("1 + (", n-1) + "queue_depth" + strings.Repeat(")", n-1)
	}
	e, err := ParseExpression(sum(65) + " > 5")
	if err == nil {
		_, err = e.Bind(s)
	}
	if err == nil || strings.Count(err.Error(), "more than 64 values at once") != 1 {
		t.Errorf("65 values: %v", err)
	}
	for _, n := range []int{1, 2, 63, 64} {
		e, err := ParseExpression(fmt.Sprintf("%s == %d", sum(n), n+6))
		if err != nil {
			t.Fatal(err)
		}
		test, err := e.Bind(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := test.Test(values(t, s, map[string]float64{"queue_depth": 7})); got != decide.True {
			t.Errorf("%d values: %v", n, got)
		}
	}
	right := strings.Repeat("queue_depth > 1 and (", 63) + "queue_depth > 2" + strings.Repeat(")", 63)
	e, err = ParseExpression(right)
	if err != nil {
		t.Fatal(err)
	}
	test, err := e.Bind(s)
	if err != nil {
		t.Fatal(err)
	}
	for depth, want := range map[float64]decide.Truth{1: decide.False, 2: decide.False, 3: decide.True} {
		if got := test.Test(values(t, s, map[string]float64{"queue_depth": depth})); got != want {
			t.Errorf("64 conditions: %v, want %v", got, want)
		}
	}
}

// Whatever quantile a signal is published with, its name may say so, and no other.
func TestQuantilesInNames(t *testing.T) {
	for q, own := range map[float64]string{0.5: "ttft_p50", 0.9: "ttft_p90", 0.95: "ttft_p95", 0.99: "ttft_p99"} {
		s, err := signal.NewSchema(signal.Def{Key: signal.Key{Name: "other"}, Unit: "1"}, signal.Def{Key: signal.Key{Name: signal.NameTTFT}, Unit: signal.Seconds, Quantile: q})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"ttft", "ttft_p50", "ttft_p90", "ttft_p95", "ttft_p99", signal.NameTTFT, signal.NameTTFT + strings.TrimPrefix(own, "ttft")} {
			i, err := resolve(s, name, "")
			fits := name == own || !strings.Contains(name, "_p") || strings.HasPrefix(name, signal.NameTTFT+"_p")
			switch {
			case fits && (err != nil || s.Def(i).Name != signal.NameTTFT):
				t.Errorf("%s of %v: %d, %v", name, q, i, err)
			case !fits && (err == nil || !strings.Contains(err.Error(), "write "+own)):
				t.Errorf("%s of %v: %d, %v", name, q, i, err)
			}
		}
	}
	if got := suggest("x", nil); got != "" {
		t.Errorf("of no names, it suggests %q", got)
	}
}
