package emulator

import (
	"encoding/json"
	"net/http"
)

// serverName is what the engine calls itself in the Server header.
const serverName = "evenkeel-engine-emulator"

// routes builds the HTTP interface.
func (s *Server) routes() http.Handler {
	engine := http.NewServeMux()
	engine.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) { s.serveCompletion(w, r, chat) })
	engine.HandleFunc("POST /v1/completions", func(w http.ResponseWriter, r *http.Request) { s.serveCompletion(w, r, plain) })
	engine.HandleFunc("GET /v1/models", s.serveModels)
	engine.HandleFunc("GET /health", s.serveHealth)
	engine.HandleFunc("GET /metrics", s.serveMetrics)
	engine.HandleFunc("GET /version", serveVersion)

	// The way to un-hang an engine must not hang.
	all := http.NewServeMux()
	control := http.NewCrossOriginProtection().Handler(http.HandlerFunc(s.serveFault))
	all.Handle("GET /emulator/fault", control)
	all.Handle("POST /emulator/fault", control)
	all.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if s.sound(r.Context().Done()) {
			engine.ServeHTTP(w, r)
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.enter() {
			panic(http.ErrAbortHandler) // breaks the connection off, as a dead engine does
		}
		defer s.inUse.Done()
		w.Header().Set("Server", serverName)
		all.ServeHTTP(w, r)
		// A handler that gave up because the engine ended must not look like an
		// answer that came to its end.
		select {
		case <-s.dead:
			if s.crashed() {
				panic(http.ErrAbortHandler)
			}
		default:
		}
	})
}

// enter counts a handler in, unless the engine has ended.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == ended {
		return false
	}
	s.inUse.Add(1)
	return true
}

// crashed reports an end that was not a drain.
func (s *Server) crashed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause != nil
}

// serveHealth says 200 with no body when the engine takes requests, as vLLM does.
func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	p := s.phase
	s.mu.Unlock()
	switch p {
	case ready:
		w.WriteHeader(http.StatusOK)
	case starting:
		fail(w, http.StatusServiceUnavailable, errStarting.Error())
	default:
		fail(w, http.StatusServiceUnavailable, errDraining.Error())
	}
}

// serveModels lists the one model, and the longest request that it takes.
func (s *Server) serveModels(w http.ResponseWriter, _ *http.Request) {
	type model struct {
		ID          string `json:"id"`
		Object      string `json:"object"`
		Created     int64  `json:"created"`
		OwnedBy     string `json:"owned_by"`
		MaxModelLen int64  `json:"max_model_len"`
	}
	answer(w, struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
	}{"list", []model{{s.cfg.ServedName, "model", s.born.Unix(), serverName, s.cfg.Model.KVTokens}}})
}

// serveVersion says plainly that this is no engine.
func serveVersion(w http.ResponseWriter, _ *http.Request) {
	answer(w, struct {
		Version  string `json:"version"`
		Emulator bool   `json:"emulator"`
	}{serverName, true})
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client left: nobody to tell
}

// fail writes an error in OpenAI's shape.
func fail(w http.ResponseWriter, status int, message string) {
	kind := "invalid_request_error"
	switch status {
	case http.StatusNotFound:
		kind = "not_found_error"
	case http.StatusServiceUnavailable:
		kind = "service_unavailable"
	case http.StatusForbidden:
		kind = "permission_error"
	}
	type object struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    int     `json:"code"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Error object `json:"error"`
	}{object{Message: message, Type: kind, Code: status}})
}
