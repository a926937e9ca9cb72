package oncall

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"afterhours/tickets"
)

// dispatched is a page, or another message about the same ticket, to Ana.
func dispatched(kind, detail string) Dispatch {
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	update, _ := json.Marshal(Update{Page: 7, CreatedAt: at, Replaces: "D9:1.2"})
	page := Page{ID: 7, Ticket: 1042, Person: "ana", Channel: "slack", Type: kind, Step: 1, CreatedAt: at}
	switch kind {
	case UpdateType:
		page.ID, page.Payload = 8, update
	case SummaryType:
		page.Payload = []byte(`{"count":2,"by_severity":{"high":2},"tickets":[{"number":1042,"severity":"high","title":"Ransomware"}],"url":"https://a.example/tickets"}`)
	}
	return Dispatch{
		Page: page, Person: Person{ID: "ana", Name: "Ana", Detail: detail}, Holder: "Ben",
		Ticket: tickets.Ticket{
			Number: 1042, Severity: tickets.High, State: tickets.Acknowledged, Title: "Ransomware", Devices: []string{"srv-sql-07"},
			Users: []string{"CONTOSO\\svc"}, Organisation: "Contoso", Category: "Malware",
		},
	}
}

// TestWhatIsMinimalLeavesNoDetail looks at every part of a message that any channel could show.
func TestWhatIsMinimalLeavesNoDetail(t *testing.T) {
	t.Parallel()
	links := Links{Key: []byte("a key of thirty-two octets or more"), BaseURL: "https://a.example", Domain: "mx.example"}
	for _, kind := range []string{PageType, UpdateType, SummaryType} {
		for _, detail := range []string{DetailMinimal, DetailFull} {
			message, err := Compose(dispatched(kind, detail), links)
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			everything := fmt.Sprintf("%+v %s", message, message.Data)
			said := false
			for _, word := range []string{"Ransomware", "srv-sql-07", "CONTOSO", "Contoso", "Malware"} {
				said = said || strings.Contains(everything, word)
			}
			if said != (detail == DetailFull) {
				t.Errorf("%s, %s: got %s", kind, detail, everything)
			}
			if message.Link == "" {
				t.Errorf("%s, %s: no link", kind, detail)
			}
		}
	}
}

func TestAnUpdateSaysTheSamePageInItsNewState(t *testing.T) {
	t.Parallel()
	links := Links{Key: []byte("a key of thirty-two octets or more"), BaseURL: "https://a.example"}
	page, err := Compose(dispatched(PageType, ""), links)
	if err != nil {
		t.Fatal(err)
	}
	update, err := Compose(dispatched(UpdateType, ""), links)
	if err != nil {
		t.Fatal(err)
	}
	if update.Replaces != "D9:1.2" || update.State != "acknowledged" || update.Holder != "Ben" || update.Link != page.Link || update.Token != page.Token || update.ID == page.ID {
		t.Errorf("got %+v", update)
	}
}
