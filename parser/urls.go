package parser

import (
	"regexp"
	"strings"
)

// nextURL finds the first web address in text at or after from, defanged or with a slash too few, too. begin is negative
// where there is none.
func nextURL(text string, from int) (begin, end int) {
	for at := from; at < len(text); at++ {
		slash := strings.IndexByte(text[at:], '/')
		if slash < 0 {
			return -1, -1
		}
		at += slash
		begin = schemeBefore(text[from:at])
		if begin < 0 {
			continue
		}
		begin += from
		end = strings.IndexFunc(text[at:], endsURL)
		if end < 0 {
			end = len(text) - at
		}
		return begin, at + end
	}
	return -1, -1
}

// schemeBefore is where the scheme begins that text ends in, negative where it ends in none.
func schemeBefore(text string) int {
	head, found := strings.CutSuffix(text, ":")
	if !found {
		if head, found = strings.CutSuffix(text, "[:]"); !found {
			return -1
		}
	}
	for _, name := range []string{"https", "http", "hxxps", "hxxp"} {
		begin := len(head) - len(name)
		if begin >= 0 && strings.EqualFold(head[begin:], name) && (begin == 0 || !isWordOctet(head[begin-1])) {
			return begin
		}
	}
	return -1
}

func isWordOctet(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

func endsURL(r rune) bool {
	switch r {
	case '<', '>', '"', '\'', '|', '\u00a0', '\u200b', '\u3000':
		return true
	}
	return r <= ' '
}

// maxPerLine bounds how many addresses of one line are taken.
const maxPerLine = 50

// addressesIn are the web addresses in running text.
func addressesIn(text string) (found []string) {
	for at := 0; len(found) < maxPerLine; {
		begin, end := nextURL(text, at)
		if begin < 0 {
			break
		}
		found = append(found, text[begin:end])
		at = end
	}
	return found
}

// replaceURLs puts what change makes of each web address in text in its place.
func replaceURLs(text string, change func(string) string) string {
	var out strings.Builder
	at := 0
	for {
		begin, end := nextURL(text, at)
		if begin < 0 {
			break
		}
		out.WriteString(text[at:begin])
		out.WriteString(change(text[begin:end]))
		at = end
	}
	out.WriteString(text[at:])
	return out.String()
}

// brokenURL is the beginning of a Safe Link that goes on in the next line, below marks of quoting.
var brokenURL = regexp.MustCompile(`safelinks\.protection\.[a-z0-9.]+/\S*$`)

// mendURLs puts Safe Links together that mail programs broke over lines: their last parameter is reserved.
func mendURLs(text string) string {
	text = lineFeeds(text)
	if !strings.Contains(text, "safelinks.protection.") {
		return text
	}
	var out strings.Builder
	joins := 0
	for rest := text; rest != ""; {
		line, after, more := strings.Cut(rest, "\n")
		rest = after
		if joins > 0 {
			line = unquote(line)
		}
		out.WriteString(line)
		next, _, _ := strings.Cut(rest, "\n")
		if joins < longestBreak && breaksURL(line, unquote(next), joins > 0) {
			joins++
			continue
		}
		joins = 0
		if more {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// longestBreak is over how many lines a broken address goes at most.
const longestBreak = 12

// breaksURL says whether a line ends inside a Safe Link that the next one goes on with. inside says that it also begins
// inside one.
func breaksURL(line, next string, inside bool) bool {
	if strings.Contains(line, "reserved=") || next == "" || !strings.ContainsAny(next, "%&=") {
		return false
	}
	if first, _, _ := strings.Cut(next, ">"); strings.Contains(first, " ") {
		return false
	}
	if inside && !strings.ContainsAny(line, " >") {
		return true
	}
	if !strings.Contains(line, "safelinks.") {
		return false
	}
	tail := brokenURL.FindString(line)
	return tail != "" && !strings.Contains(tail, ">")
}
