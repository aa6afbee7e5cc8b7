package signal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

var errWireEnd = errors.New("ends too soon")

// A wireReader takes values off the front of data. After its first error, which
// it keeps, it gives zeros.
type wireReader struct {
	data []byte
	err  error
}

func (r *wireReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *wireReader) take(n int) []byte {
	if r.err == nil && len(r.data) < n {
		r.err = errWireEnd
	}
	if r.err != nil {
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *wireReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *wireReader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *wireReader) uvarint() uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.err = errWireEnd
		if n < 0 {
			r.err = errors.New("an integer of more than 64 bits")
		}
		return 0
	}
	r.data = r.data[n:]
	return v
}

// float takes a float64, which must be finite.
func (r *wireReader) float() float64 {
	v := math.Float64frombits(r.uint64())
	if r.err == nil && !finite(v) {
		r.fail("%v is no number", v)
		return 0
	}
	return v
}

func appendFloat(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}
