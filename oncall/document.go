package oncall

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Document is one YAML file of configuration. Sections that it does not have are left alone when it is applied.
type Document struct {
	name     string
	content  Configuration
	sections []string
	lines    map[string]int // of each value by its path, like people[0].contacts[1].to
}

// sections are the top-level keys, in the order in which faults are told.
var sections = []string{"people", "schedules", "policies", "routes", "webhooks", "mutes", "maintenance", "intake", "tenants", "playbooks", "readings"}

// documentKeys are all keys of a document: the sections, and those that hold one mapping.
var documentKeys = append(slices.Clone(sections), "retention", "load")

// ParseFile reads one YAML document strictly: unknown and repeated keys, wrong types and impossible values are faults,
// each one line of the form FILE:LINE: what is wrong; how to mend it.
func ParseFile(name string, content []byte) (Document, error) {
	d := Document{name: name, lines: map[string]int{}}
	decoder := decoder{document: &d}
	reader := yaml.NewDecoder(bytes.NewReader(content))
	var root, more yaml.Node
	if err := reader.Decode(&root); err != nil && !errors.Is(err, io.EOF) {
		return d, ConfigErrors{yamlFault(name, err)}
	}
	if len(root.Content) == 0 {
		return d, ConfigErrors{{name, 1, "the file is empty; write at least one of " + strings.Join(documentKeys, ", ")}}
	}
	if err := reader.Decode(&more); err == nil {
		decoder.fault(&more, "a second document begins here; put everything into one")
		return d, decoder.faults.err()
	} else if !errors.Is(err, io.EOF) {
		return d, ConfigErrors{yamlFault(name, err)}
	}
	top := root.Content[0]
	if top.Kind != yaml.MappingNode {
		decoder.fault(top, "a configuration is a mapping; begin with one of %s", strings.Join(documentKeys, ", "))
		return d, decoder.faults.err()
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		switch {
		case slices.Contains(d.sections, key.Value):
			decoder.fault(key, "%s stands here twice; put both together", key.Value)
		case !slices.Contains(documentKeys, key.Value):
			decoder.fault(key, "there is no key %q; use %s", key.Value, strings.Join(documentKeys, ", "))
		default:
			d.sections = append(d.sections, key.Value)
			field := d.content.list(key.Value)
			decoder.decode(value, field, key.Value)
		}
	}
	return d, decoder.faults.err()
}

// yamlFault is the library's message, with its line taken out.
func yamlFault(name string, err error) ConfigError {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if number, message, ok := strings.Cut(rest, ": "); ok {
			if line, err := strconv.Atoi(number); err == nil {
				return ConfigError{name, line, message + "; mend the YAML"}
			}
		}
	}
	return ConfigError{name, 1, text + "; mend the YAML"}
}

// decoder fills Go values from YAML nodes and collects every fault with its line.
type decoder struct {
	document *Document
	faults   ConfigErrors
}

func (d *decoder) fault(node *yaml.Node, format string, args ...any) {
	d.faults = append(d.faults, ConfigError{d.document.name, node.Line, fmt.Sprintf(format, args...)})
}

func (d *decoder) decode(node *yaml.Node, into reflect.Value, path string) {
	d.document.lines[path] = node.Line
	if node.Kind == yaml.AliasNode {
		d.fault(node, "anchors and aliases are not supported; write the value out")
		return
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		d.decode(node, into.Elem(), path)
		return
	}
	if values, ok := into.Addr().Interface().(*Values); ok {
		switch {
		case node.Kind == yaml.ScalarNode && d.scalar(node, path):
			*values = Values{node.Value}
			return
		case node.Kind == yaml.ScalarNode:
			return
		case node.Kind == yaml.SequenceNode && len(node.Content) == 0:
			// Stored as an absent key, it would match everything: a mute of nothing would silence all.
			d.fault(node, "%s is an empty list, which nothing matches; name a value, or remove the key", path)
			return
		}
	}
	switch target := into.Addr().Interface().(type) {
	case *Wait:
		d.decodeWait(node, into, path)
		return
	case *time.Time:
		d.decodeTime(node, target)
		return
	case encoding.TextUnmarshaler:
		if !d.scalar(node, path) {
			return
		}
		if err := target.UnmarshalText([]byte(node.Value)); err != nil {
			d.fault(node, "%s: %s", path, err)
		}
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		d.decodeStruct(node, into, path)
	case reflect.Slice:
		d.decodeSlice(node, into, path)
	default:
		d.decodeScalar(node, into, path)
	}
}

// decodeWait reads one wait for all severities, or a mapping of them.
func (d *decoder) decodeWait(node *yaml.Node, into reflect.Value, path string) {
	if node.Kind == yaml.ScalarNode {
		d.decode(node, into.FieldByName("Other"), path)
		return
	}
	d.decodeStruct(node, into, path)
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
		if field, ok := fieldNamed(into, node.Content[i].Value); ok && field.Int() == 0 {
			d.fault(node.Content[i+1], "%s.%s must be 1s or more; leave it out to wait like the others", path, node.Content[i].Value)
		}
	}
}

func (d *decoder) decodeTime(node *yaml.Node, into *time.Time) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if at, err := time.Parse(layout, node.Value); err == nil {
			*into = at.UTC()
			return
		}
	}
	d.fault(node, "%q is not a moment; write one with an offset, like 2026-12-01T09:00Z", node.Value)
}

func (d *decoder) decodeStruct(node *yaml.Node, into reflect.Value, path string) {
	if node.Kind != yaml.MappingNode {
		d.fault(node, "%s must be a mapping like {key: value}", path)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if seen[key.Value] {
			d.fault(key, "%s has the key %q twice; keep one", path, key.Value)
			continue
		}
		seen[key.Value] = true
		field, ok := fieldNamed(into, key.Value)
		if !ok {
			d.fault(key, "%s has no key %q; use %s", path, key.Value, strings.Join(fieldNames(into.Type()), ", "))
			continue
		}
		d.decode(value, field, path+"."+key.Value)
	}
	for i := range into.NumField() {
		if field := into.Type().Field(i); field.Tag.Get("required") != "" && !seen[field.Tag.Get("yaml")] {
			d.fault(node, "%s has no %s; add it", path, field.Tag.Get("yaml"))
		}
	}
}

func fieldNamed(into reflect.Value, key string) (reflect.Value, bool) {
	for i := range into.NumField() {
		if into.Type().Field(i).Tag.Get("yaml") == key {
			return into.Field(i), true
		}
	}
	return reflect.Value{}, false
}

func fieldNames(of reflect.Type) []string {
	var names []string
	for i := range of.NumField() {
		names = append(names, of.Field(i).Tag.Get("yaml"))
	}
	return names
}

func (d *decoder) decodeSlice(node *yaml.Node, into reflect.Value, path string) {
	if node.Kind != yaml.SequenceNode {
		d.fault(node, "%s must be a list; write it like [a, b], or each entry after a dash", path)
		return
	}
	if len(node.Content) == 0 {
		return // like an absent key, so that what is stored reads back the same
	}
	list := reflect.MakeSlice(into.Type(), len(node.Content), len(node.Content))
	for i, item := range node.Content {
		d.decode(item, list.Index(i), path+"["+strconv.Itoa(i)+"]")
	}
	into.Set(list)
}

func (d *decoder) decodeScalar(node *yaml.Node, into reflect.Value, path string) {
	if !d.scalar(node, path) {
		return
	}
	switch into.Kind() {
	case reflect.String:
		into.SetString(node.Value)
	case reflect.Int:
		number, err := strconv.Atoi(node.Value)
		if err != nil {
			d.fault(node, "%s: %q is not a whole number; write one like 3", path, node.Value)
		}
		into.SetInt(int64(number))
	case reflect.Bool:
		if node.Value != "true" && node.Value != "false" {
			d.fault(node, "%s: write true or false", path)
		}
		into.SetBool(node.Value == "true")
	}
}

func (d *decoder) scalar(node *yaml.Node, path string) bool {
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		d.fault(node, "%s needs a single value; write one, or remove the key", path)
		return false
	}
	return true
}
