package policy

import (
	_ "embed"
	"encoding/json"
	"reflect"
	"strings"
)

//go:embed policy.schema.json
var schemaText string

// Schema returns the JSON Schema (draft 2020-12) of a policy file, for editors
// and pipelines. A file that [Parse] takes is valid by it. The reverse need not
// hold: names of signals and the units of expressions are checked by Parse only.
func Schema() string { return schemaText }

// generateSchema makes the schema of the document. A test keeps the published
// one equal to it.
func generateSchema() ([]byte, error) {
	s := schemaOf(reflect.TypeFor[document](), "")
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "evenkeel policy file"
	s["required"] = []string{}
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}

const (
	decimal  = `[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?`
	timeText = `^(` + decimal + `(ns|us|µs|ms|s|m|min|h|d))+$`
)

func textOf(pattern string) map[string]any {
	return map[string]any{"type": "string", "pattern": pattern}
}

func eitherOf(options ...map[string]any) map[string]any {
	return map[string]any{"anyOf": options}
}

func plain() map[string]any { return map[string]any{"type": "number", "minimum": 0} }

func (*span) schema() map[string]any {
	return eitherOf(textOf(timeText), map[string]any{"const": 0})
}

func (*ratio) schema() map[string]any {
	return eitherOf(plain(), textOf(`^`+decimal+` ?%?$`))
}

func (*number) schema() map[string]any {
	return eitherOf(plain(), textOf(`^`+decimal+`[kKMG]?$`))
}

func (*amount) schema() map[string]any {
	return eitherOf(plain(), textOf(`^[0-9].*$`))
}

func (*name) schema() map[string]any { return textOf(`^[A-Za-z_][A-Za-z0-9_.:]*(\{[^{}]+\})?$`) }
func (*condition) schema() map[string]any {
	return map[string]any{"type": "string", "minLength": 1, "maxLength": maxExpression}
}
func (*clock) schema() map[string]any { return textOf(`^([0-9]|[01][0-9]|2[0-4]):[0-5][0-9]$`) }

func (*days) schema() map[string]any {
	day := `(?:[mM][oO][nN]|[tT][uU][eE]|[wW][eE][dD]|[tT][hH][uU]|[fF][rR][iI]|[sS][aA][tT]|[sS][uU][nN])`
	part := ` *` + day + ` *(- *` + day + ` *)?`
	return textOf(`^(daily|` + part + `(,` + part + `)*)$`)
}

func schemaOf(t reflect.Type, tag reflect.StructTag) map[string]any {
	s := shape(t, tag)
	if tag.Get("off") != "" {
		s = eitherOf(s, map[string]any{"const": "off"})
	}
	if doc := tag.Get("doc"); doc != "" {
		s["description"] = strings.ToUpper(doc[:1]) + doc[1:] + "."
	}
	if def := tag.Get("default"); def != "" {
		s["default"] = def
	}
	return s
}

func shape(t reflect.Type, tag reflect.StructTag) map[string]any {
	v := reflect.New(t)
	if s, ok := reflect.TypeAssert[scalar](v); ok {
		return s.schema()
	}
	switch t.Kind() {
	case reflect.Pointer:
		s := shape(t.Elem(), tag)
		if t.Elem().Kind() == reflect.Struct {
			s = eitherOf(s, map[string]any{"const": "off"})
		}
		return s
	case reflect.Struct:
		fields := make(map[string]any)
		for _, f := range fieldsOf(t) {
			fields[f.name] = schemaOf(f.typ, f.tag)
		}
		return map[string]any{"type": "object", "properties": fields, "additionalProperties": false}
	case reflect.Slice:
		if g, ok := reflect.TypeAssert[group](reflect.New(t.Elem())); ok {
			_, e := g.parts()
			item := eitherOf(shape(e.Type(), ""), map[string]any{"const": "off"})
			return map[string]any{"type": "object", "additionalProperties": item}
		}
		return map[string]any{"type": "array", "items": shape(t.Elem(), "")}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int64:
		return map[string]any{"type": "integer", "minimum": 0}
	}
	if words := tag.Get("enum"); words != "" {
		return map[string]any{"enum": strings.Split(words, ",")}
	}
	return map[string]any{"type": "string"}
}
