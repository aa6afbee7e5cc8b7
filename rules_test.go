package evenkeel_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The architecture, as tests: each failure says which rule was broken and why
// the rule is there.

const modulePath = "github.com/evenkeel/evenkeel"

// mayImport lists, for each room, the other rooms of the root module that its
// packages may import. Flow runs one way: signal ← decide ← actuate ← root.
var mayImport = map[string][]string{
	"signal":          {"signal"},
	"decide":          {"decide", "signal"},
	"decide/simulate": {"decide", "signal", "backpressure"},
	"actuate":         {"actuate", "decide", "signal"},
	"gpu":             {"gpu", "signal"},
	"backpressure":    {"backpressure", "signal"},
	"internal/page":   {"internal", "signal", "decide", "actuate"},
	"":                {"", "signal", "decide", "actuate", "gpu", "backpressure", "internal"},
}

// pureDenied may not be imported by decide: a decision has no clock of its own,
// does nothing and waits for nothing.
var pureDenied = []string{"context", "log", "log/slog", "math/rand", "math/rand/v2", "crypto/rand", "net", "net/http", "os", "runtime", "sync", "sync/atomic", "testing"}

// ownFeet are the rooms that stand on the standard library alone: who links in the
// gate or the core gets nothing with it.
var ownFeet = []string{"signal", "decide", "backpressure"}

// heavy modules must never reach somebody who imports a part of the root module.
var heavy = []string{"k8s.io/", "sigs.k8s.io/", "github.com/moby/", "github.com/docker/", "github.com/aws/", "cloud.google.com/", "google.golang.org/grpc", "google.golang.org/api", "github.com/Azure/", "github.com/NVIDIA/", "github.com/prometheus/", "github.com/redis/", "github.com/twmb/", "github.com/nats-io/", "github.com/rabbitmq/", "github.com/chromedp/"}

type goPackage struct {
	Dir, ImportPath, Name              string
	GoFiles, CgoFiles                  []string
	Imports, TestImports, XTestImports []string
	Module                             *struct{ Path, Dir string }
}

func goList(t *testing.T, dir string, env []string, args ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, stderr.String())
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// tracked returns the files that git knows of, or skips where there is no git.
func tracked(t *testing.T, patterns ...string) []string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"ls-files", "--"}, patterns...)...).Output()
	if err != nil || len(out) == 0 {
		t.Skip("not in a git checkout")
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// room returns the key of mayImport that rules an import path of the root
// module: the longest that fits.
func room(path string) (key string, ok bool) {
	rel := strings.TrimPrefix(strings.TrimPrefix(path, modulePath), "/")
	for k := range mayImport {
		if k != "" && (rel == k || strings.HasPrefix(rel, k+"/")) && len(k) > len(key) {
			key = k
		}
	}
	return key, key != "" || rel == ""
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range goList(t, ".", []string{"GOWORK=off"}, "./...") {
		if strings.HasPrefix(p.ImportPath, modulePath+"/examples") || strings.HasPrefix(p.ImportPath, modulePath+"/internal/testenv") {
			continue
		}
		key, ok := room(p.ImportPath)
		if !ok {
			t.Errorf("%s is in no room: DESIGN of the rooms is in README.md; add it to mayImport in rules_test.go if it is a new one", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			if !strings.HasPrefix(imp, modulePath) {
				continue
			}
			rel := strings.TrimPrefix(strings.TrimPrefix(imp, modulePath), "/")
			top, _, _ := strings.Cut(rel, "/")
			if !slices.Contains(mayImport[key], top) {
				t.Errorf("%s imports %s: imports run signal ← decide ← actuate ← root; gpu and backpressure see only signal", p.ImportPath, imp)
			}
		}
		if slices.Contains(ownFeet, strings.TrimPrefix(p.ImportPath, modulePath+"/")) {
			for _, imp := range p.Imports {
				if host, _, _ := strings.Cut(imp, "/"); strings.Contains(host, ".") && !strings.HasPrefix(imp, modulePath) {
					t.Errorf("%s imports %s: it needs the standard library and rooms of its own only", p.ImportPath, imp)
				}
			}
		}
		if p.ImportPath == modulePath+"/decide" {
			for _, imp := range p.Imports {
				if slices.Contains(pureDenied, imp) {
					t.Errorf("decide imports %q: it is pure, so that a journal replays it bit for bit", imp)
				}
			}
		}
	}
}

func TestNoTestImportsInProduction(t *testing.T) {
	for _, p := range goList(t, ".", nil, "work") {
		if p.ImportPath == modulePath+"/actuate/actuatetest" {
			continue // a conformance suite is made of tests
		}
		for _, imp := range p.Imports {
			if imp == "testing" || strings.HasPrefix(imp, "testing/") || imp == "pgregory.net/rapid" || strings.Contains(imp, "/actuatetest") {
				t.Errorf("%s imports %s: test code must not be linked into a user's program", p.ImportPath, imp)
			}
		}
	}
}

func TestEveryPackageIsDocumentedOnce(t *testing.T) {
	for _, p := range goList(t, ".", nil, "work") {
		var docs []string
		for _, f := range append(p.GoFiles, p.CgoFiles...) {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc != nil {
				docs = append(docs, f)
			}
		}
		if len(p.GoFiles)+len(p.CgoFiles) > 0 && len(docs) != 1 {
			t.Errorf("%s has %d package comments (%v): it needs exactly one, in doc.go or main.go", p.ImportPath, len(docs), docs)
		}
	}
}

func TestFilesHoldOneIdea(t *testing.T) {
	for _, f := range tracked(t, "*.go") {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, not yet committed
		} else if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(b, []byte("\n")); n > 400 {
			t.Errorf("%s has %d lines: above 400 a file holds more than one idea", f, n)
		}
	}
}

func TestTopLevel(t *testing.T) {
	allowed := []string{"signal", "decide", "actuate", "gpu", "backpressure", "internal", "examples",
		"go.mod", "go.sum", "go.work", "go.work.sum", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "Makefile"}
	for _, f := range tracked(t) {
		top, _, nested := strings.Cut(f, "/")
		if strings.HasPrefix(top, ".") || slices.Contains(allowed, top) || !nested && strings.HasSuffix(top, ".go") {
			continue
		}
		t.Errorf("%s: the top level holds the rooms, the root package and the usual papers, nothing else", f)
	}
}

// goMod reads the directives of a go.mod file that the rules care about.
func goMod(t *testing.T, file string) (goLine string, lines []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		lines = append(lines, line)
		if strings.HasPrefix(line, "go ") {
			goLine = line
		}
		if strings.HasPrefix(line, "toolchain") {
			t.Errorf("%s has a toolchain line: the go line is the only promise", file)
		}
	}
	return goLine, lines
}

func TestModules(t *testing.T) {
	_, work := goMod(t, "go.work")
	for _, file := range tracked(t, "go.mod", "*/go.mod") {
		goLine, lines := goMod(t, file)
		if goLine != "go 1.26.0" {
			t.Errorf("%s says %q: all modules say go 1.26.0", file, goLine)
		}
		dir := filepath.ToSlash(filepath.Dir(file))
		if dir == "." {
			for _, l := range lines {
				if strings.HasPrefix(l, "replace") {
					t.Errorf("%s: %q: consumers ignore it", file, l)
				}
				for _, h := range heavy {
					if strings.HasPrefix(strings.TrimPrefix(l, "require "), h) {
						t.Errorf("%s requires %q: heavy modules belong in a nested module", file, l)
					}
				}
			}
			continue
		}
		up := strings.Repeat("../", strings.Count(dir, "/")+1)
		if !slices.Contains(lines, "replace "+modulePath+" => "+up) {
			t.Errorf("%s lacks %q: it must build with GOWORK=off", file, "replace "+modulePath+" => "+up)
		}
		if !slices.Contains(work, "./"+dir) {
			t.Errorf("go.work lacks ./%s: `go test work` would skip it without a word", dir)
		}
	}
}

func TestNestedModulesKeepOutOfInternal(t *testing.T) {
	for _, p := range goList(t, ".", nil, "work") {
		if p.Module == nil || p.Module.Path == modulePath {
			continue
		}
		imports := p.Imports
		if p.Module.Path != modulePath+"/internal/testenv" { // its tests are the one exception
			imports = slices.Concat(imports, p.TestImports, p.XTestImports)
		}
		for _, imp := range imports {
			own := imp == p.Module.Path || strings.HasPrefix(imp, p.Module.Path+"/")
			testenv := imp == modulePath+"/internal/testenv" && !slices.Contains(p.Imports, imp)
			if strings.HasPrefix(imp, modulePath+"/internal") && !own && !testenv {
				t.Errorf("%s imports %s: users may upgrade one module without the other", p.ImportPath, imp)
			}
		}
	}
}

// A program that imports only the gate must not find a heavy module in its
// graph: that forces upgrades on it and fills its scanners with noise.
func TestConsumerOfBackpressureStaysLight(t *testing.T) {
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/consumer\n\ngo 1.26.0\n\nrequire "+modulePath+" v0.0.0\n\nreplace "+modulePath+" => "+root+"\n")
	write("main.go", "package main\n\nimport \""+modulePath+"/backpressure\"\n\nfunc main() {\n\tg, err := backpressure.New(backpressure.Config{})\n\t_, _ = g, err\n}\n")
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	write("go.sum", string(sum))
	run := func(args ...string) string {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("build", "-o", os.DevNull, ".")
	modules := strings.Split(strings.TrimSpace(run("list", "-m", "all")), "\n")
	for _, m := range modules {
		for _, h := range heavy {
			if strings.HasPrefix(m, h) {
				t.Errorf("a consumer of backpressure sees %s", m)
			}
		}
	}
	if len(modules) > 30 {
		t.Errorf("a consumer of backpressure sees %d modules: %v", len(modules), modules)
	}
	for d := range strings.FieldsSeq(run("list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")) {
		if !strings.HasPrefix(d, modulePath) && !strings.HasPrefix(d, "example.com/") {
			t.Errorf("backpressure links %s: it needs the standard library and signal only", d)
		}
	}
}
