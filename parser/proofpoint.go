package parser

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
)

// proofpointV2 decodes the u parameter of URL Defense's second version: - stands for %, _ for /.
func proofpointV2(target *url.URL, _ string) string {
	decoded, err := url.PathUnescape(strings.NewReplacer("-", "%", "_", "/").Replace(target.Query().Get("u")))
	if err != nil {
		return ""
	}
	return decoded
}

var v3 = regexp.MustCompile(`/v3/__(.+)__;([A-Za-z0-9_=-]*)!`)

// runLengths are the letters by which URL Defense's third version says how many characters a ** stands for.
const runLengths = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// proofpointV3 decodes URL Defense's third version: each * is the next character of the dictionary after __;, and ** with
// a letter a run of them.
func proofpointV3(raw string) string {
	match := v3.FindStringSubmatch(raw)
	if match == nil {
		return ""
	}
	dictionary, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(match[2], "="))
	if err != nil {
		return ""
	}
	characters := []rune(string(dictionary))
	target, fits := fillIn(match[1], characters, true)
	if !fits {
		if single, ok := fillIn(match[1], characters, false); ok {
			return single
		}
	}
	return target
}

// fillIn puts the dictionary's characters in the place of the asterisks. fits says that there were as many characters as
// asked for: where runs do not fit, a double asterisk before a letter is no run but two single ones.
func fillIn(text string, characters []rune, runs bool) (target string, fits bool) {
	var out strings.Builder
	asked := 0
	take := func(count int) {
		from := min(asked, len(characters))
		asked += count
		out.WriteString(string(characters[from:min(asked, len(characters))]))
	}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '*':
			out.WriteByte(text[i])
		case runs && i+2 < len(text) && text[i+1] == '*' && strings.IndexByte(runLengths, text[i+2]) >= 0:
			take(strings.IndexByte(runLengths, text[i+2]) + 2)
			i += 2
		default:
			take(1)
		}
	}
	return out.String(), asked == len(characters)
}
