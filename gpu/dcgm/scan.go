package dcgm

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

var (
	// ErrTruncated: the page breaks off, so what it says may not be all.
	ErrTruncated = errors.New("evenkeel: metrics page is cut off")
	// ErrMalformed: a line that is wanted cannot be understood.
	ErrMalformed = errors.New("evenkeel: malformed metrics page")
	// ErrNothing: the page has nothing that is wanted.
	ErrNothing = errors.New("evenkeel: nothing of use on the metrics page")
)

// scan calls found for each sample on a page in the Prometheus text format whose
// name is wanted. It looks at nothing else: a page can have thousands of samples
// of which a few are of use. The slices that found gets are parts of the page.
func scan(page []byte, wanted func(name []byte) bool, found func(name []byte, labels labels, value float64)) error {
	if len(page) == 0 {
		return fmt.Errorf("%w: it is empty", ErrNothing)
	}
	if page[len(page)-1] != '\n' {
		return fmt.Errorf("%w: no newline after its last line", ErrTruncated)
	}
	for number := 1; len(page) > 0; number++ {
		end := bytes.IndexByte(page, '\n')
		line := bytes.Trim(page[:end], " \t\r")
		page = page[end+1:]
		name := nameOf(line)
		if len(name) == 0 || !wanted(name) {
			continue
		}
		l, value, err := sample(line[len(name):])
		if err != nil {
			return fmt.Errorf("%w: line %d, %s: %w", ErrMalformed, number, name, err)
		}
		found(name, l, value)
	}
	return nil
}

// nameOf returns the metric name that line begins with; none for comments.
func nameOf(line []byte) []byte {
	if len(line) == 0 || line[0] == '#' {
		return nil
	}
	if i := bytes.IndexAny(line, "{ \t"); i >= 0 {
		return line[:i]
	}
	return line
}

// labels is what stands between the braces, known to be well formed.
type labels []byte

// sample splits what follows a name: labels, a value and perhaps a time.
func sample(rest []byte) (labels, float64, error) {
	rest = bytes.TrimLeft(rest, " \t")
	var l labels
	if len(rest) > 0 && rest[0] == '{' {
		n, err := labelsLen(rest[1:])
		if err != nil {
			return nil, 0, err
		}
		l, rest = labels(rest[1:1+n]), rest[n+2:]
	}
	fields := bytes.Fields(rest)
	if len(fields) == 0 || len(fields) > 2 {
		return nil, 0, fmt.Errorf("%d numbers after the labels, want a value and perhaps a time", len(fields))
	}
	value, err := strconv.ParseFloat(string(fields[0]), 64)
	if err != nil {
		return nil, 0, fmt.Errorf("the value %.40q is no number", fields[0])
	}
	if len(fields) == 2 {
		if _, err := strconv.ParseInt(string(fields[1]), 10, 64); err != nil {
			return nil, 0, fmt.Errorf("the time %.40q is no integer", fields[1])
		}
	}
	return l, value, nil
}

// labelsLen returns how long the labels at the start of b are, up to the brace.
func labelsLen(b []byte) (int, error) {
	for rest := b; ; {
		rest = bytes.TrimLeft(rest, " \t,")
		if len(rest) > 0 && rest[0] == '}' {
			return len(b) - len(rest), nil
		}
		_, _, n, ok := nextLabel(rest)
		if !ok {
			return 0, errors.New("the labels are not well formed")
		}
		rest = rest[n:]
	}
}

// nextLabel splits off name="value" at the start of b, n bytes long. The value
// is as written, with its escapes.
func nextLabel(b []byte) (name, value []byte, n int, ok bool) {
	eq := bytes.IndexByte(b, '=')
	if eq <= 0 {
		return nil, nil, 0, false
	}
	open := eq + 1
	for open < len(b) && (b[open] == ' ' || b[open] == '\t') {
		open++
	}
	if open == len(b) || b[open] != '"' {
		return nil, nil, 0, false
	}
	for i := open + 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return bytes.TrimRight(b[:eq], " \t"), b[open+1 : i], i + 1, true
		}
	}
	return nil, nil, 0, false
}

// get returns the value of a label, empty if it is not there.
func (l labels) get(want string) string {
	for rest := []byte(l); ; {
		rest = bytes.TrimLeft(rest, " \t,")
		name, value, n, ok := nextLabel(rest)
		if !ok {
			return ""
		}
		if string(name) == want {
			return unescape(value)
		}
		rest = rest[n:]
	}
}

func unescape(v []byte) string {
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v)
	}
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c == '\\' && i+1 < len(v) {
			i++
			if c = v[i]; c == 'n' {
				c = '\n'
			}
		}
		out = append(out, c)
	}
	return string(out)
}
