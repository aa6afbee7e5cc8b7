package dcgm

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/gpu"
)

// A history is what was seen of a device before. What the first page shows is
// where counting starts.
type history struct {
	device    gpu.Device
	xid       int
	xidReason gpu.Reason // of the last number that came up while we looked
	errors    gpu.Quantity
}

// maxDevices is more than a machine has. Beyond, those that are gone are
// forgotten, lest a page that changes its UUIDs all the time fill the memory.
const maxDevices = 256

// judge makes the status of each device of what the page says and what earlier
// pages did, and adds those that are gone.
func (r *Reader) judge(rows []*row) []gpu.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]gpu.Status, 0, len(rows))
	there := map[string]bool{} // by UUID: an instance that is gone was taken away
	for _, row := range rows {
		there[row.device.UUID] = true
		h := r.devices[row.device.ID()]
		if h == nil {
			h = &history{xid: int(row.xid.Value), errors: row.errors}
			r.devices[row.device.ID()] = h
		}
		h.device = row.device
		out = append(out, gpu.Status{Device: row.device, Usage: row.usage, Health: h.judge(row)})
	}
	for id, h := range r.devices {
		switch {
		case !there[h.device.UUID] && len(r.devices) > maxDevices:
			delete(r.devices, id)
		case !there[h.device.UUID]:
			out = append(out, gpu.Status{Device: h.device, Health: gpu.Health{Reason: gpu.Lost, XID: h.xid}})
		case !slices.ContainsFunc(rows, func(row *row) bool { return row.device.ID() == id }):
			delete(r.devices, id) // split in another way
		}
	}
	slices.SortFunc(out, func(a, b gpu.Status) int {
		if a.Device.Index != b.Device.Index {
			return a.Device.Index - b.Device.Index
		}
		return strings.Compare(a.Device.ID(), b.Device.ID())
	})
	return out
}

// judge returns the worst that is wrong.
func (h *history) judge(row *row) gpu.Health {
	if xid := int(row.xid.Value); row.xid.Known && xid != h.xid {
		h.xid, h.xidReason = xid, gpu.XIDReason(xid)
	}
	if row.errors.Known && (!h.errors.Known || row.errors.Value < h.errors.Value) {
		h.errors = row.errors // the driver was loaded anew
	}
	reason := h.xidReason
	if row.reasons.Known && int64(row.reasons.Value)&throttling != 0 {
		reason = max(reason, gpu.Throttled)
	}
	if row.errors.Known && row.errors.Value > h.errors.Value || row.remap.Value > 0 {
		reason = max(reason, gpu.ECC)
	}
	return gpu.Health{Reason: reason, XID: h.xid}
}
