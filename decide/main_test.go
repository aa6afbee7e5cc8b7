package decide_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// long reports whether there is time: in the long run every law is checked on
// 100,000 cases, with the race detector on 2,000, else on 100, and what is slow is
// done at length. The flag -rapid.checks goes before.
func long() bool { return os.Getenv("EVENKEEL_LONG") != "" }

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if long() && !given {
		if err := flag.Set("rapid.checks", longChecks); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
