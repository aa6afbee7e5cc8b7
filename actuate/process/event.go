package process

import "time"

// Kind is what happened to an instance.
type Kind uint8

// The kinds, in the order of a life.
const (
	Started  Kind = iota // its process runs; Detail names the pid
	Ready                // it serves, for the first time or after a drain was called off
	Draining             // it takes nothing new
	Stopping             // it was sent SIGTERM
	Killed               // it was sent SIGKILL
	Exited               // its process ended by itself; Detail says how
	Failed               // it could not be started; Detail says why
	Stopped              // its process ended as it was told, and it is gone
)

var kindNames = [...]string{"started", "ready", "draining", "stopping", "killed", "exited", "failed", "stopped"}

// String returns the lower-case name of k.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// An Event is one step in the life of an instance.
type Event struct {
	At     time.Time
	ID     string
	Kind   Kind
	Detail string
}

// tell passes an event to the logger and to whoever wants it. No lock is held.
func (s *Supervisor) tell(id string, k Kind, detail string) {
	log := s.cfg.Logger.Info
	if k == Exited || k == Failed || k == Killed {
		log = s.cfg.Logger.Warn
	}
	log("instance "+k.String(), "instance", id, "detail", detail)
	if s.cfg.Event != nil {
		s.cfg.Event(Event{At: time.Now(), ID: id, Kind: k, Detail: detail})
	}
}
