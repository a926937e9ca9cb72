package oncalldb_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

func TestAContactIsVerifiedByTheCodeThatItWasSent(t *testing.T) {
	t.Parallel()
	r := open(t)
	before, err := r.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SendCode(t.Context(), "ana", "nowhere"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("a contact that is not there: got %v", err)
	}
	if err := r.VerifyContact(t.Context(), "ana", "phone", "000000"); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("before a code was sent: got %v, want a conflict", err)
	}
	code := func() string {
		t.Helper()
		if err := r.SendCode(t.Context(), "ana", "phone"); err != nil {
			t.Fatal(err)
		}
		dispatch, ok, err := r.ClaimPage(t.Context(), r.enqueued[len(r.enqueued)-1])
		if err != nil || !ok || dispatch.Page.Type != oncall.TestType || dispatch.Contact.Address != "https://ntfy.example/t" {
			t.Fatalf("claim: got %+v, %v, %v", dispatch, ok, err)
		}
		message, err := oncall.Compose(dispatch, r.Links)
		if err != nil || message.Link != "" || message.Ticket != 0 {
			t.Fatalf("compose: got %+v, %v", message, err)
		}
		if err := r.FinishAttempt(t.Context(), dispatch, oncall.Outcome{State: oncall.PageSent}); err != nil {
			t.Fatal(err)
		}
		return strings.Fields(message.Subject)[0]
	}
	first := code()
	if len(first) != 6 {
		t.Fatalf("code: got %q, want six digits", first)
	}
	if stored := r.count(t, `SELECT count(*) FROM pages WHERE payload::text LIKE '%`+first+`%'`); stored != 0 {
		t.Errorf("the code is stored")
	}
	if err := r.SendCode(t.Context(), "ana", "phone"); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("at once again: got %v, want a conflict", err)
	}
	for range oncall.CodeAttempts {
		if err := r.VerifyContact(t.Context(), "ana", "phone", "x"+first[1:]); !errors.Is(err, tickets.ErrInvalid) {
			t.Errorf("a wrong code: got %v", err)
		}
	}
	if err := r.VerifyContact(t.Context(), "ana", "phone", first); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("the right code after too many wrong ones: got %v, want a conflict", err)
	}
	r.now = r.now.Add(time.Minute)
	second := code()
	r.now = r.now.Add(oncall.CodeLifetime + time.Second)
	if err := r.VerifyContact(t.Context(), "ana", "phone", second); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("a code that is too old: got %v, want a conflict", err)
	}
	if err := r.VerifyContact(t.Context(), "ana", "phone", " "+code()+" "); err != nil {
		t.Fatal(err)
	}
	verified := func() bool {
		t.Helper()
		all, err := r.Verifications(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return !all["ana"]["phone"].VerifiedAt.IsZero()
	}
	if !verified() {
		t.Error("after the code: not verified")
	}
	after, err := r.Export(t.Context())
	if difference, _ := before.Difference(after); err != nil || difference != "" {
		t.Errorf("the export changed: %s, %v", difference, err)
	}
	r.apply(t, strings.Replace(team, "ntfy.example/t", "ntfy.example/other", 1))
	if verified() {
		t.Error("another address is verified by the old one's code")
	}
	sent, err := r.PagesTo(t.Context(), "ana", 10, 0)
	if err != nil || len(sent) != 3 || sent[0].Type != oncall.TestType || sent[0].State != oncall.PageSent {
		t.Errorf("what was sent: got %+v, %v", sent, err)
	}
}

func TestATestPageIsSentOnceInTenSeconds(t *testing.T) {
	t.Parallel()
	r := open(t)
	for range 3 {
		if err := r.TestContact(t.Context(), "ben", "email"); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.enqueued) != 1 {
		t.Fatalf("enqueued: got %v, want one", r.enqueued)
	}
	dispatch, _, err := r.ClaimPage(t.Context(), r.enqueued[0])
	if err != nil {
		t.Fatal(err)
	}
	if message, err := oncall.Compose(dispatch, r.Links); err != nil || message.Type != "page.test" || message.Subject != "Test page for Ben" {
		t.Errorf("got %+v, %v", message, err)
	}
}
