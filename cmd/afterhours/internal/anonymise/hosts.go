package anonymise

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

const emailPattern = `[A-Za-z0-9][A-Za-z0-9._+'~-]{0,63}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?`

var (
	email    = regexp.MustCompile(emailPattern)
	hostName = regexp.MustCompile(`(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}`)
)

// keptHosts are hosts whose names say nothing about whose mail it is, with everything below them; a reader goes by them.
var keptHosts = []string{
	"microsoft.com", "azure.com", "azure.net", "office.com", "office.net", "office365.us", "windows.com", "windows.net", "microsoftonline.com", "live.com",
	"safelinks.protection.outlook.com", "safelinks.o365filtering.com", "aka.ms", "w3.org", "urldefense.com", "urldefense.us", "urldefense.proofpoint.com",
	"linkprotect.cudasvc.com", "mimecast.com", "mimecastprotect.com", "secure-web.cisco.com", "clicktime.symantec.com", "fireeye.com", "trellix.com",
	"trendmicro.com", "url.avanan.click", "sophos.com", "www.google.com", "schemas.openxmlformats.org", "mitre.org", "nist.gov",
}

// tenantHosts are hosts of Microsoft's below which a tenant's name stands.
var tenantHosts = []string{"mail.onmicrosoft.com", "onmicrosoft.com", "sharepoint.com", "mail.protection.outlook.com", "prod.outlook.com", "outlook.com", "crm.dynamics.com"}

// tenantsBelow are kept hosts below which names of customers stand, all the same.
var tenantsBelow = []string{"core.windows.net", "blob.core.windows.net", "azurewebsites.net", "database.windows.net", "cloudapp.azure.com", "vault.azure.net"}

// privateSuffixes end the names of networks inside houses.
var privateSuffixes = []string{"local", "lan", "corp", "internal", "intra", "intranet", "home", "ad", "example", "test", "invalid", "localdomain", "private"}

func isKeptHost(name string) bool {
	name = strings.ToLower(strings.Trim(name, "."))
	return below(name, keptHosts) && !below(name, tenantsBelow) || slices.Contains(tenantHosts, name)
}

func below(name string, hosts []string) bool {
	return slices.ContainsFunc(hosts, func(host string) bool { return name == host || strings.HasSuffix(name, "."+host) })
}

// isKeptAddress says whether an address is a sender of Microsoft's: mails are told by them.
func isKeptAddress(address string) bool {
	local, domain, _ := strings.Cut(strings.ToLower(address), "@")
	if !below(domain, []string{"microsoft.com"}) && domain != "azure.com" && domain != "email.azure.com" && domain != "sharepointonline.com" {
		return false
	}
	for _, word := range []string{"noreply", "no-reply", "alert", "notification", "defender", "security", "azure", "office365", "msonline", "secur", "advancedthreat", "o365", "microsoft"} {
		if strings.Contains(local, word) {
			return true
		}
	}
	return false
}

// ownLabels are a host's labels that somebody chose, and the suffix that stays; an empty one is put as example.
func ownLabels(name string) (labels []string, suffix string) {
	name = strings.ToLower(strings.Trim(name, "."))
	for _, host := range slices.Concat(tenantHosts, tenantsBelow) {
		if rest, ok := strings.CutSuffix(name, "."+host); ok {
			return strings.Split(rest, "."), host
		}
	}
	public, icann := publicsuffix.PublicSuffix(name)
	if !icann && !slices.Contains(privateSuffixes, public[strings.LastIndexByte(public, '.')+1:]) || public == name {
		return strings.Split(name, "."), ""
	}
	rest := strings.TrimSuffix(strings.TrimSuffix(name, public), ".")
	return strings.Split(rest, "."), "example"
}

// isHost says whether a name with dots is one of a host: its end is a known suffix.
func isHost(name string) bool {
	_, suffix := ownLabels(name)
	return suffix != "" || isKeptHost(name)
}

// hostFor is the replacement of a host's name.
func (a *Anonymiser) hostFor(name string) string {
	if isKeptHost(name) {
		return name
	}
	labels, suffix := ownLabels(name)
	written := strings.Split(strings.Trim(name, "."), ".")
	telling := slices.ContainsFunc(labels, func(label string) bool { return !meaningful[label] })
	for i := range labels {
		labels[i] = a.label(written[i])
		if !telling { // a name that is made of ordinary words alone is a name all the same
			labels[i] = a.word(written[i])
		}
	}
	if suffix != "" {
		labels = append(labels, suffix)
	}
	return strings.Join(labels, ".")
}

// label is the replacement of one part of a name; what means something stays, as in mail.example.
func (a *Anonymiser) label(name string) string {
	if meaningful[strings.ToLower(name)] {
		return name
	}
	return a.word(name)
}

// addressFor is the replacement of a mail address.
func (a *Anonymiser) addressFor(address string) string {
	if isKeptAddress(address) {
		return address
	}
	local, domain, _ := strings.Cut(address, "@")
	return a.label(local) + "@" + a.hostFor(domain)
}
