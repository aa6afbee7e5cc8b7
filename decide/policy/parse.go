package policy

import (
	"slices"
	"strings"
)

// Bounds of an expression.
const (
	maxExpression = 4 << 10
	maxDepth      = 64
)

type operation uint8

const (
	opNumber operation = iota
	opSignal
	opNegate
	opAdd
	opSubtract
	opMultiply
	opDivide
	opMin
	opMax
	opAbs
	opLess // the comparisons: opLess to opNotEqual
	opLessEqual
	opGreater
	opGreaterEqual
	opEqual
	opNotEqual
	opNot
	opAnd
	opOr
)

var symbols = map[string]operation{
	"<": opLess, "<=": opLessEqual, ">": opGreater, ">=": opGreaterEqual, "==": opEqual, "!=": opNotEqual,
	"+": opAdd, "-": opSubtract, "*": opMultiply, "/": opDivide, "and": opAnd, "or": opOr,
}

var functions = map[string]operation{"min": opMin, "max": opMax, "abs": opAbs}

// A node is a part of a parsed expression.
type node struct {
	op   operation
	pos  int // in bytes, of what names the operation
	text string
	pool string
	num  quantity
	args []*node
}

// truth reports whether n is true or false, and not a number.
func (n *node) truth() bool { return n.op >= opLess }

// A parser builds the tree of an expression, by recursive descent.
type parser struct {
	lexer
	tok   token
	depth int
}

func parse(text string) (*node, error) {
	p := &parser{lexer: lexer{text: text}}
	switch {
	case len(text) > maxExpression:
		return nil, p.fail(maxExpression, "the expression is longer than 4 KiB: split it into several rules")
	case strings.TrimSpace(text) == "":
		return nil, p.fail(0, `the expression is empty: write a comparison such as "queue_depth > 50"`)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	n, err := p.or()
	switch {
	case err != nil:
		return nil, err
	case p.tok.kind != tokEnd:
		return nil, p.unexpected(p.tok, "an operator")
	case !n.truth():
		return nil, p.fail(n.pos, `this is a number, not a condition: compare it, as in "%s > 50"`, clip(n.String()))
	}
	return n, nil
}

func (p *parser) advance() (err error) {
	p.tok, err = p.next()
	return err
}

func (p *parser) unexpected(t token, want string) error {
	switch {
	case t.kind == tokEnd:
		return p.fail(t.pos, "the expression ends here, where %s is expected", want)
	case t.kind == tokNumber || t.kind == tokName:
		return p.fail(t.pos, "%q stands where %s is expected", clip(t.text), want)
	case t.text == ")":
		return p.fail(t.pos, `")" closes nothing, or too early: %s is expected`, want)
	}
	return p.fail(t.pos, "%q stands where %s is expected", t.text, want)
}

func (p *parser) symbol(text ...string) bool {
	if p.tok.kind != tokSymbol {
		return false
	}
	return slices.Contains(text, p.tok.text)
}

// enter counts one level of nesting; leave undoes it.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.fail(p.tok.pos, "the expression is nested deeper than %d levels: split it into several rules", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// left parses operands joined by any of the operators, from left to right.
func (p *parser) left(operand func() (*node, error), truth bool, operators ...string) (*node, error) {
	n, err := operand()
	for err == nil && p.symbol(operators...) {
		op := p.tok
		if err = p.kind(n, op, truth); err != nil {
			break
		}
		if err = p.advance(); err != nil {
			break
		}
		var right *node
		if right, err = operand(); err != nil {
			break
		}
		if err = p.kind(right, op, truth); err != nil {
			break
		}
		n = &node{op: symbols[op.text], pos: op.pos, args: []*node{n, right}}
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// kind refuses an operand that is a number where a condition belongs, and the
// other way round.
func (p *parser) kind(n *node, op token, truth bool) error {
	switch {
	case n.truth() && !truth:
		return p.fail(n.pos, "%q needs a number on each side, and this is a condition: join conditions with and, or", op.text)
	case !n.truth() && truth:
		return p.fail(n.pos, `%q needs a condition on each side, and this is a number: compare it, as in "%s > 50"`, op.text, clip(n.String()))
	}
	return nil
}

func (p *parser) or() (*node, error)  { return p.left(p.and, true, "or") }
func (p *parser) and() (*node, error) { return p.left(p.not, true, "and") }

func (p *parser) not() (*node, error) {
	if !p.symbol("not") {
		return p.comparison()
	}
	op := p.tok
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	if err := p.advance(); err != nil {
		return nil, err
	}
	n, err := p.not()
	if err != nil {
		return nil, err
	}
	if err := p.kind(n, op, true); err != nil {
		return nil, err
	}
	return &node{op: opNot, pos: op.pos, args: []*node{n}}, nil
}

func (p *parser) comparison() (*node, error) {
	comparisons := []string{"<", "<=", ">", ">=", "==", "!="}
	n, err := p.sum()
	if err != nil || !p.symbol(comparisons...) {
		return n, err
	}
	op := p.tok
	if err := p.kind(n, op, false); err != nil {
		return nil, err
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	right, err := p.sum()
	if err != nil {
		return nil, err
	}
	if err := p.kind(right, op, false); err != nil {
		return nil, err
	}
	if p.symbol(comparisons...) {
		return nil, p.fail(p.tok.pos, `one comparison follows another: write "a < b and b < c"`)
	}
	return &node{op: symbols[op.text], pos: op.pos, args: []*node{n, right}}, nil
}

func (p *parser) sum() (*node, error)     { return p.left(p.product, false, "+", "-") }
func (p *parser) product() (*node, error) { return p.left(p.unary, false, "*", "/") }

func (p *parser) unary() (*node, error) {
	if !p.symbol("-") {
		return p.primary()
	}
	op := p.tok
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	if err := p.advance(); err != nil {
		return nil, err
	}
	n, err := p.unary()
	if err != nil {
		return nil, err
	}
	if err := p.kind(n, op, false); err != nil {
		return nil, err
	}
	return &node{op: opNegate, pos: op.pos, args: []*node{n}}, nil
}
