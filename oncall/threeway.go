package oncall

import (
	"maps"
	"reflect"
	"slices"
)

// threeWay puts back what a change replaced, in a state that may have changed further since. It compares three trees: after
// the change, before it, and now. What is now as the change left it becomes what it was before; what the change left alone
// stays as it is now; what both changed is a conflict and stays, unless its path is among those to be put back.
//
// Mappings are compared key by key, entries that have ids one by one, and other lists entry by entry as far as those are
// found again.
type threeWay struct {
	back      []string // paths that are put back whatever happened since
	conflicts []string // paths, in their order
}

func (w *threeWay) merge(path string, after, before, now any) any {
	switch {
	case reflect.DeepEqual(after, before):
		return now
	case reflect.DeepEqual(now, after), reflect.DeepEqual(now, before):
		return before
	}
	if maps, ok := all[map[string]any](after, before, now); ok {
		return w.mapping(path, maps[0], maps[1], maps[2])
	}
	if lists, ok := allLists(after, before, now); ok {
		if ids, ok := allNamed(lists); ok {
			return listed(w.entries(path, ids))
		}
		if merged, ok := mergeLists(lists[0], lists[1], lists[2]); ok {
			return listed(merged)
		}
	}
	return w.conflict(path, before, now)
}

// conflict notes a path, and is what shall be there.
func (w *threeWay) conflict(path string, before, now any) any {
	w.conflicts = append(w.conflicts, path)
	if slices.Contains(w.back, path) {
		return before
	}
	return now
}

func (w *threeWay) mapping(path string, after, before, now map[string]any) any {
	keys := map[string]bool{}
	for _, side := range []map[string]any{after, before, now} {
		for key := range side {
			keys[key] = true
		}
	}
	merged := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if value := w.merge(path+"/"+key, after[key], before[key], now[key]); value != nil {
			merged[key] = value
		}
	}
	return merged
}

// byID is a list of entries by their ids.
type byID struct {
	ids []string
	by  map[string]any
}

// entries merges lists whose entries have ids, and then their order.
func (w *threeWay) entries(path string, sides [3]byID) []any {
	after, before, now := sides[0], sides[1], sides[2]
	merged := map[string]any{}
	seen := map[string]bool{}
	for _, id := range slices.Concat(now.ids, before.ids, after.ids) {
		if seen[id] {
			continue
		}
		seen[id] = true
		if value := w.merge(path+"/"+id, after.by[id], before.by[id], now.by[id]); value != nil {
			merged[id] = value
		}
	}
	var list []any
	for _, id := range w.order(path, after.ids, before.ids, now.ids, merged) {
		list = append(list, merged[id])
	}
	return list
}

// order is the order of the ids that are left: as it is now where the change did not alter it, else as it was before.
func (w *threeWay) order(path string, after, before, now []string, left map[string]any) []string {
	first, second := now, before
	if !slices.Equal(common(after, before), common(before, after)) && !slices.Equal(common(now, before), common(before, now)) {
		first, second = before, now
		if !slices.Equal(common(now, after), common(after, now)) && w.conflict(path, "before", "now") == "now" {
			first, second = now, before
		}
	}
	var order []string
	for _, id := range first {
		if left[id] != nil {
			order = append(order, id)
		}
	}
	for i, id := range second { // what only the other has stands behind what it stood behind there
		if left[id] == nil || slices.Contains(order, id) {
			continue
		}
		at := 0
		for _, earlier := range slices.Backward(second[:i]) {
			if place := slices.Index(order, earlier); place >= 0 {
				at = place + 1
				break
			}
		}
		order = slices.Insert(order, at, id)
	}
	return order
}

// common are those of one list that are in another, too.
func common(list, other []string) []string {
	var found []string
	for _, id := range list {
		if slices.Contains(other, id) {
			found = append(found, id)
		}
	}
	return found
}

// all are the values where each is of a type.
func all[T any](values ...any) (typed []T, ok bool) {
	for _, value := range values {
		one, ok := value.(T)
		if !ok {
			return nil, false
		}
		typed = append(typed, one)
	}
	return typed, true
}

// allLists are the values where each is a list; one that is not there is empty.
func allLists(values ...any) (lists [3][]any, ok bool) {
	for i, value := range values {
		list, ok := value.([]any)
		if !ok && value != nil {
			return lists, false
		}
		lists[i] = list
	}
	return lists, true
}

// allNamed are lists by ids where every entry of each has one of its own.
func allNamed(lists [3][]any) (sides [3]byID, ok bool) {
	for i, list := range lists {
		sides[i].by = map[string]any{}
		for _, entry := range list {
			fields, _ := entry.(map[string]any)
			id, _ := fields["id"].(string)
			if _, twice := sides[i].by[id]; id == "" || twice {
				return sides, false
			}
			sides[i].ids = append(sides[i].ids, id)
			sides[i].by[id] = entry
		}
	}
	return sides, true
}

// listed is a list as a tree has it: an empty one is not there.
func listed(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list
}
