package dcgm

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/gpu"
)

// blank is the least of the numbers by which DCGM says that it has no value, for
// those fields where its 32-bit one, below, could not be a value either.
const (
	blank   = 1 << 47
	blank32 = 0x7ffffff0
)

// Bits of the clock reasons that mean a device is slower than it should be. Left
// out are idleness, settings by users, and the power limit, at which a busy GPU
// works all the time.
const throttling = 0x8 | 0x20 | 0x40 | 0x80 // hardware slowdown, heat twice, power brake

// A row is what one page says about one device.
type row struct {
	device             gpu.Device
	usage              gpu.Usage
	free               gpu.Quantity
	active             gpu.Quantity // DCGM_FI_PROF_GR_ENGINE_ACTIVE
	xid, errors, remap gpu.Quantity
	reasons            gpu.Quantity
}

const mib = 1 << 20

// field returns where the metric of a name goes and what to multiply it by to
// have it in our units.
func (r *row) field(name []byte) (*gpu.Quantity, float64) {
	switch string(name) {
	case "DCGM_FI_DEV_GPU_UTIL":
		return &r.usage.Utilization, 0.01
	case "DCGM_FI_PROF_GR_ENGINE_ACTIVE":
		return &r.active, 1
	case "DCGM_FI_DEV_FB_USED":
		return &r.usage.MemoryUsed, mib
	case "DCGM_FI_DEV_FB_RESERVED":
		return &r.usage.MemoryReserved, mib
	case "DCGM_FI_DEV_FB_TOTAL":
		return &r.usage.MemoryTotal, mib
	case "DCGM_FI_DEV_FB_FREE":
		return &r.free, mib
	case "DCGM_FI_DEV_POWER_USAGE":
		return &r.usage.Power, 1
	case "DCGM_FI_DEV_GPU_TEMP":
		return &r.usage.Temperature, 1
	case "DCGM_FI_DEV_XID_ERRORS":
		return &r.xid, 1
	case "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL":
		return &r.errors, 1
	case "DCGM_FI_DEV_ROW_REMAP_FAILURE":
		return &r.remap, 1
	case "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", "DCGM_FI_DEV_CLOCKS_EVENT_REASONS":
		return &r.reasons, 1
	}
	return nil, 0
}

// read makes rows of a page, in the order of index and instance.
func (c *Config) read(page []byte) ([]*row, error) {
	rows := map[string]*row{}
	var others []string // devices that are not ours
	wanted := func(name []byte) bool {
		var r row
		q, _ := r.field(name)
		return q != nil
	}
	err := scan(page, wanted, func(name []byte, l labels, value float64) {
		d := gpu.Device{UUID: l.get("UUID"), Instance: l.get("GPU_I_ID"), Index: -1, Name: l.get("modelName")}
		if !c.ours(d, l) {
			if id := fmt.Sprintf("%.60q", d.ID()); len(others) < 8 && !slices.Contains(others, id) {
				others = append(others, id)
			}
			return
		}
		if i, err := strconv.Atoi(l.get("gpu")); err == nil && i >= 0 {
			d.Index = i
		}
		// With the pods of a shared GPU as labels, it is there once for each of
		// them, with the same values.
		r := rows[d.ID()]
		if r == nil {
			r = &row{device: d}
			rows[d.ID()] = r
		}
		q, factor := r.field(name)
		if known(value) {
			*q = gpu.Known(value * factor)
		}
	})
	switch {
	case err != nil:
		return nil, err
	case len(rows) == 0 && len(others) > 0:
		return nil, fmt.Errorf("%w: it has other devices than those wanted: %s", ErrNothing, strings.Join(others, ", "))
	case len(rows) == 0:
		return nil, fmt.Errorf("%w: no metric of a GPU, but %s", ErrNothing, names(page))
	}
	out := make([]*row, 0, len(rows))
	for _, r := range rows {
		r.complete()
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *row) int {
		if a.device.Index != b.device.Index {
			return a.device.Index - b.device.Index
		}
		return strings.Compare(a.device.ID(), b.device.ID())
	})
	return out, nil
}

// ours reports whether a device belongs to this server.
func (c *Config) ours(d gpu.Device, l labels) bool {
	if d.UUID == "" || len(c.UUIDs) > 0 && !slices.Contains(c.UUIDs, d.UUID) {
		return false
	}
	for name, value := range c.Labels {
		if l.get(name) != value {
			return false
		}
	}
	return true
}

// known tells a value from the numbers that DCGM puts where it has none.
func known(v float64) bool {
	return v >= 0 && v < blank && !(v >= blank32 && v <= math.MaxInt32)
}

// complete derives what the page does not say outright, and takes back what
// cannot be.
func (r *row) complete() {
	u := &r.usage
	if r.device.Instance != "" || !u.Utilization.Known {
		u.Utilization = r.active
	}
	if u.Utilization.Value > 1 {
		u.Utilization = gpu.Quantity{}
	}
	if !u.MemoryTotal.Known && u.MemoryUsed.Known && r.free.Known {
		u.MemoryTotal = gpu.Known(u.MemoryUsed.Value + r.free.Value + u.MemoryReserved.Value)
	}
}

// names lists what is on a page, for an error.
func names(page []byte) string {
	var out []string
	for line := range bytes.Lines(page) {
		name := nameOf(bytes.TrimSpace(line))
		if len(name) == 0 {
			continue
		}
		if s := fmt.Sprintf("%.60q", name); !slices.Contains(out, s) {
			out = append(out, s)
		}
		if len(out) == 5 {
			out = append(out, "…")
			break
		}
	}
	if len(out) == 0 {
		return "comments"
	}
	return strings.Join(out, ", ")
}
