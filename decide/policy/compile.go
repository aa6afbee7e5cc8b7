package policy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/signal"
)

// A compiler checks the units of an expression and writes its program.
type compiler struct {
	signals *signal.Schema
	program program
	errs    []error
	numbers int // on the stack now
	truths  int
}

// maxStack is how many intermediate values a program may keep.
const maxStack = 64

func compile(root *node, signals *signal.Schema) (*program, error) {
	c := &compiler{signals: signals}
	c.condition(root)
	if err := errors.Join(c.errs...); err != nil {
		return nil, err
	}
	c.program.arithmetic = slices.ContainsFunc(c.program.code, func(i instruction) bool { return i.op <= doCompare })
	return &c.program, nil
}

func (c *compiler) fail(n *node, format string, args ...any) {
	c.errs = append(c.errs, &SyntaxError{n.pos, fmt.Sprintf(format, args...)})
}

func (c *compiler) emit(n *node, i instruction, numbers, truths int) {
	c.program.code = append(c.program.code, i)
	c.numbers += numbers
	c.truths += truths
	if max(c.numbers, c.truths) == maxStack+1 {
		c.fail(n, "the expression keeps more than %d values at once: split it into several rules", maxStack)
	}
}

// condition compiles what is true or false.
func (c *compiler) condition(n *node) {
	switch n.op {
	case opAnd, opOr:
		c.condition(n.args[0])
		skip := len(c.program.code)
		c.emit(n, instruction{op: doSkipFalse}, 0, 0)
		if n.op == opOr {
			c.program.code[skip].op = doSkipTrue
		}
		c.condition(n.args[1])
		op := doAnd
		if n.op == opOr {
			op = doOr
		}
		c.emit(n, instruction{op: op}, 0, -1)
		c.program.code[skip].arg = int32(len(c.program.code))
	case opNot:
		c.condition(n.args[0])
		c.emit(n, instruction{op: doNot}, 0, 0)
	default:
		c.comparison(n)
	}
}

var mirrored = map[operation]operation{opLess: opGreater, opLessEqual: opGreaterEqual, opGreater: opLess, opGreaterEqual: opLessEqual, opEqual: opEqual, opNotEqual: opNotEqual}

func (c *compiler) comparison(n *node) {
	left, right, relation := n.args[0], n.args[1], n.op
	if left.op == opNumber {
		left, right, relation = right, left, mirrored[relation]
	}
	if left.op == opNumber {
		c.fail(n, "both sides are fixed numbers: one must be a signal")
		return
	}
	start, errs := len(c.program.code), len(c.errs)
	a, b := c.number(left), c.number(right)
	if len(c.errs) > errs {
		return // what does not exist has no dimension
	}
	c.compatible(n, left, right, a, b)
	if code := c.program.code; len(code) == start+2 && code[start].op == doLoad && right.op == opNumber {
		// By far the most common form gets an instruction of its own.
		c.program.code = code[:start]
		c.numbers -= 2
		c.emit(n, instruction{op: doCompareSignal, relation: relation, arg: code[start].arg, x: right.num.value}, 0, 1)
		return
	}
	c.emit(n, instruction{op: doCompare, relation: relation}, -2, 1)
}

// compatible refuses a comparison of two things that cannot be compared.
func (c *compiler) compatible(n, left, right *node, a, b dimension) {
	_, ok := a.meets(b)
	switch {
	case !ok && right.op == opNumber:
		c.fail(right, "%s is %v and %s is %v: write %s", clip(right.text), b, clip(left.String()), a, a.sample())
	case !ok:
		c.fail(n, "%s is %v and %s is %v: they cannot be compared", clip(left.String()), a, clip(right.String()), b)
	case left.op == opSignal && !a.loose && len(a.atoms) == 0 && b.plain() && right.op == opNumber && right.num.value > 5:
		c.fail(right, "%s is a share, where 1 is the whole: write %s%% or %v", clip(left.text), right.text, right.num.value/100)
	}
}

// number compiles what is a number and returns its dimension.
func (c *compiler) number(n *node) dimension {
	switch n.op {
	case opNumber:
		c.emit(n, instruction{op: doConstant, x: n.num.value}, 1, 0)
		return n.num.dim
	case opSignal:
		return c.signal(n)
	case opNegate, opAbs:
		d := c.number(n.args[0])
		op := doNegate
		if n.op == opAbs {
			op = doAbs
		}
		c.emit(n, instruction{op: op}, 0, 0)
		return d
	case opMultiply, opDivide:
		a, b := c.number(n.args[0]), c.number(n.args[1])
		op, sign := doMultiply, 1
		if n.op == opDivide {
			op, sign = doDivide, -1
		}
		c.emit(n, instruction{op: op}, -1, 0)
		return a.times(b, sign)
	}
	op := map[operation]opcode{opAdd: doAdd, opSubtract: doSubtract, opMin: doMin, opMax: doMax}[n.op]
	d := c.number(n.args[0])
	for _, arg := range n.args[1:] {
		errs := len(c.errs)
		e := c.number(arg)
		sum, ok := d.meets(e)
		if !ok && len(c.errs) == errs {
			c.fail(arg, "%s is %v and %s is %v: they do not go together", clip(n.args[0].String()), d, clip(arg.String()), e)
		}
		d = sum
		c.emit(n, instruction{op: op}, -1, 0)
	}
	return d
}

func (c *compiler) signal(n *node) dimension {
	if i, ok := map[string]int32{fleetDesired: 0, fleetReady: 1, fleetStarting: 2}[n.text]; ok && n.pool == "" {
		c.emit(n, instruction{op: doFleet, arg: i}, 1, 0)
		return plainNumber
	}
	i, err := resolve(c.signals, n.text, n.pool)
	if err != nil {
		c.fail(n, "%v", err)
		return plainNumber
	}
	d, scale := dimensionOf(c.signals.Def(i).Unit)
	c.emit(n, instruction{op: doLoad, arg: int32(i)}, 1, 0)
	if !slices.Contains(c.program.reads, i) {
		c.program.reads = append(c.program.reads, i)
	}
	if scale != 1 {
		c.emit(n, instruction{op: doScale, x: scale}, 0, 0)
	}
	return d
}
