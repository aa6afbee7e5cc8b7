// Package gpu says what the GPUs of a server are, how busy and how full they
// are, and whether they are well. It has no code for any GPU: a [Reader] of a
// sub-package asks the driver or an exporter, and a [Source] turns what it says
// into signals.
//
// # What utilisation means
//
// The utilisation that drivers report is the share of time in which at least one
// kernel ran, over the last second or less. It is not how much of the GPU was
// used: one small kernel that always runs makes 1.0. For a language model server
// it is near 1 as soon as there is a request, and still 1 at a hundred times the
// load. It tells idle from busy, and little else; scale on demand, queue or
// latency, and use this to see that replicas do work at all. A GPU that is split
// into instances (MIG) has no such number for the instances.
//
// Memory says even less about load: inference engines take most of it when they
// start and keep it. It is for packing, which models fit beside one another, and
// for servers that allocate as they go.
//
// GPUs are known by their UUID. An index changes between containers.
//
// # In short
//
//	source, err := gpu.NewSource(gpu.Config{Reader: reader})
//	collector, err := signal.NewCollector(source)
//
// # Concurrency
//
// A Reader may be asked from any goroutine, and so may a Source. Nothing is
// started. Asking can take long, seconds on a GPU that is unwell, so do not do
// it while a request waits.
package gpu
