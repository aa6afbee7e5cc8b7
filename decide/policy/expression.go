package policy

import (
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// An Expression is a condition over signals, such as
//
//	gpu_utilization > 70% or latency_p95 > 800ms or queue_depth > 50
//
// It is a [decide.Condition]; [ParseExpression] makes one. It is immutable. The
// zero Expression is none: Bind refuses it.
type Expression struct {
	root *node
}

// ParseExpression reads an expression; the package comment has its grammar. The
// error is a [*SyntaxError]. Whether its signals exist and its units fit turns
// out when it is bound to signals.
func ParseExpression(text string) (Expression, error) {
	n, err := parse(text)
	return Expression{n}, err
}

// String returns the expression in its canonical form: single spaces, and no
// parentheses that change nothing. Parsing that gives the same expression.
func (e Expression) String() string {
	if e.root == nil {
		return ""
	}
	return e.root.String()
}

// MarshalText returns the canonical form.
func (e Expression) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads an expression.
func (e *Expression) UnmarshalText(text []byte) (err error) {
	*e, err = ParseExpression(string(text))
	return err
}

// Bind implements [decide.Condition]. Its error joins a [*SyntaxError] for every
// signal that is not known and every unit that does not fit.
func (e Expression) Bind(signals *signal.Schema) (decide.Test, error) {
	if e.root == nil {
		return nil, fmt.Errorf("the expression is empty: make it with ParseExpression")
	}
	return compile(e.root, signals)
}

// How tightly an operation binds.
func (n *node) precedence() int {
	switch n.op {
	case opOr:
		return 1
	case opAnd:
		return 2
	case opNot:
		return 3
	case opLess, opLessEqual, opGreater, opGreaterEqual, opEqual, opNotEqual:
		return 4
	case opAdd, opSubtract:
		return 5
	case opMultiply, opDivide:
		return 6
	case opNegate:
		return 7
	}
	return 8
}

var operators = [...]string{
	opAdd: "+", opSubtract: "-", opMultiply: "*", opDivide: "/",
	opLess: "<", opLessEqual: "<=", opGreater: ">", opGreaterEqual: ">=", opEqual: "==", opNotEqual: "!=",
	opAnd: "and", opOr: "or",
}

// String writes n in its canonical form.
func (n *node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *node) write(b *strings.Builder) {
	switch n.op {
	case opNumber:
		b.WriteString(n.text)
	case opSignal:
		b.WriteString(n.text)
		if n.pool != "" {
			b.WriteString("{" + n.pool + "}")
		}
	case opNegate:
		b.WriteString("-")
		n.args[0].within(b, 7)
	case opNot:
		b.WriteString("not ")
		n.args[0].within(b, 3)
	case opMin, opMax, opAbs:
		for name, op := range functions {
			if op == n.op {
				b.WriteString(name)
			}
		}
		for i, a := range n.args {
			b.WriteString([]string{"(", ", "}[min(i, 1)])
			a.write(b)
		}
		b.WriteString(")")
	default:
		p := n.precedence()
		left := p
		if n.op >= opLess && n.op <= opNotEqual {
			left++ // comparisons do not follow one another
		}
		n.args[0].within(b, left)
		b.WriteString(" " + operators[n.op] + " ")
		n.args[1].within(b, p+1)
	}
}

// within writes n, in parentheses if it binds less than p.
func (n *node) within(b *strings.Builder, p int) {
	if n.precedence() >= p {
		n.write(b)
		return
	}
	b.WriteString("(")
	n.write(b)
	b.WriteString(")")
}
