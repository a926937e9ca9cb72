package parser

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// made is a mail that the generator makes up: what it says, and what must be read from it.
type made struct {
	kind          string
	from, subject string
	preheader     string // hidden text above everything
	heading       string // names the product or repeats the subject
	lead          string // a sentence above the fields
	title         string // a second heading, where the kind has one
	stamp         string // a line with nothing but a time
	fields        []madeField
	links         []madeLink
	want          map[string]any
}

type madeField struct {
	label  string
	values []string
}

type madeLink struct{ words, url string }

func (m *made) add(label string, values ...string) {
	m.fields = append(m.fields, madeField{label, values})
}

// maker makes up mails. The same seed makes the same mails.
type maker struct{ *rand.Rand }

func pick[T any](r maker, of []T) T { return of[r.IntN(len(of))] }

func (r maker) often() bool  { return r.IntN(4) > 0 }
func (r maker) seldom() bool { return r.IntN(4) == 0 }

func (r maker) hex(n int) string {
	const digits = "0123456789abcdef"
	b := make([]byte, n)
	for i := range b {
		b[i] = digits[r.IntN(16)]
	}
	return string(b)
}

func (r maker) guid() string {
	return r.hex(8) + "-" + r.hex(4) + "-4" + r.hex(3) + "-a" + r.hex(3) + "-" + r.hex(12)
}

func (r maker) number() string { return fmt.Sprint(1 + r.IntN(2_000_000)) }

func (r maker) ticks() string {
	return fmt.Sprintf("63%016d_%d", 7_000_000_000_000_000+r.Int64N(1_900_000_000_000_000), r.IntN(4_000_000_000)-2_000_000_000)
}

// alertID makes up an id with the product that its prefix tells, "" where it has none.
func (r maker) alertID() (id, product string) {
	p := pick(r, [][2]string{
		{"da", "endpoint"},
		{"ed", "endpoint"},
		{"ra", "xdr"},
		{"ta", "xdr"},
		{"ea", "xdr"},
		{"fa", "office365"},
		{"aa", "identity"},
		{"ri", "identity"},
		{"ca", "cloud_apps"},
		{"ma", "cloud_apps"},
		{"rm", "xdr"},
		{"ad", "entra"},
		{"dl", "purview"},
		{"dc", "cloud"},
		{"sn", "sentinel"},
		{"", ""},
		{"", ""},
	})
	switch r.IntN(5) {
	case 0:
		return p[0] + r.guid() + "_1", p[1]
	case 1:
		return p[0] + strings.ToUpper(r.guid()), p[1]
	case 2:
		return p[0] + r.guid(), p[1]
	}
	return p[0] + r.ticks(), p[1]
}

var madeTitles = []string{
	"An active 'Kepavll' malware was blocked", "Suspicious sign-in on an unmanaged device", "Ransomware behaviour: files were encrypted on a server",
	"Multi-stage incident involving Initial access & Exfiltration on multiple endpoints", "Severity: what the name of a rule can say", "“Quoted” – ünïcödé <angle> title",
	"Possible Kerberoasting (LDAP) activity", "Suspected DCSync attack (replication of directory services)", "Zugriff über TOR auf Exchange Online", "C2: beacon to 203.0.113.7 every 60 s",
	"Malware", "Unusual volume of external file sharing involving one user; 300 files", "Anomalous Token | T1528", "Email messages containing malicious URL removed after delivery",
	"User: accessed a link in an email subsequently quarantined by ZAP", "Low-reputation arbitrary code executed by signed executable", "Hands-on-keyboard attack was launched from a compromised account (attack disruption)",
	"Connection to adversary-in-the-middle (AiTM) phishing site", "Über-long title that goes on and on so that any mail program which breaks lines at seventy or so characters will have to break it somewhere in its middle",
	"Device tried to access a phishing site", "100% CPU by coin miner", "Incident 4711 look-alike: name with a number", "不審なサインイン アクティビティ",
	"New alert", "Test of the emergency procedure was resolved by nobody", "A user has taken the bait", "Impossible travel activity",
}

var madeCategories = []string{"InitialAccess", "Credential access", "Malware", "Exfiltration", "LateralMovement", "Suspicious activity", "Defense evasion", "Ransomware", "CommandAndControl", "Initial access, Execution", "Threat management"}

var madeSources = []string{"EDR", "Microsoft Defender for Endpoint", "Microsoft Defender XDR", "Antivirus", "Custom detection", "SmartScreen", "Microsoft Defender for Office 365", "AAD Identity Protection"}

var madeDevices = []string{
	"ws-0042.corp.contoso.com", "LAPTOP-7Q2", "srv_sql_07", "dc01.emea.contoso.com", "vm-build-3.fabrikam.local", "desktop-müller", "mymachine1.domain.com", "kiosk12", "MACBOOK-PRO-ANA", "10.20.30.40",
}

var madeUsers = []string{"CONTOSO\\a.ruiz", "pat@contoso.com", "Ana Ruiz", "svc-backup$", "fabrikam\\administrator", "o'neill@contoso.com", "kim.lee+test@fabrikam.example", "NT AUTHORITY\\SYSTEM"}

var madeOrganisations = []string{"Contoso", "Fabrikam, Inc.", "Müller & Söhne GmbH", "Wide World Importers: Europe", "A. Datum Corporation"}

// severities of mails with what is read from them.
var madeSeverities = map[string][2]string{"High": {"High", "high"}, "Medium": {"Medium", "medium"}, "Low": {"Low", "low"}, "Informational": {"Informational", "informational"}}

func (r maker) severity() (word, read string) {
	s := madeSeverities[pick(r, []string{"High", "Medium", "Low", "Informational"})]
	return s[0], s[1]
}

func (r maker) severityValue(word string) string {
	return pick(r, []string{word, word, word, strings.ToUpper(word), strings.ToLower(word), "● " + word, word + " ●", "🔴 " + word, "[" + word + "]"})
}

// time makes up a moment in one of the forms that say their zone.
func (r maker) time() (value, read string) {
	year, month, day, hour, minute := 2026, 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60)
	read = fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:00Z", year, month, day, hour, minute)
	names := []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	name, half, twelve := names[month-1], "AM", hour%12
	if hour >= 12 {
		half = "PM"
	}
	if twelve == 0 {
		twelve = 12
	}
	return pick(r, []string{
		read,
		fmt.Sprintf("%04d-%02d-%02d %02d:%02d:00 UTC", year, month, day, hour, minute),
		fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:00.1234567Z", year, month, day, hour, minute),
		fmt.Sprintf("%04d-%02d-%02d %02d:%02d UTC", year, month, day, hour, minute),
		fmt.Sprintf("%04d-%02d-%02d %02d:%02d:00Z", year, month, day, hour, minute),
		fmt.Sprintf("%d/%d/%d %d:%02d:00 %s UTC", month, day, year, twelve, minute, half),
		fmt.Sprintf("%d/%d/%d, %d:%02d:00 %s (UTC)", month, day, year, twelve, minute, half),
		fmt.Sprintf("%s %d, %d %d:%02d UTC", name, day, year, hour, minute),
		fmt.Sprintf("%s %d, %d at %d:%02d %s UTC", name, day, year, twelve, minute, half),
		fmt.Sprintf("%s %d, %d %02d:%02d:00 UTC", name[:3], day, year, hour, minute),
		fmt.Sprintf("%d %s %d %02d:%02d:00 UTC", day, name, year, hour, minute),
		fmt.Sprintf("%d %s %d, %02d:%02d GMT", day, name[:3], year, hour, minute),
		fmt.Sprintf("%d %s %d %02d:%02d +00:00", day, name[:3], year, hour, minute),
		fmt.Sprintf("%02d:%02d UTC, %s %d, %d", hour, minute, name, day, year),
		fmt.Sprintf("%d-%s-%d %02d:%02d:00 UTC", day, name[:3], year, hour, minute),
	}), read
}

func (r maker) some(of []string, most int) []string {
	list := slices.Clone(of)
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:1+r.IntN(most)]
}

var defender = []string{
	`"Microsoft Defender" <defender-noreply@microsoft.com>`, `Microsoft 365 Defender <defender-noreply@microsoft.com>`, `defender-noreply@microsoft.com`, `"Microsoft Security" <Defender-NoReply@Microsoft.com>`,
}

// shared are the fields that alerts and incidents have in common, each now and then.
func (r maker) shared(m *made) {
	if r.often() {
		value := pick(r, madeCategories)
		m.add(pick(r, []string{"Category", "Categories", "Alert category", "Category(s)"}), value)
		m.want["category"] = value
	}
	if r.IntN(2) == 0 {
		value := pick(r, madeSources)
		m.add(pick(r, []string{"Detection source", "Service source", "Detection sources", "Source", "Detected by"}), value)
		m.want["detection_source"] = value
	}
	m.want["detected_at"] = ""
	if r.often() {
		value, read := r.time()
		m.add(pick(r, []string{"Detection time", "First activity", "Time", "Created", "Time of occurrence", "Detected", "First seen", "Detected on", "Detection Time (UTC)"}), value)
		m.want["detected_at"] = read
	}
	m.want["devices"] = []any{}
	if r.often() {
		list := r.some(madeDevices, 3)
		m.add(pick(r, []string{"Device", "Machine", "Device name", "Devices", "Impacted device(s)", "Computer", "Machine name", "Affected devices", "Impacted assets", "Host name", "Device(s)", "Names of devices"}), list...)
		m.want["devices"] = anys(list)
	}
	m.want["users"] = []any{}
	if r.IntN(2) == 0 {
		list := r.some(madeUsers, 2)
		m.add(pick(r, []string{"User", "Users", "Account", "Impacted users", "User name", "Affected account(s)", "User account"}), list...)
		m.want["users"] = anys(list)
	}
	m.want["organisation"] = ""
	if r.seldom() {
		value := pick(r, madeOrganisations)
		m.add(pick(r, []string{"Organization", "Organization name", "Tenant", "Tenant name", "Organisation", "Customer"}), value)
		m.want["organisation"] = value
	}
	if r.seldom() {
		m.add(pick(r, []string{"Number of alerts", "Recommended actions", "MITRE techniques", "Device group", "IP address", "Comment", "Investigation state"}), pick(r, []string{"3", "none", "T1059.001", "UnassignedGroup", "10.1.2.3", "Running"}))
	}
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, item := range list {
		out[i] = item
	}
	return out
}

func (r maker) shuffleFields(m *made) {
	r.Shuffle(len(m.fields), func(i, j int) { m.fields[i], m.fields[j] = m.fields[j], m.fields[i] })
}

func (r maker) tenant(m *made, link string) string {
	m.want["tenant_id"] = ""
	if !r.often() {
		return link
	}
	tenant := r.guid()
	if r.seldom() {
		tenant = strings.ToUpper(tenant)
	}
	m.want["tenant_id"] = tenant
	if strings.Contains(link, "?") {
		return link + "&tid=" + tenant
	}
	return link + "?tid=" + tenant
}

func (m *made) link(words, url, rel string) {
	m.links = append(m.links, madeLink{words, url})
	links, _ := m.want["links"].(map[string]any)
	if links == nil {
		links = map[string]any{}
		m.want["links"] = links
	}
	links[rel] = url
}

func newMade(kind, product, severity string) made {
	return made{kind: kind, want: map[string]any{
		"kind": kind, "product": product, "severity": severity, "action": "new", "incident_id": "", "alert_ids": []any{},
		"forwarded": false, "provenance": "microsoft", "links": map[string]any{},
	}}
}

func (r maker) endpointAlert() made {
	word, severity := r.severity()
	m := newMade("alert", "endpoint", severity)
	title := pick(r, madeTitles)
	m.want["title"] = title
	m.from = pick(r, defender)
	m.subject = word + " severity alert: " + title
	m.heading = pick(r, []string{"New alert", "Microsoft Defender for Endpoint", "New alert detected", "Microsoft 365 Defender", "Microsoft Defender", "Alert", ""})
	hasTitle := r.often()
	if hasTitle {
		m.add(pick(r, []string{"Title", "Alert title", "Alert name", "Alert", "Name", "Alert Title"}), title)
	}
	if r.often() {
		m.add(pick(r, []string{"Severity", "Alert severity", "SEVERITY", "Severity level"}), r.severityValue(word))
	}
	r.shared(&m)
	if devices := m.want["devices"].([]any); len(devices) > 0 && r.IntN(2) == 0 {
		m.subject += " on " + devices[0].(string)
	} else if !hasTitle && r.IntN(2) == 0 {
		m.subject += "" // no device to name
	}
	id, product := r.alertID()
	m.want["alert_ids"] = []any{id}
	if product != "" {
		m.want["product"] = product
	}
	switch {
	case r.often():
		m.link(pick(r, []string{"View alert", "View in portal", "Open", "View alert page"}), r.tenant(&m, "https://security.microsoft.com/alerts/"+id), "alert")
	default:
		m.add(pick(r, []string{"Alert ID", "Alert Id", "Alert identifier"}), id)
	}
	if r.seldom() {
		incident := r.number()
		m.add(pick(r, []string{"Incident ID", "Incident", "Incident number"}), incident)
		m.want["incident_id"] = incident
	}
	if r.seldom() {
		value := pick(r, []string{"New", "InProgress", "Resolved", "In progress"})
		m.add(pick(r, []string{"Status", "Alert status"}), value)
		m.want["status"] = value
		if value == "Resolved" {
			m.want["action"] = "resolved"
		}
	}
	return m
}

func (r maker) incident() made {
	word, severity := r.severity()
	m := newMade("incident", "xdr", severity)
	title := pick(r, madeTitles)
	m.want["title"] = title
	m.from = pick(r, defender)
	m.subject = pick(r, []string{
		"Microsoft 365 Defender has detected a security threat", "Microsoft Defender has detected a security threat", "Microsoft Defender XDR has detected a security threat", "Defender XDR has detected a security threat",
	})
	m.heading = pick(r, []string{m.subject, "New incident", "Microsoft Defender XDR", "Incident notification", ""})
	m.lead = pick(r, []string{"", "", "A new incident was found in your environment.", "Microsoft Defender has found a new incident that may need your attention."})
	m.add(pick(r, []string{"Incident name", "Incident title", "Name", "Title", "Incident Name"}), title)
	m.add(pick(r, []string{"Severity", "Incident severity", "Severity level"}), r.severityValue(word))
	r.shared(&m)
	id := r.number()
	m.want["incident_id"] = id
	hasLink := r.often()
	if !hasLink || r.IntN(2) == 0 {
		m.add(pick(r, []string{"Incident ID", "Incident Id", "Incident number", "Incident"}), id)
	}
	if hasLink {
		m.link(pick(r, []string{"View incident", "View incident page", "Open incident"}), r.tenant(&m, pick(r, []string{
			"https://security.microsoft.com/incidents/" + id, "https://security.microsoft.com/incident2/" + id + "/overview", "https://security.microsoft.com/incident2/" + id + "/summary",
		})), "incident")
	}
	switch r.IntN(8) {
	case 0:
		m.add("Status", "Resolved")
		m.want["action"] = "resolved"
	case 1:
		m.lead = pick(r, []string{"The incident has been updated.", "New alerts were added to the incident.", "This incident was updated with new activity."})
		m.want["action"] = "updated"
	case 2:
		m.add("Status", "Active")
	}
	return m
}

func (r maker) merge() made {
	word, severity := r.severity()
	m := newMade("incident", "xdr", severity)
	title := pick(r, madeTitles)
	m.want["title"], m.want["action"] = title, "updated"
	m.from = pick(r, defender)
	m.subject = "Microsoft 365 Defender has merged the incidents detected in your environment"
	m.heading = pick(r, []string{"Incidents were merged", m.subject, "Incidents merged"})
	m.add(pick(r, []string{"Incident name", "Incident title"}), title)
	m.add("Severity", r.severityValue(word))
	survivor, ended := r.number(), r.number()
	m.want["incident_id"], m.want["merged_incident_ids"] = survivor, []any{ended}
	switch r.IntN(7) {
	case 0:
		m.add("Incident ID", survivor)
		m.add(pick(r, []string{"Merged incident ID", "Merged incident", "Source incident ID"}), ended)
	case 1:
		m.add(pick(r, []string{"Source incident", "Source incident ID", "Original incident ID", "Closed incident"}), ended)
		m.add(pick(r, []string{"Target incident", "Target incident ID", "Destination incident", "Merged into", "New incident ID", "Surviving incident"}), survivor)
	case 2:
		m.lead = fmt.Sprintf("Incident %s was merged into incident %s.", ended, survivor)
	case 3:
		m.lead = fmt.Sprintf("Incident %s has been merged with incident %s. Incident %s is now closed.", ended, survivor, ended)
	case 4:
		m.lead = fmt.Sprintf("Incident #%s now includes the alerts of incident #%s, which was merged into it.", survivor, ended)
	case 5:
		m.add("Incident ID", ended)
		m.add("Merged into", survivor)
	case 6:
		m.lead = fmt.Sprintf("The following incidents were merged: %s was merged into %s", ended, survivor)
	}
	m.want["links"] = map[string]any{}
	if r.often() {
		m.link("View incident", r.tenant(&m, "https://security.microsoft.com/incidents/"+survivor), "incident")
	}
	return m
}

func (r maker) vulnerability() made {
	word, severity := r.severity()
	m := newMade("vulnerability", "endpoint", severity)
	m.from = pick(r, defender)
	m.subject = pick(r, []string{"New vulnerabilities notification from Microsoft Defender for Endpoint", "New zero-day vulnerabilities from Microsoft Defender for Endpoint"})
	m.heading = pick(r, []string{"New vulnerabilities", "New vulnerability found", m.subject, "New public exploit"})
	var ids []string
	for range 1 + r.IntN(3) {
		ids = append(ids, fmt.Sprintf("CVE-2026-%d", 10_000+r.IntN(50_000)))
	}
	m.want["title"] = strings.Join(ids, ", ")
	m.want["devices"] = []any{}
	label := pick(r, []string{"Vulnerability Name", "Vulnerability", "CVE", "CVE ID", "Vulnerabilities", "CVE IDs"})
	if r.IntN(2) == 0 {
		for _, id := range ids {
			m.add(label, id)
			m.add("Severity", r.severityValue(word))
			m.add(pick(r, []string{"CVSS", "CVSS score"}), pick(r, []string{"7.8", "9,8"}))
		}
	} else {
		m.add(label, ids...)
		m.add(pick(r, []string{"Severity", "Severity level"}), r.severityValue(word))
		m.add("CVSS", "7.8")
	}
	m.add(pick(r, []string{"Affected products", "Affected product", "Affected software"}), pick(r, []string{"Notepad++", "OpenSSL: all builds"}))
	m.add("Exposed devices", "12")
	if r.seldom() {
		value := pick(r, madeOrganisations)
		m.add("Organization", value)
		m.want["organisation"] = value
	}
	if len(ids) == 1 {
		m.link("View recommendations", r.tenant(&m, "https://security.microsoft.com/vulnerabilities/vulnerability/"+ids[0]+"/overview"), "report")
	}
	return m
}

func (r maker) report() made {
	m := newMade("threat_analytics", "xdr", "unknown")
	m.from = pick(r, defender)
	m.subject = "Threat analytics report from Microsoft 365 Defender"
	m.heading = pick(r, []string{"New threat analytics report", "Threat analytics", m.subject})
	title := pick(r, []string{"CVE-2026-21412 exploitation", "Storm-0324: from phishing to ransomware", "Activity profile: Forest Blizzard", "Technique profile - Adversary-in-the-middle"})
	m.want["title"] = title
	m.add(pick(r, []string{"Report", "Report title", "Report name", "Title", "Name"}), title)
	m.add("Report type", pick(r, []string{"Activity profile", "Vulnerability"}))
	m.link(pick(r, []string{"View report", "Read the report"}), r.tenant(&m, "https://security.microsoft.com/threatanalytics3/"+r.guid()+"/overview"), "report")
	return m
}

func (r maker) response() made {
	m := newMade("response_action", "xdr", "unknown")
	m.from = pick(r, defender)
	m.subject = "Important: A user has taken an immediate response action in Microsoft Defender XDR"
	m.want["title"] = m.subject
	m.heading = pick(r, []string{"A response action was taken", "Important"})
	m.add("Action", pick(r, []string{"Isolate device", "Restrict app execution", "Collect investigation package"}))
	m.add(pick(r, []string{"Taken by", "Initiated by", "Performed by"}), "admin@contoso.com")
	device := pick(r, madeDevices)
	m.add(pick(r, []string{"Device name", "Device"}), device)
	m.want["devices"] = []any{device}
	value, read := r.time()
	m.add("Time", value)
	m.want["detected_at"] = read
	m.link("Go to action center", r.tenant(&m, "https://security.microsoft.com/action-center/history"), "portal")
	return m
}

func (r maker) policyAlert() made {
	word, severity := r.severity()
	m := newMade("alert", "office365", severity)
	m.from = pick(r, []string{"Office365Alerts <Office365Alerts@microsoft.com>", "Office365Alerts@microsoft.com"})
	title := pick(r, madeTitles)
	m.want["title"] = title
	m.subject = pick(r, []string{"", "", "A "}) + word + "-severity alert: " + title
	m.heading = "A " + strings.ToLower(word) + "-severity alert has been triggered"
	m.preheader = "An alert was triggered by a policy of yours"
	if r.often() {
		m.add(pick(r, []string{"Policy", "Alert policy", "Policy name"}), title)
	}
	m.add("Severity", r.severityValue(word))
	value, read := r.time()
	m.add(pick(r, []string{"Time", "Time of occurrence", "Date"}), value)
	m.want["detected_at"] = read
	m.add("Activity", pick(r, []string{"AlertEntityGenerated", "MailRedirect", "FileMalwareDetected"}))
	user := pick(r, madeUsers)
	m.add(pick(r, []string{"User", "Users"}), user)
	m.want["users"] = []any{user}
	id := r.guid()
	if r.seldom() {
		id = strings.ToUpper(id)
	}
	m.want["alert_ids"] = []any{id}
	hasLink := r.often()
	if !hasLink || r.IntN(2) == 0 {
		m.add("Alert ID", id)
	}
	if r.seldom() {
		m.add("Details", "This alert is triggered whenever: a message is delivered to a user.")
	}
	if hasLink {
		m.link("View alert details", "https://"+pick(r, []string{"security.microsoft.com", "compliance.microsoft.com", "protection.office.com"})+"/viewalerts?id="+id, "alert")
	}
	return m
}

func (r maker) cloudAlert() made {
	word, severity := r.severity()
	m := newMade("alert", "cloud", severity)
	m.from = pick(r, []string{"Microsoft Defender for Cloud <DefenderCloudnoreply@microsoft.com>", "Microsoft Azure <azure-noreply@microsoft.com>"})
	m.subject = pick(r, []string{
		"Azure Security Center has detected suspicious activity in your environment", "Microsoft Defender for Cloud has detected suspicious activity in your environment", "Microsoft Defender for Cloud has detected suspicious activity in your resource",
	})
	m.heading = pick(r, []string{"Suspicious activity", m.subject, "Microsoft Defender for Cloud"})
	title := pick(r, madeTitles)
	m.want["title"] = title
	m.add(pick(r, []string{"Alert name", "Alert", "Name", "Alert display name"}), title)
	m.add(pick(r, []string{"Severity", "Alert severity"}), r.severityValue(word))
	m.add(pick(r, []string{"Resource", "Affected resource", "Impacted resource"}), "vm-web-01")
	m.add("Detected by", "Microsoft")
	id := "25" + strings.Replace(r.ticks(), "_", "", 1)[:17] + "_" + r.guid()
	id = strings.ReplaceAll(id, "-_", "_")
	m.want["alert_ids"] = []any{id}
	m.want["devices"] = []any{}
	m.link("View the full alert", "https://portal.azure.com/#blade/Microsoft_Azure_Security/AlertBlade/alertId/"+id+"/subscriptionId/"+r.guid()+"/referencedFrom/email/location/westeurope", "alert")
	return m
}

func (r maker) attackPath() made {
	word, severity := r.severity()
	m := newMade("alert", "cloud", severity)
	m.from = pick(r, []string{"Microsoft Security <MSSecurity-noreply@microsoft.com>", "azure-noreply@microsoft.com"})
	m.subject = "Microsoft Defender for Cloud found potential attack path in your environment"
	m.preheader = "Read details about the potential attack path in your environment."
	m.heading = m.subject
	m.title = pick(r, []string{"Internet exposed VM with high severity vulnerabilities has read permission to a Key Vault", "Internet exposed EKS pod can authenticate to S3 bucket: data exposure", "VM has lateral movement path"})
	m.want["title"] = m.title
	m.lead = "An attacker on the internet can reach this machine and go on to secrets of yours."
	m.stamp, m.want["detected_at"] = "October 2, 2026 1:38 UTC", "2026-10-02T01:38:00Z"
	m.add(pick(r, []string{"Risk level", "Risk Level"}), r.severityValue(word))
	m.add("Detected by", "Microsoft")
	m.add("Scope IDs", r.guid())
	m.add("Risk factors", "Internet exposure", "Lateral movement")
	m.add("Attack story", "1- The machine is exposed", "2- The machine holds a key")
	m.add("Attack path ID", r.guid())
	m.link("View the attack path >", "https://portal.azure.com/#view/Microsoft_Azure_Security/AttackPath.ReactView/id/"+r.guid(), "portal")
	return m
}

func (r maker) usersAtRisk() made {
	word, severity := r.severity()
	m := newMade("alert", "entra", severity)
	m.from = pick(r, []string{"Microsoft Security <MSSecurity-noreply@microsoft.com>", "Microsoft Azure <azure-noreply@microsoft.com>"})
	m.subject = pick(r, []string{"Users at risk detected", "User at risk detected"})
	m.want["title"] = m.subject
	m.heading = m.subject
	list := r.some(madeUsers, 3)
	m.add(pick(r, []string{"User", "Users", "Users at risk"}), list...)
	m.want["users"] = anys(list)
	m.add("Risk level", r.severityValue(word))
	m.link("View users at risk", "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/RiskyUsersBlade", "portal")
	return m
}

func (r maker) digest() made {
	m := newMade("digest", "entra", "unknown")
	m.from = pick(r, []string{"Microsoft Security <MSSecurity-noreply@microsoft.com>", "Microsoft Azure <azure-noreply@microsoft.com>"})
	m.subject = pick(r, []string{"Microsoft Entra ID Protection Weekly Digest", "Azure AD Identity Protection Weekly Digest"})
	m.want["title"] = m.subject
	m.heading = pick(r, []string{"Weekly digest", m.subject})
	m.add("New risky users detected", fmt.Sprint(r.IntN(3)))
	m.add("New risky sign-ins detected", "0")
	m.link("View detailed report", "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/RiskyUsersBlade", "portal")
	m.want["users"], m.want["devices"] = []any{}, []any{}
	return m
}

func (r maker) oldATP() made {
	word, severity := r.severity()
	m := newMade("alert", "endpoint", severity)
	m.from = pick(r, defender)
	m.subject = "Windows Defender Advanced Threat Protection New Alert Detection"
	m.heading = m.subject
	title := pick(r, madeTitles)
	m.want["title"] = title
	m.add("Title", title)
	m.add("Severity", word)
	m.add("Category", "CommandAndControl")
	m.want["category"] = "CommandAndControl"
	value, read := r.time()
	m.add("Detection Time", value)
	m.want["detected_at"] = read
	device := pick(r, madeDevices)
	m.add("Machine", device)
	m.want["devices"] = []any{device}
	id := r.ticks()
	m.want["alert_ids"] = []any{id}
	link := "https://securitycenter.windows.com/alert/" + id
	m.add("WDATP Portal Link", link)
	m.want["links"] = map[string]any{"alert": link}
	return m
}

func (r maker) cloudApps() made {
	word, severity := r.severity()
	m := newMade("alert", "cloud_apps", severity)
	m.from = "no-reply@cloudappsecurity.com"
	m.subject = pick(r, []string{"Microsoft Defender for Cloud Apps alert: suspicious session detected", "Defender for Cloud Apps: suspicious session detected"})
	m.heading = "Microsoft Defender for Cloud Apps"
	title := pick(r, madeTitles)
	m.want["title"] = title
	m.add(pick(r, []string{"Alert", "Alert name", "Title"}), title)
	m.add("Severity", r.severityValue(word))
	user := pick(r, madeUsers)
	m.add("User", user)
	m.want["users"] = []any{user}
	id := "ca" + strings.ToUpper(r.guid())
	m.want["alert_ids"] = []any{id}
	m.link("View alert", r.tenant(&m, "https://security.microsoft.com/alerts/"+id), "alert")
	return m
}

func (r maker) healthIssue() made {
	word, severity := r.severity()
	m := newMade("alert", "identity", severity)
	m.from = pick(r, defender)
	host := pick(r, []string{"svdcdc01.cpp-db.com", "dc01.emea.contoso.com"})
	title := pick(r, []string{"Directory Services Advanced Auditing is not enabled", "Sensor stopped communicating", "NTLM Auditing is not enabled"})
	m.subject = title + " on " + host
	m.heading = pick(r, []string{"Microsoft Defender for Identity", "Microsoft Defender for Identity health issue"})
	m.lead = "Microsoft Defender for Identity has found a health issue."
	m.want["title"], m.want["devices"] = m.subject, []any{host}
	if r.IntN(2) == 0 {
		m.add(pick(r, []string{"Health issue", "Title", "Issue"}), title)
		m.want["title"] = title
	}
	m.add("Severity", r.severityValue(word))
	if r.IntN(2) == 0 {
		m.add(pick(r, []string{"Domain controller", "Sensor", "Domain controllers"}), host)
	}
	m.link("View health issue", r.tenant(&m, "https://security.microsoft.com/identities/health-issues"), "portal")
	return m
}

func (r maker) testMail() made {
	m := newMade("test", "xdr", "unknown")
	m.from = pick(r, defender)
	m.subject = pick(r, []string{"Test email from Microsoft 365 Defender", "Microsoft Defender XDR test notification", "Test notification: Microsoft 365 Defender", "Microsoft 365 Defender has detected a security threat"})
	m.heading = pick(r, []string{"Test email", "Microsoft Defender XDR"})
	m.lead = pick(r, []string{"This is a test email. No action is needed.", "This is a test notification from Microsoft Defender XDR to verify your settings."})
	m.want["title"] = m.subject
	return m
}

// clone is a policy alert that a phisher made: what it says is read, and it is nobody's.
func (r maker) clone() made {
	m := r.policyAlert()
	m.from = pick(r, []string{"Microsoft <microsoft@email-records.com>", `"Office365Alerts@microsoft.com" <alerts@evil.example>`, "Office365Alerts@microsoft.com.evil.example"})
	m.links = nil
	m.link("View alert details", "https://"+pick(r, []string{"security.microsoft.com.evil.example", "security-microsoft.com", "security.microsoft.com@evil.example", "evil.example/security.microsoft.com"})+"/viewalerts?id="+r.guid(), "alert")
	m.add("Alert ID", m.want["alert_ids"].([]any)[0].(string))
	m.want["links"], m.want["provenance"] = map[string]any{}, "other"
	return m
}

// noise is mail that is no notification; what is read is its subject.
func (r maker) noise() made {
	m := newMade("unrecognised", "unknown", "unknown")
	of := pick(r, [][3]string{
		{"MSSecurity-noreply@microsoft.com", "PIM: Ana Ruiz has activated the Global Administrator role", "PIM"},
		{"azure-noreply@microsoft.com", "Fired: Sev2 Azure Monitor Alert cpu-over-90 on vm-web-01", "Azure Monitor"},
		{"quarantine@messaging.microsoft.com", "Microsoft 365 security: You have messages in quarantine", "Quarantine"},
		{"azure-noreply@microsoft.com", "You have alerts on your managed domain", "Entra Domain Services"},
		{"alerts-noreply@mail.windowsazure.com", "Azure: Activated Severity: 3 response time is slow", "Azure Monitor"},
	})
	m.from, m.subject, m.heading = of[0], of[1], of[2]
	m.want["title"] = of[1]
	delete(m.want, "links")
	delete(m.want, "severity")
	m.add("Amount", "12")
	return m
}

func (r maker) any() made {
	of := []func() made{
		r.endpointAlert, r.endpointAlert, r.incident, r.incident, r.merge, r.vulnerability, r.report, r.response, r.policyAlert, r.cloudAlert, r.attackPath,
		r.usersAtRisk, r.digest, r.oldATP, r.cloudApps, r.healthIssue, r.testMail, r.clone, r.noise,
	}
	m := of[r.IntN(len(of))]()
	if m.kind != "vulnerability" && r.IntN(2) == 0 {
		r.shuffleFields(&m)
	}
	if m.preheader == "" && r.seldom() {
		m.preheader = "Severity: Low · Title: not this one"
	}
	return m
}
