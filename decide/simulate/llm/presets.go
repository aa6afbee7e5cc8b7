package llm

// Bounds that vLLM's server picks by the size of one GPU.
const (
	largeBatchTokens = 8192 // 70 GiB and more
	largeSeqs        = 1024
	smallBatchTokens = 2048 // below
	smallSeqs        = 256
)

// Presets returns the calibrated models, small to large.
//
// Unless a line says otherwise the coefficients are a least-squares fit to the
// measured serving points that NVIDIA publishes with aiconfigurator
// (silicon_sample.csv, Apache-2.0): closed loop, 1k/1k, 1k/8k and 8k/1k tokens,
// batches of 4 to 64. The error named is the mean of the fit over those points.
// A KV capacity is derived as 90 % of the GPUs' memory less the weights, over
// the bytes that one token takes.
func Presets() []Model {
	return []Model{
		// Profile of vLLM 0.19 by operation, summed over the layers (KAIST
		// LLMServingSim, MIT), on an RTX 4090, whose memory bandwidth is within 20 %
		// of an L40S. Its authors replay real runs to within 1 % of the time per
		// output token. The KV capacity is that of the L40S, 48 GB.
		{Name: "llama-3.1-8b/l40s-class", A: 17.0, B: 0.043, C: 0.139e-3, P: 1.0 / 10.7,
			MaxBatchTokens: smallBatchTokens, MaxSeqs: smallSeqs, KVTokens: 177_000},
		// A composite: A, B and P measured on Qwen2.5-7B, the nearest model that was
		// (inference-sim, vLLM 0.11), C from the bandwidth of the memory.
		{Name: "llama-3.1-8b/h100", A: 7.05, B: 0.025, C: 0.06e-3, P: 0.0195,
			MaxBatchTokens: largeBatchTokens, MaxSeqs: largeSeqs, KVTokens: 397_000},
		// vLLM, mean error 0.9 %. KV: 144 GB − 71 GB of weights, 80 layers × 8 heads
		// × 128 × 2 × 2 B = 328 kB a token.
		{Name: "llama-3.1-70b-fp8/h100x2", A: 16.53, B: 0.0394, C: 0.0586e-3, P: 0.0700,
			MaxBatchTokens: largeBatchTokens, MaxSeqs: largeSeqs, KVTokens: 222_000},
		// vLLM, mean error 2.2 %. KV: 288 GB − 71 GB of weights, as above.
		{Name: "llama-3.1-70b-fp8/h100x4", A: 11.02, B: 0.0547, C: 0.0279e-3, P: 0.0446,
			MaxBatchTokens: largeBatchTokens, MaxSeqs: largeSeqs, KVTokens: 662_000},
		// vLLM, mean error 5.2 %. KV: 144 GB − 65 GB of weights, 36 layers × 8 heads
		// × 64 × 2 × 2 B = 74 kB a token, as if no layer used a sliding window.
		{Name: "gpt-oss-120b/h100x2", A: 4.59, B: 0.1524, C: 0.0022e-3, P: 0.0229,
			MaxBatchTokens: largeBatchTokens, MaxSeqs: largeSeqs, KVTokens: 1_070_000},
		// vLLM, mean error 4.8 %. The KV capacity is not published. Derived: 4 × 80 GB
		// × 0.9 = 288 GB less about 230 GB of weights; 62 layers × 8 heads × 128 × 2 ×
		// 2 B = 254 kB a token.
		{Name: "minimax-m2.5-fp8/h100x4", A: 9.75, B: 0.2145, C: 0.0297e-3, P: 0.0192,
			MaxBatchTokens: largeBatchTokens, MaxSeqs: largeSeqs, KVTokens: 230_000},
		// SGLang, mean error 4.1 %; the bounds are vLLM's all the same. KV: each GPU
		// keeps the whole latent cache, (141 GB × 0.9 − 86 GB of weights) over 61
		// layers × 576 × 2 B = 70 kB a token. C fits as 0 because that cache is small.
		{Name: "deepseek-r1/h200x8", A: 9.11, B: 0.364, C: 0, P: 0.0384,
			MaxBatchTokens: largeBatchTokens, MaxSeqs: largeSeqs, KVTokens: 577_000},
	}
}

// Preset returns the preset of that name.
func Preset(name string) (Model, bool) {
	for _, m := range Presets() {
		if m.Name == name {
			return m, true
		}
	}
	return Model{}, false
}
