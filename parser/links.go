package parser

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"afterhours/tickets"
)

// maxUnwrap is how many click trackers may stand around one address, maxLinks how many links one mail may name.
const (
	maxUnwrap = 8
	maxLinks  = 200
)

// portals are the hosts of Microsoft's portals, exactly.
var portals = map[string]bool{
	"security.microsoft.com": true, "securitycenter.microsoft.com": true, "securitycenter.windows.com": true,
	"portal.azure.com": true, "entra.microsoft.com": true, "compliance.microsoft.com": true, "purview.microsoft.com": true,
	"protection.office.com": true, "defender.microsoft.com": true, "portal.cloudappsecurity.com": true,
	"aad.portal.azure.com": true, "portal.azure.us": true, "security.microsoft.us": true, "portal.atp.azure.com": true,
	"sentinel.azure.com": true, "sip.security.microsoft.com": true, "admin.microsoft.com": true,
}

// portalLinks are the links to portals, unwrapped, each once, with the GUIDs that trackers carried.
func portalLinks(s source) (links []tickets.Link, tracking []string) {
	links, tracking = []tickets.Link{}, []string{}
	seen := map[string]bool{}
	for _, raw := range s.page.links {
		if seen[raw] || len(links) >= maxLinks {
			continue
		}
		seen[raw] = true
		target, ids := unwrap(raw)
		for _, id := range ids {
			if !slices.Contains(tracking, id) {
				tracking = append(tracking, id)
			}
		}
		link, ok := portalLink(target)
		if ok && !slices.Contains(links, link) {
			links = append(links, link)
		}
	}
	return links, tracking
}

// portalLink keeps an https address of a portal and says what it leads to. Settings and footers are left out.
func portalLink(raw string) (tickets.Link, bool) {
	target, err := url.Parse(raw)
	if err != nil || target.User != nil || target.Port() != "" && target.Port() != "443" || target.Scheme != "https" && target.Scheme != "http" {
		return tickets.Link{}, false
	}
	if !portals[strings.ToLower(target.Hostname())] {
		return tickets.Link{}, false
	}
	where := strings.ToLower(target.Path + "#" + target.Fragment)
	if strings.Contains(where, "securitysettings") || strings.Contains(where, "securitycontactblade") || strings.Contains(where, "/preferences") || where == "#" || where == "/#" {
		return tickets.Link{}, false
	}
	rel := tickets.RelPortal
	switch {
	case containsAny(where, "/alerts/", "/alert/", "viewalerts", "/alertblade/", "alertblade"):
		rel = tickets.RelAlert
	case containsAny(where, "/incidents/", "/incident/", "/incident2/"), strings.HasSuffix(where, "/incidents#"):
		rel = tickets.RelIncident
	case containsAny(where, "/machines/", "/machine/", "/devices/", "/device/"):
		rel = tickets.RelDevice
	case containsAny(where, "threatanalytics", "/vulnerabilities", "/security-recommendations", "/reports/", "/weaknesses"):
		rel = tickets.RelReport
	}
	return tickets.Link{Rel: rel, URL: raw}, true
}

func containsAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}

// unwrap takes off click trackers, at most maxUnwrap of them, and returns the GUIDs of the mail that they carried.
func unwrap(raw string) (target string, tracking []string) {
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

var defanged = strings.NewReplacer("[.]", ".", "(.)", ".", "[:]", ":", "hxxp", "http", "hXXp", "http", "&amp;", "&")

// tidy mends what mail programs and people do to addresses: entities in text, defanging, a lost slash, and punctuation
// of the sentence around it.
func tidy(raw string) string {
	raw = defanged.Replace(strings.TrimSpace(raw))
	raw = strings.TrimRight(raw, ".,;:!?)]}>'\"*")
	for _, scheme := range []string{"https:/", "http:/"} {
		if rest, ok := strings.CutPrefix(raw, scheme); ok && !strings.HasPrefix(rest, "/") {
			raw = scheme + "/" + rest
		}
	}
	return raw
}

// unwrapOnce takes off one layer: the address inside a tracker of a known host, "" where there is none.
func unwrapOnce(raw string) (inner, tracking string) {
	target, err := url.Parse(raw)
	if err != nil {
		return "", ""
	}
	host := strings.ToLower(target.Hostname())
	query := target.Query()
	switch {
	case strings.HasSuffix(host, ".safelinks.protection.outlook.com"), host == "statics.teams.cdn.office.net":
		return query.Get("url"), ""
	case host == "urldefense.com" && strings.HasPrefix(target.Path, "/v3/"):
		return proofpointV3(raw), ""
	case host == "urldefense.proofpoint.com" || host == "urldefense.com":
		return proofpointV2(query.Get("u")), ""
	case strings.HasSuffix(host, ".safelink.emails.azure.net"), host == "azure.microsoft.com" && strings.HasPrefix(target.Path, "/email"):
		return query.Get("destination"), trackedMail(query.Get("p"))
	case host == "www.google.com" && target.Path == "/url":
		return firstOf(query.Get("q"), query.Get("url")), ""
	case strings.HasSuffix(host, ".mimecast.com"), strings.HasSuffix(host, ".mimecastprotect.com"), strings.HasSuffix(host, ".barracudanetworks.com"):
		return firstOf(query.Get("url"), query.Get("a")), ""
	}
	return "", ""
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

var mailGUID = regexp.MustCompile(`(?i)(?:^|&)m=([0-9a-f]{8}-[0-9a-f-]{27})`)

// trackedMail is the mail's GUID inside the Azure mail platform's p parameter.
func trackedMail(p string) string {
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		decoded, err := encoding.DecodeString(strings.TrimRight(p, "="))
		if err != nil {
			continue
		}
		if match := mailGUID.FindSubmatch(decoded); match != nil {
			return strings.ToLower(string(match[1]))
		}
	}
	return ""
}

// proofpointV2 decodes the u parameter of URL Defense's second version: - stands for %, _ for /.
func proofpointV2(u string) string {
	decoded, err := url.PathUnescape(strings.NewReplacer("-", "%", "_", "/").Replace(u))
	if err != nil {
		return ""
	}
	return decoded
}

var v3 = regexp.MustCompile(`/v3/__(.+?)__;([A-Za-z0-9_-]*)!`)

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
	return tidy(out.String())
}
