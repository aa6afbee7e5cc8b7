// Command compare tries another policy over the journal of a pool: how often it
// would have asked for another count, why, and at what cost.
//
//	go run ./examples/compare -journal journal.jsonl -policy policy.yaml
//
// It exits with 2 on bad input. What such a comparison can show and what not is
// said at decide.Tally: demand, fleet and limits are those of the journal.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel"
	"github.com/evenkeel/evenkeel/decide/policy"
	"github.com/evenkeel/evenkeel/signal"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	journal := flags.String("journal", "", "the journal, a `file` of JSON lines")
	candidate := flags.String("policy", "", "the policy `file` to try")
	pool := flags.String("pool", "", "the `name` of the pool; default: the only one")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	report, err := compare(*journal, *candidate, *pool)
	if err != nil {
		fmt.Fprintln(stderr, "compare:", strings.ReplaceAll(err.Error(), "evenkeel: ", ""))
		return 2
	}
	fmt.Fprint(stdout, report)
	return 0
}

func compare(journal, file, pool string) (evenkeel.Comparison, error) {
	var none evenkeel.Comparison
	if journal == "" || file == "" {
		return none, errors.New("-journal and -policy are required: -help lists the flags")
	}
	lines, err := os.Open(journal)
	if err != nil {
		return none, err
	}
	defer lines.Close()
	text, err := os.ReadFile(file)
	if err != nil {
		return none, err
	}
	name, signals, err := find(lines, pool)
	if err != nil {
		return none, fmt.Errorf("%s: %w", journal, err)
	}
	p, err := policy.Parse(file, text, signals...)
	if err != nil {
		return none, err
	}
	if _, err := lines.Seek(0, io.SeekStart); err != nil {
		return none, err
	}
	return evenkeel.Compare(lines, name, p.Config)
}

// find returns the name and the signals of a pool in a journal. If none is named
// there must be only one.
func find(journal io.Reader, pool string) (string, []signal.Def, error) {
	found := make(map[string][]signal.Def)
	in := bufio.NewScanner(journal)
	for in.Buffer(nil, 2<<20); in.Scan(); {
		var l evenkeel.Line
		if bytes.Contains(in.Bytes(), []byte(`"kind":"segment"`)) && json.Unmarshal(in.Bytes(), &l) == nil && l.Segment != nil && found[l.Pool] == nil {
			found[l.Pool] = l.Segment.Defs()
		}
	}
	names := slices.Sorted(maps.Keys(found))
	switch {
	case found[pool] != nil:
		return pool, found[pool], nil
	case len(names) == 0:
		return "", nil, errors.Join(errors.New("it has no decisions of any pool"), in.Err())
	case pool == "" && len(names) == 1:
		return names[0], found[names[0]], nil
	}
	return "", nil, fmt.Errorf("-pool is %q: the journal has the pools %q", pool, names)
}
