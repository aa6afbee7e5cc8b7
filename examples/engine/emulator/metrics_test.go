package emulator

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// The page is one that a strict reader takes, with the names that scalers look
// for.
func TestMetricsPage(t *testing.T) {
	inBubble(t, Config{ServedName: `a "quoted" name`}, func(t *testing.T, r *rig) {
		if a := r.ask(t.Context(), 1000, 11); len(a.tokens) != 11 { // 110 ms, then 10 × 10 ms
			t.Fatal(a.err)
		}
		_, page := r.get("/metrics")
		sample := regexp.MustCompile(`^[a-z_:0-9]+\{model_name="a \\"quoted\\" name",engine="0"(,[a-z_]+="[^"]*")*\} [-+0-9.e]+\n$`)
		typed := map[string]bool{}
		for line := range strings.Lines(page) {
			if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
				typed[strings.Fields(name)[0]] = true
				continue
			}
			if strings.HasPrefix(line, "# HELP ") {
				continue
			}
			if !sample.MatchString(line) {
				t.Errorf("not a sample: %q", line)
			}
			name := line[:strings.IndexByte(line, '{')]
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				name = strings.TrimSuffix(name, suffix)
			}
			if !typed[name] {
				t.Errorf("%s has no TYPE before it", name)
			}
		}
		const labels = `{model_name="a \"quoted\" name",engine="0"`
		for name, want := range map[string]float64{
			`vllm:prompt_tokens_total` + labels:                                         1000,
			`vllm:generation_tokens_total` + labels:                                     11,
			`vllm:time_to_first_token_seconds_count` + labels:                           1,
			`vllm:time_to_first_token_seconds_sum` + labels:                             0.11,
			`vllm:time_to_first_token_seconds_bucket` + labels + `,le="0.1"`:            0,
			`vllm:time_to_first_token_seconds_bucket` + labels + `,le="0.25"`:           1,
			`vllm:inter_token_latency_seconds_count` + labels:                           10,
			`vllm:inter_token_latency_seconds_bucket` + labels + `,le="0.01"`:           10,
			`vllm:e2e_request_latency_seconds_bucket` + labels + `,le="+Inf"`:           1,
			`vllm:num_preemptions_total` + labels:                                       0,
			`vllm:request_success_total` + labels + `,finished_reason="length"`:         1,
			`vllm:num_requests_waiting_by_reason` + labels + `,reason="capacity"`:       0,
			`vllm:cache_config_info` + labels + `,block_size="16",num_gpu_blocks="625"`: 1,
			`evenkeel_emulator_behind_seconds_total` + labels:                           0,
		} {
			if got := r.metric(name); got != want {
				t.Errorf("%s = %v, want %v", name, got, want)
			}
		}
	})
}

func TestHistogramBounds(t *testing.T) {
	h := histogram{bounds: []float64{1, 2}}
	for _, d := range []time.Duration{0, time.Second, time.Second + 1, 2 * time.Second, time.Hour} {
		h.observe(d)
	}
	if h.counts[0] != 2 || h.counts[1] != 2 || h.counts[2] != 1 {
		t.Errorf("counts %v, want 2 2 1: a bound belongs to its bucket", h.counts)
	}
}
