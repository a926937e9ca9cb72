package web

import (
	"strconv"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// tenantRows are the tenants with how their polls go.
func tenantRows(r reader) []entryRow {
	var rows []entryRow
	for _, tenant := range r.configuration.Tenants {
		row := entryRow{Key: tenant.ID, Name: tenant.ID}
		row.Says = append(row.Says, tenant.TenantID)
		row.tell(r, r.polls[tenant.ID])
		if tenant.WriteBack {
			row.Says = append(row.Says, "writes back")
		}
		rows = append(rows, row)
	}
	for id, status := range r.polls {
		if _, ok := r.configuration.Tenant(id); !ok && id == "environment" {
			row := entryRow{Name: "environment (AFTERHOURS_DEFENDER_TENANT_ID)"}
			row.tell(r, status)
			rows = append(rows, row)
		}
	}
	return rows
}

func (row *entryRow) tell(r reader, status tickets.TenantStatus) {
	switch {
	case status.PolledAt != nil:
		row.Says = append(row.Says, "polled "+r.ago(*status.PolledAt).Words)
	default:
		row.Says = append(row.Says, "not polled yet")
	}
	if status.Lag > 0 {
		row.Says = append(row.Says, "lag "+status.Lag.Round(100*time.Millisecond).String())
	}
	row.Says = append(row.Says, count(int(status.Alerts), "alert read", "alerts read"), count(status.Requests, "request this hour", "requests this hour"))
	if status.Waiting > 0 {
		row.Says = append(row.Says, count(status.Waiting, "change to write back", "changes to write back"))
	}
	switch {
	case status.FailedAt != nil:
		row.Fault = sentenceOf("since " + r.at(*status.FailedAt).Words + ": " + status.Error)
		if status.Mend != "" {
			row.Fault += " Mend: " + sentenceOf(status.Mend)
		}
	case status.IncidentError != "":
		row.Fault = "Incidents are not read: " + sentenceOf(status.IncidentError)
	case status.Failed > 0:
		row.Fault = count(status.Failed, "change", "changes") + " could not be written back within the last day; the tickets' timelines say why."
	}
}

func tenantFields(f entryForm, c oncall.Configuration) []group {
	secret := f.field("secret", "client_secret", "Client secret", "its value, not its id; stored encrypted and never shown")
	secret.Hint = f.Get("_shown.client_secret")
	groups := []group{
		{Legend: "Application", Help: "Make it in the Entra admin center under App registrations; docs/defender-api.md says which permissions it needs.", Fields: []field{
			f.needed("text", "id", "Id", "our name for it, like contoso"), f.needed("text", "tenant_id", "Tenant id", "the directory's GUID"),
			f.needed("text", "client_id", "Client id", "the application's GUID"), secret,
		}},
		{Legend: "Polling", Fields: []field{
			f.field("text", "poll", "Poll every", "from 1s; empty: 1m"),
			f.choose("source", "Source", "graph: the alerts of all products by Graph", "defender", choices(oncall.SourceDefender, oncall.SourceGraph)),
			f.field("text", "organisation", "Organisation", "as the mails name it, where several tenants mail to one address"),
			f.checks("expect_mail[]", "Mails expected for", "severities that the notification rules mail; you are told when the mails stop", severities()),
			f.choose("write_back", "Write back", "acknowledgements, resolutions and notes go to Defender", "no", []choice{{ID: "true", Name: "yes"}}),
		}},
		{Legend: "Hosts", Help: "Empty are Microsoft's; others are for national clouds.", Fields: []field{
			f.field("text", "api_url", "API", "the host without /api"), f.field("text", "token_url", "Token endpoint", "the whole address"), f.field("text", "graph_url", "Graph", ""),
		}},
	}
	return append(groups, group{Legend: "Who can mend it", Fields: f.slots("notify[]", "Tell", 1, targets(c))})
}

func playbookRows(r reader) []entryRow {
	var rows []entryRow
	for _, p := range r.configuration.Playbooks {
		row := entryRow{Key: p.ID, Name: p.ID, Says: []string{plain(p.Action)}}
		for _, window := range p.Approval {
			row.Says = append(row.Says, window.Mode+" in a window of "+named(window.Timezone, "UTC"))
		}
		row.Says = append(row.Says, "otherwise "+named(p.Otherwise, "ask"))
		if p.Approvers > 1 {
			row.Says = append(row.Says, strconv.Itoa(p.Approvers)+" people must approve")
		}
		rows = append(rows, row)
	}
	return rows
}

func playbookFields(f entryForm, _ oncall.Configuration) []group {
	modes := choices(oncall.PlaybookModes()...)
	groups := []group{
		{Legend: "What it does", Fields: []field{
			f.needed("text", "id", "Id", ""), f.choose("action", "Action", "", "", choices(oncall.PlaybookActions()...)),
			f.choose("isolation", "Isolation", "selective: Outlook and Teams go on", "full", choices("selective")),
			f.choose("scan", "Scan", "", "quick", choices("full")), f.field("text", "tag", "Tag", "that tag_device adds"),
		}},
		{Legend: "What calls for it", Help: "What is left empty matches anything. Only the API's own reports, and authenticated mails that nobody forwarded, count.", Fields: []field{
			f.checks("match.severity[]", "Severity", "", severities()), f.checks("match.product[]", "Product", "", choices(oncall.Products()...)),
			f.field("lines", "match.category[]", "Category", "one a line"), f.field("lines", "match.title[]", "Title", "one a line; * stands for anything"),
			f.field("lines", "match.device[]", "Device", "one a line; * stands for anything"), f.field("lines", "match.device_group[]", "Device group", "one a line"),
			f.field("lines", "match.tag[]", "Tag of the device", "one a line"), f.field("lines", "match.source[]", "Source", "api, email, or Microsoft's detection source; one a line"),
			f.field("lines", "match.tenant[]", "Tenant", "one a line"),
		}},
		{Legend: "Never on", Help: "Domain controllers are never touched. Exclusions win over everything else.", Fields: []field{
			f.field("lines", "exclude.device[]", "Device", "one a line; * stands for anything"), f.field("lines", "exclude.device_group[]", "Device group", "one a line"),
			f.field("lines", "exclude.tag[]", "Tag", "one a line"),
		}},
	}
	help := "The first window that is open decides."
	for i := range f.rows("approval") + 1 {
		at := "approval[" + strconv.Itoa(i) + "]."
		groups = append(groups, group{Legend: "Window " + strconv.Itoa(i+1), Help: help, Narrow: true, Fields: []field{
			f.checks(at+"days[]", "Days", "none: every day", choices("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
			f.field("time", at+"from", "From", ""), f.field("time", at+"to", "To", ""), f.field("text", at+"timezone", "Time zone", "empty: UTC"),
			f.choose(at+"mode", "Then it", "", "none", modes),
		}})
		help = ""
	}
	return append(groups, group{Legend: "Approval", Fields: []field{
		f.choose("otherwise", "Outside of the windows", "", "ask", choices("automatic", "off")), f.field("number", "approvers", "People who must approve", "empty: 1"),
		f.field("text", "expires", "A question ends after", "empty: 30m"), f.choose("on_expiry", "Then", "", "decline", choices("run")),
		f.field("number", "per_hour", "Devices by itself within an hour", "then it asks; empty: 5"),
	}})
}
