package policy

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/signal"
)

// Format writes p as a policy file: every field that is set, in a fixed order,
// as people write it. With the same signals, [Parse] makes p of it again. What is
// a default is left out; see [Effective].
//
// It refuses a policy of a kind that a file has no words for.
func Format(p Policy) ([]byte, error) {
	doc, err := documentOf(p)
	if err != nil {
		return nil, err
	}
	return encode(doc)
}

// Effective writes p as [Format] does, with every default written out: two files
// that decide alike differ in nothing, and a diff shows what does.
func Effective(p Policy) ([]byte, error) {
	p.Config = p.Config.WithDefaults()
	doc, err := documentOf(p)
	if err != nil {
		return nil, err
	}
	fill(reflect.ValueOf(doc).Elem(), "")
	doc.settle()
	return encode(doc)
}

// settle takes out defaults of what is not there.
func (doc *document) settle() {
	for _, r := range []*rate{&doc.ScaleUp.Rate, &doc.ScaleDown.Rate} {
		if r.Count == 0 && r.Share == 0 {
			*r = rate{}
		}
	}
	if b := &doc.Budget; b.PerHour == 0 && b.PerMonth == 0 {
		*b = budget{}
	}
	if doc.Burst.Factor == 0 {
		doc.Burst = burst{Factor: -1}
	}
}

func encode(doc *document) ([]byte, error) {
	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	err := errors.Join(enc.Encode(nodeOf(reflect.ValueOf(doc).Elem(), "")), enc.Close())
	return buf.Bytes(), err
}

// fill sets what is left out to its default.
func fill(v reflect.Value, tag reflect.StructTag) {
	if s, ok := reflect.TypeAssert[scalar](v.Addr()); ok {
		if _, given := s.write(tag); !given && tag.Get("default") != "" && (tag.Get("default") != "off" || tag.Get("off") != "") {
			_ = s.read(tag.Get("default"), place{}, tag) // a test reads all of them
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), tag)
		}
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			fill(v.Field(f.index), f.tag)
		}
	case reflect.Slice:
		for i := range v.Len() {
			e := v.Index(i)
			if g, ok := reflect.TypeAssert[group](e.Addr()); ok {
				_, e = g.parts()
			}
			fill(e, tag)
		}
	case reflect.String:
		if v.String() == "" {
			v.SetString(tag.Get("default"))
		}
	}
}

// A group is an entry of a [named].
type group interface {
	parts() (string, reflect.Value)
}

func (e *entry[T]) parts() (string, reflect.Value) {
	return e.name, reflect.ValueOf(&e.value).Elem()
}

// nodeOf writes v, nil if there is nothing to write.
func nodeOf(v reflect.Value, tag reflect.StructTag) *yaml.Node {
	if s, ok := reflect.TypeAssert[scalar](v.Addr()); ok {
		text, given := s.write(tag)
		if !given {
			return nil
		}
		return textNode(text, v.Type())
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		if v.Elem().Kind() == reflect.Int64 {
			return &yaml.Node{Kind: yaml.ScalarNode, Value: strconv.FormatInt(v.Elem().Int(), 10)}
		}
		return nodeOf(v.Elem(), tag)
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range fieldsOf(v.Type()) {
			if value := nodeOf(v.Field(f.index), f.tag); value != nil {
				n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: f.name}, value)
			}
		}
		if len(n.Content) == 0 {
			return nil
		}
		return n
	case reflect.Slice:
		return listOf(v)
	case reflect.Bool:
		if v.Bool() {
			return &yaml.Node{Kind: yaml.ScalarNode, Value: "true"}
		}
	case reflect.Int64:
		if v.Int() != 0 {
			return &yaml.Node{Kind: yaml.ScalarNode, Value: strconv.FormatInt(v.Int(), 10)}
		}
	case reflect.String:
		if v.String() != "" {
			return textNode(v.String(), v.Type())
		}
	}
	return nil
}

// listOf writes a list, or what a named holds as fields.
func listOf(v reflect.Value) *yaml.Node {
	if v.Len() == 0 {
		return nil
	}
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range v.Len() {
		e := v.Index(i)
		g, ok := reflect.TypeAssert[group](e.Addr())
		if ok {
			var name string
			name, e = g.parts()
			n.Kind = yaml.MappingNode
			n.Content = append(n.Content, textNode(name, e.Type()))
		}
		value := nodeOf(e, "")
		if value == nil {
			value = &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		}
		n.Content = append(n.Content, value)
	}
	return n
}

// textNode writes text so that it is read as the text that it is.
func textNode(text string, t reflect.Type) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	if q, err := parseQuantity(text); err == nil && q.dim.plain() && (t.Kind() == reflect.Float64 || t == reflect.TypeFor[amount]()) {
		return n // a number
	}
	n.Tag = "!!str" // and quoted if it looks like something else
	switch t {
	case reflect.TypeFor[condition](), reflect.TypeFor[clock]():
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// valueText writes x, in the unit of a signal, as people write it.
func valueText(x float64, unit signal.Unit) string {
	d, scale := dimensionOf(unit)
	base := inUnit(x, 1/scale)
	plain := strconv.FormatFloat(x, 'g', -1, 64)
	var candidates []string
	switch {
	case len(d.atoms) == 0:
		return percentText(base)
	case slices.Equal(d.atoms, duration.atoms):
		candidates = []string{strconv.FormatFloat(base*1e3, 'f', -1, 64) + "ms", strconv.FormatFloat(base, 'g', -1, 64) + "s"}
		if base >= 1 {
			slices.Reverse(candidates)
		}
	case slices.Equal(d.atoms, byteCount.atoms):
		candidates = []string{strconv.FormatFloat(base/(1<<20), 'f', -1, 64) + "MiB", strconv.FormatFloat(base, 'g', -1, 64) + "B"}
	default:
		if _, ok := d.meets(plainNumber); ok {
			return plain
		}
		candidates = []string{strconv.FormatFloat(base, 'g', -1, 64) + "B/s"}
	}
	for _, c := range candidates {
		if q, err := parseQuantity(c); err == nil && inUnit(q.value, scale) == x && len(c) < 12 {
			return c
		}
	}
	return candidates[len(candidates)-1]
}

// keyText writes the name of a signal.
func keyText(signals []signal.Def, k signal.Key) (string, signal.Unit, error) {
	if k == (signal.Key{}) {
		return "", "", nil
	}
	i := slices.IndexFunc(signals, func(d signal.Def) bool { return d.Key == k })
	if i < 0 {
		return "", "", fmt.Errorf("evenkeel: policy file: the signal %s is not among Config.Signals", k)
	}
	text := nameOf(signals[i])
	if _, err := parseKey(text); err != nil {
		return "", "", fmt.Errorf("evenkeel: policy file: the signal %s cannot be written: its name has odd characters", k)
	}
	return text, signals[i].Unit, nil
}
