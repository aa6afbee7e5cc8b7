package policy

import (
	"math"
	"slices"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

type opcode uint8

const (
	doConstant opcode = iota // push x
	doLoad                   // push the signal at arg
	doFleet                  // push a count of the fleet
	doScale                  // times x
	doAdd                    // the top two, as are the next five
	doSubtract
	doMultiply
	doDivide
	doMin
	doMax
	doNegate // the top
	doAbs    // the last that needs the stack of numbers, beside doCompare
	doCompare
	doCompareSignal // the signal at arg with x
	doNot
	doAnd
	doOr
	doSkipFalse // to arg if the top is false
	doSkipTrue  // to arg if the top is true
)

type instruction struct {
	op       opcode
	relation operation
	arg      int32
	x        float64
}

// A program is a compiled expression: a flat list of instructions over a stack
// of numbers, where NaN is one that is not known, and one of truths.
type program struct {
	code       []instruction
	reads      []int
	arithmetic bool
}

// top keeps a position within a stack, in a form that needs no check.
const top = maxStack - 1

// Reads returns the positions of the signals, in the order of the expression.
func (p *program) Reads() []int { return slices.Clone(p.reads) }

// Test implements [decide.Test].
func (p *program) Test(in *decide.Input) decide.Truth {
	if !p.arithmetic {
		return p.run(in, nil)
	}
	var numbers [maxStack]float64
	return p.run(in, &numbers)
}

func (p *program) run(in *decide.Input, numbers *[maxStack]float64) decide.Truth {
	var truths [maxStack]decide.Truth
	n, t := -1, -1 // the tops of the stacks
	for at := 0; at < len(p.code); at++ {
		i := &p.code[at]
		switch i.op {
		case doCompareSignal:
			t++
			truths[t&top] = relate(i.relation, load(in, int(i.arg)), i.x)
		case doCompare:
			n -= 2
			t++
			truths[t&top] = relate(i.relation, numbers[(n+1)&top], numbers[(n+2)&top])
		case doNot:
			truths[t&top] = not(truths[t&top])
		case doAnd:
			t--
			truths[t&top] = and(truths[t&top], truths[(t+1)&top])
		case doOr:
			t--
			truths[t&top] = not(and(not(truths[t&top]), not(truths[(t+1)&top])))
		case doSkipFalse, doSkipTrue:
			stop := decide.False
			if i.op == doSkipTrue {
				stop = decide.True
			}
			if truths[t&top] == stop {
				at = int(i.arg) - 1
			}
		default:
			n = i.calculate(in, numbers, n)
		}
	}
	return truths[0]
}

// calculate does what needs only the stack of numbers, and returns its new top.
// Every product has a variable of its own, so that no platform fuses it with a
// sum.
func (i *instruction) calculate(in *decide.Input, numbers *[maxStack]float64, n int) int {
	at := func(k int) *float64 { return &numbers[k&top] }
	switch i.op {
	case doConstant:
		n++
		*at(n) = i.x
	case doLoad:
		n++
		*at(n) = load(in, int(i.arg))
	case doFleet:
		n++
		*at(n) = fleet(&in.Fleet, i.arg)
	case doScale:
		*at(n) = finite(float64(*at(n) * i.x))
	case doNegate:
		*at(n) = -*at(n)
	case doAbs:
		*at(n) = math.Abs(*at(n))
	default:
		n--
		a, b := *at(n), *at(n + 1)
		switch i.op {
		case doAdd:
			a += b
		case doSubtract:
			a -= b
		case doMultiply:
			a = float64(a * b)
		case doDivide:
			a /= b
		case doMin:
			a = min(a, b)
		case doMax:
			a = max(a, b)
		}
		*at(n) = finite(a)
	}
	return n
}

// number turns what is infinite into what is not known, so that no later step
// makes a number of it again.
func finite(x float64) float64 {
	if x-x != 0 {
		return math.NaN()
	}
	return x
}

// load returns the value at position i, NaN unless it is fresh.
func load(in *decide.Input, i int) float64 {
	if i >= len(in.Signals) || in.Signals[i].Quality != signal.Fresh {
		return math.NaN()
	}
	return finite(in.Signals[i].Value)
}

func fleet(f *decide.Fleet, which int32) float64 {
	switch which {
	case 0:
		return float64(f.Desired)
	case 1:
		return float64(f.Ready)
	}
	var n int64
	for _, c := range f.Starting {
		n += c.N
	}
	return float64(n)
}

// relate compares a and b, if both are known.
func relate(relation operation, a, b float64) decide.Truth {
	if math.IsNaN(a) || math.IsNaN(b) {
		return decide.Unknown
	}
	var yes bool
	switch relation {
	case opLess:
		yes = a < b
	case opLessEqual:
		yes = a <= b
	case opGreater:
		yes = a > b
	case opGreaterEqual:
		yes = a >= b
	case opEqual:
		yes = a == b
	default:
		yes = a != b
	}
	if yes {
		return decide.True
	}
	return decide.False
}

// not and and are Kleene's: what is not known stays so, unless the other side
// settles it.
func not(a decide.Truth) decide.Truth {
	switch a {
	case decide.True:
		return decide.False
	case decide.False:
		return decide.True
	}
	return decide.Unknown
}

func and(a, b decide.Truth) decide.Truth {
	switch {
	case a == decide.False || b == decide.False:
		return decide.False
	case a == decide.True && b == decide.True:
		return decide.True
	}
	return decide.Unknown
}
