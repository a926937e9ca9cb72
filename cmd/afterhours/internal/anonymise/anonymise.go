// Package anonymise makes mails that can be shared: people, organisations, hosts, addresses and ids are replaced by made-up
// ones, and everything that a reader of Defender's mails goes by stays.
//
// A mail is taken apart down to the decoded text of each part and each address in it, click trackers included; what is
// found there is replaced and put back in the same encoding. A replacement is of the same shape (length, letters, digits,
// case), and the same for every occurrence in all mails of one Anonymiser, whatever the case. It depends on a secret key, so
// that it cannot be guessed back. Header fields that say how the mail travelled are dropped or made up, and the content of
// attachments is left out.
//
// Nothing is handed out on trust: the result is searched for every original token, through all encodings, and read by the
// parser, which must see the same kind, severity and counts. A mail that fails either is refused.
package anonymise

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"afterhours/parser"
	"afterhours/tickets"
)

// Anonymiser replaces alike in all mails that it is given. It is not safe for concurrent use.
type Anonymiser struct {
	key    []byte
	made   map[string]string // folded original to its replacement, in lower case
	taken  map[string]bool   // replacements
	words  map[string]bool   // folded originals that are replaced wherever they stand
	secret map[string]bool   // folded originals that must not be left in the mail in hand
}

// New returns an anonymiser. Two of the same key replace alike.
func New(key []byte) *Anonymiser {
	return &Anonymiser{key: key, made: map[string]string{}, taken: map[string]bool{}}
}

// Mail returns a mail without what could tell whose it is.
func (a *Anonymiser) Mail(raw []byte) ([]byte, error) {
	before := parser.Parse(raw)
	var last error
	for _, thorough := range []bool{true, false} { // words out of names can be words of the mail, too
		a.words, a.secret = map[string]bool{}, map[string]bool{}
		root := split(raw, 0)
		a.learn(before, root, thorough)
		a.entity(root)
		out := root.bytes()
		if last = a.leftOver(out); last != nil {
			return nil, last
		}
		if last = agree(before, parser.Parse(out)); last == nil {
			return out, nil
		}
	}
	return nil, last
}

// agree says what a reader sees differently.
func agree(before, after tickets.Alert) error {
	for _, c := range []struct{ what, before, after string }{
		{"kind", string(before.Kind), string(after.Kind)},
		{"severity", string(before.Severity), string(after.Severity)},
		{"product", string(before.Product), string(after.Product)},
		{"action", string(before.Action), string(after.Action)},
		{"detection time", before.DetectedAt.String(), after.DetectedAt.String()},
		{"number of devices", fmt.Sprint(len(before.Devices)), fmt.Sprint(len(after.Devices))},
		{"number of users", fmt.Sprint(len(before.Users)), fmt.Sprint(len(after.Users))},
		{"number of alert ids", fmt.Sprint(len(before.AlertIDs)), fmt.Sprint(len(after.AlertIDs))},
		{"number of merged incidents", fmt.Sprint(len(before.MergedIncidentIDs)), fmt.Sprint(len(after.MergedIncidentIDs))},
		{"number of links", fmt.Sprint(len(before.Links)), fmt.Sprint(len(after.Links))},
		{"incident id", shape(before.IncidentID), shape(after.IncidentID)},
	} {
		if c.before != c.after {
			return fmt.Errorf("the %s would be read as %q in place of %q; share this mail by hand", c.what, c.after, c.before)
		}
	}
	return nil
}

// shape is a text with its letters and digits made alike.
func shape(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '0'
		}
		return r
	}, text)
}

var errLeft = errors.New("something of the original would be left in it; share this mail by hand")

// sortedWords are the learned words, the longest first.
func (a *Anonymiser) sortedWords() []string {
	words := make([]string, 0, len(a.words))
	for word := range a.words {
		words = append(words, word)
	}
	slices.SortFunc(words, func(x, y string) int {
		if len(x) != len(y) {
			return len(y) - len(x)
		}
		return strings.Compare(x, y)
	})
	return words
}
