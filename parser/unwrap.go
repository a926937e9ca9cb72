package parser

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
)

// maxUnwrap is how many click trackers may stand around one address.
const maxUnwrap = 8

// maxAddress is the longest address that is unwrapped, in octets: eight trackers that each escape the one inside make it long.
const maxAddress = 64 << 10

// unwrap takes off click trackers, at most maxUnwrap of them, and returns the GUIDs of the mail that they carried.
func unwrap(raw string) (target string, tracking []string) {
	if len(raw) > maxAddress {
		return "", nil
	}
	target = tidy(raw)
	for range maxUnwrap {
		inner, id := unwrapOnce(target)
		if id != "" {
			tracking = append(tracking, id)
		}
		if inner == "" || inner == target {
			break
		}
		target = tidy(inner)
	}
	return target, tracking
}

var (
	refanged = strings.NewReplacer("[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "[:]", ":", "[://]", "://", "&amp;", "&", "&AMP;", "&", "\t", "", "\r", "", "\n", "")
	scheme   = regexp.MustCompile(`(?i)^https?:`)
)

// tidy mends what mail programs and people do to addresses: entities in text, line ends inside (which browsers drop, WHATWG
// URL 4.4), defanging, a lost slash, and punctuation of the sentence around it.
func tidy(raw string) string {
	raw = refanged.Replace(strings.TrimFunc(raw, func(r rune) bool { return r <= ' ' || invisible(r) || r == '\u00a0' }))
	if name, rest, found := strings.Cut(raw, ":"); found && len(name) <= len("https") {
		switch name = strings.ToLower(name); name {
		case "http", "https", "hxxp", "hxxps":
			if strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, "//") && len(rest) > 1 {
				rest = "/" + rest
			}
			raw = strings.Replace(name, "xx", "tt", 1) + ":" + rest
		}
	}
	return strings.TrimRight(raw, ".,;:!?)]}>'\"*")
}

// wrapper is a click tracker whose address holds the one behind it.
type wrapper struct {
	host   string // exactly, or with a leading dot any host below it
	path   string // how the path begins
	unwrap func(target *url.URL, raw string) string
}

// wrappers are the trackers that are taken off. What they hold is judged like any other address.
var wrappers = []wrapper{
	{".safelinks.protection.outlook.com", "", parameter("url")},
	{".safelinks.protection.office365.us", "", parameter("url")},
	{".safelinks.o365filtering.com", "", parameter("url")},
	{"statics.teams.cdn.office.net", "/evergreen-assets/safelinks", parameter("url")},
	{"urldefense.com", "/v3/", func(_ *url.URL, raw string) string { return proofpointV3(raw) }},
	{"urldefense.us", "/v3/", func(_ *url.URL, raw string) string { return proofpointV3(raw) }},
	{"urldefense.proofpoint.com", "/v1/", parameter("u")},
	{"urldefense.proofpoint.com", "/v2/", proofpointV2},
	{"urldefense.com", "/v2/", proofpointV2},
	{".safelink.emails.azure.net", "", parameter("destination")},
	{"azure.microsoft.com", "/email", parameter("destination")},
	{"www.google.com", "/url", parameter("q", "url")},
	{"linkprotect.cudasvc.com", "/url", parameter("a")},
	{".mimecast.com", "", parameter("url")},
	{".mimecastprotect.com", "", parameter("url")},
	{"secure-web.cisco.com", "", lastSegment},
	{"clicktime.symantec.com", "", parameter("u")},
	{".fireeye.com", "/", parameter("u")},
	{".trellix.com", "/", parameter("u")},
	{".trendmicro.com", "/", parameter("url", "u")},
	{"url.avanan.click", "/v2/", betweenMarks},
	{".sophos.com", "/", sophos},
}

func parameter(names ...string) func(*url.URL, string) string {
	return func(target *url.URL, _ string) string {
		query := target.Query()
		for _, name := range names {
			if value := query.Get(name); value != "" {
				return value
			}
		}
		return ""
	}
}

// unwrapOnce takes off one layer: the address inside a tracker of a known host, "" where there is none.
func unwrapOnce(raw string) (inner, tracking string) {
	target, err := url.Parse(raw)
	if err != nil || target.User != nil {
		return "", ""
	}
	w := wrapperOf(target)
	if w == nil {
		return "", ""
	}
	if strings.Contains(target.RawQuery, "p=") {
		tracking = trackedMail(target.Query().Get("p"))
	}
	return w.unwrap(target, raw), tracking
}

func wrapperOf(target *url.URL) *wrapper {
	host := strings.ToLower(target.Hostname())
	for i, w := range wrappers {
		if (host == w.host || w.host[0] == '.' && strings.HasSuffix(host, w.host)) && strings.HasPrefix(target.Path, w.path) {
			return &wrappers[i]
		}
	}
	return nil
}

// lastSegment is the address that Cisco's tracker has as its path's last segment.
func lastSegment(target *url.URL, _ string) string {
	path := target.EscapedPath()
	segment, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil || !scheme.MatchString(segment) {
		return ""
	}
	return segment
}

// betweenMarks is the address between the underscores of Avanan's tracker.
func betweenMarks(_ *url.URL, raw string) string {
	_, after, _ := strings.Cut(raw, "___")
	inner, _, found := strings.Cut(after, "___")
	if !found {
		return ""
	}
	return inner
}

// sophos is the address in the base64 of Sophos's tracker.
func sophos(target *url.URL, _ string) string {
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(target.Query().Get("u"), "="))
	if err != nil {
		return ""
	}
	return string(decoded)
}

var mailGUID = regexp.MustCompile(`(?i)(?:^|&)m=(` + guid + `)`)

// trackedMail is the mail's GUID inside the Azure mail platform's p parameter.
func trackedMail(p string) string {
	p = strings.TrimRight(strings.ReplaceAll(p, " ", "+"), "=")
	if p == "" {
		return ""
	}
	decoded, _ := looseBase64([]byte(p))
	if match := mailGUID.FindSubmatch(decoded); match != nil {
		return strings.ToLower(string(match[1]))
	}
	return ""
}

// unwrapText shows the addresses in a text as what is behind their trackers: those carry the recipient's address and
// tokens, and hide where a link leads. An address whose tracker cannot be taken off loses its parameters.
func unwrapText(text string) string {
	if begin, _ := nextURL(text, 0); begin < 0 {
		return text
	}
	return replaceURLs(mendURLs(text), func(raw string) string {
		target, err := url.Parse(tidy(raw))
		if err != nil || wrapperOf(target) == nil {
			return raw
		}
		inner, _ := unwrap(raw)
		if behind, err := url.Parse(inner); err == nil && wrapperOf(behind) == nil && (behind.Scheme == "https" || behind.Scheme == "http") {
			return inner
		}
		return target.Scheme + "://" + target.Host + "/"
	})
}
