package parser

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"afterhours/tickets"
)

// maxLinks is how many links one mail may name.
const maxLinks = 200

// portals are the hosts of Microsoft's portals, exactly.
var portals = map[string]bool{
	"security.microsoft.com": true, "securitycenter.microsoft.com": true, "securitycenter.windows.com": true,
	"portal.azure.com": true, "entra.microsoft.com": true, "compliance.microsoft.com": true, "purview.microsoft.com": true,
	"protection.office.com": true, "defender.microsoft.com": true, "portal.cloudappsecurity.com": true,
	"aad.portal.azure.com": true, "portal.azure.us": true, "security.microsoft.us": true, "portal.atp.azure.com": true,
	"sentinel.azure.com": true, "sip.security.microsoft.com": true, "admin.microsoft.com": true, "ms.portal.azure.com": true,
	"securitycenter.microsoft.us": true, "entra.microsoft.us": true, "preview.portal.azure.com": true,
}

// portalLinks are the links to portals, unwrapped, each once, with the GUIDs of the mail that trackers carried.
func portalLinks(p page) (links []tickets.Link, tracking []string) {
	links, tracking = []tickets.Link{}, []string{}
	seen := map[string]bool{}
	for i, raw := range slices.Concat(p.links, p.pixels) {
		if raw == "" || seen[raw] || len(seen) >= maxAddresses {
			continue
		}
		seen[raw] = true
		target, ids := unwrap(raw)
		for _, id := range ids {
			if !slices.Contains(tracking, id) && len(tracking) < maxLinks {
				tracking = append(tracking, id)
			}
		}
		if i >= len(p.links) {
			continue // an image is no link
		}
		link, ok := portalLink(target)
		if ok && !slices.Contains(links, link) && len(links) < maxLinks {
			links = append(links, link)
		}
	}
	return links, tracking
}

// portalLink keeps an address of a portal and says what it leads to. Settings and footers are left out.
func portalLink(raw string) (tickets.Link, bool) {
	target, err := url.Parse(raw)
	switch {
	case err != nil, len(raw) > maxLine, target.User != nil, target.Scheme != "https" && target.Scheme != "http":
		return tickets.Link{}, false
	case target.Port() != "" && target.Port() != "443", !portals[strings.ToLower(target.Hostname())]:
		return tickets.Link{}, false
	}
	where := strings.ToLower(target.Path + "#" + target.Fragment)
	if isFurniture(where) {
		return tickets.Link{}, false
	}
	return tickets.Link{Rel: relation(where), URL: withoutCampaign(target, raw)}, true
}

// leadsToPortal says whether an address is one of a portal, click trackers around it or not.
func leadsToPortal(raw string) bool {
	target, _ := unwrap(raw)
	_, ok := portalLink(target)
	return ok
}

// campaign are the parameters by which newsletters and mail platforms follow who clicks.
var campaign = regexp.MustCompile(`(?i)^(?:utm_[a-z]+|ocid|wt\.mc_id|mc_[ce]id|gclid|fbclid|msclkid|mkt_tok|cid_src)$`)

// withoutCampaign takes those parameters off an address, and leaves all others as they are written.
func withoutCampaign(target *url.URL, raw string) string {
	if target.RawQuery == "" {
		return raw
	}
	var kept []string
	for parameter := range strings.SplitSeq(target.RawQuery, "&") {
		if name, _, _ := strings.Cut(parameter, "="); !campaign.MatchString(name) {
			kept = append(kept, parameter)
		}
	}
	query := strings.Join(kept, "&")
	if query == target.RawQuery {
		return raw
	}
	if query == "" {
		return strings.Replace(raw, "?"+target.RawQuery, "", 1)
	}
	return strings.Replace(raw, target.RawQuery, query, 1)
}

// isFurniture says whether a path leads to settings or to a front page: every mail has such links, and they lead to
// nothing that the mail is about.
func isFurniture(where string) bool {
	if strings.Trim(where, "/#") == "" {
		return true
	}
	return containsAny(where, "securitysettings", "securitycontactblade", "/preferences", "/settings", "email_notifications", "emailnotifications", "/unsubscribe", "privacystatement")
}

// relations are the parts of paths that say what a link leads to.
var relations = []struct {
	rel   string
	parts []string
}{
	{tickets.RelAlert, []string{"/alerts/", "/alert/", "viewalerts", "alertblade", "/alertid/", "/alerts#"}},
	{tickets.RelIncident, []string{"/incidents/", "/incident/", "/incident2/", "/incidents2/", "/incidents#"}},
	{tickets.RelDevice, []string{"/machines/", "/machine/", "/devices/", "/device/"}},
}

var reports = []string{"threatanalytics", "/vulnerabilities", "/vulnerability", "/security-recommendations", "/securityrecommendations", "/reports/", "/weaknesses", "/tvm", "/exposure"}

// relation tells by its path what a link leads to: the first part that says it, for an incident's page has one of its
// alerts below it.
func relation(where string) string {
	rel, first := "", len(where)
	for _, r := range relations {
		for _, part := range r.parts {
			if at := strings.Index(where, part); at >= 0 && at < first {
				rel, first = r.rel, at
			}
		}
	}
	switch {
	case rel != "":
		return rel
	case containsAny(where, reports...):
		return tickets.RelReport
	}
	return tickets.RelPortal
}
