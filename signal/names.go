package signal

// Names of the signals that evenkeel's own packages publish. Latencies follow
// the semantic conventions for generative AI servers; what those do not name is
// in the evenkeel namespace.
const (
	// NameDemandRequests is offered work: every request that asked to be let in,
	// admitted, queued or shed, per second. Never completions.
	NameDemandRequests = "evenkeel.demand.requests"
	// NameDemandInput is the offered prompt tokens per second.
	NameDemandInput = "evenkeel.demand.input_tokens"
	// NameDemandWork is offered work in weighted tokens per second, the unit in
	// which NameUnitRate is learned.
	NameDemandWork = "evenkeel.demand.work"
	// NameUnitRate is the learned work, in weighted tokens per second, that one
	// ready unit does at full use.
	NameUnitRate = "evenkeel.unit.rate"
	// NameUnitUse is the share of time that the units are busy, 0 to 1.
	NameUnitUse = "evenkeel.unit.utilization"
	// NameInFlight is the number of admitted requests that have not finished.
	NameInFlight = "evenkeel.requests.in_flight"
	// NameQueued is the number of requests waiting for admission.
	NameQueued = "evenkeel.queue.requests"
	// NameQueuedWork is the work of those requests in weighted tokens.
	NameQueuedWork = "evenkeel.queue.work"
	// NameQueueAge is the age of the oldest request that waits, in seconds.
	NameQueueAge = "evenkeel.queue.age"
	// NameShed is the requests refused per second, for any reason.
	NameShed = "evenkeel.shed.requests"
	// NameDegraded is the requests served by a fallback route per second.
	NameDegraded = "evenkeel.degraded.requests"
	// NameSaturation is the predicted time to first token over its objective:
	// 0 idle, 1 full, above 1 how much more is asked.
	NameSaturation = "evenkeel.saturation"
	// NameTTFT is the time to first token in seconds, from arrival.
	NameTTFT = "gen_ai.server.time_to_first_token"
	// NameTPOT is the time per output token after the first, in seconds.
	NameTPOT = "gen_ai.server.time_per_output_token"
	// NameDuration is the time from arrival to the end, in seconds.
	NameDuration = "gen_ai.server.request.duration"
	// NameKVCache is how full the KV cache of an inference engine is, 0 to 1. A gate is
	// told of it where a source of its pool publishes it.
	NameKVCache = "evenkeel.kv_cache.utilization"
	// NameOutput is the generated tokens per second.
	NameOutput = "evenkeel.output_tokens"
	// NameErrors is the share of finished requests that failed, 0 to 1.
	NameErrors = "evenkeel.errors.ratio"
)
