package web

import (
	"net/http"
	"testing"
	"time"

	"afterhours/tickets"
	"afterhours/web/auth"
)

func TestReadingATicketsMailsAgainSaysWhatItCameTo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ben", auth.Responder)
	d.tickets.reparse = func(int64, string) (tickets.Reread, error) { return tickets.Reread{Mails: 3}, nil }
	response := d.ask(t, http.MethodPost, "/tickets/1042/reparse", "", "Cookie", cookie)
	if to := response.Header.Get("Location"); to != "/tickets/1042?reread=3" {
		t.Fatalf("got %s to %q", response.Status, to)
	}
	wantText(t, page(t, d.ask(t, http.MethodGet, "/tickets/1042?reread=3", "", "Cookie", cookie)), ".notice", "3 mails were read again; the ticket stays as it is.")
	if got := page(t, d.ask(t, http.MethodGet, "/tickets/1042?reread=%3Cb%3E", "", "Cookie", cookie)).Find(".notice").Length(); got != 0 {
		t.Errorf("a made-up number of mails is shown")
	}
	d.tickets.timeline = func(int64) ([]tickets.Event, error) {
		return []tickets.Event{{At: d.now.Add(-time.Minute), Type: tickets.EventReread, Actor: "ana", Data: map[string]any{
			"changes": []any{
				map[string]any{"field": "severity", "from": "unknown", "to": "high"}, map[string]any{"field": "devices", "from": "", "to": "pc1, pc2"},
			},
		}}}, nil
	}
	document := page(t, d.ask(t, http.MethodGet, "/tickets/1042", "", "Cookie", cookie))
	wantText(t, document, ".timeline", "Ana Ruiz had its mails read again")
	wantText(t, document, ".timeline", "severity: unknown → high; devices: nothing → pc1, pc2")
	wantText(t, document, "form.again", "Read the mails again")
}
