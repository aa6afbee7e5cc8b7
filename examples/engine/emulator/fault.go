package emulator

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// A fault is what is wrong with the engine at present.
type fault struct {
	mu     sync.Mutex
	slow   float64
	resume chan struct{} // not nil: hung, until it is closed
}

func (f *fault) init() { f.slow = 1 }

// slowness is the factor on every step.
func (f *fault) slowness() float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.slow
}

// hung returns a channel that is closed when the engine no longer hangs, or nil
// if it does not.
func (f *fault) hung() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.resume
}

// setSlow counts from the next step on.
func (f *fault) setSlow(factor float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slow = factor
}

// setHang begins or ends a hang. To do so twice changes nothing.
func (f *fault) setHang(hang bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case hang && f.resume == nil:
		f.resume = make(chan struct{})
	case !hang && f.resume != nil:
		close(f.resume)
		f.resume = nil
	}
}

// sound waits while the engine hangs, and reports whether it is well again
// before done is closed or everything ends.
func (s *Server) sound(done <-chan struct{}) bool {
	for {
		resume := s.fault.hung()
		if resume == nil {
			return true
		}
		select {
		case <-resume:
		case <-done:
			return false
		case <-s.dead:
			return false
		}
	}
}

// apply makes f happen now.
func (s *Server) apply(f Fault) {
	s.cfg.Log.Warn("emulated engine told to fail", "slow", f.Slow, "hang", f.Hang, "crash", f.Crash)
	if f.Slow != 0 {
		s.fault.setSlow(f.Slow)
	}
	if f.Hang {
		s.fault.setHang(true)
	}
	if f.Crash {
		s.end(ErrCrashed)
	}
}

// A faultBody is the JSON of the control endpoint. What is absent stays.
type faultBody struct {
	Slow  *float64 `json:"slow,omitempty"`
	Hang  *bool    `json:"hang,omitempty"`
	Crash bool     `json:"crash,omitempty"`
}

// serveFault shows the present fault, and changes it on POST. Only a program on
// this machine may: a connection from the loopback that asked for a loopback
// address, which a web page made to resolve there did not.
func (s *Server) serveFault(w http.ResponseWriter, r *http.Request) {
	if !loopback(r.RemoteAddr) || !loopback(r.Host) {
		fail(w, http.StatusForbidden, "the fault endpoint answers the loopback only")
		return
	}
	if r.Method == http.MethodPost {
		var body faultBody
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096))
		dec.DisallowUnknownFields()
		err := dec.Decode(&body)
		if err == nil && dec.More() {
			err = errors.New("more than one JSON value")
		}
		if err != nil && !errors.Is(err, io.EOF) {
			fail(w, http.StatusBadRequest, "want {\"slow\": factor}, {\"hang\": true} or {\"crash\": true}: "+err.Error())
			return
		}
		if body.Slow != nil {
			if err := checkSlow(*body.Slow); err != nil {
				fail(w, http.StatusBadRequest, err.Error())
				return
			}
			s.apply(Fault{Slow: *body.Slow})
		}
		if body.Hang != nil && *body.Hang {
			s.apply(Fault{Hang: true})
		} else if body.Hang != nil {
			s.fault.setHang(false)
		}
		if body.Crash {
			s.apply(Fault{Crash: true})
		}
	}
	slow, hang := s.fault.slowness(), s.fault.hung() != nil
	answer(w, faultBody{Slow: &slow, Hang: &hang})
}

// loopback reports whether the address, with or without a port, is on this
// machine.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
