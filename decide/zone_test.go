package decide

import (
	"hash/fnv"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// Zones whose clocks show something else at any time of the years 2020 to 2049
// have different hashes, and those that always agree the same one.
func TestHashZone(t *testing.T) {
	hashes := map[string]uint64{}
	of := func(name string) uint64 {
		t.Helper()
		loc, err := loadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		h := fnv.New64a()
		hashZone(h, loc)
		hashes[name] = h.Sum64()
		return hashes[name]
	}
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{"Europe/Berlin", "Europe/Paris", true},
		{"", "Etc/UTC", true},
		{"Asia/Tokyo", "Asia/Seoul", true},
		{"", "Asia/Tokyo", false},                // another offset
		{"Europe/Berlin", "Africa/Lagos", false}, // clocks are set, or are not
		{"Europe/Athens", "Asia/Beirut", false},  // on the same day, at another hour
		{"America/New_York", "America/Havana", false},
		{"Europe/London", "Europe/Dublin", true},
		{"Europe/London", "Antarctica/Troll", false},       // at the same times, by another step
		{"Australia/Sydney", "Australia/Lord_Howe", false}, // by another step
		{"Asia/Jakarta", "Asia/Ho_Chi_Minh", true},
		{"Europe/Volgograd", "Europe/Moscow", false}, // until the end of 2020
	} {
		if a, b := of(tc.a), of(tc.b); (a == b) != tc.same {
			t.Errorf("%q has %x and %q has %x: the same is %v", tc.a, a, tc.b, b, a == b)
		}
	}
}

// The rules of every window's zone count, whatever the zone before it.
func TestHashOfTwoZones(t *testing.T) {
	zone := func(name string) window {
		loc, err := loadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		return window{loc: loc}
	}
	schema, err := signal.NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	berlin, tokyo, lagos := zone("Europe/Berlin"), zone("Asia/Tokyo"), zone("Africa/Lagos")
	of := func(w ...window) uint64 { return Config{}.hash(schema, w) }
	if of(berlin, tokyo) == of(berlin, lagos) || of(tokyo, berlin) == of(lagos, berlin) {
		t.Error("another zone in one of two windows leaves the hash as it was")
	}
}

// The first second of a new offset, wherever the search begins.
func TestJump(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC).Unix()
	for _, around := range [][2]int64{{1, 0}, {1, 1}, {2, 0}, {2, 1}, {3, 5}, {3600, 3600}, {86400, 1}, {1, 86400}, {1000, 604800}} {
		if got := jump(berlin, at-around[0], at+around[1], 7200); got != at {
			t.Errorf("from %d s before to %d s after: %d s off", around[0], around[1], got-at)
		}
	}
}
