package emulator

import (
	"fmt"
	"strconv"
	"strings"
)

// A form is one of the two completion interfaces.
type form struct {
	id, whole, part string // prefix of IDs, kinds of object
	chat            bool
}

var (
	chat  = form{id: "chatcmpl-", whole: "chat.completion", part: "chat.completion.chunk", chat: true}
	plain = form{id: "cmpl-", whole: "text_completion", part: "text_completion"}
)

// word is every token's text.
const word = " token"

// chunks are the bytes of one answer, made once: a token costs no marshalling.
type chunks struct {
	form             form
	head             string // id, created and model, as JSON members
	prompt, output   int64
	first, mid, last []byte
}

// newChunks prepares an answer. name is the model's, as a JSON string.
func newChunks(f form, name []byte, st *stream, output int64) *chunks {
	c := &chunks{form: f, prompt: st.prompt, output: output}
	c.head = fmt.Sprintf(`"id":"%s%016x","created":%d,"model":%s`, f.id, st.id, st.arrived.Unix(), name)
	c.first = c.chunk(true, output == 1)
	c.mid = c.chunk(false, false)
	c.last = c.chunk(false, true)
	return c
}

// chunk is one server-sent event with one token.
func (c *chunks) chunk(first, last bool) []byte {
	reason := "null"
	if last {
		reason = `"length"`
	}
	content := `"text":"` + word + `"`
	if c.form.chat {
		// The role comes with the first token and not in a chunk of its own, so
		// that chunks can be counted as tokens.
		role := ""
		if first {
			role = `"role":"assistant",`
		}
		content = `"delta":{` + role + `"content":"` + word + `"}`
	}
	return fmt.Appendf(nil, `data: {%s,"object":"%s","choices":[{"index":0,%s,"logprobs":null,"finish_reason":%s}]}`+"\n\n",
		c.head, c.form.part, content, reason)
}

// token is the event of the i-th token, from 0.
func (c *chunks) token(i int64) []byte {
	switch i {
	case 0:
		return c.first
	case c.output - 1:
		return c.last
	}
	return c.mid
}

// appendEnd appends what follows the last token.
func (c *chunks) appendEnd(to []byte, usage bool) []byte {
	if usage {
		to = fmt.Appendf(to, `data: {%s,"object":"%s","choices":[],%s}`+"\n\n", c.head, c.form.part, c.usage())
	}
	return append(to, "data: [DONE]\n\n"...)
}

// whole is the answer in one piece.
func (c *chunks) whole() []byte {
	text := strconv.Quote(strings.Repeat(word, int(c.output)))
	content := `"text":` + text
	if c.form.chat {
		content = `"message":{"role":"assistant","content":` + text + `}`
	}
	return fmt.Appendf(nil, `{%s,"object":"%s","choices":[{"index":0,%s,"logprobs":null,"finish_reason":"length"}],%s}`+"\n",
		c.head, c.form.whole, content, c.usage())
}

// usage is the JSON member with the token counts.
func (c *chunks) usage() string {
	return fmt.Sprintf(`"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, c.prompt, c.output, c.prompt+c.output)
}
