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

var v3 = regexp.MustCompile(`/v3/__(.+?)__;([A-Za-z0-9_=-]*)!`)

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
	var out strings.Builder
	take := func(count int) {
		count = min(count, len(characters))
		out.WriteString(string(characters[:count]))
		characters = characters[count:]
	}
	text := match[1]
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '*':
			out.WriteByte(text[i])
		case i+2 < len(text) && text[i+1] == '*' && strings.IndexByte(runLengths, text[i+2]) >= 0:
			take(strings.IndexByte(runLengths, text[i+2]) + 2)
			i += 2
		default:
			take(1)
		}
	}
	return out.String()
}
