package playbook

import (
	"testing"
	"time"

	"afterhours/tickets"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	found, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// office asks from eight to six on working days in Madrid, is off from two to three on Sundays, and goes by itself else.
func office(t *testing.T) Playbook {
	t.Helper()
	madrid := zone(t, "Europe/Madrid")
	return Playbook{
		ID: "isolate", Action: IsolateDevice, Otherwise: Automatic, PerHour: DefaultPerHour, Expires: DefaultExpires, Approvers: 1,
		Approval: []Window{
			{tickets.Window{Days: []tickets.Weekday{0}, From: 2 * 60, To: 3 * 60}, madrid, Off},
			{tickets.Window{Days: []tickets.Weekday{1, 2, 3, 4, 5}, From: 8 * 60, To: 18 * 60}, madrid, Ask},
			{tickets.Window{Days: []tickets.Weekday{6}, From: 22 * 60, To: 6 * 60}, madrid, Ask},
		},
	}
}

func TestTheFirstWindowThatIsOpenDecides(t *testing.T) {
	t.Parallel()
	p := office(t)
	for at, want := range map[string]Mode{
		"2026-03-27T07:59:59+01:00": Automatic,
		"2026-03-27T08:00:00+01:00": Ask,
		"2026-03-27T17:59:59+01:00": Ask,
		"2026-03-27T18:00:00+01:00": Automatic, // its end belongs to the next
		"2026-03-28T12:00:00+01:00": Automatic,
		"2026-03-28T22:00:00+01:00": Ask, // into the night
		"2026-03-29T01:59:59+01:00": Ask,
		"2026-03-29T03:30:00+02:00": Ask, // from two to three there is nothing that Sunday
		"2026-03-29T05:59:59+02:00": Ask,
		"2026-03-29T06:00:00+02:00": Automatic,
		"2026-10-25T02:30:00+02:00": Off, // the first half past two
		"2026-10-25T02:30:00+01:00": Off, // the second one: a window ends at the first three o'clock, which is behind it
		"2026-10-25T03:00:00+01:00": Ask,
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.ModeAt(moment); got != want {
			t.Errorf("%s: got %s, want %s", at, got, want)
		}
	}
	if got := (Playbook{Otherwise: Off}).ModeAt(time.Now()); got != Off {
		t.Errorf("without windows: got %s, want what it says otherwise", got)
	}
}

// TestTheDrawnWeekIsTheWeekThatRuns compares the drawing with the mode of each minute, through the weeks in which clocks
// change, on both halves of the earth and where they change by half an hour.
func TestTheDrawnWeekIsTheWeekThatRuns(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{
		"Europe/Madrid": "2026-03-26T10:17:00Z", "Europe/Berlin": "2026-10-22T10:17:00Z", "America/New_York": "2026-11-01T00:00:00Z",
		"Australia/Lord_Howe": "2026-04-02T00:00:00Z", "UTC": "2026-03-26T00:00:00Z",
	} {
		p := office(t)
		for i := range p.Approval {
			p.Approval[i].Zone = zone(t, name)
		}
		from, err := time.Parse(time.RFC3339, begin)
		if err != nil {
			t.Fatal(err)
		}
		to := from.Add(7 * 24 * time.Hour)
		spans := p.Spans(from, to)
		if len(spans) < 5 || !spans[0].Start.Equal(from) || !spans[len(spans)-1].End.Equal(to) {
			t.Fatalf("%s: got %d spans from %v, want the whole week", name, len(spans), spans)
		}
		for i, span := range spans {
			if i > 0 && (!span.Start.Equal(spans[i-1].End) || span.Mode == spans[i-1].Mode) {
				t.Errorf("%s: span %d begins at %s with %s after %s with %s", name, i, span.Start, span.Mode, spans[i-1].End, spans[i-1].Mode)
			}
			for at := span.Start; at.Before(span.End); at = at.Add(time.Minute) {
				if got := p.ModeAt(at); got != span.Mode {
					t.Fatalf("%s: at %s it is %s and drawn as %s", name, at, got, span.Mode)
				}
			}
		}
	}
}

func TestADeviceIsExcludedByEverythingThatNamesIt(t *testing.T) {
	t.Parallel()
	device := Device{ID: "1", Name: "srv-sql-07.contoso.example", Group: "Servers", Tags: []string{"Payroll"}}
	controller := Device{ID: "2", Name: "dc-01", Tags: []string{"Tier0"}}
	for name, at := range map[string]struct {
		action   Action
		exclude  Exclusion
		device   Device
		excluded bool
	}{
		"nothing":                               {IsolateDevice, Exclusion{}, device, false},
		"its short name":                        {IsolateDevice, Exclusion{Device: []string{"SRV-SQL-07"}}, device, true},
		"its whole name":                        {IsolateDevice, Exclusion{Device: []string{"*.contoso.example"}}, device, true},
		"a pattern":                             {IsolateDevice, Exclusion{Device: []string{"srv-sql-0?"}}, device, true},
		"another name":                          {IsolateDevice, Exclusion{Device: []string{"srv-sql-1*"}}, device, false},
		"its group":                             {IsolateDevice, Exclusion{Group: []string{"servers"}}, device, true},
		"its tag":                               {IsolateDevice, Exclusion{Tag: []string{"payroll"}}, device, true},
		"another tag":                           {IsolateDevice, Exclusion{Tag: []string{"pay"}}, device, false},
		"a domain controller":                   {IsolateDevice, Exclusion{}, controller, true},
		"a domain controller's programs":        {RestrictApps, Exclusion{}, controller, true},
		"a domain controller that is scanned":   {AntivirusScan, Exclusion{}, controller, true},
		"a domain controller that is released":  {ReleaseDevice, Exclusion{}, controller, false},
		"a domain controller that gets a tag":   {TagDevice, Exclusion{}, controller, false},
		"a tagged one that is excluded by name": {TagDevice, Exclusion{Device: []string{"dc-*"}}, controller, true},
	} {
		p := Playbook{Action: at.action, Exclude: at.exclude}
		if got := p.Excluded(at.device); (got != "") != at.excluded {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestAPlaybookMatchesWhatItNamesAndNothingElse(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)
	facts := Facts{
		Severity: "high", Category: "Ransomware", Product: "endpoint", Title: "Ransomware behavior detected", Source: "api", Detection: "WindowsDefenderAtp",
		Tenant: "contoso", Directory: "0a1b",
	}
	for name, c := range map[string]struct {
		match Match
		want  bool
	}{
		"everything":              {Match{}, true},
		"a severity":              {Match{Severity: []string{"medium", "High"}}, true},
		"another severity":        {Match{Severity: []string{"medium"}}, false},
		"a category":              {Match{Category: []string{"ransomware"}}, true},
		"a part of a category":    {Match{Category: []string{"ransom"}}, false},
		"a title":                 {Match{Title: []string{"*behavior*"}}, true},
		"a device":                {Match{Device: []string{"srv-*"}}, true},
		"another device":          {Match{Device: []string{"ws-*"}}, false},
		"the way in":              {Match{Source: []string{"api"}}, true},
		"the other way in":        {Match{Source: []string{"email"}}, false},
		"a detection source":      {Match{Source: []string{"windowsdefenderatp"}}, true},
		"a tenant by our id":      {Match{Tenant: []string{"contoso"}}, true},
		"a tenant by Microsoft's": {Match{Tenant: []string{"0A1B"}}, true},
		"another tenant":          {Match{Tenant: []string{"fabrikam"}}, false},
		"these hours":             {Match{Hours: []tickets.Window{{From: 11 * 60, To: 13 * 60}}}, true},
		"other hours":             {Match{Hours: []tickets.Window{{From: 13 * 60, To: 14 * 60}}}, false},
		"all of it but one":       {Match{Severity: []string{"high"}, Category: []string{"Ransomware"}, Product: []string{"cloud"}}, false},
	} {
		if got := (Playbook{Match: c.match}).CallsFor(facts, "srv-sql-07", at); got != c.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

// outcome is a reading of a report, fresh at a moment.
func outcome(number int64, at time.Time, machines ...tickets.Machine) tickets.Outcome {
	alert := tickets.Alert{Severity: tickets.High, Title: "Ransomware", Provenance: tickets.ProvenanceMicrosoft}
	report := &tickets.Report{Tenant: "contoso", AlertID: "da1_1", CreatedAt: at, UpdatedAt: at, Machines: machines}
	return tickets.Outcome{Reading: tickets.Reading{Alert: alert, Report: report}, Ticket: &tickets.Ticket{Number: number, State: tickets.Open}, State: tickets.MailRead}
}

// mailed is a reading of a mail that names a device.
func mailed(number int64, at time.Time, change func(*tickets.Reading)) tickets.Outcome {
	yes := true
	reading := tickets.Reading{
		Alert: tickets.Alert{Severity: tickets.High, Title: "Ransomware", Provenance: tickets.ProvenanceMicrosoft, Devices: []string{"ws-1"}},
		Mail:  tickets.Mail{ReceivedAt: at, Envelope: tickets.Envelope{Verified: &yes}}, Tenant: "0a1b",
	}
	if change != nil {
		change(&reading)
	}
	return tickets.Outcome{Reading: reading, Ticket: &tickets.Ticket{Number: number, State: tickets.Open}, State: tickets.MailRead}
}

func TestOnlyFreshWordOfMicrosoftsOwnIsTrusted(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	no := false
	for name, c := range map[string]struct {
		outcome tickets.Outcome
		want    bool
	}{
		"a report":               {outcome(1, now), true},
		"an old report":          {outcome(1, now.Add(-61*time.Minute)), false},
		"an authenticated mail":  {mailed(1, now, nil), true},
		"an old mail":            {mailed(1, now.Add(-61*time.Minute), nil), false},
		"a mail that failed":     {mailed(1, now, func(r *tickets.Reading) { r.Mail.Envelope.Verified = &no }), false},
		"a mail of nobody":       {mailed(1, now, func(r *tickets.Reading) { r.Mail.Envelope.Verified = nil }), false},
		"a person's mail":        {mailed(1, now, func(r *tickets.Reading) { r.Alert.Provenance = tickets.ProvenanceOther }), false},
		"a forward":              {mailed(1, now, func(r *tickets.Reading) { r.Alert.Message.Forwarded = true }), false},
		"an auto-reply":          {mailed(1, now, func(r *tickets.Reading) { r.Alert.Message.AutoSubmitted = true }), false},
		"a backlog":              {mailed(1, now, func(r *tickets.Reading) { r.Backlog = "it is filed" }), false},
		"what is resolved there": {mailed(1, now, func(r *tickets.Reading) { r.Alert.Action = tickets.ActionResolved }), false},
	} {
		if got := trusted(c.outcome, now); got != c.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
	for name, change := range map[string]func(*tickets.Outcome){
		"a notice of ours":    func(o *tickets.Outcome) { o.Reading.Report.Notice = true },
		"news of a merge":     func(o *tickets.Outcome) { o.Reading.Report.OnlyKnown = true },
		"no alert":            func(o *tickets.Outcome) { o.Reading.Report.AlertID = "" },
		"a repeat":            func(o *tickets.Outcome) { o.State = tickets.MailRepeated },
		"about nothing known": func(o *tickets.Outcome) { o.Ticket = nil },
		"a resolved ticket":   func(o *tickets.Outcome) { o.Ticket.State = tickets.Resolved },
	} {
		one := outcome(1, now)
		change(&one)
		if trusted(one, now) {
			t.Errorf("%s is trusted", name)
		}
	}
}

func TestADryRunDecidesAsARunWould(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 28, 3, 0, 0, 0, time.UTC) // Saturday: by itself
	p := office(t)
	p.PerHour, p.Exclude = 2, Exclusion{Device: []string{"dc-*"}}
	machine := func(name string) tickets.Machine { return tickets.Machine{ID: "id of " + name, Name: name} }
	past := []tickets.Outcome{
		outcome(1, at, machine("ws-1")),
		outcome(1, at, machine("ws-1")), // the same once more
		outcome(2, at.Add(10*time.Minute), machine("dc-1")),
		outcome(3, at.Add(20*time.Minute), machine("ws-2")),
		outcome(4, at.Add(30*time.Minute), machine("ws-3")),
		outcome(5, at.Add(70*time.Minute), machine("ws-4")), // an hour after the first
		outcome(6, time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC), machine("ws-5")),
		mailed(7, at, func(r *tickets.Reading) { r.Alert.Message.Forwarded = true }),
		mailed(8, at, func(r *tickets.Reading) { r.Tenant = "another" }),
	}
	got := p.DryRun(past, func(directory string) (string, bool) { return "contoso", directory == "0a1b" })
	want := []struct {
		ticket int64
		mode   Mode
		idle   bool
	}{{1, Automatic, false}, {2, Automatic, true}, {3, Automatic, false}, {4, Ask, false}, {5, Automatic, false}, {6, Ask, false}, {7, Automatic, true}, {8, Automatic, true}}
	if len(got) != len(want) {
		t.Fatalf("got %d lines, want %d: %+v", len(got), len(want), got)
	}
	for i, line := range got {
		if line.Ticket != want[i].ticket || line.Mode != want[i].mode || (line.Why != "") != want[i].idle {
			t.Errorf("got %+v, want %+v", line, want[i])
		}
	}
}
