package compat

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A field is a place in a manifest: its path, and its node if it is there.
type field struct {
	path   string
	node   *yaml.Node
	report *Report
	errs   *[]error
}

// in returns the place of a field below f, for errors about what is not there.
func (f field) in(name string) field {
	f.path = strings.TrimPrefix(f.path+"."+name, ".")
	return f
}

func (f field) fail(format string, args ...any) {
	path := f.path
	if path == "" {
		path = "the manifest"
	}
	where := ""
	if f.node != nil && f.node.Line > 0 {
		where = fmt.Sprintf("line %d: ", f.node.Line)
	}
	*f.errs = append(*f.errs, fmt.Errorf("evenkeel: compat.FromHPA: %s%s: %w", where, path, fmt.Errorf(format, args...)))
}

// note puts f into the report.
func (f field) note(kind Kind, why string) {
	value := ""
	if f.node != nil && f.node.Kind == yaml.ScalarNode {
		value = clipText(f.node.Value)
	}
	f.report.note(kind, f.path, value, why)
}

// object hands each field of a mapping to its reader. A field without one is
// listed in the report.
func (f field) object(known map[string]func(field)) {
	if f.node.Kind != yaml.MappingNode {
		f.fail("it is %s, and must be a group of fields", kindOf(f.node))
		return
	}
	seen := make(map[string]bool, len(f.node.Content)/2)
	for i := 0; i+1 < len(f.node.Content); i += 2 {
		key := f.node.Content[i]
		at := f.in(pathOf(key.Value))
		at.node = f.node.Content[i+1]
		read, ok := known[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || key.Value == "<<":
			at.node = key
			at.fail("it is no plain field: write merged and shared parts out")
		case seen[key.Value]:
			at.fail("it is given twice: leave one out")
		case !ok:
			at.note(Unknown, "autoscaling/v2 has no such field, or has it since a later version")
		case at.node.ShortTag() == "!!null":
			// As if it were not there: that is how Kubernetes reads it.
		default:
			read(at)
		}
		seen[key.Value] = true
	}
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_/-]{1,64}$`)

// pathOf keeps paths readable whatever a field is called.
func pathOf(key string) string {
	if plainKey.MatchString(key) {
		return key
	}
	return strconv.Quote(clipText(key))
}

// each calls read for every entry of a list.
func (f field) each(read func(field)) {
	if f.node.Kind != yaml.SequenceNode {
		f.fail("it is %s, and must be a list", kindOf(f.node))
		return
	}
	for i, n := range f.node.Content {
		at := f
		at.path, at.node = f.path+"["+strconv.Itoa(i)+"]", n
		read(at)
	}
}

// text reads a string.
func (f field) text() string {
	if f.node.Kind != yaml.ScalarNode || f.node.ShortTag() == "!!null" {
		f.fail("it is %s, and must be a text", kindOf(f.node))
		return ""
	}
	return f.node.Value
}

var word = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,252}$`)

// word reads a name of Kubernetes.
func (f field) word() string {
	s := f.text()
	if s != "" && !word.MatchString(s) {
		f.fail("%q is no name: use letters, digits, '.', '-', '_' and '/'", clipText(s))
	}
	return s
}

// count reads a whole number in a range.
func (f field) count(least, most int64) *int64 {
	n, err := strconv.ParseInt(f.node.Value, 10, 64)
	if f.node.Kind != yaml.ScalarNode || f.node.ShortTag() != "!!int" || err != nil || n < least || n > most {
		f.fail("it is %s, and must be a whole number from %d to %d", kindOf(f.node), least, most)
		return nil
	}
	return &n
}

// quantity reads a number with a suffix.
func (f field) quantity() *float64 {
	if f.node.Kind != yaml.ScalarNode {
		f.fail("it is %s, and must be a quantity", kindOf(f.node))
		return nil
	}
	v, err := parseQuantity(f.node.Value)
	if err != nil {
		f.fail("%w", err)
		return nil
	}
	return &v
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a group of fields"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias: write it out"
	}
	return strconv.Quote(clipText(n.Value))
}

// maxManifest is the largest manifest that is read, in bytes.
const maxManifest = 1 << 20

// parseManifest returns the one document of a manifest, as YAML or JSON.
func parseManifest(text []byte) (*yaml.Node, error) {
	if len(text) > maxManifest {
		return nil, fmt.Errorf("evenkeel: compat.FromHPA: the manifest has %d bytes: at most %d", len(text), maxManifest)
	}
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("evenkeel: compat.FromHPA: the manifest is neither YAML nor JSON, or is empty: %w", err)
	}
	if err := dec.Decode(&more); err == nil || !isEnd(err) {
		return nil, errors.New("evenkeel: compat.FromHPA: the manifest has several documents: give one HorizontalPodAutoscaler at a time")
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, errors.New("evenkeel: compat.FromHPA: the manifest is empty")
	}
	return doc.Content[0], nil
}
