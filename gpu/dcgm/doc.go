// Package dcgm reads GPUs from NVIDIA's DCGM exporter over HTTP. It needs no
// driver library in this process, no cgo and no privileges: on a cluster the
// exporter mostly runs on every node with a GPU already.
//
//	reader, err := dcgm.NewReader(dcgm.Config{URL: "http://localhost:9400/metrics"})
//	source, err := gpu.NewSource(gpu.Config{Reader: reader})
//
// # What is on a page
//
// The exporter shows all GPUs of its node, whoever uses them, and refreshes its
// page every 30 seconds unless told otherwise (its option -c). Set Config.UUIDs
// or Config.Labels if the server has only some of them, and give the signals a
// MaxAge that fits.
//
// What is read: DCGM_FI_DEV_GPU_UTIL, DCGM_FI_DEV_FB_USED, _FB_FREE,
// _FB_RESERVED and _FB_TOTAL, _POWER_USAGE, _GPU_TEMP, _XID_ERRORS,
// _ECC_DBE_VOL_TOTAL, _ROW_REMAP_FAILURE, _CLOCK_THROTTLE_REASONS or
// _CLOCKS_EVENT_REASONS, and DCGM_FI_PROF_GR_ENGINE_ACTIVE. Which of them are
// there is the exporter's configuration; what is not is not known, never zero.
// A page with none of them is an error that says what was there instead, and so
// is one that breaks off or that cannot be understood.
//
// Utilisation is the share of time in which any kernel ran; see package gpu.
// DCGM shows 0 for instances of a split GPU (MIG) whatever they do; for those,
// and where DCGM_FI_DEV_GPU_UTIL is not exported, the share of time in which the
// graphics or compute engine was active is used if it is there.
//
// # Health
//
// The exporter shows the last error number (XID) until it is restarted, long
// after the GPU was mended, and counts memory errors since the driver was loaded.
// So what a Reader finds on its first page says nothing: from then on, a new
// number or a higher count makes a device sick. A device that was there and is
// no longer on the page is lost.
package dcgm
