package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// A cell is one figure: the mean over the seeds.
type cell struct {
	Scenario string  `json:"scenario"`
	Load     string  `json:"load"`
	Policy   string  `json:"policy"`
	Metric   string  `json:"metric"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
}

func writeJSON(w io.Writer, cells []cell) error {
	enc := json.NewEncoder(w)
	for _, c := range cells {
		if err := enc.Encode(c); err != nil {
			return err
		}
	}
	return nil
}

// writeTables writes a table for each scenario: a line a policy, a column a load
// and metric.
func writeTables(w io.Writer, cells []cell) error {
	for len(cells) > 0 {
		name := cells[0].Scenario
		n := slices.IndexFunc(cells, func(c cell) bool { return c.Scenario != name })
		if n < 0 {
			n = len(cells)
		}
		if err := writeTable(w, name, cells[:n]); err != nil {
			return err
		}
		cells = cells[n:]
	}
	return nil
}

func writeTable(w io.Writer, name string, cells []cell) error {
	type column struct{ load, metric, unit string }
	var columns []column
	var rows []string
	table := make(map[string]map[column]float64)
	for _, c := range cells {
		col := column{c.Load, c.Metric, c.Unit}
		if !slices.Contains(columns, col) {
			columns = append(columns, col)
		}
		if table[c.Policy] == nil {
			table[c.Policy] = make(map[column]float64)
			rows = append(rows, c.Policy)
		}
		table[c.Policy][col] = c.Value
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "\n%s", name)
	for _, c := range columns {
		fmt.Fprintf(tw, "\t%s %s (%s)", c.load, c.metric, c.unit)
	}
	for _, row := range rows {
		fmt.Fprintf(tw, "\n%s", row)
		for _, c := range columns {
			if v, ok := table[row][c]; ok {
				fmt.Fprintf(tw, "\t%s", figure(v))
			} else {
				fmt.Fprint(tw, "\t-")
			}
		}
	}
	fmt.Fprintln(tw)
	return tw.Flush()
}

// figure is v as people read it.
func figure(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	if v >= 5 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// withBest adds the policy best-cap: for each load and metric, the best static cap.
func withBest(cells []cell) []cell {
	var best []cell
	for _, c := range cells {
		if !isCap(c.Policy) || c.Metric != "slo_rps" {
			continue
		}
		i := slices.IndexFunc(best, func(b cell) bool { return b.Scenario == c.Scenario && b.Load == c.Load })
		if i < 0 {
			best = append(best, c)
		} else if c.Value > best[i].Value {
			best[i] = c
		}
	}
	for i := range best {
		best[i].Policy = bestCap
	}
	return append(cells, best...)
}

// sortCells puts cells in the order of scenarios, loads, policies and metrics.
func sortCells(cells []cell, all []scenario, policies []string) {
	order := make(map[string]int)
	for i, s := range all {
		order[s.name] = i
		for k, l := range s.loads {
			order[s.name+"\x00"+l.name] = k
		}
	}
	rank := func(c cell) (int, int, int, int) {
		m := slices.IndexFunc(metrics, func(m struct{ name, unit string }) bool { return m.name == c.Metric })
		return order[c.Scenario], order[c.Scenario+"\x00"+c.Load], slices.Index(policies, c.Policy), m
	}
	slices.SortStableFunc(cells, func(a, b cell) int {
		as, al, ap, am := rank(a)
		bs, bl, bp, bm := rank(b)
		return cmp.Or(cmp.Compare(as, bs), cmp.Compare(ap, bp), cmp.Compare(al, bl), cmp.Compare(am, bm))
	})
}
