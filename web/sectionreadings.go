package web

import (
	"strconv"

	"afterhours/oncall"
	"afterhours/tickets"
)

func readingFields(f entryForm, _ oncall.Configuration) []group {
	groups := []group{{Legend: "Which mails", Fields: []field{
		f.needed("text", "id", "Id", ""), f.needed("email", "from", "From", "the sender's address, exactly"),
		f.field("text", "subject", "Subject", "* stands for anything; empty: any"),
		f.field("text", "text", "Words of the layout", "empty: any layout"),
		f.choose("kind", "Kind", "of a mail that is of no known kind", "alert", choices(oncall.Kinds()...)),
		f.choose("product", "Product", "", "as the parser says", choices(oncall.Products()...)),
	}}}
	help := "A value stands behind some words, on their line or below them, and ends before others or with the line."
	for i := range f.rows("fields") + 1 {
		at := "fields[" + strconv.Itoa(i) + "]."
		one := group{Legend: "Field " + strconv.Itoa(i+1), Help: help, Narrow: true, Fields: []field{
			f.choose(at+"field", "Field", "", "none", choices(tickets.TaughtFields[:]...)),
			f.choose(at+"in", "In", "", "the text", choices(tickets.InSubject)),
			f.field("text", at+"after", "Behind the words", ""), f.field("text", at+"before", "Before the words", ""),
		}}
		if f.Get(at+"field") == "severity" {
			for k := range f.rows(at+"words") + 1 {
				word := at + "words[" + strconv.Itoa(k) + "]."
				one.Fields = append(one.Fields, f.field("text", word+"word", "The word", ""), f.choose(word+"means", "means", "", "none", severities()))
			}
		}
		groups, help = append(groups, one), ""
	}
	return groups
}

func readingRows(r reader) []entryRow {
	var rows []entryRow
	for _, rule := range r.configuration.Readings {
		row := entryRow{Key: rule.ID, Name: rule.ID, Says: []string{"mails of " + rule.From}}
		if rule.Subject != "" {
			row.Says = append(row.Says, "subject "+rule.Subject)
		}
		for _, field := range rule.Fields {
			row.Says = append(row.Says, plain(field.Field))
		}
		rows = append(rows, row)
	}
	return rows
}
