package tickets

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// Erasure takes a person's name and addresses out of what is stored. What the person did stays, under the person's id:
// timelines name actors by it.
type Erasure struct {
	Person string   // the id
	Words  []string // name, addresses, numbers; whole words, in any case
}

// leastErasable keeps a slip of the pen from taking letters out of every text.
const leastErasable = 3

// Check refuses words that are too short to be meant.
func (e Erasure) Check() error {
	for _, word := range e.Words {
		if len([]rune(word)) < leastErasable {
			return &InvalidError{Field: "also", Reason: "“" + word + "” is too short: it would be taken out of every text"}
		}
	}
	return nil
}

// Replacement stands where the words stood.
func (e Erasure) Replacement() string { return "a former member (" + e.Person + ")" }

// Pattern finds the words in a text; it is a regular expression of Postgres. The longest word goes first, so that an address
// is replaced before the name in it.
func (e Erasure) Pattern() string { return pattern(e.Words) }

// JSONPattern finds the words in the text of a JSON value.
func (e Erasure) JSONPattern() string {
	escaped := make([]string, len(e.Words))
	for i, word := range e.Words {
		var text strings.Builder
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(word); err != nil {
			panic(err) // a string can be encoded
		}
		escaped[i] = strings.Trim(strings.TrimSpace(text.String()), `"`)
	}
	return pattern(escaped)
}

func pattern(words []string) string {
	words = slices.Clone(words)
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = regexp.QuoteMeta(word)
	}
	return `(?<![[:alnum:]])(?:` + strings.Join(quoted, "|") + `)(?![[:alnum:]])`
}

// Erased is how many rows of one place an erasure changed.
type Erased struct {
	Place string
	Rows  int64
}
