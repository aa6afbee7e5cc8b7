package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// Bounds of a file.
const (
	maxFile    = 1 << 20
	maxNesting = 32
	maxExtends = 4
)

// A Policy is what a policy file says.
type Policy struct {
	// Name for people. Optional.
	Name string
	// Tick is the time between decisions; 0 leaves it to the program.
	Tick time.Duration
	// Limits of the count.
	Limits decide.Limits
	// Config for [decide.New].
	Config decide.Config
}

// Parse reads a policy file, YAML or JSON. The name of the file is for errors.
//
// The signals are those of the program that will use the policy, as its sources
// publish them: Config.Signals are then exactly these, and a file that names
// another is refused. Without any, for a check in an editor or a pipeline, those
// of [Names] and of the file's own signals section are known, and Config.Signals
// are those that the policy reads.
//
// The error joins a [*FileError] for everything that is wrong. A Policy without
// an error is one that [decide.New] takes.
func Parse(file string, text []byte, signals ...signal.Def) (Policy, error) {
	return parseWith(presetText, file, text, signals)
}

// parseWith is Parse with the presets that a file may extend.
func parseWith(presets func(string) (string, bool), file string, text []byte, signals []signal.Def) (Policy, error) {
	var doc document
	places := make(map[string]place)
	if err := readInto(&doc, places, presets, file, text, nil); err != nil {
		return Policy{}, err
	}
	b := &builder{doc: &doc, file: file, places: places}
	p := b.build(signals)
	if err := errors.Join(b.errs...); err != nil {
		return Policy{}, err
	}
	if _, err := decide.New(p.Config); err != nil {
		return Policy{}, locate(err, file, places)
	}
	return p, nil
}

// readInto reads a file over what it extends. The names are those of the files
// on the way here.
func readInto(doc *document, places map[string]place, presets func(string) (string, bool), file string, text []byte, names []string) error {
	root, err := nodesOf(file, text)
	if err != nil {
		return err
	}
	d := &decoder{file: file, lines: bytes.Split(text, []byte("\n")), places: places}
	if err := d.extends(doc, root, presets, names); err != nil {
		return err
	}
	d.into(root, reflect.ValueOf(doc).Elem(), "", "")
	return errors.Join(d.errs...)
}

// extends reads the preset that a file begins with into doc.
func (d *decoder) extends(doc *document, root *yaml.Node, presets func(string) (string, bool), names []string) error {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "extends" {
			continue
		}
		n := root.Content[i+1]
		base, ok := presets(n.Value)
		switch {
		case n.Kind != yaml.ScalarNode || !ok:
			d.fail(n, "extends", "%q is no preset%s", clip(n.Value), suggest(n.Value, Presets()))
		case slices.Contains(names, n.Value) || len(names) >= maxExtends:
			d.fail(n, "extends", "%s extends itself, or one preset too many: %s", n.Value, strings.Join(append(names, n.Value), " → "))
		default:
			return readInto(doc, d.places, presets, n.Value, []byte(base), append(names, n.Value))
		}
		break
	}
	return nil
}

// nodesOf returns the one mapping that a file must be.
func nodesOf(file string, text []byte) (*yaml.Node, error) {
	bad := func(n *yaml.Node, format string, args ...any) error {
		e := &FileError{File: file, Problem: fmt.Sprintf(format, args...)}
		if n != nil {
			e.Line, e.Column = n.Line, n.Column
		}
		return e
	}
	if len(text) > maxFile {
		return nil, bad(nil, "it has %d bytes: a policy file may have 1 MiB", len(text))
	}
	var doc, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, bad(nil, "it is empty: give it min, max and a policy")
	case err != nil:
		return nil, syntax(file, err)
	}
	if err := dec.Decode(&second); err == nil {
		return nil, bad(&second, "a second document begins here: one file is one policy")
	} else if !errors.Is(err, io.EOF) {
		return nil, syntax(file, err)
	}
	var errs []error
	var walk func(n *yaml.Node, depth int)
	walk = func(n *yaml.Node, depth int) {
		switch {
		case len(errs) > maxErrors:
			return
		case depth > maxNesting:
			errs = append(errs, bad(n, "it is nested deeper than %d levels", maxNesting))
			return
		case n.Kind == yaml.AliasNode || n.Anchor != "":
			errs = append(errs, bad(n, "anchors and aliases are not allowed: write the value out"))
		case n.ShortTag() == "!!merge":
			errs = append(errs, bad(n, "merge keys are not allowed: write the fields out, or use extends"))
		case n.Style&yaml.TaggedStyle != 0:
			errs = append(errs, bad(n, "the tag %s is not allowed: leave it out", clip(n.Tag)))
		}
		for _, c := range n.Content {
			walk(c, depth+1)
		}
	}
	root := doc.Content[0]
	if walk(root, 0); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if root.Kind != yaml.MappingNode {
		return nil, bad(root, "it is %s: a policy file is a list of fields, as in min: 2", kindOf(root))
	}
	return root, nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// syntax says in which line the text is no YAML.
func syntax(file string, err error) error {
	e := &FileError{File: file, Problem: "it is neither YAML nor JSON: " + err.Error()}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		e.Problem = "it is neither YAML nor JSON: " + m[2]
	}
	if e.Line > 0 {
		e.Column = 1
	}
	return e
}

// goField finds the field of a Go struct in an error of package decide.
var goField = regexp.MustCompile(`^evenkeel: (?:decide\.Config: |policy "([^"]*)": )([A-Z][A-Za-z]*[A-Za-z.\[\]0-9]*) (.*)$`)

// locate gives the errors of decide.New their places in the file.
func locate(err error, file string, places map[string]place) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range joined.Unwrap() {
			out = append(out, locate(e, file, places))
		}
		return errors.Join(out...)
	}
	if inner := errors.Unwrap(err); inner != nil {
		if joined, ok := inner.(interface{ Unwrap() []error }); ok {
			prefix, _, _ := strings.Cut(err.Error(), inner.Error())
			var out []error
			for _, e := range joined.Unwrap() {
				out = append(out, locate(errors.New(prefix+e.Error()), file, places))
			}
			return errors.Join(out...)
		}
	}
	m := goField.FindStringSubmatch(err.Error())
	if m == nil {
		return &FileError{File: file, Problem: strings.TrimPrefix(err.Error(), "evenkeel: ")}
	}
	path := snake(m[2])
	if rest, ok := strings.CutPrefix(path, "rule."); ok && m[1] == ruleName && places["policies.rule"].file == "" {
		path = rest
	} else if m[1] != "" {
		path = "policies." + m[1] + "." + path
	} else if rest, ok := strings.CutPrefix(path, "up"); ok && (rest == "" || rest[0] == '.') {
		path = "scale_up" + rest
	} else if rest, ok := strings.CutPrefix(path, "down"); ok && (rest == "" || rest[0] == '.') {
		path = "scale_down" + rest
	}
	at := place{file: file, path: path}
	for p := path; p != ""; p = p[:max(strings.LastIndexByte(p, '.'), 0)] {
		if found, ok := places[p]; ok {
			at.file, at.line, at.column = found.file, found.line, found.column
			break
		}
	}
	return at.problem("it %s", m[3])
}

// snake turns PerHour into per_hour.
func snake(s string) string {
	var b strings.Builder
	for i, r := range s {
		if r >= 'A' && r <= 'Z' {
			if i > 0 && s[i-1] != '.' {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
