package policy

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/signal"
)

// A dimension is what a number measures: powers of seconds, bytes and counted
// things such as {request}. It has no scale: values are kept in seconds, bytes
// and single things.
type dimension struct {
	atoms []atom // sorted by name, no exponent 0
	// loose: a number that nobody gave a unit, or a quotient of one. It takes the
	// counted thing of whatever it is compared with: 50 is 50 requests beside
	// requests and 50 requests a second beside those, and 40/s is 40 tokens a
	// second beside tokens a second. It is never a time or a size.
	loose bool
}

type atom struct {
	name string // "s", "By" or an annotation such as "{request}"
	exp  int
}

var (
	plainNumber = dimension{loose: true}
	share       = dimension{}
	duration    = dimension{atoms: []atom{{"s", 1}}}
	byteCount   = dimension{atoms: []atom{{"By", 1}}}
)

// scales of the UCUM units that are multiples of a base unit.
var scales = map[string]struct {
	base  string
	scale float64
}{
	"ns": {"s", 1e-9}, "us": {"s", 1e-6}, "ms": {"s", 1e-3}, "min": {"s", 60}, "h": {"s", 3600}, "d": {"s", 86400},
	"kBy": {"By", 1e3}, "MBy": {"By", 1e6}, "GBy": {"By", 1e9}, "TBy": {"By", 1e12},
	"KiBy": {"By", 1 << 10}, "MiBy": {"By", 1 << 20}, "GiBy": {"By", 1 << 30}, "TiBy": {"By", 1 << 40},
	"%": {"", 0.01}, "1": {"", 1}, "": {"", 1},
}

// dimensionOf reads a unit and returns its scale to base units. What it does not
// know counts as a thing of its own.
func dimensionOf(u signal.Unit) (dimension, float64) {
	d, scale := dimension{}, 1.0
	for i, part := range strings.Split(string(u), "/") {
		exp := 1
		if i > 0 {
			exp = -1
		}
		base, factor := part, 1.0
		if s, ok := scales[part]; ok {
			base, factor = s.base, s.scale
		}
		if base != "" {
			d = d.with(base, exp)
		}
		if exp > 0 {
			scale *= factor
		} else {
			scale /= factor
		}
	}
	return d, scale
}

// inUnit is a value in base units, in a unit of that scale. 7 % of a signal in
// percent are 7, which neither 0.07 ÷ 0.01 nor 0.07 × 100 is: where a number of few
// digits is the value again, it is that.
func inUnit(value, scale float64) float64 {
	per := math.Round(1 / scale)
	if math.Abs(per*scale-1) > 1e-9 {
		return value / scale
	}
	x := value * per
	if short := math.Round(x*1e6) / 1e6; short/per == value {
		return short
	}
	return x
}

func (d dimension) with(name string, exp int) dimension {
	out := dimension{loose: d.loose}
	found := false
	for _, a := range d.atoms {
		if a.name == name {
			a.exp += exp
			found = true
		}
		if a.exp != 0 {
			out.atoms = append(out.atoms, a)
		}
	}
	if !found {
		out.atoms = append(out.atoms, atom{name, exp})
	}
	slices.SortFunc(out.atoms, func(a, b atom) int { return strings.Compare(a.name, b.name) })
	return out
}

func (d dimension) plain() bool { return d.loose && len(d.atoms) == 0 }

// times returns the dimension of a product, or with sign -1 of a quotient.
func (d dimension) times(e dimension, sign int) dimension {
	switch {
	case e.plain():
		return d
	case d.plain() && sign > 0:
		return e
	}
	out := dimension{atoms: d.atoms, loose: d.loose || e.loose}
	for _, a := range e.atoms {
		out = out.with(a.name, sign*a.exp)
	}
	return out
}

// meets returns the dimension of two values that are added or compared, and
// whether they may be.
func (d dimension) meets(e dimension) (dimension, bool) {
	switch {
	case slices.Equal(d.atoms, e.atoms):
		d.loose = d.loose && e.loose
		return d, true
	case d.plain() && e.counts():
		return e, true
	case e.plain() && d.counts():
		return d, true
	case d.loose && !d.counts() && slices.Equal(d.atoms, e.uncounted()):
		return e, true
	case e.loose && !e.counts() && slices.Equal(e.atoms, d.uncounted()):
		return d, true
	}
	return dimension{}, false
}

// counts reports whether d counts things.
func (d dimension) counts() bool { return len(d.uncounted()) != len(d.atoms) }

// uncounted returns the atoms that are no counted things.
func (d dimension) uncounted() []atom {
	var out []atom
	for _, a := range d.atoms {
		if a.name == "s" || a.name == "By" {
			out = append(out, a)
		}
	}
	return out
}

// String names d for people.
func (d dimension) String() string {
	switch {
	case d.plain():
		return "a plain number"
	case len(d.atoms) == 0:
		return "a share"
	case slices.Equal(d.atoms, duration.atoms):
		return "a time"
	case slices.Equal(d.atoms, byteCount.atoms):
		return "bytes"
	}
	var up, down []string
	for _, a := range d.atoms {
		name := a.name
		if n := strings.Trim(name, "{}"); n != name {
			name = n + "s"
			if a.exp < 0 {
				name = n
			}
		} else if name == "By" {
			name = "bytes"
		}
		e := max(a.exp, -a.exp)
		if name == "s" && a.exp < 0 && e == 1 {
			name = "second"
		}
		if e > 1 {
			name += "^" + strconv.Itoa(e)
		}
		if a.exp > 0 {
			up = append(up, name)
		} else {
			down = append(down, name)
		}
	}
	s := strings.Join(up, " × ")
	if s == "" {
		s = "a number"
	}
	if len(down) > 0 {
		s += " per " + strings.Join(down, " and ")
	}
	return s
}

// sample returns how a value of d is written.
func (d dimension) sample() string {
	switch {
	case len(d.atoms) == 0 && !d.loose:
		return "a share such as 70% or 0.7"
	case slices.Equal(d.atoms, duration.atoms):
		return "a time such as 800ms, 30s or 5m"
	case slices.Equal(d.atoms, byteCount.atoms):
		return "a size such as 64MiB or 2GB"
	case slices.Equal(d.uncounted(), []atom{{"s", -1}}):
		return "a rate such as 40/s"
	}
	return "a plain number such as 50"
}
