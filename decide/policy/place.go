package policy

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// A FileError is one thing that is wrong with a policy file.
type FileError struct {
	// File as it was named to [Parse].
	File string
	// Line and Column, from 1; 0 if the problem has no one place.
	Line, Column int
	// Field is the path of the field, such as scale_up.rate.period.
	Field string
	// Problem says what is wrong and what to do.
	Problem string
}

// Error returns "evenkeel: file:line:column: field: problem".
func (e *FileError) Error() string {
	s := "evenkeel: " + e.File
	if e.Line > 0 {
		s += fmt.Sprintf(":%d:%d", e.Line, e.Column)
	}
	if e.Field != "" {
		s += ": " + e.Field
	}
	return s + ": " + e.Problem
}

// A place is where a value stands.
type place struct {
	file         string
	line, column int
	path         string
	verbatim     bool // the value stands there as it is, without escapes or folds
}

func (p place) problem(format string, args ...any) error {
	return &FileError{p.file, p.line, p.column, p.path, fmt.Sprintf(format, args...)}
}

// expression turns the errors of an expression at p into those of the file.
func (p place) expression(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range joined.Unwrap() {
			out = append(out, p.expression(e))
		}
		return errors.Join(out...)
	}
	var s *SyntaxError
	if !errors.As(err, &s) {
		return p.problem("%v", err)
	}
	if !p.verbatim {
		return p.problem("%v", s)
	}
	p.column += s.Offset
	return p.problem("%s", s.Problem)
}

// placeOf finds the value of a node in the text of its file.
func placeOf(file string, lines [][]byte, n *yaml.Node, path string) place {
	p := place{file: file, line: n.Line, column: n.Column, path: path}
	if n.Kind != yaml.ScalarNode || n.Line < 1 || n.Line > len(lines) {
		return p
	}
	line := lines[n.Line-1]
	if len(line) > maxExpression {
		return p // too long to be looked through for every value in it
	}
	for k := 1; k < n.Column && len(line) > 0; k++ { // columns count letters
		_, size := utf8.DecodeRune(line)
		line = line[size:]
	}
	switch {
	case bytes.HasPrefix(line, []byte(n.Value)):
		p.verbatim = true
	case len(line) > 0 && strings.IndexByte(`"'`, line[0]) >= 0 && bytes.HasPrefix(line[1:], []byte(n.Value)):
		p.verbatim = true
		p.column++
	}
	return p
}
