package signal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// WireVersion is the first byte of a snapshot in its wire form.
const WireVersion = 1

// MaxWireSize is the size, in bytes, of the largest snapshot that is sent or read.
const MaxWireSize = 64 << 10

// Errors of the wire form. They are wrapped with what was wrong.
var (
	// ErrSchema: the two sides do not measure the same signals.
	ErrSchema = errors.New("evenkeel: snapshot of another schema")
	// ErrWireSize: larger than [MaxWireSize].
	ErrWireSize = errors.New("evenkeel: snapshot too large")
	// ErrWireForm: not a snapshot, of an unknown version, or damaged.
	ErrWireForm = errors.New("evenkeel: malformed snapshot")
)

// Every sample begins with a byte: its quality in the low bits, and flags.
const (
	wireQuality = 3
	wireWeight  = 1 << 2 // a weight follows
	wireDist    = 1 << 3 // a distribution follows, in place of value and weight
)

// maxWireCount bounds the number of values in one distribution, so that merging
// those of many members never overflows.
const maxWireCount = 1 << 40

// AppendBinary appends the wire form of s to b. On an error b is returned as it
// was. The form, with integers as unsigned varints and floats as 8 bytes, both
// little-endian:
//
//	version (1 byte), schema hash (8 bytes), number of signals, then for each:
//	flags (1 byte); nothing more if absent
//	age in nanoseconds
//	value, weight if flagged   or   the distribution:
//	    sum, number of buckets that are not empty, then for each of those
//	    how many it lies above the one before, its count
func (s *Snapshot) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	out := append(b, WireVersion)
	out = binary.LittleEndian.AppendUint64(out, s.schema.hash)
	out = binary.AppendUvarint(out, uint64(len(s.samples)))
	for i, v := range s.samples {
		if v.Quality == Absent {
			out = append(out, 0)
			continue
		}
		flags := byte(v.Quality)
		d := s.dists[i]
		switch {
		case d != nil && d.n > maxWireCount:
			return b, fmt.Errorf("%w: signal %v: a distribution of %d values, at most %d", ErrWireSize, s.schema.defs[i].Key, d.n, uint64(maxWireCount))
		case d != nil && d.n > 0:
			flags |= wireDist
		case v.Weight != 0:
			flags |= wireWeight
		}
		out = append(out, flags)
		out = binary.AppendUvarint(out, uint64(v.Age))
		if flags&wireDist != 0 {
			out = d.appendBinary(out)
			continue
		}
		out = appendFloat(out, v.Value)
		if flags&wireWeight != 0 {
			out = appendFloat(out, v.Weight)
		}
	}
	if n := len(out) - start; n > MaxWireSize {
		return b, fmt.Errorf("%w: %d bytes, at most %d", ErrWireSize, n, MaxWireSize)
	}
	return out, nil
}

// MarshalBinary returns the wire form of s.
func (s *Snapshot) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

// UnmarshalBinary makes s what data says. It refuses data that is of another
// schema, too large or malformed in any way, and leaves s as it was then. It
// keeps nothing of data, and reuses the memory of s.
func (s *Snapshot) UnmarshalBinary(data []byte) error {
	if len(data) > MaxWireSize {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrWireSize, len(data), MaxWireSize)
	}
	// Read twice: to find whether all is well, and only then to change s.
	if err := s.read(data, false); err != nil {
		return err
	}
	return s.read(data, true)
}

func (s *Snapshot) read(data []byte, apply bool) error {
	r := wireReader{data: data}
	if v := r.byte(); v != WireVersion {
		return fmt.Errorf("%w: version %d, this side reads %d", ErrWireForm, v, WireVersion)
	}
	if h := r.uint64(); r.err == nil && h != s.schema.hash {
		return fmt.Errorf("%w: hash %016x, here %016x", ErrSchema, h, s.schema.hash)
	}
	if n := r.uvarint(); r.err == nil && n != uint64(len(s.samples)) {
		r.fail("%d signals, want %d", n, len(s.samples))
	}
	for i := range s.samples {
		s.readSample(&r, i, apply)
		if r.err != nil {
			return fmt.Errorf("%w: signal %v: %w", ErrWireForm, s.schema.defs[i].Key, r.err)
		}
	}
	if len(r.data) > 0 {
		return fmt.Errorf("%w: %d bytes too many", ErrWireForm, len(r.data))
	}
	return nil
}

func (s *Snapshot) readSample(r *wireReader, i int, apply bool) {
	var (
		v     Sample
		flags = r.byte()
	)
	v.Quality = Quality(flags & wireQuality)
	isDist := flags&wireDist != 0
	switch {
	case flags&^(wireQuality|wireWeight|wireDist) != 0 || v.Quality > Fresh:
		r.fail("unknown flags %#x", flags)
	case v.Quality == Absent && flags != 0:
		r.fail("absent with flags %#x", flags)
	case isDist && flags&wireWeight != 0:
		r.fail("a distribution with a weight")
	case isDist && s.dists[i] == nil:
		r.fail("a distribution, where a number is wanted")
	}
	if apply {
		s.samples[i] = Sample{}
		if s.dists[i] != nil {
			s.dists[i].Reset()
		}
	}
	if r.err != nil || v.Quality == Absent {
		return
	}
	age := r.uvarint()
	if age > math.MaxInt64 {
		r.fail("age %d", age)
	}
	v.Age = time.Duration(age)
	if isDist {
		var into *Dist
		if apply {
			into = s.dists[i]
		}
		readDist(r, into)
		if apply {
			s.resolve(i, v.Age)
			s.samples[i].Quality = min(s.samples[i].Quality, v.Quality)
		}
		return
	}
	v.Value = r.float()
	if flags&wireWeight != 0 {
		if v.Weight = r.float(); v.Weight <= 0 {
			r.fail("weight %v", v.Weight)
		}
	}
	if apply {
		s.Set(i, v)
	}
}

func (d *Dist) appendBinary(b []byte) []byte {
	// A sum beyond the range of a float64 would be refused by the reader.
	b = appendFloat(b, min(max(d.sum, -math.MaxFloat64), math.MaxFloat64))
	used := 0
	for _, c := range d.counts {
		if c != 0 {
			used++
		}
	}
	b = binary.AppendUvarint(b, uint64(used))
	last := 0
	for i, c := range d.counts {
		if c == 0 {
			continue
		}
		b = binary.AppendUvarint(b, uint64(d.lo+i-last))
		b = binary.AppendUvarint(b, c)
		last = d.lo + i
	}
	return b
}

// readDist checks a distribution, and stores it if into is not nil.
func readDist(r *wireReader, into *Dist) {
	sum := r.float()
	used := r.uvarint()
	if used == 0 || used > distBuckets {
		r.fail("%d buckets", used)
	}
	bucket, total := uint64(0), uint64(0)
	for i := uint64(0); i < used && r.err == nil; i++ {
		var step, count uint64
		if d := r.data; len(d) >= 2 && d[0]|d[1] < 0x80 { // nearly always
			step, count = uint64(d[0]), uint64(d[1])
			r.data = d[2:]
		} else {
			step, count = r.uvarint(), r.uvarint()
		}
		if step >= distBuckets-bucket || step == 0 && i > 0 {
			r.fail("a step of %d from bucket %d", step, bucket)
			return
		}
		bucket += step
		if count == 0 || count > maxWireCount-total {
			r.fail("a count of %d after %d", count, total)
			return
		}
		total += count
		if into != nil {
			into.addBucket(int(bucket), count)
		}
	}
	if into != nil {
		into.sum = sum
	}
}
