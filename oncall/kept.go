package oncall

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// Kept is what a change of the configuration replaced, and what it put in its place. It holds the sections alone that
// changed; in them an entry that stayed as it was is its id and nothing else.
type Kept struct {
	Before, After Configuration
	sections      []string
}

// Keep is what changes from before to after.
func Keep(before, after Configuration) Kept {
	var k Kept
	for _, section := range documentKeys {
		old, made := before.list(section), after.list(section)
		if reflect.DeepEqual(treeOf(old), treeOf(made)) {
			continue
		}
		k.sections = append(k.sections, section)
		k.Before.list(section).Set(old)
		k.After.list(section).Set(made)
		if hasIDs(old.Type()) {
			k.shorten(section)
		}
	}
	return k
}

// shorten leaves of the entries that are the same on both sides the ids.
func (k *Kept) shorten(section string) {
	same := map[string]bool{}
	for i := range k.After.list(section).Len() {
		id := k.After.ID(section, i)
		at, ok := k.Before.Place(section, id)
		same[id] = ok && k.Before.Mark(section, at) == k.After.Mark(section, i)
	}
	for _, c := range []*Configuration{&k.Before, &k.After} {
		list := c.list(section)
		entries := reflect.MakeSlice(list.Type(), list.Len(), list.Len())
		reflect.Copy(entries, list)
		for i := range entries.Len() {
			if id := c.ID(section, i); same[id] {
				entries.Index(i).SetZero()
				entries.Index(i).FieldByName("ID").SetString(id)
			}
		}
		list.Set(entries)
	}
}

// hasIDs says whether a section's type is a list of entries that have ids.
func hasIDs(section reflect.Type) bool {
	if section.Kind() != reflect.Slice {
		return false
	}
	_, ok := section.Elem().FieldByName("ID")
	return ok
}

// Empty says that nothing changed.
func (k Kept) Empty() bool { return len(k.sections) == 0 }

// Things are what changed: of sections whose entries have ids the entries, as people/ana, and of the others the section.
func (k Kept) Things() []string {
	var things []string
	for _, section := range k.sections {
		found := false
		if hasIDs(k.Before.list(section).Type()) {
			for _, c := range []Configuration{k.Before, k.After} {
				for i := range c.Len(section) {
					thing := section + "/" + c.ID(section, i)
					if k.changes(section, c.ID(section, i)) && !slices.Contains(things, thing) {
						things, found = append(things, thing), true
					}
				}
			}
		}
		if !found { // the order alone, or a section without ids
			things = append(things, section)
		}
	}
	return things
}

// changes says whether the entry of an id is another before and after.
func (k Kept) changes(section, id string) bool {
	before, was := k.Before.Place(section, id)
	after, is := k.After.Place(section, id)
	return was != is || was && k.Before.Mark(section, before) != k.After.Mark(section, after)
}

// MapSecrets is Configuration.MapSecrets for both sides.
func (k Kept) MapSecrets(change func(string) (string, error)) (Kept, error) {
	var err error
	if k.Before, err = k.Before.MapSecrets(change); err != nil {
		return k, err
	}
	k.After, err = k.After.MapSecrets(change)
	return k, err
}

// sides are one section as it is stored.
type sides struct {
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// MarshalJSON writes the sections by their names.
func (k Kept) MarshalJSON() ([]byte, error) {
	stored := map[string]sides{}
	for _, section := range k.sections {
		before, err := json.Marshal(k.Before.list(section).Interface())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", section, err)
		}
		after, err := json.Marshal(k.After.list(section).Interface())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", section, err)
		}
		stored[section] = sides{before, after}
	}
	return json.Marshal(stored)
}

// UnmarshalJSON reads what MarshalJSON wrote. A section that this version does not know is an error: to leave it out would
// undo half of a change.
func (k *Kept) UnmarshalJSON(content []byte) error {
	var stored map[string]sides
	if err := json.Unmarshal(content, &stored); err != nil {
		return err
	}
	*k = Kept{}
	for _, section := range documentKeys {
		both, ok := stored[section]
		if !ok {
			continue
		}
		delete(stored, section)
		k.sections = append(k.sections, section)
		if err := json.Unmarshal(both.Before, k.Before.list(section).Addr().Interface()); err != nil {
			return fmt.Errorf("%s: %w", section, err)
		}
		if err := json.Unmarshal(both.After, k.After.list(section).Addr().Interface()); err != nil {
			return fmt.Errorf("%s: %w", section, err)
		}
	}
	for section := range stored {
		return fmt.Errorf("there is no section %q in this version", section)
	}
	return nil
}

// treeOf is a value in the form of its JSON: maps, lists and plain values; nil where it is empty.
func treeOf(value reflect.Value) any {
	if value.IsZero() || value.Kind() == reflect.Slice && value.Len() == 0 {
		return nil
	}
	text, err := json.Marshal(value.Interface())
	if err != nil {
		panic(err) // what was read from JSON can be written as JSON
	}
	var tree any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		panic(err)
	}
	return tree
}

// setTree reads a tree back into a value.
func setTree(tree any, into reflect.Value) error {
	into.SetZero()
	if tree == nil {
		return nil
	}
	text, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into.Addr().Interface())
}
