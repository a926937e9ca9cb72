package web

import (
	"net/http"
	"strings"

	"afterhours/oncall"
	"afterhours/tickets"
)

// Standby answers the links of pages that were sent while the database is away.
type Standby interface {
	// Invitation is false where it did not send the link.
	Invitation(token string) (oncall.StandbyNotice, bool)
	Acknowledge(token string) (oncall.StandbyNotice, error)
}

// standbyView is the night page of a mail whose ticket does not exist yet.
type standbyView struct {
	bare
	Base     string
	Badge    badge
	Age      when
	Heading  string
	Where    string
	Whose    string
	Verified string
	Suspect  bool
	Told     string
	Person   string
	Holder   string
	Since    when
	Busy     bool
	Notice   string
}

// beforeDatabase answers the links of the standby, with which nothing behind it could do anything. Other requests go on.
func (s *Site) beforeDatabase(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, isLink := strings.CutPrefix(r.URL.Path, "/ack/")
		if !isLink || s.Standby == nil {
			next.ServeHTTP(w, r)
			return
		}
		token, action, _ := strings.Cut(path, "/")
		notice, ok := s.Standby.Invitation(token)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		if notice.Busy {
			if _, err := s.OnCall.Invitation(r.Context(), token); err == nil { // its ticket is there
				next.ServeHTTP(w, r)
				return
			}
		}
		if err := s.answerStandby(w, r, token, action, notice); err != nil {
			s.fail(w, r, err)
		}
	})
}

func (s *Site) answerStandby(w http.ResponseWriter, r *http.Request, token, action string, notice oncall.StandbyNotice) error {
	status, text := http.StatusOK, ""
	switch {
	case notice.Busy:
		status, text = http.StatusServiceUnavailable, "The database is back and takes this over. Open the link again in a few seconds."
		w.Header().Set("Retry-After", "2")
	case r.Method == http.MethodPost && action == "":
		var err error
		if notice, err = s.Standby.Acknowledge(token); err != nil {
			return err
		}
	case action != "":
		status, text = http.StatusServiceUnavailable, "The database is away: only acknowledging is possible until it is back."
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		s.methodNotAllowed(w, r)
		return nil
	}
	return s.render(w, status, "standby", s.standbyView("/ack/"+token, text, notice))
}

func (s *Site) standbyView(base, text string, notice oncall.StandbyNotice) standbyView {
	ticket, clock := notice.Ticket, clock{now: s.Now(), zone: zone("UTC")}
	view := standbyView{
		bare: s.bare(ticket.Severity.Word()+": "+titleOf(ticket), true), Base: base, Badge: badgeOf(ticket), Age: clock.ago(ticket.CreatedAt),
		Heading: titleOf(ticket), Where: joined(few(ticket.Devices), ticket.Organisation),
		Whose: joined(few(ticket.Users), productName(ticket.Product)), Told: join(notice.Told), Person: notice.Name, Notice: text,
		Holder: notice.AckBy, Busy: notice.Busy,
	}
	view.Verified, view.Suspect = senderOf(ticket)
	if view.Person == "" {
		view.Person = "afterhours"
	}
	if notice.AckBy != "" {
		view.Since = clock.ago(notice.AckAt)
	}
	return view
}

// senderOf says who sent a ticket's mail in a few words, and whether that asks for suspicion.
func senderOf(ticket tickets.Ticket) (words string, suspect bool) {
	found := ticket.Authentication
	switch {
	case ticket.Source == tickets.FromManual:
		return "from afterhours itself", false
	case ticket.Verified != nil && *ticket.Verified:
		return "sender verified ✓", false
	case found != nil && found.Spoof:
		return "FORGED: claims to come from Microsoft and does not", true
	}
	return "sender not verified", true
}
