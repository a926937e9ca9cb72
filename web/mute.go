package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// longestMute bounds a mute that is set from a ticket; longer ones belong into the configuration's file.
const longestMute = 30 * 24 * time.Hour

// muteForm is what was typed into "Mute tickets like this one".
type muteForm struct{ Title, Device, Reason string }

// mute is POST /tickets/{number}/mute: it adds a mute before all others, so that it counts from the next ticket on.
func (s *Site) mute(w http.ResponseWriter, r *http.Request) error {
	typed := muteForm{}
	for name, into := range map[string]*string{"title": &typed.Title, "device": &typed.Device, "reason": &typed.Reason} {
		value, err := formValue(r, name)
		if err != nil {
			return err
		}
		*into = strings.TrimSpace(value)
	}
	hours, _ := strconv.Atoi(r.PostForm.Get("hours")) // one that is no number is refused below
	length := time.Duration(hours) * time.Hour
	return s.change(w, r, func(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
		if err := typed.check(length); err != nil {
			return tickets.Ticket{}, err
		}
		if _, err := s.Tickets.Get(ctx, number); err != nil {
			return tickets.Ticket{}, err
		}
		until := s.Now().Add(length).UTC().Truncate(time.Second)
		if err := s.addMute(ctx, actor, fmt.Sprintf("muted from ticket #%d", number), typed, until); err != nil {
			return tickets.Ticket{}, err
		}
		said := fmt.Sprintf("Muted tickets like this one until %s: %s", until.Format("2 Jan 2006 15:04 MST"), typed.Reason)
		return s.Tickets.Note(ctx, number, actor, said)
	})
}

// check says what is wrong with a mute of some length.
func (typed muteForm) check(length time.Duration) error {
	switch {
	case strings.Trim(typed.Title, "*? ") == "":
		return &tickets.InvalidError{Field: "title", Reason: "a mute needs a title that says more than *"}
	case typed.Reason == "":
		return &tickets.InvalidError{Field: "reason", Reason: "a mute needs a reason"}
	case length <= 0 || length > longestMute:
		return &tickets.InvalidError{Field: "hours", Reason: "a mute lasts from one hour to 30 days"}
	}
	return nil
}

// addMute puts a mute before all others.
func (s *Site) addMute(ctx context.Context, actor, action string, typed muteForm, until time.Time) error {
	mute := oncall.Mute{Until: until, Reason: typed.Reason}
	mute.Match.Title = oncall.Values{typed.Title}
	if typed.Device != "" {
		mute.Match.Device = oncall.Values{typed.Device}
	}
	return s.OnCall.Apply(ctx, actor, action, func(current oncall.Configuration) (oncall.Configuration, error) {
		current.Mutes = append([]oncall.Mute{mute}, current.Mutes...)
		return current, nil
	})
}
