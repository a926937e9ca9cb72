package web

import (
	"math"
	"strconv"
	"time"

	"afterhours/oncall"
)

// Sizes of a drawn policy, in pixels.
const (
	laneNames  = 18
	laneHeight = 26
	axisHeight = 22
)

// timeline is what a policy does over time as a drawing: a line for each recipient, a mark for each notification.
type timeline struct {
	Height int
	Ticks  []timelineTick
	Lanes  []timelineLane
}

type timelineTick struct {
	X     string
	Label string // empty where it would lie over its neighbour
	Last  bool   // its label stands to its left
	at    float64
}

type timelineLane struct {
	Name  string
	NameY int
	Y     int
	Marks []timelineMark
}

type timelineMark struct {
	X          string
	Y          int
	Step       string // in the mark
	Quiet      bool
	LastResort bool
	Title      string
}

// timelineOf draws notifications; nil where there are none.
func (r reader) timelineOf(pages []oncall.Expected) *timeline {
	if len(pages) == 0 {
		return nil
	}
	longest := pages[len(pages)-1].After
	along := func(after time.Duration) float64 {
		if longest == 0 {
			return 2
		}
		return 2 + 94*float64(after)/float64(longest)
	}
	drawn := &timeline{}
	lanes := map[string]int{}
	tick := math.Inf(-1)
	for _, page := range pages {
		x := along(page.After)
		if x != tick {
			label := "at once"
			if page.After > 0 {
				label = written(oncall.Duration(page.After))
			}
			drawn.Ticks = append(drawn.Ticks, timelineTick{X: part(x), Label: label, at: x})
			tick = x
		}
		who := r.recipientOf(page)
		at, known := lanes[who]
		if !known {
			at = len(drawn.Lanes)
			lanes[who] = at
			y := axisHeight + at*(laneNames+laneHeight)
			drawn.Lanes = append(drawn.Lanes, timelineLane{Name: who, NameY: y + laneNames - 5, Y: y + laneNames + laneHeight/2})
		}
		mark := timelineMark{X: part(x), Y: drawn.Lanes[at].Y, Step: strconv.Itoa(page.Step), Quiet: page.Quiet, LastResort: page.LastResort}
		if page.LastResort {
			mark.Step = "!"
		}
		mark.Title = who + ", " + stepWords(page) + ", " + inWords(page.After) + ", " + channelName(page.Channel)
		drawn.Lanes[at].Marks = append(drawn.Lanes[at].Marks, mark)
	}
	drawn.Ticks = spaced(drawn.Ticks)
	drawn.Height = axisHeight + len(drawn.Lanes)*(laneNames+laneHeight)
	return drawn
}

// labelWidth is the room that a label needs on a phone, in per cent.
const labelWidth = 24

// spaced leaves of the labels those that have room: the first, the last and some between.
func spaced(ticks []timelineTick) []timelineTick {
	last := len(ticks) - 1
	free := math.Inf(-1)
	for i, tick := range ticks {
		if i != last && (tick.at < free || i > 0 && tick.at > ticks[last].at-2*labelWidth) {
			ticks[i].Label = ""
			continue
		}
		free = tick.at + labelWidth
	}
	ticks[last].Last = last > 0
	return ticks
}

// recipientOf is who gets a notification.
func (r reader) recipientOf(page oncall.Expected) string {
	if page.Person != "" {
		return r.name(page.Person)
	}
	return "webhook " + page.Webhook
}
