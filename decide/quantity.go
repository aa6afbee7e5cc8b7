package decide

import (
	"math"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/signal"
)

// quantity writes x, in unit u, for people: a ratio in percent, a time in
// milliseconds, seconds, minutes or hours, bytes in powers of 1024, requests and
// replicas without a noun, everything else with the name of its unit.
func quantity(x float64, u signal.Unit) string {
	switch u {
	case signal.Ratio:
		return percent(x)
	case signal.Seconds:
		return seconds(x)
	case signal.Bytes, signal.Bytes + "/s":
		return byteSize(x) + strings.TrimPrefix(string(u), string(signal.Bytes))
	case signal.Requests, signal.Replicas, "":
		return number(x)
	case signal.RequestsPerSecond:
		return number(x) + "/s"
	}
	return number(x) + " " + unitName(u)
}

// unitName writes a unit for people: {token}/s is tokens/s, all else itself.
func unitName(u signal.Unit) string {
	name, rest, ok := strings.Cut(strings.TrimPrefix(string(u), "{"), "}")
	if !ok || !strings.HasPrefix(string(u), "{") {
		return string(u)
	}
	return name + "s" + rest
}

// perSecond is the unit of a rate of what u counts.
func perSecond(u signal.Unit) signal.Unit {
	if u == "" {
		return signal.RequestsPerSecond
	}
	return u + "/s"
}

// number writes x with three or so digits, from ten thousand on in thousands (k)
// or millions (M), and never in another form for the same x.
func number(x float64) string {
	switch a := math.Abs(x); {
	case a >= 1e9 || (a < 1e-3 && a > 0):
		return strconv.FormatFloat(x, 'g', 3, 64)
	case a >= 1e6:
		return number(x/1e6) + "M"
	case a >= 1e4:
		return number(x/1e3) + "k"
	case a >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case a >= 10:
		return trim(strconv.FormatFloat(x, 'f', 1, 64))
	case a >= 1:
		return trim(strconv.FormatFloat(x, 'f', 2, 64))
	}
	return trim(strconv.FormatFloat(x, 'f', 3, 64))
}

func trim(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	if s = strings.TrimSuffix(strings.TrimRight(s, "0"), "."); s == "-0" {
		return "0"
	}
	return s
}

func percent(x float64) string { return number(100*x) + " %" }

// seconds writes a time given in seconds. A setting such as 180 s stays that; from
// ten minutes on it is minutes, from three hours on hours.
func seconds(x float64) string {
	switch a := math.Abs(x); {
	case a > 0 && a < 1:
		return number(1000*x) + " ms"
	case a >= 3*3600:
		return number(x/3600) + " h"
	case a >= 600:
		return number(x/60) + " min"
	}
	return number(x) + " s"
}

func byteSize(x float64) string {
	for _, step := range []struct {
		size float64
		name string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if math.Abs(x) >= step.size {
			return number(x/step.size) + " " + step.name
		}
	}
	return number(x) + " B"
}
