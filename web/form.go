package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// entryForm is what an editor shows and gets back: values by name. A name is a value's path in the configuration's format,
// like contacts[0].to; one that ends in [] is a list, of several values or of lines. Names with a leading underscore are
// the editor's own.
type entryForm struct {
	url.Values
	faults map[string]string // by name
}

// formOf is an entry of the configuration, from its JSON form.
func formOf(entry json.RawMessage) (entryForm, error) {
	f := entryForm{Values: url.Values{}}
	decoder := json.NewDecoder(bytes.NewReader(entry))
	decoder.UseNumber()
	var content any
	if err := decoder.Decode(&content); err != nil {
		return f, err
	}
	f.fill("", content)
	return f, nil
}

func (f entryForm) fill(name string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			f.fill(strings.TrimPrefix(name+"."+key, "."), inner)
		}
	case []any:
		for i, inner := range value {
			if text, plain := inner.(string); plain {
				f.Add(name+"[]", text)
				continue
			}
			f.fill(name+"["+strconv.Itoa(i)+"]", inner)
		}
	case string:
		f.Set(name, value)
	case json.Number:
		f.Set(name, value.String())
	case bool:
		f.Set(name, strconv.FormatBool(value))
	}
}

// list is the values of a list, one a line or one a field.
func (f entryForm) list(name string) []string {
	var values []string
	for _, value := range f.Values[name] {
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); line != "" {
				values = append(values, line)
			}
		}
	}
	return values
}

// rows is how many rows a list of mappings has, blank ones at the end left out.
func (f entryForm) rows(prefix string) int {
	rows := 0
	for name := range f.Values {
		if !fieldName.MatchString(name) {
			continue
		}
		rest, ok := strings.CutPrefix(name, prefix+"[")
		index, _, closed := strings.Cut(rest, "]")
		if at, err := strconv.Atoi(index); ok && closed && err == nil && len(f.list(name)) > 0 {
			rows = max(rows, at+1)
		}
	}
	return rows
}

// A name, and what it is made of. Indexes have two digits at most.
var (
	fieldName = regexp.MustCompile(`^[a-z_]+(\.[a-z_]+|\[\d{1,2}\])*(\[\])?$`)
	segments  = regexp.MustCompile(`^\.?[a-z_]+|^\[\d*\]`)
)

// tree is a form's values in the shape of the configuration.
type tree struct {
	name   string // of the field; set where there are values
	values []string
	plural bool
	fields map[string]*tree
	items  map[int]*tree
}

// document writes a form as a document with one entry in a section, each value on a line of its own. lines holds the
// names of the fields, by line from 1 on. What is blank is left out; keep names mappings that stay, though empty.
func (f entryForm) document(section string, keep ...string) (text []byte, lines map[int]string) {
	out := documentWriter{lines: map[int]string{}}
	out.line(`{` + quoted(section) + `: [`)
	out.value(f.tree(keep...), "")
	out.line(`]}`)
	return out.text.Bytes(), out.lines
}

// mapping writes a form as a document whose key holds the form's values, like document.
func (f entryForm) mapping(key string) (text []byte, lines map[int]string) {
	out := documentWriter{lines: map[int]string{}}
	out.line(`{` + quoted(key) + `: `)
	out.value(f.tree(), "")
	out.line(`}`)
	return out.text.Bytes(), out.lines
}

func (f entryForm) tree(keep ...string) *tree {
	root := &tree{}
	for name, values := range f.Values {
		if strings.HasPrefix(name, "_") || !fieldName.MatchString(name) || len(f.list(name)) == 0 {
			continue
		}
		at := root.at(name)
		at.name, at.plural, at.values = name, strings.HasSuffix(name, "[]"), f.list(name)
		if !at.plural {
			at.values = []string{strings.TrimSpace(values[0])}
		}
	}
	for _, name := range keep {
		root.at(name)
	}
	return root
}

// at is the place of a name, made where it is missing.
func (t *tree) at(name string) *tree {
	for name != "" {
		segment := segments.FindString(name)
		name = name[len(segment):]
		switch {
		case segment == "[]":
		case segment[0] == '[':
			index, _ := strconv.Atoi(segment[1 : len(segment)-1]) // digits, by the pattern
			if t.items == nil {
				t.items = map[int]*tree{}
			}
			if t.items[index] == nil {
				t.items[index] = &tree{}
			}
			t = t.items[index]
		default:
			key := strings.TrimPrefix(segment, ".")
			if t.fields == nil {
				t.fields = map[string]*tree{}
			}
			if t.fields[key] == nil {
				t.fields[key] = &tree{}
			}
			t = t.fields[key]
		}
	}
	return t
}

// documentWriter writes a tree as YAML's flow style and counts its lines.
type documentWriter struct {
	text  bytes.Buffer
	count int
	lines map[int]string
}

func (w *documentWriter) line(text string) {
	w.text.WriteString(text + "\n")
	w.count++
}

func (w *documentWriter) value(t *tree, after string) {
	switch {
	case t.plural:
		w.line("[")
		for i, value := range t.values {
			w.lines[w.count+1] = t.name
			w.line(quoted(value) + comma(i, len(t.values)))
		}
		w.line("]" + after)
	case t.name != "" && t.fields != nil: // a value beside fields of its own is what the others of them are
		t.fields["other"] = &tree{name: t.name, values: t.values}
		w.value(&tree{fields: t.fields}, after)
	case t.name != "":
		w.lines[w.count+1] = t.name
		w.line(quoted(t.values[0]) + after)
	case t.items != nil:
		indexes := make([]int, 0, len(t.items))
		for index := range t.items {
			indexes = append(indexes, index)
		}
		slices.Sort(indexes)
		w.line("[")
		for i, index := range indexes {
			w.value(t.items[index], comma(i, len(indexes)))
		}
		w.line("]" + after)
	default:
		keys := make([]string, 0, len(t.fields))
		for key := range t.fields {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		w.line("{")
		for i, key := range keys {
			w.text.WriteString(quoted(key) + ": ")
			w.value(t.fields[key], comma(i, len(keys)))
		}
		w.line("}" + after)
	}
}

func comma(i, n int) string {
	if i < n-1 {
		return ","
	}
	return ""
}

// quoted is a text as JSON, which YAML reads as well.
func quoted(text string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string can always be written
	return strings.TrimSpace(out.String())
}

// markOf stands for what a form showed: another mark says that it is another by now.
func markOf(shown string) string {
	sum := sha256.Sum256([]byte(shown))
	return hex.EncodeToString(sum[:8])
}
