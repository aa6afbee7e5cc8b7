package policy

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A decoder fills a document from the nodes of a file. It goes on after a
// mistake, so that all of them are reported at once.
type decoder struct {
	file   string
	lines  [][]byte
	places map[string]place // by path
	errs   []error
}

// Bounds of what is worth reading.
const (
	maxErrors = 100
	maxNamed  = 256
)

func (d *decoder) fail(n *yaml.Node, path, format string, args ...any) {
	d.errs = append(d.errs, &FileError{d.file, n.Line, n.Column, path, fmt.Sprintf(format, args...)})
}

// A reader is a value that reads itself from a node.
type reader interface {
	readNode(d *decoder, n *yaml.Node, path string)
}

// into reads n into v and leaves alone what n does not name.
func (d *decoder) into(n *yaml.Node, v reflect.Value, path string, tag reflect.StructTag) {
	if len(d.errs) > maxErrors {
		return
	}
	at := placeOf(d.file, d.lines, n, path)
	d.places[path] = at
	if n.ShortTag() == "!!null" {
		d.fail(n, path, "it is empty: give it a value, or leave the field out")
		return
	}
	switch p := v.Addr().Interface().(type) {
	case reader:
		p.readNode(d, n, path)
		return
	case scalar:
		if !isText(n) {
			d.fail(n, path, "it is %s: write %s", kindOf(n), wanted(v.Type()))
		} else if err := p.read(n.Value, at, tag); err != nil {
			d.errs = append(d.errs, at.expression(err))
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type().Elem().Kind() == reflect.Struct && n.Kind == yaml.ScalarNode && n.Value == "off" {
			v.SetZero()
			return
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.into(n, v.Elem(), path, tag)
	case reflect.Struct:
		d.mapping(n, v, path)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.fail(n, path, "it is %s: write a list", kindOf(n))
			return
		}
		v.SetZero()
		for i, item := range n.Content {
			element := reflect.New(v.Type().Elem()).Elem()
			d.into(item, element, path+"["+strconv.Itoa(i)+"]", tag)
			v.Set(reflect.Append(v, element))
		}
	case reflect.Bool:
		if n.ShortTag() != "!!bool" || n.Value != "true" && n.Value != "false" {
			d.fail(n, path, "it is %s: write true or false", kindOf(n))
		}
		v.SetBool(n.Value == "true")
	case reflect.Int64:
		i, err := strconv.ParseInt(n.Value, 10, 64)
		if n.ShortTag() != "!!int" || !wholeNumber.MatchString(n.Value) || err != nil {
			d.fail(n, path, "it is %s: write a whole number such as 4", kindOf(n))
		}
		v.SetInt(i)
	case reflect.String:
		d.text(n, v, path, tag)
	}
}

var wholeNumber = regexp.MustCompile(`^(0|[1-9][0-9]{0,9})$`)

func (d *decoder) text(n *yaml.Node, v reflect.Value, path string, tag reflect.StructTag) {
	words := strings.Split(tag.Get("enum"), ",")
	switch {
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str":
		d.fail(n, path, "it is %s: write a word", kindOf(n))
	case tag.Get("enum") != "" && !slices.Contains(words, n.Value):
		d.fail(n, path, "%q is none of %s", clip(n.Value), strings.Join(words, ", "))
	default:
		v.SetString(n.Value)
	}
}

// A field is a field of a struct of the document.
type field struct {
	name  string
	index int
	tag   reflect.StructTag
	typ   reflect.Type
}

// fieldsOf returns the fields of t that are written in a file.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		if name := f.Tag.Get("file"); name != "" {
			out = append(out, field{name, i, f.Tag, f.Type})
		}
	}
	return out
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	fields := fieldsOf(v.Type())
	var all []string
	for _, f := range fields {
		all = append(all, f.name)
	}
	d.pairs(n, path, func(key, value *yaml.Node, at string) {
		i := slices.Index(all, key.Value)
		if i < 0 {
			d.fail(key, at, "there is no such field%s", suggest(key.Value, all))
			return
		}
		d.into(value, v.Field(fields[i].index), at, fields[i].tag)
	})
	if c, ok := reflect.TypeAssert[interface {
		check(d *decoder, n *yaml.Node, path string)
	}](v.Addr()); ok && n.Kind == yaml.MappingNode {
		c.check(d, n, path)
	}
}

// pairs calls f for each field of a mapping, with its path.
func (d *decoder) pairs(n *yaml.Node, path string, f func(key, value *yaml.Node, at string)) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "it is %s: write fields, as in { min: 2 }", kindOf(n))
		return
	}
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := key.Value
		if path != "" {
			at = path + "." + key.Value
		}
		switch line := seen[key.Value]; {
		case len(d.errs) > maxErrors:
		case !isText(key):
			d.fail(key, path, "a field is %s: its name must be a word", kindOf(key))
		case line > 0:
			d.fail(key, at, "it is given twice, first in line %d: leave one out", line)
		default:
			seen[key.Value] = key.Line
			f(key, value, at)
		}
	}
}

// kindOf says what a node is.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a group of fields"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if n.ShortTag() == "!!null" {
		return "empty"
	}
	return strconv.Quote(clip(n.Value))
}

// wanted says what a scalar of type t looks like.
func wanted(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[span]():
		return duration.sample()
	case reflect.TypeFor[ratio]():
		return share.sample()
	case reflect.TypeFor[number]():
		return "a plain number"
	case reflect.TypeFor[amount]():
		return "a number, with a unit where it has one"
	case reflect.TypeFor[condition]():
		return `a condition in quotes, as in "queue_depth > 50"`
	case reflect.TypeFor[days]():
		return "days, as in mon-fri"
	case reflect.TypeFor[clock]():
		return `a time of the day in quotes, as in "08:00"`
	}
	return "the name of a signal"
}

// A named is a group of things, each under its name, in their order.
type named[T any] []entry[T]

type entry[T any] struct {
	name  string
	at    place
	value T
}

func (l *named[T]) readNode(d *decoder, n *yaml.Node, path string) {
	d.pairs(n, path, func(key, value *yaml.Node, at string) {
		same := func(e entry[T]) bool { return e.name == key.Value }
		i := slices.IndexFunc(*l, same)
		if value.Kind == yaml.ScalarNode && value.Value == "off" {
			if i < 0 {
				d.fail(value, at, "there is none that could be taken away: leave it out")
			}
			*l = slices.DeleteFunc(*l, same)
			return
		}
		if i < 0 && len(*l) >= maxNamed {
			d.fail(key, at, "there are more than %d of them", maxNamed)
			return
		}
		if i < 0 {
			*l = append(*l, entry[T]{name: key.Value})
			i = len(*l) - 1
		}
		(*l)[i].at = placeOf(d.file, d.lines, key, at)
		d.into(value, reflect.ValueOf(&(*l)[i].value).Elem(), at, "")
	})
}
