package oncall

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Undoing is what comes of undoing a change of the configuration.
type Undoing struct {
	Wanted    Configuration
	Conflicts []UndoConflict
}

// UndoConflict is something that the change had changed and that was changed again since. Before and Now are its YAML without
// credentials, empty where it was not there.
type UndoConflict struct {
	Path   string // as people/ana/contacts/mail, or routes
	Before string
	Now    string
	Back   bool // it is put back nevertheless
}

// Thing is what Kept.Things calls what the conflict is about, and its section where the order alone is at odds.
func (c UndoConflict) Thing() string {
	parts := strings.SplitN(c.Path, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// LeftOut are the conflicts whose things stay as they are.
func (u Undoing) LeftOut() []string {
	left := []string{}
	for _, conflict := range u.Conflicts {
		if !conflict.Back {
			left = append(left, conflict.Path)
		}
	}
	return left
}

// Undo puts back in the current configuration what the change replaced, where nothing has changed it since; of the rest what
// is among the paths to be put back nevertheless. What it makes is still to be checked: something newer may need what goes.
func (k Kept) Undo(current Configuration, back []string) (Undoing, error) {
	undoing := Undoing{Wanted: current}
	merge := threeWay{back: back}
	for _, section := range k.sections {
		after, before, now := treeOf(k.After.list(section)), treeOf(k.Before.list(section)), treeOf(current.list(section))
		if current.list(section).Kind() == reflect.Struct {
			after, before, now = mappingOf(after), mappingOf(before), mappingOf(now)
		}
		if err := setTree(merge.merge(section, after, before, now), undoing.Wanted.list(section)); err != nil {
			return undoing, fmt.Errorf("undo %s: %w", section, err)
		}
	}
	shownBefore, shownNow := k.Before.masked(current), current.masked(current)
	for _, path := range merge.conflicts {
		conflict := UndoConflict{Path: path, Back: slices.Contains(back, path)}
		var err error
		if conflict.Before, err = shownBefore.shownAt(path); err != nil {
			return undoing, err
		}
		if conflict.Now, err = shownNow.shownAt(path); err != nil {
			return undoing, err
		}
		undoing.Conflicts = append(undoing.Conflicts, conflict)
	}
	return undoing, nil
}

// mappingOf is a tree that is a mapping; an empty one where it is not there.
func mappingOf(tree any) any {
	if tree == nil {
		return map[string]any{}
	}
	return tree
}

// shownAt is the YAML of what stands at a path, empty where nothing does.
func (c Configuration) shownAt(path string) (string, error) {
	section, rest, _ := strings.Cut(path, "/")
	whole, err := json.Marshal(c.list(section).Interface())
	if err != nil {
		return "", fmt.Errorf("show %s: %w", path, err)
	}
	at := json.RawMessage(whole)
	if rest == "" && hasIDs(c.list(section).Type()) { // it is about the order
		var ids []string
		for i := range c.Len(section) {
			ids = append(ids, c.ID(section, i))
		}
		return strings.Join(ids, "\n"), nil
	}
	for rest != "" && at != nil {
		var key string
		key, rest, _ = strings.Cut(rest, "/")
		if at, err = inside(at, key); err != nil {
			return "", fmt.Errorf("show %s: %w", path, err)
		}
	}
	if at == nil || string(at) == "null" {
		return "", nil
	}
	node, err := asNode(at)
	if err != nil {
		return "", fmt.Errorf("show %s: %w", path, err)
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return "", fmt.Errorf("show %s: %w", path, err)
	}
	return out.String(), encoder.Close()
}

// inside is the value of a key, or the entry of an id; nil where it is not there.
func inside(value json.RawMessage, key string) (json.RawMessage, error) {
	if bytes.HasPrefix(bytes.TrimSpace(value), []byte("{")) {
		var fields map[string]json.RawMessage
		err := json.Unmarshal(value, &fields)
		return fields[key], err
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(value, &entries); err != nil {
		return nil, err
	}
	for _, entry := range entries {
		var named struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(entry, &named); err != nil {
			return nil, err
		}
		if named.ID == key {
			return entry, nil
		}
	}
	return nil, nil
}
