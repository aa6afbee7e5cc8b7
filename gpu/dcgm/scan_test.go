package dcgm

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestLabels(t *testing.T) {
	var got []string
	const page = `DCGM_FI_DEV_GPU_TEMP { gpu = "0", UUID="GPU-\"1\"\\x\n,}{" , modelName="",} 4.1e1 1700000000000
`
	err := scan([]byte(page), func([]byte) bool { return true }, func(name []byte, l labels, v float64) {
		got = append(got, string(name), l.get("gpu"), l.get("UUID"), l.get("modelName"), l.get("none"))
		if v != 41 {
			t.Errorf("value %v, want 41", v)
		}
	})
	want := []string{"DCGM_FI_DEV_GPU_TEMP", "0", "GPU-\"1\"\\x\n,}{", "", ""}
	if err != nil || strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestKnown(t *testing.T) {
	for v, want := range map[float64]bool{
		0: true, 100: true, 81559: true,
		-1: false, math.NaN(): false, math.Inf(1): false,
		2147483632: false, 140737488355328: false, 9223372036854775792: false,
	} {
		if known(v) != want {
			t.Errorf("known(%v) is %v", v, !want)
		}
	}
}

// No page makes a panic, an impossible number, or devices out of nothing.
func FuzzPage(f *testing.F) {
	for _, name := range []string{"two.prom", "mig.prom"} {
		f.Add([]byte(page(f, name)))
	}
	f.Add([]byte("DCGM_FI_DEV_GPU_UTIL{UUID=\"GPU-\\\"1\",} 1 2\n"))
	f.Add([]byte("DCGM_FI_DEV_GPU_UTIL{UUID=\"\\"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Config
		rows, err := c.read(data)
		if err != nil {
			if rows != nil {
				t.Fatal("rows with an error")
			}
			return
		}
		if len(rows) == 0 || !bytes.Contains(data, []byte("DCGM_FI_")) || data[len(data)-1] != '\n' {
			t.Fatalf("%d devices of %q", len(rows), data)
		}
		for _, r := range rows {
			if u := r.usage.Utilization; r.device.UUID == "" || u.Known && !(u.Value >= 0 && u.Value <= 1) {
				t.Fatalf("%+v", r)
			}
			if m := r.usage.MemoryUtilization(); m.Known && !(m.Value >= 0 && m.Value <= 1) {
				t.Fatalf("%+v: memory %v", r, m)
			}
		}
	})
}

// BenchmarkPage reads a page of a node with eight GPUs, 50 metrics each.
func BenchmarkPage(b *testing.B) {
	var page bytes.Buffer
	line := `{gpu="3",UUID="GPU-7b9e2d4c-8a3f-4e15-b6d0-2e3f4a5b6c7d",pci_bus_id="00000000:19:00.0",device="nvidia3",modelName="NVIDIA H100 80GB HBM3",Hostname="node-1"} 42` + "\n"
	for range 8 {
		for _, m := range []string{"GPU_UTIL", "FB_USED", "FB_FREE", "POWER_USAGE", "GPU_TEMP", "XID_ERRORS"} {
			page.WriteString("DCGM_FI_DEV_" + m + line)
		}
		for range 44 {
			page.WriteString("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL" + line)
		}
	}
	var c Config
	b.SetBytes(int64(page.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.read(page.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}
