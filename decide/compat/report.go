package compat

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// A Report says what became of a manifest.
type Report struct {
	// Name and Namespace of the autoscaler, and what it scales, as
	// "apps/v1 Deployment web". A policy does not say what is scaled: the program
	// does.
	Name, Namespace, Target string
	// Signals that the policy reads. The program has to publish them.
	Signals []Wanted
	// Items, in the order in which they were met.
	Items []Item
}

// A Wanted is a signal that a policy reads.
type Wanted struct {
	// Name and Unit as the policy declares them.
	Name, Unit string
	// Path of the metric in the manifest.
	Path string
	// What it is, in words.
	What string
}

// An Item is one part of a manifest that did not become the same thing.
type Item struct {
	Kind Kind
	// Path in the manifest, such as spec.metrics[0].object.describedObject.
	Path string
	// Value that stands there, if it is a single one.
	Value string
	// Why, and what to do about it.
	Why string
}

// Kind is what happened to an Item.
type Kind uint8

// The kinds.
const (
	Left    Kind = iota // it cannot be carried over
	Changed             // it became something that is not quite the same
	Unknown             // it is no field of autoscaling/v2 that is known
	Noted               // it was carried over; there is something to know about it
)

// String returns the lower-case name of k.
func (k Kind) String() string {
	names := [...]string{"left", "changed", "unknown", "noted"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Complete reports whether everything was carried over as it was, or with no
// more than a note.
func (r *Report) Complete() bool {
	for _, i := range r.Items {
		if i.Kind != Noted {
			return false
		}
	}
	return true
}

// String returns the report as text, one line for each entry.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "from     %s, which scales %s\n", r.fullName(), r.Target)
	for _, s := range r.Signals {
		fmt.Fprintf(&b, "publish  %s (%s): %s; %s\n", s.Name, s.Unit, s.What, s.Path)
	}
	for _, i := range r.Items {
		path := i.Path
		if i.Value != "" {
			path += " = " + i.Value
		}
		fmt.Fprintf(&b, "%-8s %s: %s\n", i.Kind, path, i.Why)
	}
	return b.String()
}

func (r *Report) fullName() string {
	switch {
	case r.Name == "":
		return "an autoscaler without a name"
	case r.Namespace == "":
		return r.Name
	}
	return r.Namespace + "/" + r.Name
}

func (r *Report) note(kind Kind, path, value, why string) {
	r.Items = append(r.Items, Item{kind, path, value, why})
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) }
