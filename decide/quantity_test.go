package decide

import (
	"math"
	"testing"

	"github.com/evenkeel/evenkeel/signal"
)

func TestQuantity(t *testing.T) {
	for _, tc := range []struct {
		x    float64
		unit signal.Unit
		want string
	}{
		{0, signal.Requests, "0"}, {412, signal.Requests, "412"}, {3.14159, signal.Requests, "3.14"}, {31.4159, "", "31.4"},
		{9999, signal.Replicas, "9999"}, {12345, signal.Requests, "12.3k"}, {1.5e6, signal.Requests, "1.5M"}, {2.5e9, signal.Requests, "2.5e+09"},
		{-5, signal.Requests, "-5"}, {-0.0001, signal.Requests, "-0.0001"}, {100, "", "100"}, {0.0004, "", "0.0004"},
		{math.MaxFloat64, "", "1.8e+308"},
		// Where one form ends and the next begins.
		{1e9, "", "1e+09"}, {999e6, "", "999M"}, {1e6, "", "1M"}, {999e3, "", "999k"}, {1e4, "", "10k"}, {100.4, "", "100"}, {99.96, "", "100"}, {10, "", "10"}, {9.99, "", "9.99"}, {1, "", "1"}, {1.2345, "", "1.23"}, {0.12345, "", "0.123"}, {0.001, "", "0.001"}, {0.9994, "", "0.999"}, {math.Copysign(0, -1), "", "0"},
		{1, signal.Seconds, "1 s"}, {0.999, signal.Seconds, "999 ms"}, {600, signal.Seconds, "10 min"}, {599, signal.Seconds, "599 s"}, {10800, signal.Seconds, "3 h"}, {10799, signal.Seconds, "180 min"}, {-0.5, signal.Seconds, "-500 ms"},
		{1024, signal.Bytes, "1 KiB"}, {1023, signal.Bytes, "1023 B"}, {1 << 20, signal.Bytes, "1 MiB"}, {1 << 30, signal.Bytes, "1 GiB"}, {1 << 40, signal.Bytes, "1 TiB"}, {1 << 39, signal.Bytes, "512 GiB"}, {-2048, signal.Bytes, "-2 KiB"},
		{0.7, signal.Ratio, "70 %"}, {1.234, signal.Ratio, "123 %"}, {0.001, signal.Ratio, "0.1 %"},
		{0.84, signal.Seconds, "840 ms"}, {0.04, signal.Seconds, "40 ms"}, {0, signal.Seconds, "0 s"}, {180, signal.Seconds, "180 s"},
		{900, signal.Seconds, "15 min"}, {3600, signal.Seconds, "60 min"}, {4 * 3600, signal.Seconds, "4 h"},
		{512, signal.Bytes, "512 B"}, {1536, signal.Bytes, "1.5 KiB"}, {3 << 30, signal.Bytes, "3 GiB"}, {5 << 20, signal.Bytes + "/s", "5 MiB/s"},
		{3.1, signal.RequestsPerSecond, "3.1/s"}, {9000, signal.Tokens, "9000 tokens"}, {1500, signal.TokensPerSecond, "1500 tokens/s"},
		{21, "Cel", "21 Cel"}, {3, "{gpu}", "3 gpus"}, {3, "{open", "3 {open"},
	} {
		if got := quantity(tc.x, tc.unit); got != tc.want {
			t.Errorf("%v %q is put as %q, want %q", tc.x, tc.unit, got, tc.want)
		}
	}
	if got := perSecond(""); got != signal.RequestsPerSecond {
		t.Errorf("without a unit, per second is %q", got)
	}
}
