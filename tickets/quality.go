package tickets

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Share is how many of the mails of a kind had a field in a week.
type Share struct {
	Kind  string // a Kind, or KindOfMicrosoft
	Field string
	Week  time.Time // its Monday, in UTC
	Mails int
	Found int
}

// KindOfMicrosoft stands for all mails that say to be Microsoft's; its field is whether their kind was known.
const (
	KindOfMicrosoft = "from microsoft"
	FieldRecognised = "recognised"
)

// Of is the part of the mails that had the field, from 0 to 1.
func (s Share) Of() float64 {
	if s.Mails == 0 {
		return 0
	}
	return float64(s.Found) / float64(s.Mails)
}

// Compared is a field's share in the week that runs beside the one before.
type Compared struct {
	Kind, Field string
	Now, Before Share
}

// What makes a drop more than chance: enough mails in both weeks, a difference that matters, and one of more than three
// standard deviations of what two samples of one share differ by.
const (
	leastMails = 10
	leastDrop  = 0.10
	leastSigma = 3
)

// Dropped says whether the field is found markedly less often than in the week before: the sender has changed the mail.
func (c Compared) Dropped() bool {
	if c.Now.Mails < leastMails || c.Before.Mails < leastMails {
		return false
	}
	drop := c.Before.Of() - c.Now.Of()
	if drop < leastDrop {
		return false
	}
	pooled := float64(c.Before.Found+c.Now.Found) / float64(c.Before.Mails+c.Now.Mails)
	spread := math.Sqrt(pooled * (1 - pooled) * (1/float64(c.Before.Mails) + 1/float64(c.Now.Mails)))
	return spread > 0 && drop/spread >= leastSigma
}

// Week is the Monday of a moment's week, in UTC.
func Week(at time.Time) time.Time {
	at = at.UTC()
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
}

// Compare puts the shares of the week of now beside those of the week before, by kind and field. What has no mail in
// either is left out.
func Compare(shares []Share, now time.Time) []Compared {
	week := Week(now)
	rows := map[[2]string]*Compared{}
	for _, share := range shares {
		key := [2]string{share.Kind, share.Field}
		if rows[key] == nil {
			rows[key] = &Compared{Kind: share.Kind, Field: share.Field}
		}
		switch {
		case share.Week.Equal(week):
			rows[key].Now = share
		case share.Week.Equal(week.AddDate(0, 0, -7)):
			rows[key].Before = share
		}
	}
	compared := make([]Compared, 0, len(rows))
	for _, row := range rows {
		if row.Now.Mails > 0 || row.Before.Mails > 0 {
			compared = append(compared, *row)
		}
	}
	slices.SortFunc(compared, func(a, b Compared) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Field, b.Field))
	})
	return compared
}
