package anonymise

import (
	"encoding/base64"
	"html"
	"net/url"
	"regexp"
	"strings"

	"afterhours/parser"
)

var (
	encodedRun = regexp.MustCompile(`[A-Za-z0-9+/_-]{16,}={0,2}`)
	tags       = regexp.MustCompile(`<[^<>]*>`)
)

// leftOver looks for every original in the result, as it stands and through every encoding.
func (a *Anonymiser) leftOver(out []byte) error {
	views := []string{string(out)}
	root := split(out, 0)
	views = append(views, root.texts()...)
	alert := parser.Parse(out)
	views = append(views, alert.Text, alert.Title, alert.Description, strings.Join(alert.Devices, "\n"), strings.Join(alert.Users, "\n"))
	for _, view := range views {
		view = html.UnescapeString(view)
		if a.leftIn(view) || a.leftIn(tags.ReplaceAllString(view, "")) {
			return errLeft
		}
		for range 4 {
			next, err := url.PathUnescape(view)
			if err != nil {
				next = unescaped(view)
			}
			if next == view {
				break
			}
			if view = next; a.leftIn(view) {
				return errLeft
			}
		}
		for _, run := range encodedRun.FindAllString(view, -1) {
			for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				if decoded, err := encoding.DecodeString(strings.TrimRight(run, "=")); err == nil && a.leftIn(string(decoded)) {
					return errLeft
				}
			}
		}
	}
	return nil
}

var escape = regexp.MustCompile(`%[0-9a-fA-F]{2}`)

// unescaped decodes the escapes that are well formed.
func unescaped(text string) string {
	return escape.ReplaceAllStringFunc(text, func(found string) string {
		decoded, err := url.PathUnescape(found)
		if err != nil {
			return found
		}
		return decoded
	})
}

// leftIn says whether a text holds an original as a whole word.
func (a *Anonymiser) leftIn(text string) bool {
	text = strings.ToLower(text)
	for original := range a.secret {
		for at := 0; ; {
			found := strings.Index(text[at:], original)
			if found < 0 {
				break
			}
			at += found
			end := at + len(original)
			if (at == 0 || beginsAt(text, at)) && (end == len(text) || !isWordRune(firstRune(text[end:]))) {
				return true
			}
			at = end
		}
	}
	return false
}

func firstRune(text string) rune {
	for _, r := range text {
		return r
	}
	return 0
}
