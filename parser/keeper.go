package parser

import "strings"

// keeper makes strings of octets that are about to change. Short ones stand together, which takes fewer allocations.
type keeper struct{ kept strings.Builder }

// How much room is made at once, in octets: the first time, for headers of parts are short, and at most.
const (
	firstKept = 512
	mostKept  = 4 << 10
)

// keep is text as a string. rest is how much may still be kept, by which room is made.
func (k *keeper) keep(text []byte, rest int) string {
	if k.kept.Cap()-k.kept.Len() < len(text) {
		room := max(len(text), min(rest, mostKept, max(firstKept, 2*k.kept.Cap())))
		k.kept = strings.Builder{}
		k.kept.Grow(room)
	}
	begin := k.kept.Len()
	k.kept.Write(text)
	return k.kept.String()[begin:]
}
