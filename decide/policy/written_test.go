package policy

import (
	"math"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/signal"
)

// A signal may be published in any unit; a condition is written in people's. Each of
// these is one of the unit on the left.
func TestUnitsOfSignals(t *testing.T) {
	for unit, want := range map[signal.Unit]string{
		"ns": "1ns", "us": "1us", "ms": "1ms", "s": "1s", "min": "1m", "h": "1h", "d": "24h",
		"By": "1B", "kBy": "1kB", "MBy": "1MB", "GBy": "1GB", "TBy": "1TB",
		"KiBy": "1KiB", "MiBy": "1MiB", "GiBy": "1GiB", "TiBy": "1TiB",
		"%": "1%", "1": "100%", "": "100%", "{job}": "1", "{job}/s": "1/s", "{job}/min": "1/min", "{job}/h": "1/h",
		"{token}/ms": "1000 tokens/s", "By/s": "1 B/s", "MBy/s": "1MB/s", "MBy/min": "1000000B/min",
	} {
		want = strings.ReplaceAll(want, " B", "B")
		q, err := parseQuantity(want)
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		d, scale := dimensionOf(unit)
		if math.Abs(scale/q.value-1) > 1e-12 {
			t.Errorf("one %q is %v in base units, want %s, which is %v", unit, scale, want, q.value)
		}
		if _, ok := d.meets(q.dim); !ok {
			t.Errorf("%q cannot be compared with %s", unit, want)
		}
	}
}

// How a file that is written says a value, and that it says what is meant.
func TestValuesAreWrittenForPeople(t *testing.T) {
	for _, c := range []struct {
		value float64
		unit  signal.Unit
		want  string
	}{
		{0.7, "1", "70%"},
		{70, "%", "70%"},
		{0.125, "1", "12.5%"},
		{1.0 / 3, "1", "0.3333333333333333"},
		{0.25, "s", "250ms"},
		{1.5, "s", "1.5s"},
		{1, "s", "1s"},
		{800, "ms", "800ms"},
		{2000, "ms", "2s"},
		{90, "s", "90s"},
		{64 << 20, "By", "64MiB"},
		{64, "MiBy", "64MiB"},
		{1500, "By", "1500B"},
		{2e6, "By/s", "2e+06B/s"},
		{40, "{request}/s", "40"},
		{4000, "{token}", "4000"},
		{12, "{job}", "12"},
	} {
		got := valueText(c.value, c.unit)
		if got != c.want {
			t.Errorf("%v %q is written %s, want %s", c.value, c.unit, got, c.want)
		}
		_, scale := dimensionOf(c.unit)
		if q, err := parseQuantity(got); err != nil || math.Abs(q.value/scale/c.value-1) > 1e-12 && q.value != c.value {
			t.Errorf("%v %q is written %s, which is read as %v, %v", c.value, c.unit, got, q.value, err)
		}
	}
}

// The bound on nesting is on nesting, not on length.
func TestLongConditionsAreNotDeep(t *testing.T) {
	s := known(t)
	for _, text := range []string{
		strings.Repeat("not queue_depth > 5 or ", 100) + "in_flight > 2",
		strings.Repeat("-queue_depth < 5 and ", 100) + "in_flight > 2",
		strings.Repeat("(queue_depth > 5) or ", 100) + "in_flight > 2",
		strings.Repeat("max(queue_depth, 1) > 5 or ", 100) + "in_flight > 2",
		strings.Repeat("not ", 64) + "queue_depth > 5",
		strings.Repeat("-", 60) + "queue_depth > 5",
	} {
		e, err := ParseExpression(text)
		if err == nil {
			_, err = e.Bind(s)
		}
		if err != nil {
			t.Errorf("%.40s…: %v", text, err)
		}
	}
	for _, text := range []string{strings.Repeat("-", 65) + "queue_depth > 5", strings.Repeat("abs(", 65) + "queue_depth" + strings.Repeat(")", 65) + " > 5"} {
		if _, err := ParseExpression(text); err == nil || !strings.Contains(err.Error(), "deeper than 64") {
			t.Errorf("%.40s…: %v", text, err)
		}
	}
}

// Suggestions are near, and without one the names are listed once each.
func TestSuggestions(t *testing.T) {
	all := []string{"min", "max", "policies", "scale_up", "scale_down", "min"}
	for name, want := range map[string]string{
		"mni": ": did you mean min?", "maxx": ": did you mean max?", "polices": ": did you mean policies?", "MIN": ": did you mean min?",
		"scale_dwn": ": did you mean scale_down?", "scaleup": ": did you mean scale_up?", "quite_another": ": there are max, min, policies, scale_down, scale_up",
	} {
		if got := suggest(name, append([]string(nil), all...)); got != want {
			t.Errorf("for %s%s, want %s", name, got, want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"ab", "ba", 2}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("from %q to %q it takes %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// A place points at the value, inside of its quotes where it stands there as it is.
func TestPlaces(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"min: 2\nmax: 3\nup: { when: \"queue_depth > 5x\" }", "f.yaml:3:28: up.when"},
		{"min: 2\nmax: 3\nup: { when: 'queue_depth > 5x' }", "f.yaml:3:28: up.when"},
		{"min: 2\nmax: 3\nup: { when: queue_depth > 5x }", "f.yaml:3:27: up.when"},
		{"min: 2\nmax: 3\nup: { when: \"queue_depth\\u0020> 5x\" }", "f.yaml:3:13: up.when"},
		{"min: 2\nmax: 3\n# größer\nup: { when: \"queue_depth > 5x\" }", "f.yaml:4:28: up.when"},
		{"min: 2\nmax: 3\nschedule: [ { zone: \"Ü\", from: \"25:00\" } ]", "f.yaml:3:33: schedule[0].from"},
	} {
		if _, err := Parse("f.yaml", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\nsays %v\nwant %s", c.text, err, c.want)
		}
	}
}
