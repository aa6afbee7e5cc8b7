package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("gatebench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	names := flags.String("scenario", "", "run only these `scenarios`, separated by commas")
	chosen := flags.String("policy", "", "run only these `policies`, separated by commas")
	seeds := flags.Int("seeds", 3, "the `number` of seeds that a figure is the mean of")
	asJSON := flags.Bool("json", false, "print a line of JSON for each cell")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	p := plan{seeds: *seeds, scale: 1}
	if err := p.choose(*names, *chosen); err != nil {
		fmt.Fprintln(stderr, "gatebench:", err)
		return 2
	}
	cells, err := p.runAll(p.rows(func(policy string) bool { return !isPeer(policy) }), build)
	if err != nil {
		fmt.Fprintln(stderr, "gatebench:", err)
		return 1
	}
	if len(p.rows(isPeer)) > 0 {
		peers, err := p.runPeers(context.Background())
		if err != nil {
			fmt.Fprintln(stderr, "gatebench: the Go packages are left out, they run in a test that needs the Go tool and this module's source:", err)
		}
		cells = append(cells, peers...)
	}
	write := writeTables
	if *asJSON {
		write = writeJSON
	}
	if err := write(stdout, p.finish(cells)); err != nil {
		fmt.Fprintln(stderr, "gatebench:", err)
		return 1
	}
	return 0
}

// choose reads what was asked for.
func (p *plan) choose(names, policies string) error {
	var errs []error
	p.scenarios = scenarios()
	if p.seeds < 1 {
		errs = append(errs, fmt.Errorf("-seeds is %d: at least 1", p.seeds))
	}
	if names != "" {
		all := p.scenarios
		p.scenarios = nil
		for name := range strings.SplitSeq(names, ",") {
			i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
			if i < 0 {
				errs = append(errs, fmt.Errorf("-scenario: there is no %q: the scenarios are %s", name, strings.Join(nameAll(all), ", ")))
				continue
			}
			p.scenarios = append(p.scenarios, all[i])
		}
	}
	if policies != "" {
		p.policies = strings.Split(policies, ",")
		for _, name := range p.policies {
			if _, err := build(name, env{units: 1, slots: 1, rate: 1}); err != nil && name != bestCap && !isPeer(name) {
				errs = append(errs, fmt.Errorf("-policy: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}

func nameAll(all []scenario) []string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.name
	}
	return names
}

// finish derives best-cap, leaves out what was not asked for and sorts.
func (p plan) finish(cells []cell) []cell {
	cells = withBest(cells)
	order := p.policies
	if len(order) == 0 {
		for _, s := range p.scenarios {
			order = append(order, s.policies...)
		}
	}
	cells = slices.DeleteFunc(cells, func(c cell) bool { return !slices.Contains(order, c.Policy) })
	sortCells(cells, p.scenarios, order)
	return cells
}
