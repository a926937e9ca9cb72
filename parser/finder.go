package parser

// finder finds whether a text has any of some words. It looks at each pair of octets once, however many the words are: most
// pairs begin none of them.
type finder struct {
	begins [1 << 16 / 64]uint64 // a bit for each pair
	words  map[uint16][]string  // by the first two octets
}

// shortestFound is how long a word is at least, in octets.
const shortestFound = 2

// newFinder is a finder of words, of which none is shorter than shortestFound.
func newFinder(words ...string) *finder {
	f := &finder{words: map[uint16][]string{}}
	for _, word := range words {
		f.add(word)
	}
	return f
}

func (f *finder) add(word string) {
	pair := pairOf(word[0], word[1])
	f.begins[pair/64] |= 1 << (pair % 64)
	f.words[pair] = append(f.words[pair], word)
}

func pairOf(first, second byte) uint16 { return uint16(first)<<8 | uint16(second) }

// in says whether text has one of the words.
func (f *finder) in(text []byte) bool {
	for i := 1; i < len(text); i++ {
		pair := pairOf(text[i-1], text[i])
		if f.begins[pair/64]&(1<<(pair%64)) == 0 {
			continue
		}
		for _, word := range f.words[pair] {
			if rest := text[i-1:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
				return true
			}
		}
	}
	return false
}
