package backpressure

import (
	"io"
	"net/http"
	"strings"
)

const (
	// maxEstimate is how much of a body an estimate reads.
	maxEstimate = 1 << 20
	// firstRead is what it makes room for before the first byte has come: who only
	// promises a large body shall not cost its size in memory.
	firstRead = 64 << 10

	// Tokens of an image. Models differ widely; this is what OpenAI's guide to
	// images and vision gives for one of 1024 × 1024 in high detail, 85 + 4 × 170,
	// and for any in low detail.
	imageTokens    = 765
	lowImageTokens = 85
)

// EstimateOpenAI estimates the cost of a POST to an OpenAI-compatible server: to
// /v1/chat/completions, /v1/completions, /v1/responses or /v1/embeddings, or to
// Anthropic's /v1/messages, under any prefix. It counts
//
//   - a prompt token for every four bytes of text in messages, prompt, input,
//     instructions and system, and in the definitions of tools; one for each token
//     number; 765 for an image, 85 in low detail; nothing for audio and files,
//   - the output bound from max_completion_tokens, max_output_tokens or
//     max_tokens, times n,
//   - Whole, unless the request asks for a stream.
//
// It reads at most 1 MiB of the body and puts it back for the handler; Bytes is
// what was read. Of a larger body, or one it does not understand, it takes the
// length alone: judging requests is the handler's task.
//
// Other requests cost nothing but one sequence of unknown length.
func EstimateOpenAI(r *http.Request) (Cost, error) {
	embeds, known := understood(r)
	if !known || r.ContentLength == 0 {
		return Cost{}, nil
	}
	if r.ContentLength > maxEstimate {
		return Cost{Prompt: r.ContentLength / bytesPerToken}, nil
	}
	body := r.Body
	head, err := readHead(body, r.ContentLength)
	r.Body = &rejoined{head, body}
	if err != nil {
		return Cost{}, err
	}
	size := int64(len(head))
	if size > maxEstimate {
		return Cost{Prompt: size / bytesPerToken, Bytes: size}, nil
	}
	c := estimate(head)
	c.Bytes = size
	if embeds {
		c.MaxOutput, c.Whole = 1, true // the answer is no text
	}
	return c, nil
}

// understood reports whether EstimateOpenAI reads the body of r, and whether it
// asks for embeddings.
func understood(r *http.Request) (embeds, known bool) {
	if r.Method != http.MethodPost || r.Body == nil || r.Body == http.NoBody {
		return false, false
	}
	i := strings.LastIndex(r.URL.Path, "/v1/")
	if i < 0 {
		return false, false
	}
	switch r.URL.Path[i+len("/v1/"):] {
	case "chat/completions", "completions", "responses", "messages":
		return false, true
	case "embeddings":
		return true, true
	}
	return false, false
}

// readHead reads a body of that size, or the first part of one of unknown size,
// -1.
func readHead(body io.Reader, size int64) ([]byte, error) {
	if size < 0 {
		return io.ReadAll(io.LimitReader(body, maxEstimate+1))
	}
	head := make([]byte, min(size, firstRead))
	n, err := io.ReadFull(body, head)
	if err != nil || size <= firstRead {
		return head[:n], err
	}
	whole := make([]byte, size)
	copy(whole, head)
	n, err = io.ReadFull(body, whole[firstRead:])
	return whole[:firstRead+n], err
}

// A rejoined body reads what was taken out of it first, and then the rest.
type rejoined struct {
	head []byte
	rest io.ReadCloser
}

func (r *rejoined) Read(p []byte) (int, error) {
	if len(r.head) == 0 {
		return r.rest.Read(p)
	}
	n := copy(p, r.head)
	r.head = r.head[n:]
	return n, nil
}

func (r *rejoined) Close() error {
	r.head = nil
	return r.rest.Close()
}

// maxTokens bounds what a caller may claim, so that nothing overflows.
const maxTokens = 1 << 24

// estimate reads one JSON body.
func estimate(body []byte) Cost {
	var (
		s                   = scanner{b: body, ok: true}
		room                [32]byte
		text, n             int64
		output, old, answer int64
		stream              bool
	)
	if !s.take('{') {
		s.fail()
	}
	for s.ok && !s.take('}') {
		switch string(s.key(&room)) {
		case "messages", "prompt", "input", "instructions", "system":
			text += s.prompt(0)
		case "tools", "functions", "response_format":
			start := s.i
			s.skip()
			text += int64(s.i - start)
		case "max_completion_tokens":
			output = s.number()
		case "max_output_tokens":
			answer = s.number()
		case "max_tokens":
			old = s.number()
		case "n":
			n = s.number()
		case "stream":
			start := s.next()
			s.skip()
			stream = start == 't'
		default:
			s.skip()
		}
		if !s.take(',') && s.next() != '}' {
			s.fail()
		}
	}
	if !s.ok {
		return Cost{Prompt: int64(len(body)+bytesPerToken-1) / bytesPerToken}
	}
	for _, bound := range []int64{answer, old} {
		if output == 0 {
			output = bound
		}
	}
	return Cost{
		Prompt:    max(1, (text+bytesPerToken-1)/bytesPerToken),
		MaxOutput: output * min(max(n, 1), 128),
		Whole:     !stream,
	}
}

// prompt adds up the texts in the value that is next, in bytes: a string, a list
// of strings or of token numbers, or messages whose content is a string or parts
// with a text. Roles and names count too, as they do in the chat template. Data of
// images and files is a long string under other names, and is passed over.
func (s *scanner) prompt(depth int) (n int64) {
	if depth > maxDepth {
		s.skip()
		return 0
	}
	switch c := s.next(); c {
	case '"':
		return s.text()
	case '[':
		s.i++
		for s.ok && !s.take(']') {
			n += s.prompt(depth + 1)
			if !s.take(',') && s.next() != ']' {
				s.fail()
			}
		}
		return n
	case '{':
		s.i++
		return s.part(depth)
	default:
		s.skip()
		if c == '-' || c >= '0' && c <= '9' {
			return bytesPerToken
		}
		return 0
	}
}

// part is prompt for an object, behind its brace.
func (s *scanner) part(depth int) (n int64) {
	var room [32]byte
	var image, low bool
	for s.ok && !s.take('}') {
		switch string(s.key(&room)) {
		case "content", "text", "role", "name", "arguments", "function", "tool_calls", "refusal", "input", "output":
			n += s.prompt(depth + 1)
		case "type":
			start := s.i
			s.skip()
			switch strings.Trim(string(s.b[start:s.i]), "\" \t\r\n") {
			case "image_url", "input_image", "image":
				image = true
			}
		case "image_url":
			low = s.lowDetail() || low
		case "detail":
			low = s.isLow() || low
		default:
			s.skip()
		}
		if !s.take(',') && s.next() != '}' {
			s.fail()
		}
	}
	switch {
	case image && low:
		n += lowImageTokens * bytesPerToken
	case image:
		n += imageTokens * bytesPerToken
	}
	return n
}

// lowDetail steps over the address of an image and reports whether low detail is
// asked for in it.
func (s *scanner) lowDetail() (low bool) {
	if s.next() != '{' {
		s.skip()
		return false
	}
	s.i++
	var room [32]byte
	for s.ok && !s.take('}') {
		if string(s.key(&room)) == "detail" {
			low = s.isLow()
		} else {
			s.skip()
		}
		if !s.take(',') && s.next() != '}' {
			s.fail()
		}
	}
	return low
}

// isLow steps over a value and reports whether it is "low".
func (s *scanner) isLow() bool {
	s.next()
	start := s.i
	s.skip()
	return s.ok && string(s.b[start:s.i]) == `"low"`
}
