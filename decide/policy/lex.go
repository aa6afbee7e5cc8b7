package policy

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A SyntaxError is what is wrong with an expression, and where.
type SyntaxError struct {
	// Offset in bytes from the start of the expression.
	Offset int
	// Problem says what is wrong and what to do.
	Problem string
}

// Error returns the problem with its place, counted from 1.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("at character %d: %s", e.Offset+1, e.Problem)
}

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokNumber
	tokName
	tokSymbol // and the keywords and, or, not
)

type token struct {
	kind tokenKind
	pos  int    // in bytes
	text string // as written; for a name without its pool
	pool string // of a name, in braces behind it
	num  quantity
}

// A lexer cuts an expression into tokens.
type lexer struct {
	text string
	pos  int
}

// wrongSymbols are what people write who know other languages.
var wrongSymbols = []struct{ wrong, right string }{
	{"&&", "and"}, {"||", "or"}, {"&", "and"}, {"|", "or"}, {"=>", ">="}, {"=<", "<="}, {"<>", "!="}, {"=", "=="}, {"!", "not"}, {"[", "("}, {"]", ")"}, {"≥", ">="}, {"≤", "<="},
}

func (l *lexer) fail(pos int, format string, args ...any) error {
	return &SyntaxError{pos, fmt.Sprintf(format, args...)}
}

func (l *lexer) next() (token, error) {
	for l.pos < len(l.text) && strings.IndexByte(" \t\r\n", l.text[l.pos]) >= 0 {
		l.pos++
	}
	start := l.pos
	rest := l.text[start:]
	if rest == "" {
		return token{kind: tokEnd, pos: start, text: "the end"}, nil
	}
	switch c := rest[0]; {
	case c >= '0' && c <= '9':
		q, n, err := scanNumber(rest)
		if err != nil {
			return token{}, l.fail(start, "%v", err)
		}
		l.pos += n
		return token{kind: tokNumber, pos: start, text: rest[:n], num: q}, nil
	case nameStart(c):
		return l.name(start)
	}
	for _, s := range [...]string{"<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ",", "%"} {
		if strings.HasPrefix(rest, s) {
			if strings.HasPrefix(rest, "=<") {
				break
			}
			l.pos += len(s)
			return token{kind: tokSymbol, pos: start, text: s}, nil
		}
	}
	for _, w := range wrongSymbols {
		if strings.HasPrefix(rest, w.wrong) {
			return token{}, l.fail(start, "%q: write %s", w.wrong, w.right)
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return token{}, l.fail(start, "%q has no meaning here", r)
}

func nameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

func namePart(c byte) bool {
	return nameStart(c) || c >= '0' && c <= '9' || c == '.' || c == ':'
}

// name reads a keyword, or the name of a signal with the pool that may follow in
// braces.
func (l *lexer) name(start int) (token, error) {
	for l.pos < len(l.text) && namePart(l.text[l.pos]) {
		l.pos++
	}
	t := token{kind: tokName, pos: start, text: l.text[start:l.pos]}
	switch t.text {
	case "and", "or", "not":
		t.kind = tokSymbol
		return t, nil
	case "AND", "OR", "NOT", "And", "Or", "Not":
		return token{}, l.fail(start, "%q: write %s", t.text, strings.ToLower(t.text))
	}
	if strings.HasPrefix(l.text[l.pos:], "{") {
		end := strings.IndexByte(l.text[l.pos:], '}')
		if end < 0 {
			return token{}, l.fail(l.pos, "the brace is never closed: a pool is written as in %s{chat}", clip(t.text))
		}
		t.pool = l.text[l.pos+1 : l.pos+end]
		if t.pool == "" || strings.TrimSpace(t.pool) != t.pool || strings.ContainsAny(t.pool, "{\n\r") || !utf8.ValidString(t.pool) {
			return token{}, l.fail(l.pos, "%q is no pool: write its name in braces, as in %s{chat}", clip(t.pool), clip(t.text))
		}
		l.pos += end + 1
	}
	return t, nil
}
