package gpu

import "strconv"

// A Reason says what is wrong with a device.
type Reason uint8

// The reasons, from well to worst.
const (
	OK        Reason = iota
	Throttled        // slowed down by heat or the power supply; not by its own power limit, which is normal
	XID              // the driver reported an error of the device; see [XIDReason]
	ECC              // memory errors that could not be corrected
	Lost             // it no longer answers
)

var reasonNames = [...]string{"ok", "throttled", "xid", "ecc", "lost"}

// String returns the lower-case name of r.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "reason(" + strconv.Itoa(int(r)) + ")"
}

// Health is whether a device is well. The zero Health is.
type Health struct {
	Reason Reason
	// XID is the last error number that the driver reported, 0 if none. It may be
	// set on a device that is well: many errors are those of a program.
	XID int
}

// Sick reports whether work should leave the device.
func (h Health) Sick() bool { return h.Reason != OK }

// XIDReason says what an error number of NVIDIA's driver means for the device,
// by the resolutions in NVIDIA's Xid catalog: OK for what a program does to
// itself and for numbers that are not known, because a program that ends is seen
// elsewhere, and to take a good GPU out of service for it would be worse.
func XIDReason(xid int) Reason {
	switch xid {
	case 48, 64, 94, 95: // double-bit error, failed row remap, contained and uncontained errors
		return ECC
	case 79: // fell off the bus
		return Lost
	case 63, 119, 120, 154: // row remap pending, firmware timeout and error, recovery needed
		return XID
	}
	return OK
}
