package parser

import (
	"fmt"
	"strings"
	"testing"

	"afterhours/tickets"
)

// said is one fact of a reading, by its name.
func said(a tickets.Alert, fact string) string {
	switch fact {
	case "incident":
		return a.IncidentID
	case "merged":
		return strings.Join(a.MergedIncidentIDs, ",")
	case "title":
		return a.Title
	case "severity":
		return string(a.Severity)
	case "users":
		return strings.Join(a.Users, ",")
	case "devices":
		return strings.Join(a.Devices, ",")
	case "organisation":
		return a.Organisation
	case "action":
		return string(a.Action)
	case "kind":
		return string(a.Kind)
	case "alerts":
		return strings.Join(a.AlertIDs, ",")
	case "tenant":
		return a.TenantID
	case "link":
		if len(a.Links) > 0 {
			return a.Links[0].Rel + " " + a.Links[0].URL
		}
	case "automatic":
		return fmt.Sprint(a.Message.AutoSubmitted)
	}
	return ""
}

const (
	incidentMail = "Subject: Microsoft 365 Defender has detected a security threat\n"
	mergeMail    = "Subject: Microsoft 365 Defender has merged the incidents detected in your environment\n"
	alertsMail   = "Subject: High severity alert: Suspicious sign-in\n"
	linked       = `<a href="https://security.microsoft.com/incidents/320">Incident 320</a><p><a href="https://security.microsoft.com/incidents/318">Incident 318</a>`
	incidentLink = `<p><a href="https://security.microsoft.com/incidents/1791">View incident page</a>`
)

// TestWhatOthersWouldWrite holds forms of mails that were read wrongly once: what people, other mail programs and later
// versions of Microsoft's layouts can be expected to write.
func TestWhatOthersWouldWrite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ head, body, fact, want string }{
		"merge: we merged":              {mergeMail, `<p>We merged incident 320 ("Malware on ws-1") into incident 318 ("Multi-stage incident").</p>` + linked, "incident", "318"},
		"merge: names with numbers":     {mergeMail, `<p>Incident 'Malware on 2 hosts' (320) was merged into 'Multi-stage incident' (318).</p>` + linked, "incident", "318"},
		"merge: surviving":              {mergeMail, `<p>The following incident was merged: 320. Surviving incident: 318.</p>` + linked, "incident", "318"},
		"merge: remains":                {mergeMail, `<p>Incident 318 has been merged with 320, 321. Incident 318 remains active.</p>` + linked, "incident", "318"},
		"merge: remains, the others":    {mergeMail, `<p>Incident 318 has been merged with 320, 321. Incident 318 remains active.</p>` + linked, "merged", "320,321"},
		"merge: redirect to":            {mergeMail, `<table><tr><td>Redirected incident ID<td>320<tr><td>Redirect to<td>318</table>` + linked, "incident", "318"},
		"a page below an incident":      {incidentMail, `<a href="https://security.microsoft.com/incident2/497532/alerts?tid=92276658-1e27-41c0-8a6a-63ec24ede6a4">View</a>`, "incident", "497532"},
		"a page below a device":         {alertsMail, `<a href="https://security.microsoft.com/machines/1e5bc9d7e413ddd7902c2932e418702b84d0cc07/alerts">View</a>`, "link", "device https://security.microsoft.com/machines/1e5bc9d7e413ddd7902c2932e418702b84d0cc07/alerts"},
		"campaign parameters":           {incidentMail, `<a href="https://security.microsoft.com/incidents/5?utm_source=x&amp;tid=92276658-1e27-41c0-8a6a-63ec24ede6a4&amp;ocid=y">View</a>`, "link", "incident https://security.microsoft.com/incidents/5?tid=92276658-1e27-41c0-8a6a-63ec24ede6a4"},
		"a sentence below a heading":    {"Subject: User at risk detected\n", `<h1>User at risk detected</h1><p>We detected suspicious activity for this account.</p><table><tr><td>User<td>kim@contoso.com</table>`, "users", "kim@contoso.com"},
		"an empty field above a button": {incidentMail, `<table><tr><td>Severity<td>Low<tr><td>Organization<td></table>` + incidentLink, "organisation", ""},
		"an empty label above a button": {incidentMail, `<dl><dt>Severity<dd>Low<dt>Devices<dd></dl>` + incidentLink, "devices", ""},
		"a linked value":                {incidentMail, `<p>Device</p><p><a href="https://security.microsoft.com/machines/ab">srv-sql-07</a></p>` + incidentLink, "devices", "srv-sql-07"},
		"a name in quotes":              {incidentMail, `<table><tr><td>Incident<td>“Zerologon” exploit on dc01</table>` + incidentLink, "title", "“Zerologon” exploit on dc01"},
		"a name in brackets":            {incidentMail, `<table><tr><td>Incident<td>(Preview) Suspicious activity</table>` + incidentLink, "title", "(Preview) Suspicious activity"},
		"a name with a number":          {incidentMail, `<table><tr><td>Incident<td>#1 suspect host</table>` + incidentLink, "title", "#1 suspect host"},
		"a name beside its number":      {incidentMail, `<table><tr><td>Incident<td>#1791 Ransomware</table>` + incidentLink, "title", "Ransomware"},
		"labels in spans":               {incidentMail, `<div><span>Incident name</span> <span>Ransomware</span></div><div><span>Severity</span> <span>High</span></div><div><span>Devices</span> <span>ws-1</span></div>` + incidentLink, "devices", "ws-1"},
		"labels in bold":                {incidentMail, `<p><strong>Incident name</strong> Ransomware</p><p><strong>Severity</strong> High</p><p><strong>Devices</strong> ws-1</p>` + incidentLink, "title", "Ransomware"},
		"one stressed word":             {incidentMail, `<p><b>Severity</b> levels are explained in the portal</p>` + incidentLink, "severity", "unknown"},
		"a cell with a colon":           {incidentMail, `<table><tr><td>Incident name<td>:<td>Ransomware<tr><td>Devices<td>:<td>ws-1</table>` + incidentLink, "title", "Ransomware"},
		"a damaged octet":               {incidentMail, "<table><tr><td>Incident name<td>Größe überschritten<tr><td>Devices<td>ws-\xff1</table>" + incidentLink, "title", "Größe überschritten"},
		"what a style sheet hides":      {alertsMail, `<style>@media print{.all{display:none}} .ph, td.x {display:none!important}</style><span class="ph">Severity: Low</span><p class="all">Devices: ws-1</p>`, "devices", "ws-1"},
		"what a style sheet hides, low": {"Subject: Microsoft 365 Defender has detected a security threat\n", `<style>.ph{ Display : none }</style><p class="a ph">Severity: Low</p><p>Severity: High</p>` + incidentLink, "severity", "high"},
		"accents apart":                 {incidentMail, "<table><tr><td>Gravite\u0301<td>E\u0301leve\u0301e</table>" + incidentLink, "severity", "high"},
		"resolved by itself":            {incidentMail, `<p>This incident was automatically resolved by investigation.</p>` + incidentLink, "action", "resolved"},
		"what may come":                 {incidentMail, `<p>You will get a mail when this incident is updated or resolved.</p>` + incidentLink, "action", "new"},
		"an update":                     {incidentMail, `<p>Incident update: 2 new alerts</p>` + incidentLink, "action", "updated"},
		"a test by its text":            {"Subject: [Test] Microsoft Defender notification\n", `<p>This is a test email to verify that your notification rule works.</p>`, "kind", "test"},
		"a tag in angles":               {"Subject: <EXTERNAL> High severity alert: Suspicious sign-in\n", `<p>x</p>`, "title", "Suspicious sign-in"},
		"a tag in stars":                {"Subject: ***SPAM*** High severity alert: Suspicious sign-in\n", `<p>x</p>`, "title", "Suspicious sign-in"},
		"an automatic reply":            {"Subject: Automatic reply: x\nAuto-Submitted: auto-replied\n", `<p>x</p>`, "automatic", "true"},
		"a notification by a machine":   {alertsMail + "Auto-Submitted: auto-generated\n", `<p>x</p>`, "automatic", "false"},
	} {
		raw := "From: Microsoft Defender <defender-noreply@microsoft.com>\n" + c.head + "Content-Type: text/html; charset=utf-8\n\n" + c.body + "\n"
		if got := said(Parse([]byte(raw)), c.fact); got != c.want {
			t.Errorf("%s: %s: got %q, want %q", name, c.fact, got, c.want)
		}
	}
}

func TestPlainTextIsPairedInManyWays(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"%d. %s: %s", "- %[2]s - %[3]s", "%[2]s = %[3]s", "%[2]s -> %[3]s", "%[2]s ....: %[3]s", "[%[2]s] %[3]s", "• %[2]s: %[3]s"} {
		body := ""
		for i, field := range [][2]string{{"Incident name", "Ransomware on ws-1"}, {"Severity", "High"}, {"Devices", "ws-1"}, {"Organization", "Contoso - Berlin = HQ"}} {
			body += fmt.Sprintf(form, i+1, field[0], field[1])
			body, _, _ = strings.Cut(body, "%!(EXTRA")
			body += "\n"
		}
		a := Parse([]byte("From: defender-noreply@microsoft.com\n" + incidentMail + "\n" + body))
		if a.Title != "Ransomware on ws-1" || a.Severity != tickets.High || said(a, "devices") != "ws-1" || a.Organisation != "Contoso - Berlin = HQ" {
			t.Errorf("%q: got %q, %s, %q, %q", form, a.Title, a.Severity, a.Devices, a.Organisation)
		}
	}
}

// TestANoteAboveAForwardBringsNoIDs forwards an incident below a note that links to another one of another tenant.
func TestANoteAboveAForwardBringsNoIDs(t *testing.T) {
	t.Parallel()
	const note, original = "https://security.microsoft.com/incidents/999?tid=00000000-0000-0000-0000-000000000001", "https://security.microsoft.com/incidents/1791?tid=92276658-1e27-41c0-8a6a-63ec24ede6a4"
	for name, raw := range map[string]string{
		"HTML":  "Content-Type: text/html\n\n<p>same as <a href=\"" + note + "\">this one</a></p><div><b>From:</b> Microsoft 365 Defender &lt;defender-noreply@microsoft.com&gt;<br><b>Sent:</b> Monday<br><b>Subject:</b> Microsoft 365 Defender has detected a security threat</div><p>Severity: High</p><a href=\"" + original + "\">View</a>",
		"plain": "\nsame as " + note + "\n\nFrom: Microsoft 365 Defender <defender-noreply@microsoft.com>\nSent: Monday\nSubject: Microsoft 365 Defender has detected a security threat\n\nSeverity: High\nView " + original + "\n",
	} {
		a := Parse([]byte("From: pat@contoso.example\nSubject: FW: Microsoft 365 Defender has detected a security threat\n" + raw))
		if a.IncidentID != "1791" || a.TenantID != "92276658-1e27-41c0-8a6a-63ec24ede6a4" || !a.Message.Forwarded {
			t.Errorf("%s: got incident %s of %s", name, a.IncidentID, a.TenantID)
		}
	}
}
