package web

import (
	"strings"

	"afterhours/oncall"
)

func intakeFields(f entryForm, c oncall.Configuration) []group {
	return []group{{Legend: "Address", Fields: []field{
		f.needed("text", "id", "Id", ""),
		f.needed("email", "to", "To", "the address that mail comes in at, like defender@example.com"),
		f.choose("unverified", "Mail of unverified senders", "refuse: their server is told 550", "as AFTERHOURS_UNVERIFIED says",
			choices(oncall.UnverifiedPage, oncall.UnverifiedRecord, oncall.UnverifiedRefuse)),
	}}, {Legend: "Dead-man's switch", Help: "Silence that is longer than expected opens a ticket and tells these, once. It resolves by itself with the next mail.", Fields: append(
		[]field{f.field("text", "expect_every", "Mail is expected every", "like 24h; empty: never expected")},
		f.slots("notify[]", "Tell", 1, targets(c))...)}}
}

func intakeRows(r reader) []entryRow {
	var rows []entryRow
	for _, intake := range r.configuration.Intake {
		row := entryRow{Key: intake.ID, Name: intake.To}
		if intake.Unverified != "" {
			row.Says = append(row.Says, "unverified mail: "+intake.Unverified)
		}
		if intake.ExpectEvery > 0 {
			var names []string
			for _, target := range intake.Notify {
				names = append(names, target.String())
			}
			row.Says = append(row.Says, "mail expected every "+intake.ExpectEvery.String()+", else tells "+strings.Join(names, ", "))
		}
		rows = append(rows, row)
	}
	return rows
}
