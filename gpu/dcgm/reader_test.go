package dcgm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/gpu"
)

func page(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// An exporter serves what body says at the moment.
type exporter struct {
	*httptest.Server
	body   string
	status int
}

func serve(t testing.TB, body string) *exporter {
	e := &exporter{body: body, status: http.StatusOK}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(e.status)
		fmt.Fprint(w, e.body)
	}))
	t.Cleanup(e.Close)
	return e
}

func newReader(t testing.TB, config Config) *Reader {
	t.Helper()
	r, err := NewReader(config)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	uuid0 = "GPU-0f1a7c2e-5d1b-4a60-9c3f-1d2b3c4d5e6f"
	uuid1 = "GPU-7b9e2d4c-8a3f-4e15-b6d0-2e3f4a5b6c7d"
)

func near(q gpu.Quantity, want float64) bool {
	return q.Known && math.Abs(q.Value-want) <= 1e-9*want
}

func TestReadTwoGPUs(t *testing.T) {
	e := serve(t, page(t, "two.prom"))
	all, err := newReader(t, Config{URL: e.URL}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 {
		t.Fatalf("%d devices, want 2: %+v", len(all), all)
	}
	d, u := all[0].Device, all[0].Usage
	if (d != gpu.Device{UUID: uuid0, Index: 0, Name: "NVIDIA H100 80GB HBM3"}) {
		t.Errorf("device %+v", d)
	}
	if !near(u.Utilization, 0.87) || !near(u.MemoryUsed, 71234*mib) || !near(u.MemoryReserved, 551*mib) ||
		!near(u.MemoryTotal, (71234+551+9774)*mib) || !near(u.Power, 412.337) || !near(u.Temperature, 61) {
		t.Errorf("usage %+v", u)
	}
	if all[0].Health != (gpu.Health{}) {
		t.Errorf("health %+v, want well", all[0].Health)
	}
	second := all[1]
	if second.Device.UUID != uuid1 || second.Device.Index != 1 || !near(second.Usage.Utilization, 0) {
		t.Errorf("the second is %+v", second)
	}
	// It shows an old error number, and power that DCGM did not know.
	if second.Health.Sick() || second.Health.XID != 79 || second.Usage.Power.Known {
		t.Errorf("the second is %+v", second)
	}
}

func TestReadMIG(t *testing.T) {
	e := serve(t, page(t, "mig.prom"))
	all, err := newReader(t, Config{URL: e.URL}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Device.Instance != "1" || all[1].Device.Instance != "2" {
		t.Fatalf("got %+v, want instances 1 and 2", all)
	}
	// DCGM_FI_DEV_GPU_UTIL is 0 on the page for both, whatever they do.
	if u := all[0].Usage.Utilization; !near(u, 0.731) {
		t.Errorf("instance 1: %+v, want what the engine was active", u)
	}
	if u := all[1].Usage.Utilization; u.Known {
		t.Errorf("instance 2: %+v, want not known", u)
	}
}

func TestReadOnlyOurs(t *testing.T) {
	e := serve(t, page(t, "two.prom"))
	for name, config := range map[string]Config{
		"by UUID":  {UUIDs: []string{uuid1}},
		"by label": {Labels: map[string]string{"pod": "llm-1", "namespace": "models"}},
	} {
		config.URL = e.URL
		all, err := newReader(t, config).Read(t.Context())
		if err != nil || len(all) != 1 || all[0].Device.UUID != uuid1 {
			t.Errorf("%s: %+v, %v; want only the second", name, all, err)
		}
	}
}

func TestReadFails(t *testing.T) {
	two := page(t, "two.prom")
	line := strings.Index(two, "DCGM_FI_DEV_FB_USED{")
	tests := []struct {
		name   string
		body   string
		config Config
		want   error
		text   string
	}{
		{"empty", "", Config{}, ErrNothing, "empty"},
		{"only comments", "# HELP x y\n", Config{}, ErrNothing, "but comments"},
		{"another program's page", "go_goroutines 12\nup{a=\"b\"} 1\n", Config{}, ErrNothing, `"go_goroutines", "up"`},
		{"a similar name", "DCGM_FI_DEV_GPU_UTIL_2{UUID=\"GPU-1\"} 1\n", Config{}, ErrNothing, "GPU_UTIL_2"},
		{"no UUID", "DCGM_FI_DEV_GPU_UTIL{gpu=\"0\"} 1\n", Config{}, ErrNothing, "other devices"},
		{"not ours", two, Config{UUIDs: []string{"GPU-x"}}, ErrNothing, uuid0},
		{"cut off in a line", two[:line+70], Config{}, ErrTruncated, "newline"},
		{"cut off before a newline", strings.TrimRight(two, "\n"), Config{}, ErrTruncated, "newline"},
		{"no value", "DCGM_FI_DEV_GPU_UTIL{UUID=\"GPU-1\"}\n", Config{}, ErrMalformed, "line 1"},
		{"no number", "\nDCGM_FI_DEV_GPU_UTIL{UUID=\"GPU-1\"} N/A\n", Config{}, ErrMalformed, "line 2"},
		{"no time", "DCGM_FI_DEV_GPU_UTIL{UUID=\"GPU-1\"} 1 x\n", Config{}, ErrMalformed, "time"},
		{"open labels", "DCGM_FI_DEV_GPU_UTIL{UUID=\"GPU-1\" 1\n", Config{}, ErrMalformed, "labels"},
		{"open quote", "DCGM_FI_DEV_GPU_UTIL{UUID=\"GPU-1} 1\n", Config{}, ErrMalformed, "labels"},
		{"too large", two, Config{MaxBytes: 100}, nil, "more than 100 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.URL = serve(t, tt.body).URL
			all, err := newReader(t, tt.config).Read(t.Context())
			if all != nil || err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %+v, %v; want %v with %q", all, err, tt.want, tt.text)
			}
		})
	}
	t.Run("status", func(t *testing.T) {
		e := serve(t, two)
		e.status = http.StatusServiceUnavailable
		if all, err := newReader(t, Config{URL: e.URL}).Read(t.Context()); all != nil || err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("got %v, %v", all, err)
		}
	})
	t.Run("fewer bytes than announced", func(t *testing.T) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			fmt.Fprint(w, two)
		}))
		defer s.Close()
		if _, err := newReader(t, Config{URL: s.URL}).Read(t.Context()); !errors.Is(err, ErrTruncated) {
			t.Errorf("got %v, want ErrTruncated", err)
		}
	})
	t.Run("no answer", func(t *testing.T) {
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		defer s.Close()
		r := newReader(t, Config{URL: strings.Replace(s.URL, "//", "//user:secret@", 1), Timeout: 10 * time.Millisecond})
		if _, err := r.Read(t.Context()); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want a deadline, and no password", err)
		}
	})
}

func TestHealthOverTime(t *testing.T) {
	e := serve(t, "")
	r := newReader(t, Config{URL: e.URL})
	line := func(metric, value string) string {
		return fmt.Sprintf("DCGM_FI_DEV_%s{gpu=\"0\",UUID=\"GPU-a\"} %s\n", metric, value)
	}
	const other = "DCGM_FI_DEV_GPU_UTIL{gpu=\"1\",UUID=\"GPU-b\"} 5\n"
	steps := []struct {
		name string
		body string
		want gpu.Health
	}{
		{"an old number and old errors", line("XID_ERRORS", "48") + line("ECC_DBE_VOL_TOTAL", "3"), gpu.Health{XID: 48}},
		{"the same", line("XID_ERRORS", "48") + line("ECC_DBE_VOL_TOTAL", "3"), gpu.Health{XID: 48}},
		{"one of a program", line("XID_ERRORS", "31"), gpu.Health{XID: 31}},
		{"one of the device", line("XID_ERRORS", "119"), gpu.Health{Reason: gpu.XID, XID: 119}},
		{"not shown for once", line("GPU_TEMP", "40"), gpu.Health{Reason: gpu.XID, XID: 119}},
		{"exporter restarted", line("XID_ERRORS", "0"), gpu.Health{}},
		{"another memory error", line("ECC_DBE_VOL_TOTAL", "4"), gpu.Health{Reason: gpu.ECC}},
		{"driver loaded anew", line("ECC_DBE_VOL_TOTAL", "0"), gpu.Health{}},
		{"and one after that", line("ECC_DBE_VOL_TOTAL", "1"), gpu.Health{Reason: gpu.ECC}},
		{"mended", line("ECC_DBE_VOL_TOTAL", "0"), gpu.Health{}},
		{"rows cannot be remapped", line("ROW_REMAP_FAILURE", "1"), gpu.Health{Reason: gpu.ECC}},
		{"at its power limit", line("CLOCK_THROTTLE_REASONS", "4"), gpu.Health{}},
		{"too hot", line("CLOCKS_EVENT_REASONS", "68"), gpu.Health{Reason: gpu.Throttled}},
		{"gone", "", gpu.Health{Reason: gpu.Lost}},
		{"back", line("GPU_TEMP", "40"), gpu.Health{}},
	}
	for _, s := range steps {
		e.body = s.body + other
		all, err := r.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 2 || all[0].Device.UUID != "GPU-a" || all[0].Health != s.want || all[1].Health.Sick() {
			t.Errorf("%s: %+v, want %+v", s.name, all, s.want)
		}
	}
}

func TestInstancesThatAreSplitAnew(t *testing.T) {
	e := serve(t, page(t, "mig.prom"))
	r := newReader(t, Config{URL: e.URL})
	if _, err := r.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.body = strings.ReplaceAll(e.body, `GPU_I_ID="2"`, `GPU_I_ID="5"`)
	all, err := r.Read(t.Context())
	if err != nil || len(all) != 2 || all[0].Health.Sick() || all[1].Health.Sick() || len(r.devices) != 2 {
		t.Errorf("got %+v, %v; want two well instances", all, err)
	}
	for i := range 3 * maxDevices { // UUIDs that never come again
		e.body = fmt.Sprintf("DCGM_FI_DEV_GPU_TEMP{UUID=\"GPU-%d\"} 1\n", i)
		if _, err := r.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.devices) > maxDevices+1 {
		t.Errorf("%d devices are remembered", len(r.devices))
	}
}

func TestNewReaderRefuses(t *testing.T) {
	for want, config := range map[string]Config{
		`URL is "localhost:9400"`: {URL: "localhost:9400"},
		`URL is "ftp://x/"`:       {URL: "ftp://x/"},
		"Timeout is -1s":          {Timeout: -time.Second},
		"MaxBytes is -1":          {MaxBytes: -1},
	} {
		if r, err := NewReader(config); r != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, %v; want %q", r, err, want)
		}
	}
}
