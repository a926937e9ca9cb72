package parser

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"afterhours/tickets"
)

const guid = `[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}`

var (
	wholeGUID    = regexp.MustCompile(`^` + guid + `$`)
	anyGUID      = regexp.MustCompile(guid)
	alertShape   = regexp.MustCompile(`^(?:[a-zA-Z]{2})?(?:\d{15,20}_-?\d{1,12}|\d{15,20}_` + guid + `|` + guid + `(?:_-?\d+)?)$`)
	alertAny     = regexp.MustCompile(`\b(?:[a-zA-Z]{2})?(?:\d{15,20}_-?\d{1,12}|\d{15,20}_` + guid + `|` + guid + `(?:_-?\d+)?)`)
	azureTenant  = regexp.MustCompile(`^/?#@(` + guid + `)/`)
	alertPath    = regexp.MustCompile(`(?i)/alerts?/([^/?#&]+)`)
	alertBlade   = regexp.MustCompile(`(?i)/alertId/([^/?#&]+)`)
	incidentPath = regexp.MustCompile(`(?i)/incidents?2?/(\d{1,20})`)
	wholeNumber  = regexp.MustCompile(`^\d{1,20}$`)
	incidentText = regexp.MustCompile(`\b(\d{1,20})\b`)
	cveID        = regexp.MustCompile(`(?i)\bCVE-\d{4}-\d{4,7}\b`)
)

// idsOfLinks takes ids from links, which say them without doubt.
func idsOfLinks(alert *tickets.Alert) {
	for _, link := range alert.Links {
		target, err := url.Parse(link.URL)
		if err != nil {
			continue
		}
		query := target.Query()
		for _, name := range []string{"tid", "tenantId", "tenantid"} {
			if tenant := query.Get(name); alert.TenantID == "" && wholeGUID.MatchString(tenant) {
				alert.TenantID = tenant
			}
		}
		where := target.EscapedPath() + "#" + target.EscapedFragment()
		if match := azureTenant.FindStringSubmatch(where); match != nil && alert.TenantID == "" {
			alert.TenantID = match[1]
		}
		switch link.Rel {
		case tickets.RelAlert:
			for _, pattern := range []*regexp.Regexp{alertBlade, alertPath} {
				if match := pattern.FindStringSubmatch(where); match != nil {
					addAlertID(alert, match[1])
				}
			}
			addAlertID(alert, query.Get("id"))
			addAlertID(alert, query.Get("alertId"))
		case tickets.RelIncident:
			if match := incidentPath.FindStringSubmatch(where); match != nil && alert.IncidentID == "" {
				alert.IncidentID = match[1]
			}
			if id := firstOf(query.Get("incidentId"), query.Get("incidentid")); alert.IncidentID == "" && wholeNumber.MatchString(id) {
				alert.IncidentID = id
			}
		}
	}
}

// addAlertID takes an id of a known shape that is not there yet, prefix and case apart.
func addAlertID(alert *tickets.Alert, id string) {
	if decoded, err := url.PathUnescape(id); err == nil {
		id = decoded
	}
	if id == "" || !alertShape.MatchString(id) || len(alert.AlertIDs) >= maxLinks {
		return
	}
	folded := tickets.FoldAlertID(id)
	if !slices.ContainsFunc(alert.AlertIDs, func(known string) bool { return tickets.FoldAlertID(known) == folded }) {
		alert.AlertIDs = append(alert.AlertIDs, id)
	}
}

// idsOfFields fills what links did not say.
func idsOfFields(alert *tickets.Alert, f fields) {
	if len(alert.AlertIDs) == 0 {
		for _, value := range f.all(labelAlertID) {
			for _, id := range alertAny.FindAllString(value, maxLinks) {
				addAlertID(alert, id)
			}
		}
	}
	if alert.IncidentID == "" {
		for _, value := range f.values(labelIncident) {
			if match := incidentNumber(value); match != "" {
				alert.IncidentID = match
				break
			}
		}
	}
	if alert.TenantID == "" {
		alert.TenantID = firstOf(anyGUID.FindString(f.first(labelTenantID)), anyGUID.FindString(f.first(labelOrganisation)))
	}
}

var numberInName = regexp.MustCompile(`(?i)(?:^|[#(]|\bid:? ?)(\d{1,20})\b`)

// incidentNumber is the id in a label's value: the value itself, or what a name marks as one.
func incidentNumber(value string) string {
	return firstGroup(numberInName, value)
}

// products are told by the two letters before an alert id (Microsoft, "Investigate alerts").
var products = map[string]tickets.Product{
	"da": tickets.ProductEndpoint, "ed": tickets.ProductEndpoint, "ra": tickets.ProductXDR, "ta": tickets.ProductXDR,
	"ea": tickets.ProductXDR, "rm": tickets.ProductXDR, "fa": tickets.ProductOffice365, "aa": tickets.ProductIdentity,
	"ri": tickets.ProductIdentity, "ca": tickets.ProductCloudApps, "ma": tickets.ProductCloudApps, "ad": tickets.ProductEntra,
	"dl": tickets.ProductPurview, "ir": tickets.ProductPurview, "dc": tickets.ProductCloud, "sn": tickets.ProductSentinel,
}

// productOf is the product by an alert id's prefix, "" where it has none.
func productOf(ids []string) tickets.Product {
	for _, id := range ids {
		if len(id) > 2 && tickets.FoldAlertID(id) != strings.ToLower(id) {
			return products[strings.ToLower(id[:2])]
		}
	}
	return ""
}
