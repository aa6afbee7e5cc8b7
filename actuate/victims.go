package actuate

import (
	"cmp"
	"slices"
)

// Victims chooses n instances to give up, those that hurt least first: broken
// ones, then ones that drain already, then ones still starting, then the least
// busy. Of equals the youngest goes, since it has the coldest caches; the ID
// decides what is left, so that the same listing gives the same answer everywhere.
//
// An instance that is already told to end is never chosen again. An unknown
// number of requests in flight counts as more than any known one. There may be
// fewer than n to choose from.
func Victims(instances []Instance, n int) []string {
	list := make([]Instance, 0, len(instances))
	for _, in := range instances {
		if in.Phase != Stopping {
			list = append(list, in)
		}
	}
	slices.SortFunc(list, func(a, b Instance) int {
		return cmp.Or(
			cmp.Compare(worth(a), worth(b)),
			cmp.Compare(load(a), load(b)),
			b.Since.Compare(a.Since),
			cmp.Compare(a.ID, b.ID),
		)
	})
	list = list[:max(0, min(n, len(list)))]
	ids := make([]string, len(list))
	for i, in := range list {
		ids[i] = in.ID
	}
	return ids
}

// worth ranks an instance by how much of a loss it is.
func worth(in Instance) int {
	switch {
	case in.Detail != "":
		return 0
	case in.Phase == Draining:
		return 1
	case in.Phase == Starting:
		return 2
	default:
		return 3
	}
}

// load is the number of requests in flight, an unknown one as a large unsigned
// number.
func load(in Instance) uint64 { return uint64(in.InFlight) }
