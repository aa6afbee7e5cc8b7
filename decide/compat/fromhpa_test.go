package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFromHPAGolden turns every manifest under testdata/hpa into what lies beside
// it. With EVENKEEL_UPDATE=1 the files are written anew.
func TestFromHPAGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/hpa/*")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, path := range paths {
		ext := filepath.Ext(path)
		if strings.Contains(path, ".policy.") || ext != ".yaml" && ext != ".json" {
			continue
		}
		seen++
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		policy, report, err := FromHPA(text)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		base := strings.TrimSuffix(path, ext)
		golden(t, base+".policy.yaml", policy)
		golden(t, base+".report.txt", []byte(report.String()))
	}
	if seen < 4 {
		t.Errorf("%d manifests found", seen)
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if os.Getenv("EVENKEEL_UPDATE") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}
