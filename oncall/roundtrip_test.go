package oncall

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"afterhours/tickets"
)

// tester is what a test, a fuzz target and a property have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// survives says that a configuration is the same after storage as JSON and after its export.
func survives(t tester, c Configuration) {
	t.Helper()
	stored, err := json.Marshal(c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	var back Configuration
	if err := json.Unmarshal(stored, &back); err != nil {
		t.Fatalf("%s: %v", stored, err)
	}
	if !reflect.DeepEqual(c, back) {
		t.Fatalf("after storage as %s:\n got %+v\nwant %+v", stored, back, c)
	}
	exported, err := c.Export()
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	if len(exported) == 0 {
		return
	}
	document, err := ParseFile("export.yaml", exported)
	if err != nil {
		t.Fatalf("%v in\n%s", err, exported)
	}
	again, err := Merge(Configuration{}, anyContact, document)
	if err != nil {
		t.Fatalf("%v in\n%s", err, exported)
	}
	if !reflect.DeepEqual(c, again) {
		t.Fatalf("after export as\n%s\n got %+v\nwant %+v", exported, again, c)
	}
}

func TestWhateverIsAllowedSurvivesStorageAndExport(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { survives(t, drawConfiguration(t)) })
}

func TestEmptyListsAreStoredLikeAbsentKeys(t *testing.T) {
	t.Parallel()
	c, err := load(t, `
people: [{id: ana, name: Ana, contacts: [], notify: []}]
schedules: [{id: s, layers: [{people: [ana], rotation: {every: 1d, start: "2026-01-05T09:00"}, hours: []}], overrides: []}]
routes: []
`)
	if err != nil {
		t.Fatal(err)
	}
	survives(t, c)
}

// drawConfiguration is a configuration without faults.
func drawConfiguration(t *rapid.T) Configuration {
	words := rapid.SampledFrom([]string{
		"a", "Ana Ruiz", " ", "0", "007", "true", "null", "~", "- a", "a: b", "#", "'", `"`, "[x]", "{}", "é", "2026-01-01", "18:00", "*", "&a",
		"two\nlines", "\ttab", "ends ", "<&>", "!!str", "=", "%", "@", "`", "|", "\u2028", "\U0001f600",
	})
	optional := rapid.OneOf(rapid.Just(""), words)
	seconds := rapid.Custom(func(t *rapid.T) Duration {
		return Duration(time.Duration(rapid.IntRange(0, 7*24*3600).Draw(t, "seconds")) * time.Second)
	})
	minute := rapid.IntRange(0, 24*60)
	moment := rapid.Custom(func(t *rapid.T) LocalTime {
		at := time.Date(2026, 1, 1, 0, 0, rapid.IntRange(0, 365*86400).Draw(t, "second"), 0, time.UTC)
		return LocalTime{wall: at, absolute: rapid.Bool().Draw(t, "absolute")}
	})
	holidays := false // known to what is drawn
	window := rapid.Custom(func(t *rapid.T) Window {
		var days []Weekday
		for range rapid.IntRange(0, 3).Draw(t, "days") {
			last := 6
			if holidays {
				last = 7
			}
			days = append(days, Weekday(rapid.IntRange(0, last).Draw(t, "day")))
		}
		except := ""
		if holidays && rapid.Bool().Draw(t, "except") {
			except = "holiday"
		}
		return Window{Days: days, Except: except, From: Clock(minute.Draw(t, "from")), To: Clock(minute.Draw(t, "to"))}
	})
	values := func(of *rapid.Generator[string]) Values {
		if list := rapid.SliceOfN(of, 0, 3).Draw(t, "values"); len(list) > 0 {
			return list
		}
		return nil
	}
	windows := func() []Window {
		if list := rapid.SliceOfN(window, 0, 2).Draw(t, "hours"); len(list) > 0 {
			return list
		}
		return nil
	}
	quiet := func() []Window {
		if drawn := windows(); !neverEnds(drawn) {
			return drawn
		}
		return nil
	}
	match := func() Match {
		m := Match{
			Severity: values(rapid.SampledFrom([]string{"high", "Low"})), Kind: values(rapid.SampledFrom(kinds)),
			Product: values(rapid.SampledFrom(products)), Category: values(optional), Title: values(words), Status: values(optional),
			Device: values(words), Organisation: values(optional), From: values(optional), To: values(optional),
			Tenant: values(optional), Hours: windows(),
		}
		if rapid.Bool().Draw(t, "has verified") {
			verified := rapid.Bool().Draw(t, "verified")
			m.Verified = &verified
		}
		return m
	}
	c := Configuration{
		People: []Person{
			{
				ID: "ana", Name: "A" + words.Draw(t, "name"), Email: optional.Draw(t, "email"), Timezone: "Europe/Madrid", Role: "admin", Detail: DetailMinimal,
				Contacts: []Contact{{ID: "mail", Channel: "email", To: words.Draw(t, "to"), Secret: optional.Draw(t, "secret")}},
				Notify:   []Rule{{After: seconds.Draw(t, "after"), Contact: "mail", Severity: values(rapid.SampledFrom([]string{"high", "Medium"}))}},
				Quiet:    quiet(), ShiftNotice: rapid.SampledFrom([]Duration{0, Duration(leastShiftNotice), Duration(90 * time.Minute), Duration(mostShiftNotice)}).Draw(t, "shift_notice"),
				WeeklyReport: rapid.Bool().Draw(t, "weekly_report"),
			},
			{ID: "0", Name: "Ben"},
		},
		Webhooks: []Webhook{{ID: "1.0", URL: words.Draw(t, "url"), Secret: optional.Draw(t, "secret")}},
	}
	schedule := Schedule{ID: "null", Name: optional.Draw(t, "name"), Timezone: rapid.SampledFrom([]string{"", "UTC", "Australia/Lord_Howe"}).Draw(t, "zone")}
	holidays = rapid.Bool().Draw(t, "holidays")
	for n := range rapid.IntRange(0, 12).Draw(t, "holiday") {
		if holidays {
			schedule.Holidays = append(schedule.Holidays, Holiday{time.Date(2026, 1, 1+n, 0, 0, 0, 0, time.UTC), strings.TrimSpace("H" + words.Draw(t, "name"))})
		}
	}
	holidays = len(schedule.Holidays) > 0
	for range rapid.IntRange(0, 2).Draw(t, "layers") {
		schedule.Layers = append(schedule.Layers, Layer{
			Name: optional.Draw(t, "layer"), People: []string{"0", "ana"}, Hours: windows(),
			Rotation: Rotation{
				Every: Period{rapid.IntRange(1, 9999).Draw(t, "count"), rapid.SampledFrom([]string{"h", "d", "w", "mo"}).Draw(t, "unit")},
				Start: moment.Draw(t, "start"),
			},
		})
	}
	if start := moment.Draw(t, "start"); rapid.Bool().Draw(t, "override") {
		end := LocalTime{wall: start.wall.Add(time.Duration(seconds.Draw(t, "length"))), absolute: start.absolute}
		schedule.Overrides = []Override{{Person: "0", Start: start, End: end}}
	}
	holidays = false
	if start := moment.Draw(t, "begin"); rapid.Bool().Draw(t, "temporary") {
		after := func(by time.Duration) LocalTime {
			return LocalTime{wall: start.wall.Add(by), absolute: start.absolute}
		}
		schedule.Temporary = []Temporary{{Start: start, End: after(30 * 24 * time.Hour)}}
		if rapid.Bool().Draw(t, "shift") {
			schedule.Temporary[0].Shifts = []Override{{Person: "ana", Start: after(24 * time.Hour), End: after(10 * 24 * time.Hour)}}
		}
	}
	c.Schedules = []Schedule{schedule}
	policy := Policy{
		ID: "true", Repeat: rapid.IntRange(0, maxRepeat).Draw(t, "repeat"), AckExpires: seconds.Draw(t, "ack_expires"),
		Steps: []Step{{Notify: []Target{{TargetSchedule, "null"}, {TargetPerson, "0"}, {TargetWebhook, "1.0"}}, Wait: Same(1e9 + seconds.Draw(t, "wait")/2)}},
	}
	if rapid.Bool().Draw(t, "wait by severity") {
		policy.Steps[0].Wait.High, policy.Steps[0].Wait.Unknown = 1e9+seconds.Draw(t, "high")/2, seconds.Draw(t, "unknown")
		policy.Holidays, holidays = "null", true
		policy.Timezone, policy.Steps[0].Hours = "Europe/Madrid", windows()
		holidays = false
	}
	if rapid.Bool().Draw(t, "last resort") {
		policy.LastResort, policy.LastResortEvery = []Target{{TargetPerson, "ana"}}, Duration(time.Minute)+seconds.Draw(t, "every")/2
	}
	if rapid.Bool().Draw(t, "bundle") {
		policy.Bundle = &Bundle{After: rapid.IntRange(0, 9).Draw(t, "after"), Within: 1e9 + seconds.Draw(t, "within")}
	}
	c.Policies = []Policy{policy}
	for range rapid.IntRange(0, 2).Draw(t, "routes") {
		c.Routes = append(c.Routes, Route{Match: match(), Policy: "true", Action: rapid.SampledFrom([]string{"", "page", "record"}).Draw(t, "action"), Runbook: optional.Draw(t, "runbook")})
	}
	if rapid.Bool().Draw(t, "retention") {
		c.Retention = Retention{Raw: leastRetention + seconds.Draw(t, "raw"), Tickets: leastRetention + seconds.Draw(t, "tickets"), Unresolved: leastUnresolved + seconds.Draw(t, "unresolved")}
		forever, longer := Duration(0), leastUnresolved+seconds.Draw(t, "longer")
		c.Retention.Severities.High.Tickets = &forever
		c.Retention.Severities.Low = rapid.SampledFrom([]Lifetime{{}, {Tickets: &longer}, {&longer, &forever}}).Draw(t, "low")
	}
	c.Load = Load{rapid.SampledFrom([]string{"", LoadOwn, LoadTeam}).Draw(t, "load")}
	if rapid.Bool().Draw(t, "intake") {
		c.Intake = []Intake{{
			ID: "0x1", To: "defender@example.com", Unverified: rapid.SampledFrom([]string{"", UnverifiedPage, UnverifiedRecord, UnverifiedRefuse}).Draw(t, "unverified"),
			ExpectEvery: Duration(leastExpectation) + seconds.Draw(t, "expect_every"), Notify: []Target{{TargetPerson, "ana"}},
		}}
	}
	if rapid.Bool().Draw(t, "reading") {
		field := func(name string) tickets.TaughtField {
			return tickets.TaughtField{Field: name, After: "A" + words.Draw(t, "after"), Before: optional.Draw(t, "before")}
		}
		severity := field("severity")
		severity.Words = []tickets.TaughtWord{{Word: "W" + words.Draw(t, "word"), Means: tickets.High}}
		c.Readings = []tickets.ReadingRule{{
			ID: "siem", From: "alerts@example.com", Subject: optional.Draw(t, "subject"), Text: optional.Draw(t, "text"),
			Kind: rapid.SampledFrom([]tickets.Kind{"", tickets.KindIncident}).Draw(t, "kind"), Product: rapid.SampledFrom([]tickets.Product{"", tickets.ProductCloud}).Draw(t, "product"),
			Fields: []tickets.TaughtField{{Field: "title", In: tickets.InSubject}, severity, field("device")},
		}}
	}
	if rapid.Bool().Draw(t, "mute") {
		until := moment.Draw(t, "until").wall
		c.Mutes = []Mute{{Match: match(), Until: until, Reason: "R" + words.Draw(t, "reason")}}
	}
	if start := moment.Draw(t, "from"); rapid.Bool().Draw(t, "maintenance") {
		c.Maintenance = []Maintenance{{
			ID: "patching", Match: match(), Start: start, End: LocalTime{wall: start.wall.Add(6 * 24 * time.Hour), absolute: start.absolute},
			Timezone: rapid.SampledFrom([]string{"", "Europe/Madrid"}).Draw(t, "zone"), Reason: "R" + words.Draw(t, "why"),
			Afterwards: rapid.SampledFrom([]string{"", AfterwardsHigh, AfterwardsAll, AfterwardsNone}).Draw(t, "afterwards"),
			Notify:     []Target{{TargetPerson, "ana"}, {TargetSchedule, "null"}},
		}}
	}
	if rapid.Bool().Draw(t, "tenant") {
		c.Tenants = []Tenant{{
			ID: "contoso", TenantID: "T" + words.Draw(t, "directory"), ClientID: "C" + words.Draw(t, "client"), ClientSecret: "S" + words.Draw(t, "client_secret"),
			Poll: 1e9 + seconds.Draw(t, "poll")/8, APIURL: optional.Draw(t, "api_url"), TokenURL: optional.Draw(t, "token_url"), GraphURL: optional.Draw(t, "graph_url"),
			Source: rapid.SampledFrom([]string{"", SourceDefender, SourceGraph}).Draw(t, "source"), Organisation: optional.Draw(t, "organisation"),
			WriteBack: rapid.Bool().Draw(t, "write_back"), ExpectMail: values(rapid.SampledFrom([]string{"high", "Medium"})),
			Notify: []Target{{TargetPerson, "ana"}},
		}}
	}
	if rapid.Bool().Draw(t, "playbook") {
		c.Playbooks = []Playbook{{
			ID: "isolate", Action: "isolate_device", Isolation: rapid.SampledFrom([]string{"", "full", "selective"}).Draw(t, "isolation"),
			Match: PlaybookMatch{
				Severity: values(rapid.SampledFrom([]string{"high"})), Category: values(optional), Title: values(words), Device: values(words),
				Group: values(optional), Tag: values(optional), Source: values(optional), Tenant: values(optional), Hours: windows(),
			},
			Approval:  []ApprovalWindow{{Days: []Weekday{1, 5}, From: Clock(minute.Draw(t, "from")), To: Clock(minute.Draw(t, "to")), Timezone: "Europe/Madrid", Mode: "ask"}},
			Otherwise: rapid.SampledFrom([]string{"", "automatic", "off"}).Draw(t, "otherwise"), Approvers: rapid.IntRange(0, 1).Draw(t, "approvers"),
			Expires: Duration(time.Hour), OnExpiry: rapid.SampledFrom([]string{"", "run"}).Draw(t, "on_expiry"),
			Exclude: Exclusion{Device: values(words), Group: values(optional), Tag: values(optional)}, PerHour: rapid.IntRange(0, maxPerHour).Draw(t, "per_hour"),
		}}
	}
	return c
}
