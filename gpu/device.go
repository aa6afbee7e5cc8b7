package gpu

import "context"

// A Device is one GPU, or one instance of a GPU that is split (MIG).
type Device struct {
	// UUID as the driver gives it, "GPU-…". An instance has that of its GPU.
	UUID string
	// Instance tells apart the instances of one GPU. Empty for a whole GPU.
	Instance string
	// Index as the driver counts. It differs between containers. -1: not known.
	Index int
	// Name of the model, such as "NVIDIA H100 80GB HBM3".
	Name string
}

// ID identifies the device on this machine: its UUID and instance.
func (d Device) ID() string {
	if d.Instance == "" {
		return d.UUID
	}
	return d.UUID + "/" + d.Instance
}

// A Quantity is a number that may not be known, which is not the same as zero.
// The zero Quantity is not known.
type Quantity struct {
	Value float64
	Known bool
}

// Known returns the quantity v.
func Known(v float64) Quantity { return Quantity{v, true} }

// Usage is how much of a device is in use. A driver need not know all of it.
type Usage struct {
	// Utilization is the share of the last moment, 0 to 1, in which the device did
	// anything at all. See the package comment.
	Utilization Quantity
	// MemoryUsed is what processes hold, in bytes, without MemoryReserved.
	MemoryUsed Quantity
	// MemoryReserved is what the driver keeps to itself, in bytes.
	MemoryReserved Quantity
	// MemoryTotal is all there is, in bytes.
	MemoryTotal Quantity
	// Power drawn, in watts.
	Power Quantity
	// Temperature of the chip, in degrees Celsius.
	Temperature Quantity
}

// MemoryUtilization returns the share, 0 to 1, of the memory that processes can
// get that they hold.
func (u Usage) MemoryUtilization() Quantity {
	if !u.MemoryUsed.Known || !u.MemoryTotal.Known {
		return Quantity{}
	}
	total := u.MemoryTotal.Value - u.MemoryReserved.Value
	if total <= 0 {
		return Quantity{}
	}
	return Known(min(max(u.MemoryUsed.Value/total, 0), 1))
}

// A Status is a device at one moment.
type Status struct {
	Device Device
	Usage  Usage
	Health Health
}

// A Reader asks for all devices that this server uses, in a stable order. None
// is not an error; not to know is. It returns in time for ctx if it can.
type Reader interface {
	Read(ctx context.Context) ([]Status, error)
}

// None is the Reader of a server without a GPU.
type None struct{}

// Read returns no devices.
func (None) Read(context.Context) ([]Status, error) { return nil, nil }
