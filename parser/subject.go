package parser

import (
	"regexp"
	"strings"
)

// tag is what filters put before a subject.
var tag = regexp.MustCompile(`(?i)^\s*(?:\[[^\]]{1,30}\]|【[^】]{1,30}】|<[^<>]{1,30}>|\*{2,}[^*]{1,30}\*{2,}|[⚠❗️\s]{0,6}(?:external|caution)\s?(?:-|–)|[({*]{1,3}\s*(?:ext|external|extern|externe|caution)(?: (?:e-?mail|sender|mail))?\s*[)}*]{1,3}|(?:ext|external|caution)(?: (?:e-?mail|sender))?\s*[:|])\s*[:-]?\s*`)

// beginTag are the characters that a tag begins with, and those that go before the words of one.
const beginTag = "[【<*({⚠❗\ufe0feEcC \t"

// bareSubject is a subject without reply and forward marks and without tags of filters.
func bareSubject(subject string) string { bare, _, _ := readSubject(subject); return bare }

// readSubject takes marks and tags off a subject and says whether a mark of forwarding or of replying was among them.
func readSubject(subject string) (bare string, forwarded, replied bool) {
	subject = oneLine(subject)
	for range 20 {
		var at []int
		if strings.ContainsAny(subject, ":：") {
			at = words().mark.FindStringIndex(subject)
		}
		if at == nil {
			if strings.ContainsRune(beginTag, firstRune(subject)) {
				at = tag.FindStringIndex(subject)
			}
		} else {
			forwarded = forwarded || words().forward.MatchString(subject)
			replied = replied || words().reply.MatchString(subject)
		}
		if at == nil || at[1] == len(subject) {
			break
		}
		subject = subject[at[1]:]
	}
	return subject, forwarded, replied
}
