package compat

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The table in doc.go is the facts of the rules, and nothing else.
func TestDocTable(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, seen := string(text), map[string]bool{}
	for _, f := range Rules() {
		row := strings.TrimRight(fmt.Sprintf("//	%-22s %-18s %-9s %-6v %-6v %s", f.Name, f.Reads, f.Shape, f.Tick, f.Delay, f.Fails), " ")
		if !strings.Contains(doc, row+"\n") {
			t.Errorf("doc.go lacks\n%s", row)
		}
		if seen[f.Name] || f.Tick <= 0 || f.Fails == "" || f.Delay < 0 {
			t.Errorf("facts of %q are incomplete, or twice there: %+v", f.Name, f)
		}
		seen[f.Name] = true
	}
}
