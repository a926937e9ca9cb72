package parser

import (
	"regexp"
	"strings"
	"unicode/utf8"
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
		end := 0
		if mark, after := cutMark(subject); mark != (subjectMark{}) {
			forwarded, replied = forwarded || mark.forward, replied || mark.reply
			end = len(subject) - len(after)
		} else if strings.ContainsRune(beginTag, firstRune(subject)) {
			end = len(tag.FindString(subject))
		}
		if end == 0 || end == len(subject) {
			break
		}
		subject = subject[end:]
	}
	return subject, forwarded, replied
}

// subjectMark says what a mark before a subject stands for: in some languages for the one, in others for the other.
type subjectMark struct{ forward, reply bool }

// cutMark is the mark that a subject on one line begins with, and what stands after it. Programs count replies: "Re[2]:".
func cutMark(subject string) (mark subjectMark, after string) {
	at := strings.IndexAny(subject, ":：")
	if at < 0 || at > 2*longestLabel {
		return subjectMark{}, subject
	}
	_, colon := utf8.DecodeRuneInString(subject[at:])
	var buffer [2 * longestLabel]byte
	word := withoutCount(strings.Trim(subject[:at], " "))
	return words().marks[string(lowered(buffer[:0], word))], strings.TrimLeft(subject[at+colon:], " ")
}

// withoutCount takes "[2]", "(2)" or "^2" off the end of a mark.
func withoutCount(word string) string {
	rest, begin := word, "^"
	switch {
	case strings.HasSuffix(word, "]"):
		rest, begin = word[:len(word)-1], "["
	case strings.HasSuffix(word, ")"):
		rest, begin = word[:len(word)-1], "("
	}
	head := strings.TrimRight(rest, "0123456789")
	if digits := len(rest) - len(head); digits < 1 || digits > 3 || !strings.HasSuffix(head, begin) {
		return word
	}
	return strings.TrimRight(strings.TrimSuffix(head, begin), " ")
}
