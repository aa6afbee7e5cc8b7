package emulator

import (
	"errors"
	"testing"
)

// Whatever the body is, the answer is a request that can be scheduled or an
// error with a status.
func FuzzParse(f *testing.F) {
	for _, body := range []string{
		`{"messages":[{"role":"user","content":"hello"}],"max_tokens":5,"stream":true}`,
		`{"messages":[{"content":[{"type":"text","text":"a"},{"type":"image_url"}]}]}`,
		`{"prompt":[1,2,-3],"n":1}`,
		`{"prompt":["x"],"max_completion_tokens":9}`,
		`{"evenkeel_prompt_tokens":8000}`,
		`{"messages":[],"stream_options":null}`,
		`[]`, `null`, `{"prompt":[[1]]}`, `{"messages":[null]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, prompt, output, err := parse(body, "m")
		if err != nil {
			bad := badRequest{}
			if !errors.As(err, &bad) || bad.status < 400 || bad.status > 499 || bad.message == "" {
				t.Fatalf("%q: error without a status: %v", body, err)
			}
			return
		}
		if prompt < 1 || output < 1 {
			t.Fatalf("%q: prompt %d, output %d", body, prompt, output)
		}
	})
}
