package page

import (
	"math"
	"strconv"
	"time"
)

// num writes v for people: three figures, no exponent.
func num(v float64) string {
	switch a := math.Abs(v); {
	case a < 0.005:
		return "0"
	case a < 10:
		return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
	default:
		return strconv.FormatFloat(math.Round(v), 'f', -1, 64)
	}
}

// rate writes v as requests per second.
func rate(v Value) string { return num(v.Num) + " req/s" }

// seconds writes v, in seconds, in the unit that reads best.
func seconds(v Value) string {
	switch s := v.Num; {
	case !v.Known:
		return "–"
	case s < 0.1:
		return strconv.FormatFloat(s*1000, 'f', 0, 64) + " ms"
	case s < 10:
		return strconv.FormatFloat(s, 'f', 2, 64) + " s"
	case s < 100:
		return strconv.FormatFloat(s, 'f', 0, 64) + " s"
	default:
		return strconv.FormatFloat(s/60, 'f', 0, 64) + " min"
	}
}

// span writes d, at least a second, in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	default:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	}
}

// appendNum appends v as a JSON number with six significant figures, which is
// finer than any screen.
func appendNum(b []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.AppendInt(b, int64(v), 10)
	}
	return strconv.AppendFloat(b, v, 'g', 6, 64)
}
