package tickets

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// reading is a mail with an own Message-ID; change sets what it says.
func reading(id int64, change func(*Alert)) Reading {
	alert := Unreadable("", nil)
	alert.Tracking, alert.Kind, alert.Title = nil, KindAlert, "Ransomware"
	alert.Severity = Medium
	alert.Message.MessageID = fmt.Sprintf("m%d@example", id)
	change(&alert)
	digest := sha256.Sum256(fmt.Append(nil, id))
	return NewReading(Mail{ID: id, ReceivedAt: noon}, alert, digest[:])
}

// store is what a database would know after plans were written.
type store struct {
	tickets map[int64]*Ticket
	keys    map[string]int64
	repeats map[string]int64
}

func newStore() *store {
	return &store{map[int64]*Ticket{}, map[string]int64{}, map[string]int64{}}
}

func (s *store) known() Known {
	return Known{Tickets: s.tickets, Owners: s.keys, Repeats: s.repeats}
}

func (s *store) run(readings ...Reading) Plan {
	plan := Correlate(s.known(), readings, noon)
	for _, ticket := range plan.Created {
		ticket.Number = int64(1001 + len(s.tickets))
		s.tickets[ticket.Number] = ticket
	}
	for _, join := range plan.Joined {
		for key, owner := range s.keys {
			if owner == join.From.Number {
				s.keys[key] = join.Into.Number
			}
		}
	}
	for _, claim := range plan.Keys {
		s.keys[claim.Key] = claim.Ticket.Number
	}
	for _, outcome := range plan.Outcomes {
		s.repeats[outcome.Reading.repeatKey()] = outcome.Ticket.Number
	}
	return plan
}

func alertID(ids ...string) func(*Alert) { return func(a *Alert) { a.AlertIDs = ids } }

func TestAlertIDsAreOneMatterWithAndWithoutPrefixAndCase(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"da637551227677560813_-961444813", "637551227677560813_-961444813"},
		{"fa0A1B2C3D-1111-4222-8333-444455556666", "0a1b2c3d-1111-4222-8333-444455556666"},
		{"da09e47ccc-b74a-45bb-985f-8d6c077b70b6_1", "ra09E47CCC-b74a-45bb-985f-8d6c077b70b6_1"},
	} {
		s := newStore()
		s.run(reading(1, alertID(pair[0])), reading(2, alertID(pair[1])))
		if len(s.tickets) != 1 {
			t.Errorf("%s and %s: got %d tickets, want 1", pair[0], pair[1], len(s.tickets))
		}
	}
	if got := FoldAlertID("DA09e47c-b74a-45bb-985f-8d6c077b70b6"); got != "da09e47c-b74a-45bb-985f-8d6c077b70b6" {
		t.Errorf("a GUID that begins like a prefix: got %s, want it whole", got)
	}
}

func TestIncidentsOfTwoTenantsAreTwoMatters(t *testing.T) {
	t.Parallel()
	s := newStore()
	for tenant := range 2 {
		s.run(reading(int64(tenant), func(a *Alert) { a.IncidentID, a.TenantID = "77", fmt.Sprint("tenant", tenant) }))
	}
	if len(s.tickets) != 2 {
		t.Errorf("got %d tickets, want 2", len(s.tickets))
	}
}

func TestAMergeJoinsTwoTicketsIntoTheIncidentThatLivesOn(t *testing.T) {
	t.Parallel()
	s := newStore()
	incident := func(id string) func(*Alert) {
		return func(a *Alert) { a.Kind, a.IncidentID, a.Devices = KindIncident, id, []string{"pc-" + id} }
	}
	s.run(reading(1, incident("10")), reading(2, incident("11")))
	plan := s.run(reading(3, func(a *Alert) {
		a.Kind, a.IncidentID, a.MergedIncidentIDs, a.Action = KindIncident, "11", []string{"10"}, ActionUpdated
	}))
	first, second := s.tickets[1001], s.tickets[1002]
	if first.State != Resolved || second.State != Open {
		t.Errorf("states: got %s and %s, want the first resolved and the second open", first.State, second.State)
	}
	if want := []string{"pc-11", "pc-10"}; !slices.Equal(second.Devices, want) {
		t.Errorf("devices: got %v, want %v", second.Devices, want)
	}
	if len(plan.Joined) != 1 || plan.Joined[0].Into != second {
		t.Errorf("joined: got %+v", plan.Joined)
	}
	s.run(reading(4, incident("10")))
	if second.MessageCount != 4 {
		t.Errorf("a late mail of the ended incident: got %d messages on the survivor, want 4", second.MessageCount)
	}
}

func TestAnUpdatePagesOnlyWhenItIsWorse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state  State
		second func(*Alert)
		want   ChangeKind
		after  State
	}{
		"same severity on an open ticket":        {Open, func(a *Alert) {}, ChangeUpdated, Open},
		"raised severity on an open ticket":      {Open, func(a *Alert) { a.Severity = High }, ChangeRaised, Open},
		"lower severity":                         {Open, func(a *Alert) { a.Severity = Low }, ChangeUpdated, Open},
		"unknown severity":                       {Open, func(a *Alert) { a.Severity = SeverityUnknown }, ChangeUpdated, Open},
		"new device on an open ticket":           {Open, func(a *Alert) { a.Devices = []string{"pc2"} }, ChangeUpdated, Open},
		"same device on an acknowledged ticket":  {Acknowledged, func(a *Alert) { a.Devices = []string{"PC1"} }, ChangeUpdated, Acknowledged},
		"new device on an acknowledged ticket":   {Acknowledged, func(a *Alert) { a.Devices = []string{"pc2"} }, ChangeSpread, Open},
		"raised severity on an acknowledged one": {Acknowledged, func(a *Alert) { a.Severity = High }, ChangeRaised, Open},
		"any mail on a resolved ticket":          {Resolved, func(a *Alert) {}, ChangeReopened, Open},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore()
			first := func(a *Alert) { a.AlertIDs, a.Devices = []string{"da1"}, []string{"pc1"} }
			s.run(reading(1, first))
			ticket := s.tickets[1001]
			ticket.State, ticket.AcknowledgedBy = c.state, "ana"
			plan := s.run(reading(2, func(a *Alert) { first(a); c.second(a) }))
			if got := plan.Changes[0].Kind; got != c.want {
				t.Errorf("change: got %d, want %d", got, c.want)
			}
			if ticket.State != c.after {
				t.Errorf("state: got %s, want %s", ticket.State, c.after)
			}
			if c.state == Acknowledged && c.after == Open && plan.Changes[0].Owner != "ana" {
				t.Errorf("owner: got %q, want ana", plan.Changes[0].Owner)
			}
		})
	}
}

func TestAnUnderstoodMailCorrectsATicketThatWasNot(t *testing.T) {
	t.Parallel()
	s := newStore()
	s.run(reading(1, func(a *Alert) {
		a.Kind, a.Title, a.Product = KindUnrecognised, "FW", ProductUnknown
		a.AlertIDs = []string{"da1"}
	}))
	s.run(reading(2, func(a *Alert) { a.Product, a.AlertIDs = ProductEndpoint, []string{"da1"} }))
	if ticket := s.tickets[1001]; ticket.Kind != KindAlert || ticket.Title != "Ransomware" || ticket.Product != ProductEndpoint {
		t.Errorf("got %+v", ticket)
	}
}

func TestMailWithoutAnyIDIsOneMatterADay(t *testing.T) {
	t.Parallel()
	keys := func(received time.Time, change func(*Alert)) []string {
		alert := Alert{Title: "Disk", Devices: []string{"pc1"}}
		change(&alert)
		return Keys(alert, received, []byte{1})
	}
	same := func(*Alert) {}
	if !slices.Equal(keys(noon, same), keys(noon.Add(time.Hour), same)) {
		t.Error("the same content on one day: got two keys")
	}
	if slices.Equal(keys(noon, same), keys(noon.Add(24*time.Hour), same)) {
		t.Error("the same content on the next day: got one key")
	}
	if slices.Equal(keys(noon, same), keys(noon, func(a *Alert) { a.Devices = nil })) {
		t.Error("another device: got one key")
	}
}

// TestEveryReadingEndsOnOneTicket holds for any mails in any batches: no reading is left over, no key has two
// unresolved owners, and how the mails are cut into batches makes no difference.
func TestEveryReadingEndsOnOneTicket(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 30).Draw(t, "mails")
		var readings []Reading
		for i := range count {
			ids := rapid.SliceOfN(rapid.SampledFrom([]string{"da1", "da2", "da3", "ra4", "5", "da6", "7", "8"}), 0, 3).Draw(t, "ids")
			readings = append(readings, reading(int64(i), alertID(ids...)))
		}
		whole, single := newStore(), newStore()
		plan := whole.run(readings...)
		if len(plan.Outcomes) != count {
			t.Fatalf("outcomes: got %d, want %d", len(plan.Outcomes), count)
		}
		for _, r := range readings {
			single.run(r)
		}
		if a, b := whole.summary(), single.summary(); a != b {
			t.Fatalf("in one batch %s, one by one %s", a, b)
		}
	})
}

func (s *store) summary() string {
	messages := map[State]int{}
	for _, ticket := range s.tickets {
		if ticket.State != Resolved {
			messages[ticket.State] += ticket.MessageCount
		}
	}
	open := 0
	for _, ticket := range s.tickets {
		if ticket.State == Open {
			open++
		}
	}
	return fmt.Sprintf("%d tickets, %d open, messages %v", len(s.tickets), open, messages)
}
