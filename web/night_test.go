package web

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"afterhours/tickets"
	"afterhours/web/auth"
)

func TestAnAcknowledgeLinkChangesNothingUntilSomebodyPresses(t *testing.T) {
	t.Parallel()
	d := newDesk(t) // a call that changes anything fails the test
	const times = 100
	for range times {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			response := d.ask(t, method, "/ack/"+goodToken, "", "Sec-Purpose", "prefetch")
			if got := response.Header.Get("Cache-Control"); got != "no-store" {
				t.Fatalf("%s Cache-Control: got %q, want no-store", method, got)
			}
			if got := response.Header.Get("Referrer-Policy"); got != "no-referrer" {
				t.Fatalf("%s Referrer-Policy: got %q, want no-referrer", method, got)
			}
			if method != http.MethodOptions {
				wantStatus(t, response, http.StatusOK)
			}
		}
	}
	t.Logf("GET, HEAD and OPTIONS %d times each as a prefetch: nothing changed", times)
}

func TestTheNightPageSaysWhatAndWhoAndHasOneHugeButton(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	response := d.ask(t, http.MethodGet, "/ack/"+goodToken, "")
	size := response.ContentLength
	document := page(t, response)
	for selector, want := range map[string]string{
		".severity.high.open .word": "High", ".top time": "3 min ago", ".top .number": "#1042",
		"h1": "Ransomware behavior detected", ".facts": "srv-sql-07.contoso.example, ws-0042 · Contoso", ".sender": "sender verified ✓",
		".told": "Told: Ana Ruiz 03:12, Ben Okafor 03:12 (mail is held) → Ben Okafor next in 2 min", "button.big": "acknowledge as Ana Ruiz",
		"a.second": "Open the alert in Defender", "form[action$='/escalate'] button": "Escalate", "form[action$='/snooze'] button": "Snooze 30 min",
		"details summary": "Add a note",
	} {
		wantText(t, document, selector, want)
	}
	if got := document.Find("button.big").Length(); got != 1 {
		t.Errorf("huge buttons: got %d, want 1", got)
	}
	if got, _ := document.Find("form:has(button.big)").Attr("action"); got != "/ack/"+goodToken {
		t.Errorf("the button's form: got action %q", got)
	}
	if got, _ := document.Find("a.second").Attr("href"); got != "https://security.microsoft.com/alerts/da637551227677560813_-961444813" {
		t.Errorf("portal link: got %q, want the alert's", got)
	}
	if got := document.Find("script, [style], [onclick], link[rel=stylesheet]").Length(); got != 0 {
		t.Errorf("scripts and inline styles: got %d, want none", got)
	}
	if style := document.Find("style").Text(); len(style) < 1000 || !strings.Contains(response.Header.Get("Content-Security-Policy"), " "+digestOf(style)+";") {
		t.Errorf("the page's policy does not name its own style sheet of %d octets", len(style))
	}
	document.Find("link[rel=icon]").Each(func(_ int, link *goquery.Selection) {
		href, _ := link.Attr("href")
		asset := d.ask(t, http.MethodGet, href, "")
		wantStatus(t, asset, http.StatusOK)
		body, _ := io.ReadAll(asset.Body)
		size += int64(len(body))
	})
	if size > 30<<10 {
		t.Errorf("the page with its style sheet: got %d octets, want at most 30 KiB", size)
	}
}

func TestAPostAcknowledgesAsThePersonWhomTheMessageWentTo(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]struct {
		body   string
		header []string
	}{
		"none":             {},
		"a form":           {"a=b", nil},
		"not a form":       {"{\x00", []string{"Content-Type", "application/json"}},
		"huge":             {strings.Repeat("x", 2*maxRequest), []string{"Content-Type", "text/plain"}},
		"the page's own":   {"", []string{"Origin", "http://desk.example", "Sec-Fetch-Site", "same-origin"}},
		"over plain http":  {"", []string{"Origin", "null"}},
		"behind a proxy":   {"", []string{"Origin", "http://desk.example", "Host", "10.0.0.1"}},
		"typed by a phone": {"", []string{"User-Agent", "ntfy/1.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			var calls []string
			d.tickets.acknowledge = func(number int64, actor string) (tickets.Ticket, error) {
				calls = append(calls, fmt.Sprint(number, " ", actor))
				return d.acknowledged(number, actor), nil
			}
			response := d.ask(t, http.MethodPost, "/ack/"+goodToken, request.body, request.header...)
			wantStatus(t, response, http.StatusOK)
			document := page(t, response)
			wantText(t, document, ".done", "You have it. Ana Ruiz acknowledged just now")
			if len(calls) != 1 || calls[0] != "1042 ana" {
				t.Errorf("acknowledgements: got %q, want one of 1042 by ana", calls)
			}
			if document.Find("button.big, form[action$='/escalate']").Length() != 0 {
				t.Errorf("the page still asks to acknowledge or escalate")
			}
		})
	}
}

// acknowledged makes the sample's ticket an acknowledged one.
func (d *desk) acknowledged(number int64, actor string) tickets.Ticket {
	for i := range d.sample.tickets {
		if ticket := &d.sample.tickets[i]; ticket.Number == number {
			at := d.now
			ticket.State, ticket.AcknowledgedBy, ticket.AcknowledgedAt = tickets.Acknowledged, actor, &at
			return *ticket
		}
	}
	return tickets.Ticket{}
}

func TestASecondPostSaysWhoAcknowledgedAndWhen(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.acknowledged(1042, "ben")
	d.now = d.now.Add(4 * time.Minute)
	d.tickets.acknowledge = func(int64, string) (tickets.Ticket, error) {
		return tickets.Ticket{}, &tickets.ConflictError{Reason: "taken"}
	}
	response := d.ask(t, http.MethodPost, "/ack/"+goodToken, "")
	wantStatus(t, response, http.StatusOK)
	document := page(t, response)
	wantText(t, document, ".done", "Ben Okafor has it. Ben Okafor acknowledged 4 min ago")
	if got, _ := document.Find(".done time").Attr("datetime"); got != "2026-11-24T02:15:00Z" {
		t.Errorf("exact time: got %q", got)
	}
}

func TestALinkThatIsForgedOrExpiredSaysSoAndHowToGoOn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, target := range []string{"/ack/forged", "/ack/%00", "/ack/" + strings.Repeat("A", 5000)} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			response := d.ask(t, method, target, "")
			wantStatus(t, response, http.StatusNotFound)
			if got := response.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control: got %q, want no-store", got)
			}
			document := page(t, response)
			wantText(t, document, "h1", "This link does not work")
			if document.Find(`a[href="/login"]`).Length() != 1 {
				t.Errorf("%s %s: no way to the sign-in", method, target)
			}
		}
	}
	for _, target := range []string{"/ack/forged/escalate", "/ack/forged/snooze", "/ack/forged/note"} {
		wantStatus(t, d.ask(t, http.MethodPost, target, ""), http.StatusNotFound)
	}
	wantStatus(t, d.ask(t, http.MethodGet, "/ack/", ""), http.StatusNotFound)
}

func TestTheOtherActionsOfTheNightPage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var calls []string
	d.oncall.escalate = func(ticket int64, actor string) error {
		calls = append(calls, fmt.Sprint("escalate ", ticket, " ", actor))
		return nil
	}
	d.oncall.snooze = func(ticket int64, actor string, until time.Time) error {
		calls = append(calls, fmt.Sprint("snooze ", ticket, " ", actor, " ", until.Sub(d.now)))
		return nil
	}
	d.tickets.addNote = func(number int64, actor, text string) (tickets.Ticket, error) {
		if text == "" {
			return tickets.Ticket{}, &tickets.InvalidError{Field: "text", Reason: "a note needs words"}
		}
		calls = append(calls, fmt.Sprint("note ", number, " ", actor, " ", text))
		return tickets.Ticket{}, nil
	}
	for action, body := range map[string]string{"escalate": "", "snooze": "", "note": form("text", "on my way")} {
		response := d.ask(t, http.MethodPost, "/ack/"+goodToken+"/"+action, body)
		wantStatus(t, response, http.StatusSeeOther)
		location := response.Header.Get("Location")
		if !strings.HasPrefix(location, "/ack/"+goodToken+"?done=") {
			t.Errorf("%s: got Location %q", action, location)
		}
		if text(page(t, d.ask(t, http.MethodGet, location, "")).Find(".notice")) == "" {
			t.Errorf("%s: the page does not say what was done", action)
		}
	}
	want := []string{"escalate 1042 ana", "snooze 1042 ana 30m0s", "note 1042 ana on my way"}
	for _, call := range want {
		if !strings.Contains(strings.Join(calls, "\n"), call) {
			t.Errorf("calls: got %q, want %q among them", calls, call)
		}
	}
	refused := d.ask(t, http.MethodPost, "/ack/"+goodToken+"/note", "")
	wantStatus(t, refused, http.StatusBadRequest)
	wantText(t, page(t, refused), ".complaint", "A note needs words.")
}

func TestAnActionThatTheStateForbidsSaysWhy(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.oncall.escalate = func(int64, string) error {
		return &tickets.ConflictError{Reason: "ticket 1042 is acknowledged: nobody is being paged"}
	}
	response := d.ask(t, http.MethodPost, "/ack/"+goodToken+"/escalate", "")
	wantStatus(t, response, http.StatusConflict)
	wantText(t, page(t, response), ".complaint", "Ticket 1042 is acknowledged: nobody is being paged.")
}

func TestAPolicyCanAskForTheSignIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sample.tickets[0].Policy = "strict"
	response := d.ask(t, http.MethodGet, "/ack/"+goodToken, "")
	wantStatus(t, response, http.StatusSeeOther)
	if got, want := response.Header.Get("Location"), signInURL("/ack/"+goodToken); got != want {
		t.Errorf("signed out: got %q, want %q", got, want)
	}
	wantStatus(t, d.ask(t, http.MethodPost, "/ack/"+goodToken, ""), http.StatusForbidden)

	viewer := d.signIn(t, "vic", auth.Viewer)
	wantStatus(t, d.ask(t, http.MethodGet, "/ack/"+goodToken, "", "Cookie", viewer), http.StatusForbidden)

	var actor string
	d.tickets.acknowledge = func(number int64, by string) (tickets.Ticket, error) {
		actor = by
		return d.acknowledged(number, by), nil
	}
	ben := d.signIn(t, "ben", auth.Responder)
	wantStatus(t, d.ask(t, http.MethodPost, "/ack/"+goodToken, "", "Cookie", ben), http.StatusOK)
	if actor != "ben" {
		t.Errorf("acknowledged by %q, want whoever signed in, ben", actor)
	}
}

func TestAResolvedTicketHasNothingToAcknowledge(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	at := d.now.Add(-time.Hour)
	d.sample.tickets[0].State, d.sample.tickets[0].ResolvedAt = tickets.Resolved, &at
	document := page(t, d.ask(t, http.MethodGet, "/ack/"+goodToken, ""))
	wantText(t, document, ".done", "Resolved 1 h ago; there is nothing left to do.")
	if document.Find("button.big").Length() != 0 {
		t.Errorf("the page still asks to acknowledge")
	}
}

func TestATokenNeverReachesTheLog(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.oncall.escalate = func(int64, string) error { return fmt.Errorf("no such wire") }
	d.ask(t, http.MethodGet, "/ack/"+goodToken, "")
	wantStatus(t, d.ask(t, http.MethodPost, "/ack/"+goodToken+"/escalate", ""), http.StatusInternalServerError)
	d.ask(t, http.MethodGet, "/login/"+goodToken, "")
	got := d.log.String()
	if strings.Contains(got, goodToken) {
		t.Errorf("the log holds a token: %s", got)
	}
	for _, want := range []string{"route=/ack/{token} ", "route=/ack/{token}/escalate", "no such wire"} {
		if !strings.Contains(got, want) {
			t.Errorf("the log lacks %q: %s", want, got)
		}
	}
}
