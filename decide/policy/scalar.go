package policy

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/decide"
)

// The kinds of values in a file. Zero is one that was left out, and where that
// is not the same, a negative number one that is switched off.
type (
	span   time.Duration // 5m
	ratio  float64       // 70%, 0.7
	number float64       // 2.5
	days   decide.Days   // mon-fri
	clock  time.Duration // "08:00", since midnight
	// name of a signal
	name struct {
		text string
		at   place
	}
	// amount of something whose unit another field says
	amount struct {
		text string
		q    quantity
		at   place
	}
	// condition is an expression
	condition struct {
		Expression
		at place
	}
)

// A scalar reads itself from the text of a node that is a string or a number.
type scalar interface {
	read(text string, at place, tag reflect.StructTag) error
	// write returns the text, and whether it is there at all.
	write(tag reflect.StructTag) (string, bool)
	// schema says what the text may be.
	schema() map[string]any
}

// off reports whether text switches the field off, and whether it may.
func off(text string, tag reflect.StructTag) (bool, error) {
	q, err := parseQuantity(text)
	zero := err == nil && q.value == 0
	switch {
	case text != "off" && !zero:
		return false, nil
	case tag.Get("off") == "":
		if zero && tag.Get("default") == "" {
			return false, nil // none, and that is what leaving it out means
		}
		return false, fmt.Errorf("%s is not possible here: leave the field out for the default", text)
	}
	return true, nil
}

func (s *span) read(text string, _ place, tag reflect.StructTag) error {
	if o, err := off(text, tag); o || err != nil {
		*s = -1
		return err
	}
	q, err := parseQuantity(text)
	switch {
	case err != nil:
		return err
	case q.dim.plain() && q.value == 0:
		*s = 0
		return nil
	case q.dim.String() != duration.String():
		return fmt.Errorf("%s is %v: write %s", clip(text), q.dim, duration.sample())
	case q.value < 0:
		return fmt.Errorf("%s is negative: write off to switch it off", clip(text))
	case q.value > (365 * 24 * time.Hour).Seconds():
		return fmt.Errorf("%s is longer than a year", clip(text))
	}
	*s = span(math.Round(q.value * 1e9))
	return nil
}

func (s span) write(reflect.StructTag) (string, bool) {
	if s < 0 {
		return "off", true
	}
	return spanText(time.Duration(s)), s != 0
}

// spanText writes d as 1h30m, not 1h30m0s.
func spanText(d time.Duration) string {
	var b strings.Builder
	for _, u := range []struct {
		name string
		unit time.Duration
	}{{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", 1}} {
		if n := d / u.unit; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.unit
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

func (r *ratio) read(text string, _ place, tag reflect.StructTag) error {
	if o, err := off(text, tag); o || err != nil {
		*r = -1
		return err
	}
	q, err := parseQuantity(text)
	switch {
	case err != nil:
		return err
	case len(q.dim.atoms) > 0:
		return fmt.Errorf("%s is %v: write %s", clip(text), q.dim, share.sample())
	case q.value < 0:
		return fmt.Errorf("%s is negative: write off to switch it off", clip(text))
	case q.dim.plain() && q.value > 10:
		return fmt.Errorf("%s is a share, where 1 is the whole: write %s%%", clip(text), clip(text))
	}
	*r = ratio(q.value)
	return nil
}

func (r ratio) write(reflect.StructTag) (string, bool) {
	if r < 0 {
		return "off", true
	}
	return percentText(float64(r)), r != 0
}

// percentText writes x in percent if that is short and reads as x again, or if
// only a share in percent may be so large.
func percentText(x float64) string {
	p := strconv.FormatFloat(inUnit(x, 0.01), 'f', -1, 64)
	if v, _ := strconv.ParseFloat(p, 64); v/100 == x && len(p) < 8 || x > 5 {
		return p + "%"
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

func (f *number) read(text string, _ place, tag reflect.StructTag) error {
	if o, err := off(text, tag); o || err != nil {
		*f = -1
		return err
	}
	q, err := parseQuantity(text)
	switch {
	case err != nil:
		return err
	case !q.dim.plain():
		return fmt.Errorf("%s is %v: write a plain number", clip(text), q.dim)
	case q.value < 0:
		return fmt.Errorf("%s is negative: it must be above 0", clip(text))
	}
	*f = number(q.value)
	return nil
}

func (f number) write(reflect.StructTag) (string, bool) {
	if f < 0 {
		return "off", true
	}
	return strconv.FormatFloat(float64(f), 'g', -1, 64), f != 0
}

func (n *name) read(text string, at place, _ reflect.StructTag) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("it is empty: name a signal, such as demand_work")
	}
	*n = name{text, at}
	return nil
}

func (n name) write(reflect.StructTag) (string, bool) { return n.text, n.text != "" }

func (a *amount) read(text string, at place, _ reflect.StructTag) error {
	q, err := parseQuantity(text)
	if err == nil && !(q.value > 0) {
		err = fmt.Errorf("%s: it must be above 0", clip(text))
	}
	*a = amount{text, q, at}
	return err
}

func (a amount) write(reflect.StructTag) (string, bool) { return a.text, a.text != "" }

func (c *condition) read(text string, at place, _ reflect.StructTag) error {
	e, err := ParseExpression(text)
	*c = condition{e, at}
	return err
}

func (c condition) write(reflect.StructTag) (string, bool) { return c.String(), c.root != nil }

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (d *days) read(text string, _ place, _ reflect.StructTag) error {
	*d = 0
	day := func(s string) (int, error) {
		if i := slices.Index(dayNames, strings.ToLower(strings.TrimSpace(s))); i >= 0 {
			return i, nil
		}
		return 0, fmt.Errorf("%q is no day: use mon, tue, wed, thu, fri, sat, sun, ranges such as mon-fri, or daily", clip(s))
	}
	if strings.TrimSpace(text) == "daily" {
		*d = days(decide.EveryDay)
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err := day(first)
		if err != nil {
			return err
		}
		b := a
		if isRange {
			if b, err = day(last); err != nil {
				return err
			}
		}
		for ; a != b; a = (a + 1) % 7 {
			*d |= 1 << a
		}
		*d |= 1 << b
	}
	return nil
}

func (d days) write(reflect.StructTag) (string, bool) {
	switch decide.Days(d) {
	case 0:
		return "", false
	case decide.EveryDay:
		return "daily", true
	case decide.Weekdays:
		return "mon-fri", true
	case decide.Weekend:
		return "sat,sun", true
	}
	var out []string
	for k := range 7 {
		if i := (k + 1) % 7; d&(1<<i) != 0 { // weeks begin on Monday
			out = append(out, dayNames[i])
		}
	}
	return strings.Join(out, ","), true
}

func (c *clock) read(text string, _ place, _ reflect.StructTag) error {
	h, m, ok := strings.Cut(text, ":")
	hours, err := strconv.ParseUint(h, 10, 8)
	minutes, err2 := strconv.ParseUint(m, 10, 8)
	if !ok || err != nil || err2 != nil || len(h) > 2 || len(m) != 2 || minutes > 59 || hours*60+minutes > 24*60 {
		return fmt.Errorf("%q is no time of the day: write it as \"08:00\"", clip(text))
	}
	*c = clock(time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute)
	return nil
}

func (c clock) write(reflect.StructTag) (string, bool) {
	d := time.Duration(c)
	return fmt.Sprintf("%02d:%02d", d/time.Hour, d%time.Hour/time.Minute), d != 0
}

// isText reports whether n is a string or a number.
func isText(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && slices.Contains([]string{"!!str", "!!int", "!!float"}, n.ShortTag())
}
