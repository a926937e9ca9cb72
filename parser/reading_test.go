package parser

import (
	"testing"
)

// pairs is a table of labels and values in the layout of the samples.
func pairs(of ...string) string {
	body := "<table>"
	for i := 0; i+1 < len(of); i += 2 {
		body += "<tr><td>" + of[i] + "</td><td>" + of[i+1] + "</td></tr>"
	}
	return body + "</table>"
}

const (
	madeByDefender = "Microsoft 365 Defender <defender-noreply@microsoft.com>"
	oneIncident    = `<a href="https://security.microsoft.com/incidents/1791?tid=92276658-1e27-41c0-8a6a-63ec24ede6a4">View</a>`
	incidentWords  = "Microsoft 365 Defender has detected a security threat"
	mergeWords     = "Microsoft 365 Defender has merged the incidents detected in your environment"
)

type wanted = map[string]any

// TestOneMailOfEachRule holds rules that no layout changes, each by one mail.
func TestOneMailOfEachRule(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, subject, html string
		want                wanted
	}{
		"a health issue of a domain controller is an alert of Identity": {
			madeByDefender, "Directory Services Advanced Auditing is not enabled on svdcdc01.cpp-db.com",
			"<h1>Microsoft Defender for Identity</h1>" + pairs("Health issue", "Directory Services Advanced Auditing is not enabled", "Severity", "Medium", "Domain controller", "svdcdc01.cpp-db.com") +
				`<a href="https://security.microsoft.com/identities/health-issues?tid=92276658-1e27-41c0-8a6a-63ec24ede6a4">View</a>`,
			wanted{"kind": "alert", "product": "identity", "severity": "medium", "title": "Directory Services Advanced Auditing is not enabled", "devices": []any{"svdcdc01.cpp-db.com"}},
		},
		"a health issue without fields has its subject for a title": {
			madeByDefender, "Directory Services Advanced Auditing is not enabled on svdcdc01.cpp-db.com", "<p>Microsoft Defender for Identity found a health issue of a sensor.</p>",
			wanted{"kind": "alert", "product": "identity", "severity": "unknown", "title": "Directory Services Advanced Auditing is not enabled on svdcdc01.cpp-db.com"},
		},
		"a test mail that says so": {
			madeByDefender, "Test email notification from Microsoft 365 Defender", "<p>This is a test email. No action is needed.</p>",
			wanted{"kind": "test", "product": "xdr", "severity": "unknown"},
		},
		"a test mail under the subject of incidents": {
			madeByDefender, incidentWords, "<h1>" + incidentWords + "</h1><p>This is a test notification to verify your settings.</p>",
			wanted{"kind": "test"},
		},
		"a raised severity counts, not the one before": {
			madeByDefender, incidentWords, "<p>The severity has changed.</p>" + pairs("Incident name", "One", "Severity", "Medium → High") + oneIncident,
			wanted{"severity": "high"},
		},
		"a severity with the one before it": {
			madeByDefender, incidentWords, pairs("Incident name", "One", "Severity", "High (was Medium)") + oneIncident, wanted{"severity": "high"},
		},
		"counts are no devices and no users": {
			madeByDefender, incidentWords, pairs("Incident name", "One", "Severity", "High", "Devices", "3", "Users", "2 users") + oneIncident,
			wanted{"devices": []any{}, "users": []any{}},
		},
		"a list that is cut short": {
			madeByDefender, incidentWords, pairs("Incident name", "One", "Severity", "High", "Devices", "ws-1, ws-2 and 4 more") + oneIncident,
			wanted{"devices": []any{"ws-1", "ws-2"}},
		},
		"users among impacted assets": {
			madeByDefender, incidentWords, pairs("Incident name", "One", "Severity", "High", "Impacted assets", "ws-1.contoso.com, pat@contoso.com") + oneIncident,
			wanted{"devices": []any{"ws-1.contoso.com"}, "users": []any{"pat@contoso.com"}},
		},
		"commas without spaces": {
			madeByDefender, incidentWords, pairs("Incident name", "One", "Severity", "High", "Devices", "ws-1,ws-2;ws-3", "Users", "pat@contoso.com,kim@contoso.com") + oneIncident,
			wanted{"devices": []any{"ws-1", "ws-2", "ws-3"}, "users": []any{"pat@contoso.com", "kim@contoso.com"}},
		},
		"the same device twice in another case": {
			madeByDefender, incidentWords, pairs("Incident name", "One", "Severity", "High", "Device", "WS-1", "Device", "ws-1") + oneIncident, wanted{"devices": []any{"WS-1"}},
		},
		"an incident's number and name in one value": {
			madeByDefender, incidentWords, pairs("Incident", "1791 - Multi-stage attack", "Severity", "High"),
			wanted{"incident_id": "1791", "title": "Multi-stage attack"},
		},
		"an incident's name with its number behind": {
			madeByDefender, incidentWords, pairs("Incident", "Multi-stage attack (ID 1791)", "Severity", "High"),
			wanted{"incident_id": "1791", "title": "Multi-stage attack"},
		},
		"a tenant by name and id": {
			madeByDefender, incidentWords, pairs("Incident name", "One", "Severity", "High", "Tenant", "Contoso (92276658-1e27-41c0-8a6a-63ec24ede6a4)", "Incident ID", "7"),
			wanted{"organisation": "Contoso", "tenant_id": "92276658-1e27-41c0-8a6a-63ec24ede6a4"},
		},
		"a table of columns": {
			madeByDefender, incidentWords, "<table><tr><th>Incident name</th><th>Severity</th><th>Incident ID</th><th>Devices</th></tr><tr><td>One</td><td>Low</td><td>1791</td><td>ws-1<br>ws-2</td></tr></table>",
			wanted{"title": "One", "severity": "low", "incident_id": "1791", "devices": []any{"ws-1", "ws-2"}},
		},
		"four cells in a row": {
			madeByDefender, incidentWords, "<table><tr><td>Incident name</td><td>One</td><td>Severity</td><td>Low</td></tr><tr><td>Status</td><td>Active</td><td>Incident ID</td><td>1791</td></tr></table>",
			wanted{"title": "One", "severity": "low", "incident_id": "1791"},
		},
		"an unsaid zone is in doubt": {
			madeByDefender, incidentWords, pairs("Incident name", "One", "Severity", "High", "Time", "5/10/2026 12:00") + oneIncident, wanted{"detected_at": ""},
		},
		"a zone in the label": {
			madeByDefender, incidentWords, pairs("Incident name", "One", "Severity", "High", "Detection time (UTC)", "5/10/2026 3:00:00 PM") + oneIncident, wanted{"detected_at": "2026-05-10T15:00:00Z"},
		},
		"another zone than UTC": {
			madeByDefender, incidentWords, pairs("Incident name", "One", "Severity", "High", "Time", "5 Oct 2026 14:00 +02:00") + oneIncident, wanted{"detected_at": "2026-10-05T12:00:00Z"},
		},
		"the last activity where there is no first": {
			madeByDefender, incidentWords, pairs("Incident name", "One", "Severity", "High", "Last activity", "2026-10-05T12:00:00Z") + oneIncident, wanted{"detected_at": "2026-10-05T12:00:00Z"},
		},
		"an incident that was resolved by its lead": {
			madeByDefender, incidentWords, "<p>The incident has been resolved.</p>" + pairs("Incident name", "One", "Severity", "High") + oneIncident, wanted{"action": "resolved"},
		},
		"a merge by target and source": {
			madeByDefender, mergeWords, pairs("Target incident", "1791", "Source incident", "12", "Severity", "High", "Incident name", "One"),
			wanted{"incident_id": "1791", "merged_incident_ids": []any{"12"}, "action": "updated"},
		},
		"a merge with names beside numbers": {
			madeByDefender, mergeWords, pairs("Source incident", "12 - Old matter on 3 hosts", "Target incident", "1791 - New matter", "Severity", "High"),
			wanted{"incident_id": "1791", "merged_incident_ids": []any{"12"}, "title": "New matter"},
		},
		"a merge of several": {
			madeByDefender, mergeWords, "<p>Incidents 12, 13 and 14 were merged into incident 1791.</p>" + pairs("Incident name", "One", "Severity", "High"),
			wanted{"incident_id": "1791", "merged_incident_ids": []any{"12", "13", "14"}},
		},
		"a merge with names in the sentence": {
			madeByDefender, mergeWords, "<p>Incident 12 'Attack on 3 hosts' was merged into incident 1791 'Attack on 5 hosts'.</p>" + pairs("Incident name", "One", "Severity", "High"),
			wanted{"incident_id": "1791", "merged_incident_ids": []any{"12"}},
		},
		"a merge in columns": {
			madeByDefender, mergeWords, "<table><tr><th>Source incident</th><th>Target incident</th></tr><tr><td>12</td><td>1791</td></tr><tr><td>13</td><td>1791</td></tr></table>",
			wanted{"incident_id": "1791", "merged_incident_ids": []any{"12", "13"}},
		},
		"a merge told by both links": {
			madeByDefender, mergeWords, `<p><a href="https://security.microsoft.com/incidents/12">12</a> was merged into <a href="https://security.microsoft.com/incidents/1791">1791</a></p>`,
			wanted{"incident_id": "1791", "merged_incident_ids": []any{"12"}},
		},
		"a German incident": {
			madeByDefender, "Microsoft 365 Defender hat eine Sicherheitsbedrohung erkannt", pairs("Name des Vorfalls", "Ransomware auf mehreren Geräten", "Schweregrad", "Hoch", "Kategorien", "Ransomware", "Betroffene Geräte", "ws-1, ws-2", "Betroffene Benutzer", "pat@contoso.com", "Erste Aktivität", "5. Oktober 2026 14:00 UTC") + oneIncident,
			wanted{"kind": "incident", "title": "Ransomware auf mehreren Geräten", "severity": "high", "category": "Ransomware", "devices": []any{"ws-1", "ws-2"}, "users": []any{"pat@contoso.com"}, "detected_at": "2026-10-05T14:00:00Z", "language": "de"},
		},
		"a French policy alert": {
			"Office365Alerts@microsoft.com", "Alerte de gravité élevée : Clic sur une URL malveillante", pairs("Stratégie", "Clic sur une URL malveillante", "Gravité", "Élevée", "Heure", "5 octobre 2026 14:00 UTC", "Utilisateur", "pat@contoso.com", "ID de l’alerte", "27E9E06F-59B4-4E92-AFFD-DEEAA842BC19"),
			wanted{"kind": "alert", "product": "office365", "severity": "high", "title": "Clic sur une URL malveillante", "detected_at": "2026-10-05T14:00:00Z", "alert_ids": []any{"27E9E06F-59B4-4E92-AFFD-DEEAA842BC19"}, "users": []any{"pat@contoso.com"}},
		},
		"a Spanish alert": {
			madeByDefender, "Alerta de gravedad media: Inicio de sesión sospechoso", pairs("Título de la alerta", "Inicio de sesión sospechoso", "Gravedad", "Media", "Dispositivos afectados", "ws-1", "Hora de detección", "5 de octubre de 2026 14:00 UTC") + `<a href="https://security.microsoft.com/alerts/da637551227677560813_-961444813">Ver</a>`,
			wanted{"kind": "alert", "product": "endpoint", "severity": "medium", "title": "Inicio de sesión sospechoso", "devices": []any{"ws-1"}, "detected_at": "2026-10-05T14:00:00Z"},
		},
		"a Japanese policy alert": {
			"Office365Alerts@microsoft.com", "重大度が低いアラート:eDiscovery 検索の開始", pairs("ポリシー", "eDiscovery 検索の開始", "重大度", "低"), wanted{"kind": "alert", "product": "office365", "severity": "low", "title": "eDiscovery 検索の開始"},
		},
		"a Chinese policy alert":   {"Office365Alerts@microsoft.com", "低严重性警报：电子数据展示", "<p>x</p>", wanted{"kind": "alert", "severity": "low", "title": "电子数据展示"}},
		"a Polish policy alert":    {"Office365Alerts@microsoft.com", "Alert o niskim poziomie ważności: Reguła", "<p>x</p>", wanted{"kind": "alert", "severity": "low", "title": "Reguła"}},
		"a Hungarian policy alert": {"Office365Alerts@microsoft.com", "Kis súlyosságú riasztás: Szabály", "<p>x</p>", wanted{"kind": "alert", "severity": "low", "title": "Szabály"}},
		"a Korean policy alert":    {"Office365Alerts@microsoft.com", "낮은 심각도 경고: 규칙", "<p>x</p>", wanted{"kind": "alert", "severity": "low", "title": "규칙"}},
		"a German policy alert":    {"Office365Alerts@microsoft.com", "Warnung mit geringem Schweregrad: Regel", "<p>x</p>", wanted{"kind": "alert", "severity": "low", "title": "Regel"}},
		"an Italian policy alert":  {"Office365Alerts@microsoft.com", "Avviso di gravità elevata: Regola", "<p>x</p>", wanted{"kind": "alert", "severity": "high", "title": "Regola"}},
		"a Portuguese policy alert": {
			"Office365Alerts@microsoft.com", "Alerta de gravidade média: Regra", "<p>x</p>", wanted{"kind": "alert", "severity": "medium", "title": "Regra"},
		},
		"a display name is no sender": {
			`"defender-noreply@microsoft.com" <phish@evil.example>`, incidentWords, pairs("Incident name", "One", "Severity", "High") + oneIncident, wanted{"provenance": "other", "kind": "incident"},
		},
		"a sender that only looks like Microsoft's": {
			"defender-noreply@microsoft.com.evil.example", incidentWords, pairs("Incident name", "One", "Severity", "High") + oneIncident, wanted{"provenance": "other"},
		},
		"a lookalike host gives no ids": {
			madeByDefender, incidentWords, pairs("Incident name", "One", "Severity", "High") + `<a href="https://security.microsoft.com.evil.example/incidents/9">x</a><a href="https://security.microsoft.com@evil.example/incidents/8">x</a>`,
			wanted{"incident_id": "", "links": map[string]any{}},
		},
		"a weekly digest of zero": {
			"Microsoft Security <MSSecurity-noreply@microsoft.com>", "Microsoft Entra ID Protection Weekly Digest", pairs("New risky users detected", "0", "New risky sign-ins detected", "0"),
			wanted{"kind": "digest", "product": "entra", "severity": "unknown", "users": []any{}},
		},
		"an Azure Monitor alert is none of Defender's": {
			"azure-noreply@microsoft.com", "Fired:Sev2 Azure Monitor Alert cpu on vm-1", pairs("Severity", "Sev2", "Affected resource", "vm-1"), wanted{"kind": "unrecognised", "product": "unknown"},
		},
		"the severity in a sentence of the subject of a vulnerability": {
			madeByDefender, "New vulnerabilities notification from Microsoft Defender for Endpoint", "<p>Vulnerability Name CVE-2026-48778 Severity High CVSS 7.8 Affected products Notepad++</p>",
			wanted{"kind": "vulnerability", "severity": "high", "title": "CVE-2026-48778"},
		},
		"several vulnerabilities in columns": {
			madeByDefender, "New zero-day vulnerabilities from Microsoft Defender for Endpoint", "<table><tr><th>Name</th><th>Severity</th><th>CVSS</th></tr><tr><td>CVE-2026-1111</td><td>Medium</td><td>5</td></tr><tr><td>CVE-2026-2222</td><td>High</td><td>9,8</td></tr></table>",
			wanted{"kind": "vulnerability", "severity": "high", "title": "CVE-2026-1111, CVE-2026-2222"},
		},
		"the device of the subject without a field for the title": {
			madeByDefender, "Low severity alert: An active 'X' unwanted software was blocked on laptop", pairs("Severity", "Low", "Device", "laptop") + `<a href="https://security.microsoft.com/alerts/da637551227677560813_-961444813">View</a>`,
			wanted{"title": "An active 'X' unwanted software was blocked", "devices": []any{"laptop"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compare(t, write(c.from, c.subject, "<a@b.example>", htmlMail, "base64", lines64("<html><body>"+c.html+"</body></html>")), c.want)
		})
	}
}
