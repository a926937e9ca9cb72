package web

import (
	"slices"
	"strconv"
	"strings"

	"afterhours/oncall"
	"afterhours/tickets"
)

// field is one input of an editor.
type field struct {
	Name     string
	Label    string
	Kind     string // text, email, number, date, time, secret, lines, select or checks
	Value    string
	Help     string
	Hint     string // what stands in an empty input
	Fault    string
	Options  []choice // of a select and of checks
	Required bool
	Slot     string // tells apart the ids of fields that share a name
}

// InputType is the type attribute of an input.
func (f field) InputType() string {
	switch f.Kind {
	case "date":
		if strings.HasSuffix(f.Value, "Z") { // a moment of its own, which such an input would leave blank
			return "text"
		}
		return "datetime-local"
	case "secret":
		return "password"
	}
	return f.Kind
}

// group is what belongs together in an editor. A narrow one stands on one line.
type group struct {
	Legend string
	Help   string
	Fields []field
	Narrow bool
}

func (f entryForm) field(kind, name, label, help string) field {
	value := f.Get(name)
	if kind == "lines" {
		value = joinLines(f.list(name))
	}
	return field{Name: name, Label: label, Kind: kind, Value: value, Help: help, Fault: f.faults[name]}
}

func (f entryForm) needed(kind, name, label, help string) field {
	needed := f.field(kind, name, label, help)
	needed.Required = true
	return needed
}

// choose is a select; none is what its empty choice says, and without it there is no empty choice.
func (f entryForm) choose(name, label, help, none string, options []choice) field {
	at := f.field("select", name, label, help)
	if none != "" {
		at.Options = append(at.Options, choice{"", none, at.Value == ""})
	}
	known := at.Value == ""
	for _, option := range options {
		option.Chosen = option.ID == at.Value
		known = known || option.Chosen
		at.Options = append(at.Options, option)
	}
	if !known { // what is in force is never lost for being unknown here
		at.Options = append(at.Options, choice{at.Value, at.Value, true})
	}
	return at
}

// slots are selects for a list in order, with one more to fill.
func (f entryForm) slots(name, label string, least int, options []choice) []field {
	values := f.list(name)
	var slots []field
	for i := range max(least, len(values)+1) {
		value := ""
		if i < len(values) {
			value = values[i]
		}
		one := entryForm{Values: map[string][]string{name: {value}}}
		slot := one.choose(name, label+" "+strconv.Itoa(i+1), "", "nobody", options)
		slot.Slot = "-" + strconv.Itoa(i)
		if i == 0 {
			slot.Fault = f.faults[name]
		}
		slots = append(slots, slot)
	}
	return slots
}

func (f entryForm) checks(name, label, help string, options []choice) field {
	at := f.field("checks", name, label, help)
	chosen := f.list(name)
	for _, option := range options {
		option.Chosen = slices.Contains(chosen, option.ID)
		at.Options = append(at.Options, option)
		chosen = slices.DeleteFunc(chosen, func(value string) bool { return value == option.ID })
	}
	for _, unknown := range chosen {
		at.Options = append(at.Options, choice{unknown, unknown, true})
	}
	return at
}

// windows are the fields of a list of windows, with one more to fill.
func (f entryForm) windows(name, legend, help string) []group {
	var groups []group
	for i := range f.rows(name) + 1 {
		at := name + "[" + strconv.Itoa(i) + "]."
		to := f.field("time", at+"to", "To", "")
		if to.Value == "24:00" { // an input of a time does not know it, and 00:00 says the same
			to.Value = "00:00"
		}
		groups = append(groups, group{Legend: legend + " " + strconv.Itoa(i+1), Help: help, Narrow: true, Fields: []field{
			f.checks(at+"days[]", "Days", "none: every day", choices("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
			f.field("time", at+"from", "From", ""), to,
		}})
		help = ""
	}
	return groups
}

// hours are windows that know holidays.
func (f entryForm) hours(name, legend, help string) []group {
	groups := f.windows(name, legend, help)
	for i := range groups {
		at := name + "[" + strconv.Itoa(i) + "]."
		groups[i].Fields[0] = f.checks(at+"days[]", "Days", "none: every day", choices("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"))
		groups[i].Fields = append(groups[i].Fields, f.choose(at+"except", "On holidays", "", "like other days", []choice{{ID: tickets.ExceptHoliday, Name: "not"}}))
	}
	return groups
}

func choices(ids ...string) []choice {
	options := make([]choice, len(ids))
	for i, id := range ids {
		options[i] = choice{ID: id, Name: plain(id)}
	}
	return options
}

func people(c oncall.Configuration) []choice {
	var options []choice
	for _, person := range c.People {
		options = append(options, choice{ID: person.ID, Name: person.Name})
	}
	return options
}

func schedules(c oncall.Configuration) []choice {
	var options []choice
	for _, schedule := range c.Schedules {
		options = append(options, choice{ID: schedule.ID, Name: "of " + nameOf(schedule)})
	}
	return options
}

func policies(c oncall.Configuration) []choice {
	var options []choice
	for _, policy := range c.Policies {
		options = append(options, choice{ID: policy.ID, Name: policy.ID})
	}
	return options
}

// targets are all that a step can notify.
func targets(c oncall.Configuration) []choice {
	var options []choice
	for _, schedule := range c.Schedules {
		options = append(options, choice{ID: "schedule:" + schedule.ID, Name: "on call in " + named(schedule.Name, schedule.ID)})
	}
	for _, person := range c.People {
		options = append(options, choice{ID: "person:" + person.ID, Name: person.Name})
	}
	for _, webhook := range c.Webhooks {
		options = append(options, choice{ID: "webhook:" + webhook.ID, Name: "webhook " + webhook.ID})
	}
	return options
}

func severities() []choice {
	var options []choice
	for _, severity := range tickets.Severities {
		options = append(options, choice{ID: string(severity), Name: severity.Word()})
	}
	return options
}

func named(name, id string) string {
	if name == "" {
		return id
	}
	return name
}

func joinLines(values []string) string {
	var text string
	for _, value := range values {
		text += value + "\n"
	}
	return text
}
