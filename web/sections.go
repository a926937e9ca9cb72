package web

import (
	"strconv"

	"afterhours/oncall"
)

// section is one list of the configuration as the desk shows and edits it.
type section struct {
	Name   string // of the list in the configuration, and in the path
	One    string // one of its entries
	Title  string
	Help   string
	Empty  string
	ByID   bool // its entries have ids; the others go by their place, and their order counts
	keep   []string
	groups func(f entryForm, c oncall.Configuration) []group
	rows   func(r reader) []entryRow
}

// settingsSections are the configuration's lists in the order in which they are set up.
var settingsSections = [...]section{
	{
		Name: "people", One: "person", Title: "People", ByID: true, groups: personFields, rows: personRows,
		Help:  "Who can be paged, and how. What a person may do here is the account's role.",
		Empty: "Nobody can be paged yet. Add whoever shares the on-call duty.",
	},
	{
		Name: "schedules", One: "schedule", Title: "Schedules", ByID: true, groups: scheduleFields, rows: scheduleRows,
		Help:  "Who is on call when. A later layer wins over an earlier one, a temporary schedule over every layer, an override over both.",
		Empty: "There is no schedule yet. A policy can page people directly, or whoever is on call in a schedule.",
	},
	{
		Name: "policies", One: "policy", Title: "Policies", ByID: true, groups: policyFields, rows: policyRows,
		Help:  "Whom to tell one after the other until somebody acknowledges.",
		Empty: "Nobody can be paged without a policy. Add one with a schedule or a person in its first step.",
	},
	{
		Name: "routes", One: "route", Title: "Routes", groups: routeFields, rows: routeRows, keep: []string{"match"},
		Help:  "The first route that matches decides what happens to a ticket. What no route matches pages with the first policy.",
		Empty: "There is no route: every ticket pages with the first policy.",
	},
	{
		Name: "mutes", One: "mute", Title: "Mutes", groups: muteFields, rows: muteRows, keep: []string{"match"},
		Help:  "What a mute matches is recorded and pages nobody until its end.",
		Empty: "Nothing is muted. A ticket's page can mute those like it, too.",
	},
	{
		Name: "maintenance", One: "maintenance", Title: "Maintenance", ByID: true, groups: maintenanceFields, rows: maintenanceRows, keep: []string{"match"},
		Help:  "Planned times, seven days at most: what one matches pages nobody until it ends, and every page of the desk says so.",
		Empty: "No maintenance is planned. Add one before work that will raise alerts.",
	},
	{
		Name: "webhooks", One: "webhook", Title: "Webhooks", ByID: true, groups: webhookFields, rows: webhookRows,
		Help:  "Receivers of the team's events, signed by the Standard Webhooks specification; a policy's step can name them, too.",
		Empty: "No other system is told of anything yet.",
	},
	{
		Name: "intake", One: "intake", Title: "Intake", ByID: true, groups: intakeFields, rows: intakeRows,
		Help:  "The addresses that mail comes in at: what happens to unverified mail, and who learns that none comes any more.",
		Empty: "Every address goes by the settings, and nobody learns of a silence. Add the address that Defender writes to.",
	},
	{
		Name: "tenants", One: "tenant", Title: "Tenants", ByID: true, groups: tenantFields, rows: tenantRows,
		Help:  "Microsoft directories whose Defender is polled: alerts that no mail brings, evidence, and response actions.",
		Empty: "No tenant is polled. Mails alone carry at most a few alerts a day of some products.",
	},
	{
		Name: "playbooks", One: "playbook", Title: "Playbooks", ByID: true, groups: playbookFields, rows: playbookRows, keep: []string{"match"},
		Help:  "Response actions on devices, by themselves or with approval. Their runs stand under Playbooks above.",
		Empty: "Nothing is done to devices yet.",
	},
	{
		Name: "readings", One: "reading", Title: "Taught readings", ByID: true, groups: readingFields, rows: readingRows,
		Help:  "How mails of other senders are read, where the parser finds too little in them. The first that matches and finds anything counts.",
		Empty: "No reading is taught. On the page of a mail that was not recognised, an administrator can mark what it says.",
	},
}

func sectionNamed(name string) (section, bool) {
	for _, s := range settingsSections {
		if s.Name == name {
			return s, true
		}
	}
	return section{}, false
}

func personFields(f entryForm, _ oncall.Configuration) []group {
	groups := []group{{Legend: "Who", Fields: []field{
		f.needed("text", "id", "Id", "small letters and digits; it stands in timelines for good"),
		f.needed("text", "name", "Name", ""),
		f.field("email", "email", "E-mail", "the only contact, where none is named below"),
		f.field("text", "timezone", "Time zone", "like Europe/Madrid; empty: UTC"),
		f.choose("role", "Role", "for an account that is made from this person", "none", choices("viewer", "responder", "admin")),
		f.choose("detail", "What leaves the house", "minimal: severity, number and link alone", "", choices("full", "minimal")),
		f.field("text", "shift_notice", "Notice of a shift", "before it begins and ends, like 1h; empty: none"),
		f.choose("weekly_report", "Weekly report", "what each week came to, by mail on Monday", "no", []choice{{ID: "true", Name: "yes"}}),
	}}}
	for i := range f.rows("contacts") + 1 {
		at := "contacts[" + strconv.Itoa(i) + "]."
		to := f.field("text", at+"to", "To", "")
		to.Hint = f.Get("_shown." + at + "to")
		secret := f.field("secret", at+"secret", "Secret", "")
		secret.Hint = f.Get("_shown." + at + "secret")
		groups = append(groups, group{Legend: "Contact " + strconv.Itoa(i+1), Narrow: true, Fields: []field{
			f.field("text", at+"id", "Id", ""), f.choose(at+"channel", "Channel", "", "none", choices(oncall.Channels()...)), to, secret,
		}})
	}
	help := "Without rules every contact is told at once. A rule that names no severity holds for all."
	for i := range f.rows("notify") + 1 {
		at := "notify[" + strconv.Itoa(i) + "]."
		groups = append(groups, group{Legend: "Rule " + strconv.Itoa(i+1), Help: help, Narrow: true, Fields: []field{
			f.field("text", at+"after", "After", "0s, 5m"), f.field("text", at+"contact", "Contact", "the id of one above"),
			f.checks(at+"severity[]", "Severity", "none: every one", severities()),
		}})
		help = ""
	}
	return append(groups, f.windows("quiet", "Quiet hours", "In the person's time zone. High alerts ignore them; the next target is told at once, and this person when they end.")...)
}

func scheduleFields(f entryForm, c oncall.Configuration) []group {
	groups := []group{{Legend: "Schedule", Fields: []field{
		f.needed("text", "id", "Id", ""), f.field("text", "name", "Name", ""),
		f.field("text", "timezone", "Time zone", "of all times below, like Europe/Madrid; empty: UTC"),
		f.field("lines", "holidays[]", "Holidays", "one a line, like 2026-12-25 Christmas Day; the calendar takes them from a file"),
	}}}
	for i := range f.rows("layers") + 1 {
		at := "layers[" + strconv.Itoa(i) + "]."
		groups = append(groups, group{
			Legend: "Layer " + strconv.Itoa(i+1), Help: "The people take turns in this order. Later layers win over earlier ones.",
			Fields: append([]field{
				f.field("text", at+"name", "Name", ""),
				f.field("text", at+"rotation.every", "Hand-off every", "12h, 1d, 2w, 1mo"),
				f.field("date", at+"rotation.start", "First hand-off", ""),
			}, f.slots(at+"people[]", "Person", 2, people(c))...),
		})
		if f.rows("layers") > i {
			groups = append(groups, f.hours(at+"hours", "Hours of layer "+strconv.Itoa(i+1)+", window", "Without a window the layer always speaks. A window that ends earlier than it begins ends on the next day.")...)
		}
	}
	help := "For its span no layer speaks: who is on call is what its shifts say, and where they say nothing there is a gap."
	for i := range f.rows("temporary") + 1 {
		at := "temporary[" + strconv.Itoa(i) + "]."
		groups = append(groups, group{Legend: "Temporary schedule " + strconv.Itoa(i+1), Help: help, Narrow: true, Fields: []field{
			f.field("date", at+"start", "From", ""), f.field("date", at+"end", "To", ""),
		}})
		help = ""
		if f.rows("temporary") <= i {
			continue
		}
		for k := range f.rows(at+"shifts") + 1 {
			at := at + "shifts[" + strconv.Itoa(k) + "]."
			groups = append(groups, group{Legend: "Temporary schedule " + strconv.Itoa(i+1) + ", shift " + strconv.Itoa(k+1), Narrow: true, Fields: []field{
				f.choose(at+"person", "Person", "", "none", people(c)), f.field("date", at+"start", "From", ""), f.field("date", at+"end", "To", ""),
			}})
		}
	}
	help = "An override puts one person on call for a span; the later wins."
	for i := range f.rows("overrides") + 1 {
		at := "overrides[" + strconv.Itoa(i) + "]."
		groups = append(groups, group{Legend: "Override " + strconv.Itoa(i+1), Help: help, Narrow: true, Fields: []field{
			f.choose(at+"person", "Person", "", "none", people(c)), f.field("date", at+"start", "From", ""), f.field("date", at+"end", "To", ""),
		}})
		help = ""
	}
	return groups
}

func policyFields(f entryForm, c oncall.Configuration) []group {
	groups := []group{{Legend: "Policy", Fields: []field{
		f.needed("text", "id", "Id", ""),
		f.field("number", "repeat", "Repeat", "how many times more all steps are run"),
		f.field("text", "ack_expires", "An acknowledgement expires after", "like 2h; empty: never"),
		f.choose("ack_link", "The link in a message", "login asks to sign in before it acknowledges", "", choices("confirm", "login")),
		f.field("number", "bundle.after", "Single pages before summaries", "empty: 5; 0: never a summary"),
		f.field("text", "bundle.within", "Within", "like 5m"),
		f.field("text", "timezone", "Time zone", "of the steps' hours, like Europe/Madrid; empty: UTC"),
		f.choose("holidays", "Holidays", "that the steps' hours know", "none", schedules(c)),
	}}}
	for i := range f.rows("steps") + 1 {
		at := "steps[" + strconv.Itoa(i) + "]."
		wait := f.field("text", at+"wait", "Then wait", "before the next step, like 5m")
		if wait.Value == "" {
			wait.Value = f.Get(at + "wait.other")
		}
		groups = append(groups, group{Legend: "Step " + strconv.Itoa(i+1), Fields: append(
			f.slots(at+"notify[]", "Tell", 1, targets(c)), wait)})
		if f.rows("steps") <= i {
			continue
		}
		var waits []field
		for _, severity := range severities() {
			waits = append(waits, f.field("text", at+"wait."+severity.ID, severity.Name, ""))
		}
		groups = append(groups, group{
			Legend: "Waits of step " + strconv.Itoa(i+1) + " by severity", Narrow: true, Fields: waits,
			Help: "Empty waits as above.",
		})
		groups = append(groups, f.hours(at+"hours", "Hours of step "+strconv.Itoa(i+1)+", window", "Without a window the step always speaks; outside of its windows it is skipped at once.")...)
	}
	return append(groups, group{Legend: "Last resort", Help: "Told when all rounds are over, and again until somebody acknowledges.", Fields: append(
		f.slots("last_resort[]", "Tell", 1, targets(c)), f.field("text", "last_resort_every", "Again every", "empty: 15m"))})
}

// matchFields are the keys of a match; each that is empty restricts nothing.
func matchFields(f entryForm) []group {
	groups := []group{{Legend: "What it matches", Help: "What is left empty matches anything; of several values any one is enough.", Fields: []field{
		f.checks("match.severity[]", "Severity", "", severities()),
		f.checks("match.kind[]", "Kind", "", choices(oncall.Kinds()...)),
		f.checks("match.product[]", "Product", "", choices(oncall.Products()...)),
		f.field("lines", "match.title[]", "Title", "one a line; * stands for anything"),
		f.field("lines", "match.device[]", "Device", "one a line; * stands for anything"),
		f.field("lines", "match.category[]", "Category", "one a line"),
		f.field("lines", "match.status[]", "Status", "one a line"),
		f.field("lines", "match.organisation[]", "Organisation", "one a line"),
		f.field("lines", "match.tenant[]", "Tenant", "tenant ids, one a line"),
		f.field("lines", "match.from[]", "From", "the mail's sender, one a line"),
		f.field("lines", "match.to[]", "To", "the intake address, one a line"),
		f.choose("match.verified", "Sender", "", "any", []choice{{ID: "true", Name: "verified"}, {ID: "false", Name: "not verified"}}),
	}}}
	return append(groups, f.windows("match.hours", "Hours (UTC)", "")...)
}

func routeFields(f entryForm, c oncall.Configuration) []group {
	return append(matchFields(f), group{Legend: "What happens", Fields: []field{
		f.choose("action", "Action", "record: a ticket that pages nobody", "", choices(oncall.ActionPage, oncall.ActionRecord)),
		f.choose("policy", "Policy", "", "the first", policies(c)),
		f.field("text", "runbook", "Runbook", "an address that is shown on the ticket and in the page"),
	}})
}

func muteFields(f entryForm, _ oncall.Configuration) []group {
	return append(matchFields(f), group{Legend: "Until when, and why", Fields: []field{
		f.needed("text", "until", "Until", "a moment with its offset, like 2026-12-01T09:00Z"), f.needed("text", "reason", "Why", ""),
	}})
}

func webhookFields(f entryForm, _ oncall.Configuration) []group {
	address, secret := f.field("text", "url", "URL", ""), f.field("secret", "secret", "Secret", "whsec_ and random bytes in base64; empty sends unsigned")
	address.Hint, secret.Hint = f.Get("_shown.url"), f.Get("_shown.secret")
	return []group{{Legend: "Webhook", Fields: []field{
		f.needed("text", "id", "Id", ""), address, secret,
		f.checks("events[]", "Events", "pages of a policy's step come without asking", choices(oncall.EventTypes()...)),
	}}}
}
