package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// metrics are the figures that the engine itself does not keep.
type metrics struct {
	labels            string // model_name and engine, as in vLLM
	ttft, itl, e2e    histogram
	prompt, generated uint64 // tokens
	finished, aborted uint64 // requests
	behind            time.Duration
}

func (m *metrics) init(name string) {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	m.labels = `model_name="` + escape.Replace(name) + `",engine="0"`
	// The bounds are vLLM's, so that queries written for it fit.
	m.ttft.bounds = []float64{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560}
	m.itl.bounds = []float64{.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80}
	m.e2e.bounds = []float64{.3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680}
}

// A histogram counts durations up to bounds in seconds.
type histogram struct {
	bounds []float64
	counts []uint64 // one more than bounds: the last is above all of them
	sum    float64
}

func (h *histogram) observe(d time.Duration) {
	if h.counts == nil {
		h.counts = make([]uint64, len(h.bounds)+1)
	}
	v := d.Seconds()
	i := 0
	for i < len(h.bounds) && v > h.bounds[i] {
		i++
	}
	h.counts[i]++
	h.sum += v
}

// A page is a metrics page in Prometheus's text format.
type page struct {
	strings.Builder
	labels string
}

// head begins a metric, as the format wants it before its samples.
func (p *page) head(name, kind, help string) {
	p.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

// line writes one sample; more are labels beside those that all samples have.
func (p *page) line(name, more string, v float64) {
	p.WriteString(name + "{" + p.labels + more + "} ")
	p.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
	p.WriteByte('\n')
}

// one writes a metric of one sample.
func (p *page) one(name, kind, help string, v float64) {
	p.head(name, kind, help)
	p.line(name, "", v)
}

// histogram writes cumulative buckets. One that is still empty is written too:
// a reader must be able to tell "none yet" from "no such metric".
func (p *page) histogram(name, help string, h *histogram) {
	p.head(name, "histogram", help)
	total := uint64(0)
	for i, bound := range h.bounds {
		if h.counts != nil {
			total += h.counts[i]
		}
		p.line(name+"_bucket", `,le="`+strconv.FormatFloat(bound, 'g', -1, 64)+`"`, float64(total))
	}
	if h.counts != nil {
		total += h.counts[len(h.bounds)]
	}
	p.line(name+"_bucket", `,le="+Inf"`, float64(total))
	p.line(name+"_sum", "", h.sum)
	p.line(name+"_count", "", float64(total))
}

// serveMetrics writes the page under the names of vLLM V1.
func (s *Server) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	s.mu.Lock()
	text := s.metricsPage()
	s.mu.Unlock()
	_, _ = w.Write([]byte(text)) // the client left: nobody to tell
}

func (s *Server) metricsPage() string {
	m, e := &s.metrics, s.engine
	p := page{labels: m.labels}
	p.one("vllm:num_requests_running", "gauge", "Requests in the batch.", float64(e.Running()))
	p.one("vllm:num_requests_waiting", "gauge", "Requests in the queue.", float64(e.Waiting()))
	// All wait for room here. vLLM's other reason is a batch limit by design,
	// which an autoscaler must not scale on.
	p.head("vllm:num_requests_waiting_by_reason", "gauge", "Requests in the queue, by what they wait for.")
	p.line("vllm:num_requests_waiting_by_reason", `,reason="capacity"`, float64(e.Waiting()))
	p.line("vllm:num_requests_waiting_by_reason", `,reason="deferred"`, 0)
	p.one("vllm:kv_cache_usage_perc", "gauge", "Share of the KV cache in use, 0 to 1.", e.KVUse())
	p.histogram("vllm:time_to_first_token_seconds", "From arrival to the first token.", &m.ttft)
	p.histogram("vllm:inter_token_latency_seconds", "From one token of a request to its next.", &m.itl)
	p.histogram("vllm:e2e_request_latency_seconds", "From arrival to the last token.", &m.e2e)
	p.one("vllm:prompt_tokens_total", "counter", "Prompt tokens processed.", float64(m.prompt))
	p.one("vllm:generation_tokens_total", "counter", "Tokens generated.", float64(m.generated))
	p.one("vllm:num_preemptions_total", "counter", "Requests that lost their cache to older ones.", float64(e.Preemptions()))
	p.head("vllm:request_success_total", "counter", "Requests that ended, by how.")
	p.line("vllm:request_success_total", `,finished_reason="stop"`, 0)
	p.line("vllm:request_success_total", `,finished_reason="length"`, float64(m.finished))
	p.line("vllm:request_success_total", `,finished_reason="abort"`, float64(m.aborted))
	p.head("vllm:cache_config_info", "gauge", "Shape of the KV cache.")
	p.line("vllm:cache_config_info", `,block_size="16",num_gpu_blocks="`+strconv.FormatInt(s.cfg.Model.KVTokens/16, 10)+`"`, 1)
	p.one("evenkeel_emulator_behind_seconds_total", "counter", "Time that the emulation fell behind its schedule and dropped: above 0, this machine is too slow for it.", m.behind.Seconds())
	return p.String()
}
