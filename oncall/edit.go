package oncall

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Sections are the names of the lists that a configuration consists of, in the order in which they depend on each other.
func Sections() []string { return slices.Clone(sections) }

// list is the section's slice, to read and to set.
func (c *Configuration) list(section string) reflect.Value {
	return reflect.ValueOf(c).Elem().FieldByName(strings.ToUpper(section[:1]) + section[1:])
}

// Len is how many entries a section has.
func (c Configuration) Len(section string) int { return c.list(section).Len() }

// Entry is one entry of a section in its JSON form.
func (c Configuration) Entry(section string, at int) (json.RawMessage, error) {
	entry, err := json.Marshal(c.list(section).Index(at).Interface())
	if err != nil {
		return nil, fmt.Errorf("%s[%d]: %w", section, at, err)
	}
	return entry, nil
}

// Mark stands for the present form of an entry: another mark says that somebody changed it.
func (c Configuration) Mark(section string, at int) string {
	entry, _ := c.Entry(section, at) // what was read from JSON can be written as JSON
	sum := sha256.Sum256(entry)
	return hex.EncodeToString(sum[:8])
}

// Place is where the entry of an id stands in a section whose entries have ids.
func (c Configuration) Place(section, id string) (at int, ok bool) {
	list := c.list(section)
	for i := range list.Len() {
		if list.Index(i).FieldByName("ID").String() == id {
			return i, true
		}
	}
	return 0, false
}

// ID is the id of an entry in a section whose entries have ids.
func (c Configuration) ID(section string, at int) string {
	return c.list(section).Index(at).FieldByName("ID").String()
}

// Put returns c with the only entry of the document's section in the place at; one place behind the last adds it. Its
// errors are ConfigErrors with the document's lines.
func (c Configuration) Put(section string, at int, document Document, checkContact func(channel, to, secret string) error) (Configuration, error) {
	list := c.list(section)
	entries := reflect.MakeSlice(list.Type(), 0, list.Len()+1)
	entries = reflect.AppendSlice(entries, list.Slice(0, at))
	entries = reflect.AppendSlice(entries, document.content.list(section))
	if at < list.Len() {
		entries = reflect.AppendSlice(entries, list.Slice(at+1, list.Len()))
	}
	list.Set(entries)
	mine := fmt.Sprintf("%s[%d]", section, at)
	var faults ConfigErrors
	for _, fault := range c.faults(checkContact) {
		rest, ok := strings.CutPrefix(fault.path, mine)
		if !ok {
			faults = append(faults, fault.at(nil))
			continue
		}
		fault.path = section + "[0]" + rest
		faults = append(faults, fault.at(map[string]Document{section: document}))
	}
	return c, faults.err()
}

// Faults are what is wrong with the entry of a path, like schedules[0].
func (c Configuration) Faults(path string, checkContact func(channel, to, secret string) error) []string {
	var found []string
	for _, fault := range c.faults(checkContact) {
		if strings.HasPrefix(fault.path, path) {
			found = append(found, fault.message)
		}
	}
	return found
}

// Without returns c without one entry; its errors name what still needs it.
func (c Configuration) Without(section string, at int, checkContact func(channel, to, secret string) error) (Configuration, error) {
	list := c.list(section)
	entries := reflect.AppendSlice(reflect.MakeSlice(list.Type(), 0, list.Len()), list.Slice(0, at))
	list.Set(reflect.AppendSlice(entries, list.Slice(at+1, list.Len())))
	var faults ConfigErrors
	for _, fault := range c.faults(checkContact) {
		faults = append(faults, fault.at(nil))
	}
	return c, faults.err()
}

// Moved returns c with one entry before the one above it, or, down, behind the one below it.
func (c Configuration) Moved(section string, at int, down bool) Configuration {
	other := at - 1
	if down {
		other = at + 1
	}
	list := c.list(section)
	if other < 0 || other >= list.Len() {
		return c
	}
	entries := reflect.AppendSlice(reflect.MakeSlice(list.Type(), 0, list.Len()), list)
	reflect.Swapper(entries.Interface())(at, other)
	list.Set(entries)
	return c
}
