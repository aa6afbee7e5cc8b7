package backpressure

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ReasonHeader carries the [Reason] of a refusal.
const ReasonHeader = "Evenkeel-Reason"

// rejection is the body of a refusal, in the form of OpenAI's errors.
type rejection struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
	} `json:"error"`
}

// WriteRejection answers with err's status, its Retry-After, the header
// [ReasonHeader], and a JSON body in the form of OpenAI's errors: for a quota that
// is used up of type "requests" or "tokens" and with the code
// "rate_limit_exceeded", as there, otherwise of type "server_error" with the
// reason as code. An err that is no *[Rejected] is answered with 503.
//
// Retry-After is in seconds: OpenAI's and Anthropic's clients look for
// retry-after-ms first, but seconds are as good to them. What will never fit gets
// the header X-Should-Retry: false, which keeps those clients from trying again
// (openai-python, src/openai/_base_client.py).
func WriteRejection(w http.ResponseWriter, err error) {
	r, ok := errors.AsType[*Rejected](err)
	if !ok {
		writeError(w, http.StatusServiceUnavailable, "server_error", "unavailable", "the server cannot take the request")
		return
	}
	h, kind, code := w.Header(), "server_error", r.Reason().String()
	h.Set(ReasonHeader, code)
	if after := r.RetryAfter(); after > 0 {
		h.Set("Retry-After", strconv.Itoa(int(after/time.Second)))
	}
	if r.Reason().ofQuota() {
		kind, code = "tokens", "rate_limit_exceeded"
	}
	switch r.Reason() {
	case QuotaRequests:
		kind = "requests"
	case QuotaTooLarge:
		h.Set("X-Should-Retry", "false")
	}
	writeError(w, r.Status(), kind, code, strings.TrimPrefix(r.Error(), "evenkeel: "))
}

func writeError(w http.ResponseWriter, status int, kind, code, message string) {
	var body rejection
	body.Error.Message, body.Error.Type, body.Error.Code = message, kind, code
	data, err := json.Marshal(body)
	if err != nil { // strings always marshal
		data = nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // the client may be gone
}

// The headers of OpenAI's answers (guide "Rate limits", section "Rate limits in
// headers"): what may be used at once, what is left, and how long until all of it
// is there again, such as "1s" or "6m0s".
var (
	requestHeaders = [3]string{"X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"}
	tokenHeaders   = [3]string{"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"}
)

// SetRateLimit sets the headers in which OpenAI's servers tell what is left of a
// quota: X-Ratelimit-Limit-Requests, -Remaining-Requests and -Reset-Requests, and
// the same of tokens. A limit that there is not gets none.
func SetRateLimit(h http.Header, s QuotaState) {
	if s == (QuotaState{}) {
		return
	}
	values := new([6]string)
	s.Requests.set(h, &requestHeaders, values[0:3:3])
	s.Tokens.set(h, &tokenHeaders, values[3:6:6])
}

// set writes the three figures as parts of one string, since this is done for
// every answer.
func (m *QuotaMeter) set(h http.Header, names *[3]string, values []string) {
	if m.Limit == 0 {
		return
	}
	var room [64]byte
	b := strconv.AppendInt(room[:0], m.Limit, 10)
	i := len(b)
	b = strconv.AppendInt(b, m.Remaining, 10)
	j := len(b)
	b = append(b, (m.Reset + time.Millisecond - 1).Truncate(time.Millisecond).String()...)
	all := string(b)
	values[0], values[1], values[2] = all[:i], all[i:j], all[j:]
	for k, name := range names {
		h[name] = values[k : k+1 : k+1]
	}
}
