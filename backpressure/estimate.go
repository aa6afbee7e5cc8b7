package backpressure

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// maxEstimate is how much of a body an estimate reads.
const maxEstimate = 1 << 20

// EstimateOpenAI estimates the cost of a POST to /v1/chat/completions or
// /v1/completions, under any prefix: a prompt token for every four bytes of text,
// the output bound from max_completion_tokens or max_tokens, times n, and Whole
// unless the request asks for a stream. It reads at most 1 MiB of the body, whole
// or not, and puts it back for the handler. Of a larger body, or one it does not
// understand, it takes the length alone: judging requests is the handler's task.
//
// Other requests cost nothing but one sequence of unknown length.
func EstimateOpenAI(r *http.Request) (Cost, error) {
	chat := strings.HasSuffix(r.URL.Path, "/v1/chat/completions")
	if r.Method != http.MethodPost || r.Body == nil || !chat && !strings.HasSuffix(r.URL.Path, "/v1/completions") {
		return Cost{}, nil
	}
	head, err := io.ReadAll(io.LimitReader(r.Body, maxEstimate+1))
	r.Body = rejoined{io.MultiReader(bytes.NewReader(head), r.Body), r.Body}
	if err != nil {
		return Cost{}, err
	}
	size := max(int64(len(head)), r.ContentLength)
	if len(head) > maxEstimate {
		return Cost{Prompt: size / bytesPerToken, Bytes: size}, nil
	}
	c := estimate(head)
	c.Bytes = size
	return c, nil
}

// A rejoined body reads what was taken out of it first, and closes the original.
type rejoined struct {
	io.Reader
	io.Closer
}

// A completion is what matters of a request to an OpenAI-compatible server.
type completion struct {
	Messages            json.RawMessage `json:"messages"`
	Prompt              json.RawMessage `json:"prompt"`
	MaxTokens           int64           `json:"max_tokens"`
	MaxCompletionTokens int64           `json:"max_completion_tokens"`
	N                   int64           `json:"n"`
	Stream              bool            `json:"stream"`
}

// maxTokens bounds what a caller may claim, so that nothing overflows.
const maxTokens = 1 << 24

// estimate reads one JSON body.
func estimate(body []byte) Cost {
	var c completion
	if json.Unmarshal(body, &c) != nil {
		return Cost{Prompt: int64(len(body)+bytesPerToken-1) / bytesPerToken}
	}
	text := textBytes(c.Messages) + textBytes(c.Prompt)
	out := c.MaxCompletionTokens
	if out <= 0 {
		out = c.MaxTokens
	}
	out = min(max(out, 0), maxTokens) * min(max(c.N, 1), 128)
	return Cost{Prompt: max(1, (text+bytesPerToken-1)/bytesPerToken), MaxOutput: out, Whole: !c.Stream}
}

// textBytes adds up the strings in a prompt or in messages: a string, a list of
// strings or of token numbers, or messages whose content is a string or parts
// with a text. Roles and names count too, as they do in the chat template.
// Images come as long strings under other names and do not count.
func textBytes(raw json.RawMessage) int64 {
	var v any
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil {
		return 0
	}
	return textOf(v, true)
}

func textOf(v any, text bool) (n int64) {
	switch v := v.(type) {
	case string:
		if text {
			n = int64(len(v))
		}
	case float64:
		n = bytesPerToken // a token number
	case []any:
		for _, e := range v {
			n += textOf(e, text)
		}
	case map[string]any:
		for k, e := range v {
			switch k {
			case "content", "text", "role", "name", "arguments", "function", "tool_calls", "refusal":
				n += textOf(e, true)
			}
		}
	}
	return n
}
