package compat

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// scales of a quantity's suffix, as Kubernetes writes them.
var scales = map[string]float64{
	"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
	"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60,
}

// parseQuantity reads a quantity such as 500m, 1.5Gi, 2e3 or 10.
func parseQuantity(s string) (float64, error) {
	bad := func() (float64, error) {
		return 0, fmt.Errorf("%q is no quantity: write one such as 500m, 10 or 1.5Gi", clipText(s))
	}
	digits := strings.TrimLeft(s, "+-0123456789.")
	number, suffix := s[:len(s)-len(digits)], digits
	if scale, ok := scales[suffix]; ok {
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || !finite(v*scale) {
			return bad()
		}
		if scale < 1 { // 500 ÷ 1000 is the nearest to 0.5, 500 × 0.001 need not be
			return v / math.Round(1/scale), nil
		}
		return v * scale, nil
	}
	// A decimal exponent. ParseFloat would take "inf", "0x1p3" and "1_0" too.
	if e := strings.TrimLeft(suffix[1:], "+-0123456789"); (suffix[0] != 'e' && suffix[0] != 'E') || e != "" {
		return bad()
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !finite(v) {
		return bad()
	}
	return v, nil
}

// clipText shortens what is quoted in an error.
func clipText(s string) string {
	const most = 64
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
