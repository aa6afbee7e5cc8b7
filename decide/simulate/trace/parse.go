package trace

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The columns that every trace must have.
const (
	columnArrival = "arrival_s"
	columnInput   = "input_tokens"
	columnOutput  = "output_tokens"
)

// Limits that no honest trace reaches; they keep a damaged one from filling the
// memory, and sums of its figures from overflowing.
const (
	maxArrival = 100 * 365 * 24 * time.Hour
	maxTokens  = 1 << 30
	maxRecords = 50_000_000
)

// Read reads the trace in the file at path; a name that ends in .gz is
// decompressed. Errors begin with the file's name and, where it is known, the
// line.
func Read(path string) (Trace, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("evenkeel: cannot open the trace: %w", err)
	}
	defer f.Close()
	name := filepath.Base(path)
	if !strings.HasSuffix(name, ".gz") {
		return Parse(f, name)
	}
	zr, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: not a gzip file: %w", name, err)
	}
	return Parse(zr, name)
}

// Parse reads a trace in CSV from r. The name stands for it in errors. The trace
// is returned whole or not at all.
func Parse(r io.Reader, name string) (Trace, error) {
	cr := csv.NewReader(r)
	cr.ReuseRecord = true
	cr.TrimLeadingSpace = true
	head, err := cr.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s:1: the file is empty: the first line must be %s,%s,%s", name, columnArrival, columnInput, columnOutput)
	}
	if err != nil {
		return nil, readError(name, 1, err)
	}
	cols, err := columns(head)
	if err != nil {
		line, _ := cr.FieldPos(0)
		return nil, fmt.Errorf("%s:%d: %w", name, line, err)
	}
	var out Trace
	last := 1
	for {
		row, err := cr.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, readError(name, last+1, err)
		}
		last, _ = cr.FieldPos(0)
		rec, err := cols.record(row)
		if err == nil && len(out) > 0 && rec.At < out[len(out)-1].At {
			err = fmt.Errorf("%s is %q, before the row above it: sort the rows by arrival", columnArrival, row[cols.arrival])
		}
		if err == nil && len(out) == maxRecords {
			err = fmt.Errorf("more than %d requests: cut the trace into parts", maxRecords)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, last, err)
		}
		out = append(out, rec)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s:%d: no request follows the header", name, last)
	}
	return out, nil
}

// readError names the line that could not be read: the reader's own, if it is
// the form of a line that is wrong, and the next one if the bytes ended badly,
// as in a truncated gzip file.
func readError(name string, line int, err error) error {
	if pe, ok := errors.AsType[*csv.ParseError](err); ok {
		line, err = pe.Line, pe.Err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s:%d: the file is cut off: %w", name, line, err)
	}
	return fmt.Errorf("%s:%d: %w", name, line, err)
}

// layout is where the columns of a trace are.
type layout struct{ arrival, input, output int }

func columns(head []string) (layout, error) {
	names := slices.Clone(head)
	for i, h := range names {
		// Spreadsheets put a byte order mark before the first name.
		names[i] = strings.TrimSpace(strings.TrimPrefix(h, "\ufeff"))
	}
	var errs []error
	find := func(want string) int {
		i := slices.Index(names, want)
		if i < 0 {
			errs = append(errs, fmt.Errorf("column %s is missing from the header", want))
		} else if slices.Contains(names[i+1:], want) {
			errs = append(errs, fmt.Errorf("column %s is in the header twice", want))
		}
		return i
	}
	l := layout{arrival: find(columnArrival), input: find(columnInput), output: find(columnOutput)}
	return l, errors.Join(errs...)
}

func (l layout) record(row []string) (Record, error) {
	at, err := seconds(row[l.arrival])
	if err != nil {
		return Record{}, err
	}
	in, err := tokens(columnInput, row[l.input])
	if err != nil {
		return Record{}, err
	}
	out, err := tokens(columnOutput, row[l.output])
	if err != nil {
		return Record{}, err
	}
	return Record{At: at, Input: in, Output: out}, nil
}

func seconds(field string) (time.Duration, error) {
	s, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
	switch {
	case err != nil || math.IsNaN(s):
		return 0, fmt.Errorf("%s is %q: it must be a number of seconds", columnArrival, field)
	case s < 0:
		return 0, fmt.Errorf("%s is %q: it must not be negative", columnArrival, field)
	case s > maxArrival.Seconds():
		return 0, fmt.Errorf("%s is %q: it must be below a hundred years", columnArrival, field)
	}
	return time.Duration(math.Round(s * float64(time.Second))), nil
}

func tokens(column, field string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(field), 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s is %q: it must be a whole number of tokens", column, field)
	case n < 0 || n > maxTokens:
		return 0, fmt.Errorf("%s is %q: it must lie in 0 to %d", column, field, maxTokens)
	}
	return n, nil
}
