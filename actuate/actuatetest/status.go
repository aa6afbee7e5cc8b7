package actuatetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/actuate"
)

// Settled reports whether the platform has reached the desired count and nothing
// is under way.
func Settled(st actuate.Status) bool {
	f := st.Fleet
	return f.Ready == f.Desired && f.Draining == 0 && starting(st) == 0 && count(st, actuate.Stopping) == 0
}

// consistent says in what a status contradicts itself.
func consistent(st actuate.Status) error {
	var errs []error
	f := st.Fleet
	if f.Desired < 0 || f.Ready < 0 || f.Draining < 0 {
		errs = append(errs, errors.New("a count is below zero"))
	}
	for _, c := range f.Starting {
		if c.N <= 0 {
			errs = append(errs, fmt.Errorf("a cohort of %d is starting", c.N))
		}
	}
	if st.Instances == nil {
		return errors.Join(errs...)
	}
	if n := count(st, actuate.Ready); n != f.Ready {
		errs = append(errs, fmt.Errorf("Fleet.Ready is %d but %d instances are ready", f.Ready, n))
	}
	if n := count(st, actuate.Starting); n != starting(st) {
		errs = append(errs, fmt.Errorf("Fleet.Starting adds up to %d but %d instances are starting", starting(st), n))
	}
	// A platform may or may not count those already told to end.
	d, s := count(st, actuate.Draining), count(st, actuate.Stopping)
	if f.Draining < d || f.Draining > d+s {
		errs = append(errs, fmt.Errorf("Fleet.Draining is %d but %d instances are draining and %d stopping", f.Draining, d, s))
	}
	seen := ids(st)
	slices.Sort(seen)
	if len(slices.Compact(seen)) != len(st.Instances) {
		errs = append(errs, errors.New("two instances have the same ID"))
	}
	if slices.Contains(seen, "") {
		errs = append(errs, errors.New("an instance has no ID"))
	}
	return errors.Join(errs...)
}

func starting(st actuate.Status) int64 {
	var n int64
	for _, c := range st.Fleet.Starting {
		n += c.N
	}
	return n
}

func count(st actuate.Status, p actuate.Phase) int64 {
	var n int64
	for _, in := range st.Instances {
		if in.Phase == p {
			n++
		}
	}
	return n
}

// ids returns the IDs in the order of the listing.
func ids(st actuate.Status) []string {
	var out []string
	for _, in := range st.Instances {
		out = append(out, in.ID)
	}
	return out
}

// phase returns the phase of an instance, and whether it is listed.
func phase(st actuate.Status, id string) (actuate.Phase, bool) {
	for _, in := range st.Instances {
		if in.ID == id {
			return in.Phase, true
		}
	}
	return 0, false
}
