package web

import (
	"afterhours/oncall"
)

func maintenanceFields(f entryForm, c oncall.Configuration) []group {
	groups := []group{{Legend: "When, and why", Fields: []field{
		f.needed("text", "id", "Id", "like patching-december"), f.needed("date", "start", "From", ""), f.needed("date", "end", "To", "seven days later at most"),
		f.field("text", "timezone", "Time zone", "of both, like Europe/Madrid; empty: UTC"), f.needed("text", "reason", "Why", ""),
		f.choose("afterwards", "What pages at its end", "of what came in and is still open", "High, and what could not be read",
			[]choice{{ID: oncall.AfterwardsAll, Name: "everything"}, {ID: oncall.AfterwardsNone, Name: "nothing"}}),
	}}}
	groups = append(groups, matchFields(f)...)
	return append(groups, group{Legend: "Reminder", Help: "Told half an hour before the end. Nobody chosen: whoever the first policy tells first.", Fields: f.slots(
		"notify[]", "Tell", 1, reminded(c))})
}

// reminded are the targets that are people.
func reminded(c oncall.Configuration) []choice {
	c.Webhooks = nil
	return targets(c)
}

func maintenanceRows(r reader) []entryRow {
	var rows []entryRow
	for _, maintenance := range r.configuration.Maintenance {
		start, end := maintenance.Span()
		row := entryRow{Key: maintenance.ID, Name: maintenance.ID, Says: []string{
			matchWords(maintenance.Match), r.day(start).Words + " to " + r.day(end).Words, maintenance.Reason, afterwardsWords(maintenance),
		}}
		switch {
		case maintenance.On(r.now):
			row.Says = append(row.Says, "on now, ends "+r.in(end).Words)
		case !end.After(r.now):
			row.Faint = true
			row.Says = append(row.Says, "over")
		}
		rows = append(rows, row)
	}
	return rows
}

// afterwardsWords say what pages when a maintenance ends.
func afterwardsWords(maintenance oncall.Maintenance) string {
	switch maintenance.Afterwards {
	case oncall.AfterwardsAll:
		return "what is still open at its end pages then"
	case oncall.AfterwardsNone:
		return "nothing of it pages afterwards"
	}
	return "what is High, or could not be read, and still open at its end pages then"
}

// maintenanceBanners say on every page of the desk what pages nobody now, and until when.
func maintenanceBanners(c oncall.Configuration, at clock) []string {
	var said []string
	for _, maintenance := range c.Maintenances(at.now) {
		_, end := maintenance.Span()
		said = append(said, "Maintenance "+maintenance.ID+" until "+at.at(end).Words+" ("+at.in(end).Words+"): "+
			matchWords(maintenance.Match)+" pages nobody; "+afterwardsWords(maintenance)+". "+sentenceOf(maintenance.Reason))
	}
	return said
}
