package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

const (
	maxBody       = 16 << 20 // bytes of a request's body
	defaultOutput = 128      // tokens
	bytesPerToken = 4        // of English text, about
)

// A request is what the engine understands of a completion's body. Sampling
// parameters and whatever else there may be are ignored.
type request struct {
	Model string `json:"model"` // empty: whatever is served

	// The prompt, in the one form or the other. Both count.
	Messages []message `json:"messages"`
	Prompt   text      `json:"prompt"`

	// The length of the output, under its old name and its new one. The new one
	// wins. A pointer tells 0, which is refused, from absent.
	MaxTokens           *int64 `json:"max_tokens"`
	MaxCompletionTokens *int64 `json:"max_completion_tokens"`
	N                   *int64 `json:"n"`

	Stream        bool `json:"stream"`
	StreamOptions struct {
		// IncludeUsage asks for a last chunk with the token counts.
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`

	// PromptTokens is our extension: the exact length of the prompt.
	PromptTokens *int64 `json:"evenkeel_prompt_tokens"`
}

// A message of a chat. Roles and names are a few tokens that do not matter here.
type message struct {
	Content text `json:"content"`
}

// A text is only measured, never kept: a string, a list of content parts, or a
// list of token numbers.
type text struct {
	bytes  int64
	tokens int64 // given as numbers
}

// UnmarshalJSON measures the text.
func (t *text) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || bytes.Equal(data, []byte("null")) {
		return nil
	}
	switch data[0] {
	case '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		t.bytes = int64(len(s))
		return nil
	case '[':
		return t.list(data)
	}
	return errors.New("a prompt or content must be a string or a list")
}

// list measures content parts, of which only text counts, token numbers, or the
// one prompt of a list.
func (t *text) list(data []byte) error {
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil {
		return err
	}
	for _, item := range items {
		switch item[0] {
		case '{':
			var part struct {
				Text string `json:"text"`
			}
			if err := json.Unmarshal(item, &part); err != nil {
				return err
			}
			t.bytes += int64(len(part.Text))
		case '"':
			if len(items) > 1 {
				return errors.New("one prompt a request; send the others on their own")
			}
			return t.UnmarshalJSON(item)
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			t.tokens++
		default:
			return errors.New("a prompt or content must be text or token numbers")
		}
	}
	return nil
}

// A badRequest is a request that cannot be served, now or later, with the status
// of its answer.
type badRequest struct {
	status  int
	message string
}

func (e badRequest) Error() string { return e.message }

func refuse(format string, args ...any) error {
	return badRequest{400, fmt.Sprintf(format, args...)}
}

// parse reads a body and returns it with the lengths of prompt and output.
func parse(body []byte, served string) (r request, prompt, output int64, err error) {
	if err := json.Unmarshal(body, &r); err != nil {
		return r, 0, 0, refuse("the body is not a valid request: %v", err)
	}
	if r.Model != "" && r.Model != served {
		return r, 0, 0, badRequest{404, fmt.Sprintf("the model %q does not exist, this engine serves %q", r.Model, served)}
	}
	if r.N != nil && *r.N != 1 {
		return r, 0, 0, refuse("n is %d; this engine gives 1 answer a request", *r.N)
	}
	output = defaultOutput
	for _, given := range []*int64{r.MaxTokens, r.MaxCompletionTokens} {
		if given == nil {
			continue
		}
		if output = *given; output < 1 {
			return r, 0, 0, refuse("max_tokens is %d; give 1 or more", output)
		}
	}
	if r.PromptTokens != nil {
		if prompt = *r.PromptTokens; prompt < 1 {
			return r, 0, 0, refuse("evenkeel_prompt_tokens is %d; give 1 or more", prompt)
		}
		return r, prompt, output, nil
	}
	size, tokens := r.Prompt.bytes, r.Prompt.tokens
	for _, m := range r.Messages {
		size += m.Content.bytes
		tokens += m.Content.tokens
	}
	prompt = tokens + (size+bytesPerToken-1)/bytesPerToken
	if prompt == 0 {
		return r, 0, 0, refuse("the prompt is empty; give messages, prompt or evenkeel_prompt_tokens")
	}
	return r, prompt, output, nil
}
