package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// What a calendar feed covers, by the present configuration.
const (
	feedPast   = 31 * 24 * time.Hour
	feedFuture = 180 * 24 * time.Hour
)

// showFeed is GET /ical/{token}.ics: the shifts of a person, or those of a schedule with its gaps (RFC 5545).
func (s *Site) showFeed(w http.ResponseWriter, r *http.Request) error {
	token, isCalendar := strings.CutSuffix(chi.URLParam(r, "feed"), ".ics")
	if !isCalendar {
		return tickets.ErrNotFound
	}
	feed, err := s.Auth.Feed(r.Context(), token)
	if err != nil {
		return err
	}
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	calendar, err := s.calendar(configuration, feed)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := ical.NewEncoder(&out).Encode(calendar); err != nil {
		return fmt.Errorf("write calendar: %w", err)
	}
	if err := s.Auth.FeedRead(r.Context(), feed.ID); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Header().Set("Content-Disposition", `inline; filename="oncall.ics"`)
	_, _ = w.Write(out.Bytes()) // the reader has gone; there is nobody to tell
	return nil
}

func (s *Site) calendar(configuration oncall.Configuration, feed auth.Feed) (*ical.Calendar, error) {
	calendar := ical.NewCalendar()
	calendar.Props.SetText(ical.PropVersion, "2.0")
	calendar.Props.SetText(ical.PropProductID, "-//afterhours//"+s.Version+"//EN")
	name := ""
	for _, schedule := range configuration.Schedules {
		if feed.Kind == auth.ScheduleFeed && schedule.ID != feed.Subject {
			continue
		}
		shifts, gaps := schedule.Shifts(s.Now().Add(-feedPast).Truncate(time.Minute), s.Now().Add(feedFuture).Truncate(time.Minute))
		for _, shift := range shifts {
			if feed.Kind == auth.PersonFeed && shift.Person != feed.Subject {
				continue
			}
			s.addEvent(calendar, schedule, shift.Person, shift.Start, shift.End, "On call: "+configuration.Name(shift.Person)+" ("+nameOf(schedule)+")")
		}
		if feed.Kind == auth.ScheduleFeed {
			name = nameOf(schedule)
			for _, gap := range gaps {
				s.addEvent(calendar, schedule, "", gap.Start, gap.End, "Nobody on call ("+nameOf(schedule)+")")
			}
		}
	}
	if feed.Kind == auth.PersonFeed {
		name = configuration.Name(feed.Subject)
	}
	calendar.Props.SetText("X-WR-CALNAME", "On call: "+name)
	if len(calendar.Children) == 0 { // RFC 5545, 3.6: a calendar has at least one component
		s.addEvent(calendar, oncall.Schedule{ID: "none"}, "", s.Now(), s.Now(), "No shifts in the next half year")
	}
	return calendar, nil
}

// addEvent adds one shift. Its UID stays while schedule, person and end stay: a calendar moves the shift instead of
// showing it twice when the feed's window cuts its beginning.
func (s *Site) addEvent(calendar *ical.Calendar, schedule oncall.Schedule, person string, start, end time.Time, summary string) {
	sum := sha256.Sum256([]byte(schedule.ID + "\x00" + person + "\x00" + end.UTC().Format(time.RFC3339)))
	host := "afterhours"
	if public, err := url.Parse(s.PublicURL); err == nil && public.Hostname() != "" {
		host = public.Hostname()
	}
	event := ical.NewEvent()
	event.Props.SetText(ical.PropUID, hex.EncodeToString(sum[:12])+"@"+host)
	event.Props.SetDateTime(ical.PropDateTimeStamp, s.Now().UTC())
	event.Props.SetDateTime(ical.PropDateTimeStart, start.UTC())
	event.Props.SetDateTime(ical.PropDateTimeEnd, end.UTC())
	event.Props.SetText(ical.PropSummary, summary)
	event.Props.SetText(ical.PropTransparency, "TRANSPARENT")
	calendar.Children = append(calendar.Children, event.Component)
}

func nameOf(schedule oncall.Schedule) string {
	if schedule.Name != "" {
		return schedule.Name
	}
	return schedule.ID
}

type feedsView struct {
	frame
	Rows      []feedRow
	Subjects  []choice
	Made      string // the address of a feed that was just made; it is shown this once
	Complaint string
}

type feedRow struct {
	ID   int64
	Name string
	Made when
	Read *when
}

// listFeeds is GET /oncall/feeds.
func (s *Site) listFeeds(w http.ResponseWriter, r *http.Request) error {
	return s.showFeeds(w, r, http.StatusOK, feedsView{})
}

func (s *Site) showFeeds(w http.ResponseWriter, r *http.Request, status int, view feedsView) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	if view.frame, err = s.frame(r, "Calendar feeds", "oncall"); err != nil {
		return err
	}
	feeds, err := s.Auth.Feeds(r.Context(), reader.who.ID)
	if err != nil {
		return err
	}
	for _, feed := range feeds {
		row := feedRow{ID: feed.ID, Name: "schedule " + feed.Subject, Made: reader.ago(feed.CreatedAt)}
		if feed.Kind == auth.PersonFeed {
			row.Name = reader.name(feed.Subject)
		}
		if feed.ReadAt != nil {
			at := reader.ago(*feed.ReadAt)
			row.Read = &at
		}
		view.Rows = append(view.Rows, row)
	}
	if _, known := reader.configuration.Person(reader.who.ID); known {
		view.Subjects = append(view.Subjects, choice{ID: "person:" + reader.who.ID, Name: "my shifts in every schedule"})
	}
	for _, schedule := range reader.configuration.Schedules {
		view.Subjects = append(view.Subjects, choice{ID: "schedule:" + schedule.ID, Name: "everybody in " + nameOf(schedule)})
	}
	return s.render(w, status, "feeds", view)
}

// createFeed is POST /oncall/feeds: of one's own shifts or of a schedule.
func (s *Site) createFeed(w http.ResponseWriter, r *http.Request) error {
	wanted, err := formValue(r, "of")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	kind, subject, _ := strings.Cut(wanted, ":")
	isSchedule := kind == string(auth.ScheduleFeed) && slices.ContainsFunc(configuration.Schedules, func(s oncall.Schedule) bool { return s.ID == subject })
	if isOwn := kind == string(auth.PersonFeed) && subject == who.ID; !isSchedule && !isOwn {
		return s.showFeeds(w, r, http.StatusBadRequest, feedsView{Complaint: "Choose your own shifts or a schedule of the list."})
	}
	token, err := s.Auth.CreateFeed(r.Context(), who.ID, auth.FeedKind(kind), subject)
	if err != nil {
		return err
	}
	return s.showFeeds(w, r, http.StatusOK, feedsView{Made: strings.TrimSuffix(s.PublicURL, "/") + "/ical/" + token + ".ics"})
}

// endFeed is POST /oncall/feeds/{id}/end.
func (s *Site) endFeed(w http.ResponseWriter, r *http.Request) error {
	id, err := pathNumber(r, "id")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	if err := s.Auth.EndFeed(r.Context(), who.ID, id); err != nil {
		return err
	}
	redirect(w, r, "/oncall/feeds")
	return nil
}
