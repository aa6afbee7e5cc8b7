package route

import (
	"context"
	"errors"
	"net/http"
)

// The bodies of the Router's own answers. Clients of OpenAI's API read this
// shape; they get no detail of what is behind the Router.
const (
	bodyNoInstance = `{"error":{"message":"No instance is ready to take the request. Try again soon.","type":"server_error","param":null,"code":"no_ready_instance"}}`
	bodyUpstream   = `{"error":{"message":"The instance failed before it answered.","type":"server_error","param":null,"code":"upstream_failed"}}`
	bodyTimeout    = `{"error":{"message":"The request took too long.","type":"server_error","param":null,"code":"timeout"}}`
	bodyTooLarge   = `{"error":{"message":"The request body is too large.","type":"invalid_request_error","param":null,"code":"body_too_large"}}`
	bodyUnreadable = `{"error":{"message":"The request body could not be read.","type":"invalid_request_error","param":null,"code":"body_unreadable"}}`
)

// fail answers a request that got no response from an instance.
func (r *Router) fail(w http.ResponseWriter, req *http.Request, err error) {
	x, _ := req.Context().Value(exchangeKey{}).(*exchange)
	status, body := http.StatusBadGateway, bodyUpstream
	switch tooLarge, isTooLarge := errors.AsType[*http.MaxBytesError](err); {
	case isTooLarge && tooLarge != nil:
		status, body = http.StatusRequestEntityTooLarge, bodyTooLarge
	case errors.Is(err, errNoInstance):
		status, body = http.StatusServiceUnavailable, bodyNoInstance
		w.Header().Set("Retry-After", "1")
	case errors.Is(req.Context().Err(), context.DeadlineExceeded):
		status, body = http.StatusGatewayTimeout, bodyTimeout
	case req.Context().Err() != nil:
		return // the client has left; there is nobody to tell
	case x != nil && x.at != nil && !x.broke:
		status, body = http.StatusBadRequest, bodyUnreadable
	}
	if x != nil && x.at != nil {
		if r.cfg.ExposeInstance {
			w.Header().Set(InstanceHeader, x.at.id)
		}
		r.cfg.Logger.Warn("request failed", "instance", x.at.id, "addr", x.at.addr, "status", status, "error", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A client that does not read its error has left.
	_, _ = w.Write([]byte(body))
}
