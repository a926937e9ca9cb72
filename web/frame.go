package web

import (
	"net/http"
	"strings"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/tickets/playbook"
	"afterhours/web/auth"
)

// frame is what every page of the desk shows around its own.
type frame struct {
	bare
	Tab         string // where in the navigation: tickets, oncall, insights, or one of the settings' tabs
	User        string
	Role        auth.Role
	MayAct      bool
	Admin       bool
	Asking      int      // responses that wait for approval
	Held        int      // pages that could not leave the house
	Holes       []string // where a ticket would reach nobody
	Maintenance []string // what pages nobody for a planned time
	Drops       []string // what is read much worse than a week ago
	Version     string
	Zone        string // in which times are shown
	Self        string // the id of the person who looks; empty where it is an account alone
	Bare        bool   // nothing is configured, and whoever looks may do it
}

// settingsTab is one page of the settings.
type settingsTab struct{ Name, Title string }

// Tabs are the settings' pages that whoever looks may open.
func (f frame) Tabs() []settingsTab {
	var tabs []settingsTab
	for _, section := range settingsSections {
		tabs = append(tabs, settingsTab{section.Name, section.Title})
	}
	tabs = append(tabs, settingsTab{"reading", "How well mails are read"}, settingsTab{"outgoing", "Outgoing mail"}, settingsTab{"configuration", "As YAML"})
	if f.Admin {
		tabs = append(tabs, settingsTab{"retention", "Retention"}, settingsTab{"accounts", "Accounts"}, settingsTab{"tokens", "Tokens"}, settingsTab{"audit", "Audit log"})
	}
	return tabs
}

// Scripts make a page of the desk livelier.
func (f frame) Scripts() []string { return f.scripts }

// Settings says whether the page belongs to the settings.
func (f frame) Settings() bool {
	switch f.Tab {
	case "tickets", "oncall", "responses", "insights", "status", "sessions", "account", "design", "push", "setup":
		return false
	}
	return true
}

// reader is for whom a page is made: names, the clock and the zone in which times are shown.
type reader struct {
	who           auth.Identity
	configuration oncall.Configuration
	watched       []string // the mail domains whose alerts come in
	clock
	polls map[string]tickets.TenantStatus // only on the page of tenants
}

// readerOf reads what a page of the desk needs beside its own facts.
func (s *Site) readerOf(r *http.Request) (reader, error) {
	who, _ := identity(r.Context())
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return reader{}, err
	}
	_, intake, _ := strings.Cut(s.IntakeAddress, "@")
	return reader{who, configuration, configuration.WatchedDomains(intake), s.clockOf(configuration, who.ID, who.Viewing), nil}, nil
}

func (s *Site) frame(r *http.Request, title, section string) (frame, error) {
	who, _ := identity(r.Context())
	held, err := s.OnCall.HeldPages(r.Context())
	if err != nil {
		return frame{}, err
	}
	asking, err := s.Playbooks.Runs(r.Context(), playbook.Filter{State: playbook.Waiting, Limit: runsShown})
	if err != nil {
		return frame{}, err
	}
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return frame{}, err
	}
	self := ""
	if _, ok := configuration.Person(who.ID); ok {
		self = who.ID
	}
	drops, err := s.drops(r.Context())
	if err != nil {
		return frame{}, err
	}
	holes := append(configuration.Holes(s.Now()), s.Unready(configuration)...)
	if s.Warnings != nil {
		holes = append(s.Warnings(), holes...)
	}
	clock := s.clockOf(configuration, who.ID, who.Viewing)
	return frame{
		Zone:        clock.zone.String(),
		Maintenance: maintenanceBanners(configuration, clock),
		Drops:       drops,
		Self:        self,
		Holes:       holes,
		bare:        s.bare(title, false), Tab: section, User: who.Name, Role: who.Role,
		MayAct: who.Role.Allows(auth.Responder), Admin: who.Role.Allows(auth.Admin), Held: held, Asking: len(asking), Version: s.Version,
		Bare: len(configuration.Policies) == 0 && who.Role.Allows(auth.Admin),
	}, nil
}

// zoneOf is a person's time zone; UTC where it is not known.
func zoneOf(configuration oncall.Configuration, person string) *time.Location {
	if known, ok := configuration.Person(person); ok && known.Timezone != "" {
		return zone(known.Timezone)
	}
	return time.UTC
}

func zone(name string) *time.Location {
	if at, err := time.LoadLocation(name); err == nil {
		return at
	}
	return time.UTC
}
