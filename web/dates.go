package web

import (
	"time"

	"afterhours/oncall"
	"afterhours/web/auth"
)

// dates is how whoever looks wants days and times of day written.
type dates struct {
	order  string // of auth.DateOrders
	twelve bool
}

// clockOf is the clock of a viewer: the zone of the account, else that of the person of the same id, else UTC.
func (s *Site) clockOf(configuration oncall.Configuration, person string, viewing auth.Viewing) clock {
	at := zoneOf(configuration, person)
	if viewing.Timezone != "" {
		at = zone(viewing.Timezone)
	}
	return clock{s.Now(), at, dates{viewing.DateOrder, viewing.TwelveHours}}
}

// layout is what stands for the order.
func (d dates) layout(day, month, iso string) string {
	switch d.order {
	case "month":
		return month
	case "iso":
		return iso
	}
	return day
}

// day is a day without its year, where the order can do without.
func (d dates) day(at time.Time) string {
	return at.Format(d.layout("Mon 2 Jan", "Mon Jan 2", "Mon 2006-01-02"))
}

// date is a day with its year.
func (d dates) date(at time.Time) string {
	return at.Format(d.layout("Mon 2 Jan 2006", "Mon Jan 2 2006", "Mon 2006-01-02"))
}

// timeOfDay is a time to the minute.
func (d dates) timeOfDay(at time.Time) string {
	if d.twelve {
		return at.Format("3:04 PM")
	}
	return at.Format("15:04")
}

// moment is a day and a time, without the year where the order has none.
func (d dates) moment(at time.Time) string { return d.day(at) + " " + d.timeOfDay(at) }

// full is a day with its year and a time with its zone.
func (d dates) full(at time.Time) string {
	return d.date(at) + " " + d.timeOfDay(at) + at.Format(" MST")
}

// exact is full to the second.
func (d dates) exact(at time.Time) string {
	if d.twelve {
		return d.date(at) + at.Format(", 3:04:05 PM MST")
	}
	return d.date(at) + at.Format(", 15:04:05 MST")
}
