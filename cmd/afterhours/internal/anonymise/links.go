package anonymise

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// deepest is how many addresses inside addresses are followed.
const deepest = 12

var (
	numberedPath = regexp.MustCompile(`(?i)(/(?:incidents?2?|alerts?|machines?|devices?)/(?:[a-z]{2})?)(\d{1,20})(_-?)?(\d{1,12})?`)
	proofpointV3 = regexp.MustCompile(`(?i)^(https?://urldefense\.(?:com|us)/v3/__)(.*?)(__;[^!]*!!)(.*)$`)
	opaqueToken  = regexp.MustCompile(`^[A-Za-z0-9+/_=-]{16,}$`)
)

// url replaces what an address holds and keeps its shape: host, path, parameters, and the addresses inside a click
// tracker's parameters.
func (a *Anonymiser) url(raw string) string { return a.urlAt(raw, 0) }

func (a *Anonymiser) urlAt(raw string, depth int) string {
	if depth > deepest {
		return a.plain(raw)
	}
	if match := proofpointV3.FindStringSubmatch(raw); match != nil {
		inner, ok := readV3(match[2], match[3])
		if !ok {
			return match[1] + a.scrambled(match[2]) + match[3] + a.scrambled(match[4])
		}
		address, characters := writeV3(a.urlAt(inner, depth+1))
		return match[1] + address + characters + a.scrambled(match[4])
	}
	scheme, rest, _ := strings.Cut(raw, "//")
	rest, fragment, hasFragment := strings.Cut(rest, "#")
	rest, query, hasQuery := strings.Cut(rest, "?")
	host, path, hasPath := strings.Cut(rest, "/")
	out := scheme + "//" + a.authority(host)
	if hasPath {
		out += a.segments("/"+path, depth)
	}
	if hasQuery {
		proofpoint := strings.HasPrefix(strings.ToLower(host), "urldefense") && strings.HasPrefix(path, "v2/")
		out += "?" + a.parameters(query, proofpoint, depth)
	}
	if hasFragment {
		inner, innerQuery, more := strings.Cut(fragment, "?")
		out += "#" + a.segments(inner, depth)
		if more {
			out += "?" + a.parameters(innerQuery, false, depth)
		}
	}
	return out
}

func (a *Anonymiser) authority(host string) string {
	name, port, hasPort := strings.Cut(host, ":")
	switch {
	case strings.Contains(name, "@"):
		name = "user@" + a.authority(name[strings.LastIndexByte(name, '@')+1:])
	case ipv4.MatchString(name):
		name = a.plain(name)
	default:
		undefanged := strings.NewReplacer("[.]", ".", "(.)", ".").Replace(name)
		if undefanged == name || !isKeptHost(undefanged) {
			name = a.hostFor(undefanged)
		}
	}
	if hasPort {
		return name + ":" + port
	}
	return name
}

// segments replaces what stands between slashes.
func (a *Anonymiser) segments(path string, depth int) string {
	path = replaceAll(numberedPath, path, func(found string) string {
		match := numberedPath.FindStringSubmatch(found)
		return match[1] + a.digits(match[2]) + match[3] + a.digits(match[4])
	}, func(between string) string {
		parts := strings.Split(between, "/")
		for i, part := range parts {
			decoded, err := url.PathUnescape(part)
			switch {
			case err != nil:
				parts[i] = a.plain(part)
			case decoded == part:
				parts[i] = a.opaque(part)
			case strings.Contains(decoded, "://"):
				parts[i] = url.QueryEscape(a.text(decoded))
			default:
				parts[i] = url.PathEscape(a.opaque(decoded))
			}
		}
		return strings.Join(parts, "/")
	})
	return path
}

// parameters replaces the values of a query; Proofpoint writes - for % and _ for /.
func (a *Anonymiser) parameters(query string, proofpoint bool, depth int) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || value == "" {
			pairs[i] = a.opaque(pair)
			continue
		}
		if proofpoint && (name == "u" || name == "amp;u") {
			if inner, err := url.PathUnescape(strings.NewReplacer("-", "%", "_", "/").Replace(value)); err == nil {
				pairs[i] = name + "=" + proofpointV2(a.urlAt(inner, depth+1))
				continue
			}
		}
		decoded, err := url.QueryUnescape(value)
		switch {
		case err != nil:
			pairs[i] = name + "=" + a.plain(value)
		case strings.Contains(decoded, "://"):
			pairs[i] = name + "=" + reescaped(value, decoded, a.inner(decoded, depth))
		default:
			parts := strings.Split(decoded, "|")
			for k := range parts {
				parts[k] = a.parameter(name, parts[k])
			}
			pairs[i] = name + "=" + reescaped(value, decoded, strings.Join(parts, "|"))
		}
	}
	return strings.Join(pairs, "&")
}

func (a *Anonymiser) inner(decoded string, depth int) string {
	if webAddress.FindString(decoded) == decoded {
		return a.urlAt(decoded, depth+1)
	}
	return a.text(decoded)
}

// parameter is a single value: a number of an incident, or whatever its shape says.
func (a *Anonymiser) parameter(name, value string) string {
	if strings.Contains(strings.ToLower(name), "incident") && strings.Trim(value, "0123456789") == "" && value != "" {
		return a.digits(value)
	}
	return a.opaque(value)
}

// reescaped writes a value as it was: escaped where it was.
func reescaped(before, decoded, after string) string {
	if before == decoded {
		return after
	}
	return url.QueryEscape(after)
}

// proofpointV2 writes an address as Proofpoint's second version does.
func proofpointV2(address string) string {
	var out strings.Builder
	for i := range len(address) {
		switch c := address[i]; {
		case c == '/':
			out.WriteByte('_')
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.':
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "-%02X", c)
		}
	}
	return out.String()
}

// opaque replaces a value that may be anything: what its words and shapes say, the text inside base64, and what nobody can
// read by other letters of the same kind.
func (a *Anonymiser) opaque(value string) string {
	if replaced := a.plain(value); replaced != value {
		return replaced
	}
	if !opaqueToken.MatchString(value) || isReadable(value) {
		return value
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		decoded, err := encoding.DecodeString(value)
		if err == nil && isPrintable(decoded) {
			return encoding.EncodeToString([]byte(a.text(string(decoded))))
		}
	}
	return a.scrambled(value)
}

// isReadable says whether a long value is made of words, like ActiveSecurityIncidents: it has no digits.
func isReadable(value string) bool { return !strings.ContainsAny(value, "0123456789+=") }

func isPrintable(text []byte) bool {
	if !utf8.Valid(text) {
		return false
	}
	for _, r := range string(text) {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f {
			return false
		}
	}
	return true
}

// scrambled puts letters for letters and digits for digits.
func (a *Anonymiser) scrambled(value string) string {
	octets := a.stream("opaque", value, 0)
	out := []byte(value)
	for i, c := range out {
		octet := octets[i%len(octets)]
		switch {
		case c >= 'a' && c <= 'z':
			out[i] = 'a' + octet%26
		case c >= 'A' && c <= 'Z':
			out[i] = 'A' + octet%26
		case c >= '0' && c <= '9':
			out[i] = '0' + octet%10
		}
	}
	return string(out)
}
