package evenkeel

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// journalMemory bounds the lines kept for the live page, in bytes.
	journalMemory = 2 << 20
	// segmentBytes is after how much journal a pool begins a new segment, so that
	// what is kept of a long journal, in memory or in files that are rotated,
	// can be replayed.
	segmentBytes = journalMemory / 4
	// segmentPause is the least time between two headers that are written because
	// lines were lost.
	segmentPause = 10 * time.Second
)

// journal writes lines to the user's writer and keeps the newest in memory. An
// input or a decision goes nowhere without the header of its segment: after a
// line was lost the following ones would replay to other decisions.
type journal struct {
	mu     sync.Mutex
	w      io.Writer
	log    *slog.Logger
	failed bool // the last write failed
	torn   bool // it left a part of a line behind
	heads  map[string]head

	lines []kept // oldest first
	size  int    // of lines, in bytes
	total int    // of all lines ever
}

// head is what is known of a pool's last segment header.
type head struct {
	at      time.Time
	total   int  // where in the journal
	kept    bool // in memory, and no line lost since
	written bool // to the writer, and no line lost since
}

// kept is a line in memory.
type kept struct {
	kind, pool string
	text       []byte
}

// replayed reports whether lines of that kind mean nothing without their header.
func replayed(kind string) bool {
	return kind == KindInput || kind == KindDecision || kind == KindShadow
}

// due reports whether the pool should begin a new segment.
func (j *journal) due(pool string, now time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := j.heads[pool]
	if !h.kept || j.w != nil && !h.written {
		return now.Sub(h.at) >= segmentPause || now.Before(h.at)
	}
	return j.total-h.total > segmentBytes
}

// write appends l. It never fails the caller: an autoscaler must not stop
// because a disk is full.
func (j *journal) write(l Line) {
	l.V = JournalVersion
	l.At = l.At.Round(0).UTC()
	b, err := json.Marshal(l)
	b = append(b, '\n')
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil || len(b) > maxJournalLine {
		j.log.Error("journal line left out: it cannot be written or is too long", "kind", l.Kind, "pool", l.Pool, "bytes", len(b), "err", err)
		if h := j.heads[l.Pool]; replayed(l.Kind) || l.Kind == KindSegment {
			h.kept, h.written = false, false
			j.heads[l.Pool] = h
		}
		return
	}
	h := j.heads[l.Pool]
	if l.Kind == KindSegment {
		h = head{at: l.At, total: j.total, kept: true, written: true}
	}
	j.total += len(b)
	if h.kept || !replayed(l.Kind) {
		j.keep(kept{l.Kind, l.Pool, b})
	}
	if j.w != nil && (h.written || !replayed(l.Kind)) {
		if err := j.send(b); err != nil && (replayed(l.Kind) || l.Kind == KindSegment) {
			h.written = false
		}
	}
	j.heads[l.Pool] = h
}

// send writes one line to the user's writer.
func (j *journal) send(b []byte) error {
	if j.torn {
		b = append([]byte{'\n'}, b...)
	}
	n, err := j.w.Write(b)
	if err != nil {
		if !j.failed {
			j.log.Error("journal not written; lines are missing until it can be again", "err", err)
		}
		j.failed, j.torn = true, n > 0 || j.torn
		return err
	}
	if j.failed {
		j.log.Info("journal written again")
	}
	j.failed, j.torn = false, false
	return nil
}

// keep holds a line in memory, at the cost of the oldest.
func (j *journal) keep(l kept) {
	j.lines, j.size = append(j.lines, l), j.size+len(l.text)
	for j.size > journalMemory {
		j.size -= len(j.lines[0].text)
		j.lines[0] = kept{}
		j.lines = j.lines[1:]
	}
}

// dump writes the lines in memory to w, without those whose header is no longer
// there.
func (j *journal) dump(w io.Writer) error {
	j.mu.Lock()
	var b bytes.Buffer
	b.Grow(j.size)
	headed := make(map[string]bool)
	for _, l := range j.lines {
		if l.kind == KindSegment {
			headed[l.pool] = true
		}
		if headed[l.pool] || !replayed(l.kind) {
			b.Write(l.text)
		}
	}
	j.mu.Unlock()
	_, err := w.Write(b.Bytes())
	return err
}
