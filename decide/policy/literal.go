package policy

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A quantity is a number with what it measures, in base units.
type quantity struct {
	value float64
	dim   dimension
}

type unitWord struct {
	scale float64
	dim   dimension
}

// unitWords may follow a number without a space.
var unitWords = map[string]unitWord{
	"%":  {0.01, share},
	"ns": {1e-9, duration}, "us": {1e-6, duration}, "µs": {1e-6, duration}, "ms": {1e-3, duration},
	"s": {1, duration}, "m": {60, duration}, "min": {60, duration}, "h": {3600, duration}, "d": {86400, duration},
	"B": {1, byteCount}, "kB": {1e3, byteCount}, "KB": {1e3, byteCount}, "MB": {1e6, byteCount}, "GB": {1e9, byteCount}, "TB": {1e12, byteCount},
	"KiB": {1 << 10, byteCount}, "MiB": {1 << 20, byteCount}, "GiB": {1 << 30, byteCount}, "TiB": {1 << 40, byteCount},
	"k": {1e3, plainNumber}, "K": {1e3, plainNumber}, "M": {1e6, plainNumber}, "G": {1e9, plainNumber},
}

// things may follow a number after a space.
var things = map[string]string{
	"token": "{token}", "tokens": "{token}", "request": "{request}", "requests": "{request}",
}

// spans may follow a slash: 40/s, 2400/min.
var spans = map[string]float64{"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}

const unitList = "use %, ns, us, ms, s, m, h, d, B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, k, M or G"

// scanNumber reads the number at the start of s with the unit that is joined to
// it, and returns its length in bytes.
func scanNumber(s string) (quantity, int, error) {
	total, smallest, n := 0.0, math.Inf(1), 0
	for first := true; ; first = false {
		digits := scanDigits(s[n:])
		if digits == 0 {
			return quantity{}, n, fmt.Errorf("%q is no number: write one such as 50, 0.7, 70%% or 800ms", clip(s))
		}
		v, err := strconv.ParseFloat(s[n:n+digits], 64)
		if err != nil {
			return quantity{}, n, fmt.Errorf("%s is out of range", clip(s[n:n+digits]))
		}
		n += digits
		word := scanUnit(s[n:])
		n += len(word)
		if word == "" {
			if !first {
				return quantity{}, n, fmt.Errorf("%q ends without a unit: write it like 1h30m", clip(s[:n]))
			}
			return quantity{v, plainNumber}, n, nil
		}
		u, ok := unitWords[word]
		if !ok {
			return quantity{}, n, fmt.Errorf("%q is no unit: %s", clip(word), unitList)
		}
		more := n < len(s) && s[n] >= '0' && s[n] <= '9'
		isTime := u.dim.String() == duration.String()
		if !isTime && !first || more && !isTime || u.scale >= smallest {
			return quantity{}, n, fmt.Errorf("%q is no number: only times have several parts, the largest first, as in 1h30m", clip(s[:n]))
		}
		smallest = u.scale
		part := v * u.scale
		if u.scale < 1 { // 800 ÷ 1000 is the nearest to 0.8, 800 × 0.001 need not be
			part = v / math.Round(1/u.scale)
		}
		total += part
		if math.IsInf(total, 0) {
			return quantity{}, n, fmt.Errorf("%s is out of range", clip(s[:n]))
		}
		if !more {
			return quantity{total, u.dim}, n, nil
		}
	}
}

// scanDigits returns the length of the decimal number at the start of s.
func scanDigits(s string) int {
	digits := func(i int) int {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i
	}
	i := digits(0)
	if i < len(s) && s[i] == '.' {
		j := digits(i + 1)
		if j == i+1 || i == 0 {
			return 0 // ".5" and "5." are more often slips than numbers
		}
		i = j
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if k := digits(j); k > j {
			i = k
		}
	}
	return i
}

// scanUnit returns the letters at the start of s, or the percent sign.
func scanUnit(s string) string {
	if strings.HasPrefix(s, "%") {
		return "%"
	}
	for i, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', r == 'µ', r == '_':
		default:
			return s[:i]
		}
	}
	return s
}

// parseQuantity reads all of s as a number with a unit: 70%, 1h30m, 64MiB, 50,
// 40/s, 4k tokens/s.
func parseQuantity(s string) (quantity, error) {
	s = strings.TrimSpace(s)
	negative := strings.HasPrefix(s, "-")
	q, n, err := scanNumber(strings.TrimPrefix(s, "-"))
	if err != nil {
		return quantity{}, err
	}
	rest := strings.TrimSpace(strings.TrimPrefix(s, "-")[n:])
	if rest == "%" && q.dim.plain() {
		q, rest = quantity{q.value / 100, share}, ""
	}
	word, span, isRate := strings.Cut(rest, "/")
	if word = strings.TrimSpace(word); word != "" {
		t, ok := things[word]
		if !ok || !q.dim.plain() {
			return quantity{}, fmt.Errorf("%q after the number is no unit: %s, or the words tokens or requests", clip(word), unitList)
		}
		q.dim = dimension{atoms: []atom{{t, 1}}}
	}
	if isRate {
		seconds, ok := spans[strings.TrimSpace(span)]
		if !ok {
			return quantity{}, fmt.Errorf("%q after the slash is no time: write 40/s, 40/min or 40/h", clip(span))
		}
		q = q.per(seconds)
	}
	if negative {
		q.value = -q.value
	}
	return q, nil
}

// per returns q divided by a time.
func (q quantity) per(seconds float64) quantity {
	return quantity{q.value / seconds, q.dim.with("s", -1)}
}

// clip shortens s for an error.
func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	i := most
	for i > 0 && s[i]&0xc0 == 0x80 {
		i--
	}
	return s[:i] + "…"
}
