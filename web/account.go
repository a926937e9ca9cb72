package web

import (
	"net/http"
	"slices"

	"afterhours/web/auth"
)

// accountView is one's own settings.
type accountView struct {
	frame
	Timezone  string
	Default   string // the zone where none is set
	Zones     []string
	Orders    []choice
	Clocks    []choice
	Example   when
	Complaint string
	Notice    string

	Wrong string // the form that the complaint is about

	MinPassword int
	HasPassword bool
	Email       string // that goes with it
	Confirmed   bool   // whoever looks has just shown who they are
	HasPasskey  bool   // that can show it
	SignOn      string // what the button to the identity provider says; empty where there is none
	Connected   bool   // the provider vouches for whoever looks
	OnlyWay     bool   // and nothing else would let them in
	Passkeys    []passkeyRow
	PasskeysOff string // why none can be added
	Script      string
}

// accountAnswer is what a form of the page is answered with.
type accountAnswer struct {
	status    int
	viewing   *auth.Viewing // as it was typed; nil: as it is kept
	complaint string
	wrong     string
}

// showAccount is GET /account.
func (s *Site) showAccount(w http.ResponseWriter, r *http.Request) error {
	return s.renderAccount(w, r, accountAnswer{status: http.StatusOK})
}

// keepViewing is POST /account.
func (s *Site) keepViewing(w http.ResponseWriter, r *http.Request) error {
	var fields [3]string
	for i, name := range []string{"timezone", "date_order", "clock"} {
		value, err := formValue(r, name)
		if err != nil {
			return err
		}
		fields[i] = value
	}
	viewing := auth.Viewing{Timezone: fields[0], DateOrder: fields[1], TwelveHours: fields[2] == "12"}
	who, _ := identity(r.Context())
	err := s.Auth.SetViewing(r.Context(), who.ID, viewing)
	if status, reason := refusal(err); status != 0 {
		return s.renderAccount(w, r, accountAnswer{status, &viewing, reason, "viewing"})
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/account?done=viewing")
	return nil
}

func (s *Site) renderAccount(w http.ResponseWriter, r *http.Request, answer accountAnswer) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	viewing := reader.who.Viewing
	if answer.viewing != nil {
		viewing = *answer.viewing
	}
	view := accountView{
		Timezone: viewing.Timezone, Default: zoneOf(reader.configuration, reader.who.ID).String(), Zones: zonesOf(reader),
		Orders: []choice{
			{"day", "Tue 24 Nov 2026", viewing.DateOrder == "day"},
			{"month", "Tue Nov 24 2026", viewing.DateOrder == "month"},
			{"iso", "Tue 2026-11-24", viewing.DateOrder == "iso"},
		},
		Clocks:  []choice{{"24", "15:04", !viewing.TwelveHours}, {"12", "3:04 PM", viewing.TwelveHours}},
		Example: reader.when(reader.now, reader.dates.exact(reader.now.In(reader.zone))), Complaint: answer.complaint, Wrong: answer.wrong,
		MinPassword: auth.MinPassword, Confirmed: s.Auth.Confirmed(r.Context()),
		SignOn: s.Auth.SignOn(), PasskeysOff: s.Auth.PasskeysOff(), Script: s.assets.path["passkeys.js"],
	}
	switch r.URL.Query().Get("done") {
	case "viewing":
		view.Notice = "Kept. Every page shows times like this from now on."
	case "passkey":
		view.Notice = "The passkey is kept. It signs you in from now on."
	case "password":
		view.Notice = "Your password is changed. Your other sessions are over."
	case "confirmed":
		view.Notice = "Confirmed. For ten minutes you can add a passkey."
	case "disconnected":
		view.Notice = "The identity provider lets you in no more. Your role stays what it is."
	case "connected":
		view.Notice = "Your account is connected with the identity provider. Your role follows what it says from now on."
	case "removed":
		view.Notice = "The passkey is removed here. Remove it on the device that holds it, too."
	}
	ways, err := s.Auth.WaysIn(r.Context(), reader.who.ID)
	if err != nil {
		return err
	}
	view.Email, view.HasPassword, view.HasPasskey, view.Connected = ways.Email, ways.Password, ways.Passkey, ways.Provider
	view.OnlyWay = ways.Provider && !ways.Password && !ways.Passkey
	passkeys, err := s.Auth.Passkeys(r.Context(), reader.who.ID)
	if err != nil {
		return err
	}
	for _, passkey := range passkeys {
		view.Passkeys = append(view.Passkeys, reader.passkey(passkey))
	}
	if view.frame, err = s.frame(r, "Your account", "account"); err != nil {
		return err
	}
	return s.render(w, answer.status, "account", view)
}

// zonesOf are the time zones that the team uses, as suggestions.
func zonesOf(r reader) []string {
	zones := []string{"UTC"}
	for _, person := range r.configuration.People {
		zones = append(zones, person.Timezone)
	}
	for _, schedule := range r.configuration.Schedules {
		zones = append(zones, schedule.Timezone)
	}
	slices.Sort(zones)
	return slices.DeleteFunc(slices.Compact(zones), func(zone string) bool { return zone == "" })
}
