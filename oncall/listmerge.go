package oncall

import "encoding/json"

// mostCompared bounds the table by which two lists are compared; longer ones are a conflict.
const mostCompared = 1_000_000

// mergeLists puts back into a list what a change did to it: what it added goes, what it removed stands again where it stood,
// and what others added or removed since stays so. It fails where an entry that has to go is not there any more as the change
// left it.
func mergeLists(after, before, now []any) (merged []any, ok bool) {
	was, ok := matches(after, before) // of each entry after the change, where it stood before; -1 nowhere
	if !ok {
		return nil, false
	}
	is, ok := matches(after, now)
	if !ok {
		return nil, false
	}
	for i := range after {
		if was[i] < 0 && is[i] < 0 {
			return nil, false
		}
	}
	again := removed(was, len(before))
	place := map[int]int{} // of an entry that is there now, where it stood after the change
	for i, at := range is {
		if at >= 0 {
			place[at] = i
		}
	}
	put := func(upTo int) { // what stood before the next of the entries that the change left
		for len(again) > 0 && again[0].behind <= upTo {
			merged, again = append(merged, before[again[0].at]), again[1:]
		}
	}
	put(-1)
	for at, entry := range now {
		i, known := place[at]
		switch {
		case !known:
			merged = append(merged, entry)
			continue
		case was[i] >= 0:
			put(i - 1) // behind one that has gone since
			merged = append(merged, entry)
		}
		put(i)
	}
	put(len(after))
	return merged, true
}

// stood is an entry of a list that a change removed: which one, and behind which of those that it left.
type stood struct{ at, behind int }

// removed are the entries before a change that it removed, in their order.
func removed(was []int, before int) []stood {
	var gone []stood
	next := 0 // of the entries after the change
	for at := range before {
		for next < len(was) && was[next] < 0 {
			next++ // it stands in the place of what the change added
		}
		if next < len(was) && was[next] == at {
			next++
			continue
		}
		gone = append(gone, stood{at, next - 1})
	}
	return gone
}

// matches pairs the entries of a longest common subsequence: of each in a the place in b, or -1.
func matches(a, b []any) (pairs []int, ok bool) {
	if len(a)*len(b) > mostCompared {
		return nil, false
	}
	left, right := written(a), written(b)
	length := make([][]int32, len(a)+1) // of the common subsequence from here to the ends
	for i := range length {
		length[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for k := len(b) - 1; k >= 0; k-- {
			if left[i] == right[k] {
				length[i][k] = length[i+1][k+1] + 1
			} else {
				length[i][k] = max(length[i+1][k], length[i][k+1])
			}
		}
	}
	pairs = make([]int, len(a))
	k := 0
	for i := range a {
		pairs[i] = -1
		for k < len(b) && left[i] != right[k] && length[i][k] == length[i][k+1] {
			k++
		}
		if k < len(b) && left[i] == right[k] {
			pairs[i] = k
			k++
		}
	}
	return pairs, true
}

// written are the entries as texts that are the same where the entries are.
func written(entries []any) []string {
	texts := make([]string, len(entries))
	for i, entry := range entries {
		text, err := json.Marshal(entry)
		if err != nil {
			panic(err) // it came from JSON
		}
		texts[i] = string(text)
	}
	return texts
}
