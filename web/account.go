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

	SignOn      string // what the button to the identity provider says; empty where there is none
	Connected   bool   // the provider vouches for whoever looks
	Passkeys    []passkeyRow
	PasskeysOff string // why none can be added
	Script      string
}

// showAccount is GET /account.
func (s *Site) showAccount(w http.ResponseWriter, r *http.Request) error {
	who, _ := identity(r.Context())
	return s.renderAccount(w, r, http.StatusOK, who.Viewing, "")
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
		return s.renderAccount(w, r, status, viewing, reason)
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/account?done=viewing")
	return nil
}

func (s *Site) renderAccount(w http.ResponseWriter, r *http.Request, status int, viewing auth.Viewing, complaint string) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	view := accountView{
		Timezone: viewing.Timezone, Default: zoneOf(reader.configuration, reader.who.ID).String(), Zones: zonesOf(reader),
		Orders: []choice{
			{"day", "Tue 24 Nov 2026", viewing.DateOrder == "day"},
			{"month", "Tue Nov 24 2026", viewing.DateOrder == "month"},
			{"iso", "Tue 2026-11-24", viewing.DateOrder == "iso"},
		},
		Clocks:  []choice{{"24", "15:04", !viewing.TwelveHours}, {"12", "3:04 PM", viewing.TwelveHours}},
		Example: reader.when(reader.now, reader.dates.exact(reader.now.In(reader.zone))), Complaint: complaint,
		SignOn: s.Auth.SignOn(), PasskeysOff: s.Auth.PasskeysOff(), Script: s.assets.path["passkeys.js"],
	}
	switch r.URL.Query().Get("done") {
	case "viewing":
		view.Notice = "Kept. Every page shows times like this from now on."
	case "passkey":
		view.Notice = "The passkey is kept. It signs you in from now on."
	case "connected":
		view.Notice = "Your account is connected with the identity provider. Your role follows what it says from now on."
	case "removed":
		view.Notice = "The passkey is removed here. Remove it on the device that holds it, too."
	}
	connected, err := s.Auth.SignsOn(r.Context())
	if err != nil {
		return err
	}
	view.Connected = connected[reader.who.ID]
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
	return s.render(w, status, "account", view)
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
