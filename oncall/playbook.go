package oncall

import (
	"strconv"
	"strings"
	"time"

	"afterhours/tickets"
)

// Playbook is a response to alerts: an action on their devices, by itself or with somebody's approval.
type Playbook struct {
	ID        string           `json:"id" yaml:"id"`
	Match     PlaybookMatch    `json:"match" yaml:"match" required:"true"` // left out by mistake, it would isolate everything
	Action    string           `json:"action" yaml:"action"`
	Isolation string           `json:"isolation,omitempty" yaml:"isolation"` // full (the default) or selective
	Scan      string           `json:"scan,omitempty" yaml:"scan"`           // quick (the default) or full
	Tag       string           `json:"tag,omitempty" yaml:"tag"`             // that tag_device adds
	Approval  []ApprovalWindow `json:"approval,omitempty" yaml:"approval"`   // the first that is open wins
	Otherwise string           `json:"otherwise,omitempty" yaml:"otherwise"` // the mode outside of them; empty: ask
	Approvers int              `json:"approvers,omitempty" yaml:"approvers"` // how many people must approve; 0 is 1
	Expires   Duration         `json:"expires,omitempty" yaml:"expires"`     // of a question; empty: 30m
	OnExpiry  string           `json:"on_expiry,omitempty" yaml:"on_expiry"` // decline (the default) or run
	Exclude   Exclusion        `json:"exclude,omitzero" yaml:"exclude"`
	PerHour   int              `json:"per_hour,omitempty" yaml:"per_hour"` // runs by themselves before it asks; 0 is 5
}

// PlaybookMatch names what an alert and its device must be. A key that is absent does not restrict; a list matches any of
// its values. Title and device are globs.
type PlaybookMatch struct {
	Severity Values   `json:"severity,omitempty" yaml:"severity"`
	Category Values   `json:"category,omitempty" yaml:"category"`
	Product  Values   `json:"product,omitempty" yaml:"product"`
	Title    Values   `json:"title,omitempty" yaml:"title"`
	Device   Values   `json:"device,omitempty" yaml:"device"`
	Group    Values   `json:"device_group,omitempty" yaml:"device_group"`
	Tag      Values   `json:"tag,omitempty" yaml:"tag"`       // of the device
	Source   Values   `json:"source,omitempty" yaml:"source"` // api or email, or Microsoft's detection source
	Tenant   Values   `json:"tenant,omitempty" yaml:"tenant"` // our id, or the directory's
	Hours    []Window `json:"hours,omitempty" yaml:"hours"`   // in UTC
}

// Exclusion names devices that are never touched, whatever matches.
type Exclusion struct {
	Device Values `json:"device,omitempty" yaml:"device"` // globs
	Group  Values `json:"device_group,omitempty" yaml:"device_group"`
	Tag    Values `json:"tag,omitempty" yaml:"tag"`
}

// ApprovalWindow says how a playbook runs while it is open; it follows the rules of a schedule's windows.
type ApprovalWindow struct {
	Days     []Weekday `json:"days,omitempty" yaml:"days"`
	From     Clock     `json:"from" yaml:"from" required:"true"`
	To       Clock     `json:"to" yaml:"to" required:"true"`
	Timezone string    `json:"timezone,omitempty" yaml:"timezone"` // IANA name; empty is UTC
	Mode     string    `json:"mode" yaml:"mode"`
}

// The modes of a playbook, and its actions.
var (
	playbookModes   = []string{"automatic", "ask", "off"}
	playbookActions = []string{"isolate_device", "release_device", "antivirus_scan", "restrict_apps", "collect_package", "tag_device"}
)

// PlaybookModes are how a playbook can run.
func PlaybookModes() []string { return append([]string{}, playbookModes...) }

// PlaybookActions are what a playbook can do.
func PlaybookActions() []string { return append([]string{}, playbookActions...) }

// Playbook returns the playbook of the given id.
func (c Configuration) Playbook(id string) (Playbook, bool) {
	return find(c.Playbooks, func(p Playbook) bool { return p.ID == id })
}

// Bounds of a playbook.
const (
	maxApprovers = 5
	maxExpiry    = 24 * time.Hour
	maxPerHour   = 100
)

func (v *validator) playbook(path string, p Playbook) {
	if !has(playbookActions, p.Action) {
		v.add(path+".action", "playbook %s has no action %q; use %s", p.ID, p.Action, strings.Join(playbookActions, ", "))
	}
	v.oneOf(path+".isolation", "isolation", p.Isolation, "full", "selective")
	v.oneOf(path+".scan", "scan", p.Scan, "quick", "full")
	v.oneOf(path+".otherwise", "mode", p.Otherwise, playbookModes...)
	v.oneOf(path+".on_expiry", "on_expiry", p.OnExpiry, "decline", "run")
	if (p.Tag == "") == (p.Action == "tag_device") {
		v.add(path+".tag", "tag goes together with the action tag_device, and names the tag that it adds")
	}
	if p.Approvers < 0 || p.Approvers > maxApprovers {
		v.add(path+".approvers", "approvers must be from 1 to %d", maxApprovers)
	}
	if p.Approvers > 1 && p.OnExpiry == "run" {
		v.add(path+".on_expiry", "a playbook that needs %d people cannot run because nobody answered; write on_expiry: decline", p.Approvers)
	}
	if time.Duration(p.Expires) > maxExpiry || p.Expires != 0 && time.Duration(p.Expires) < time.Minute {
		v.add(path+".expires", "expires must be from 1m to 1d")
	}
	if p.PerHour < 0 || p.PerHour > maxPerHour {
		v.add(path+".per_hour", "per_hour must be from 1 to %d", maxPerHour)
	}
	for i, window := range p.Approval {
		at := path + ".approval[" + strconv.Itoa(i) + "]"
		v.zone(at+".timezone", window.Timezone)
		if tickets.NamesHoliday([]Window{{Days: window.Days}}) {
			v.add(at, "this window names holidays, and there are none here; holidays are known to layers and to steps of policies")
		}
		if !has(playbookModes, window.Mode) {
			v.add(at, "window %d of playbook %s needs a mode: %s", i+1, p.ID, strings.Join(playbookModes, ", "))
		}
	}
	v.windows(path+".match.hours", p.Match.Hours, false, "holidays are known to layers and to steps of policies")
	v.severities(path+".match.severity", p.Match.Severity)
	for _, value := range p.Match.Product {
		if !has(products, strings.ToLower(value)) {
			v.add(path+".match.product", "%q is no product; use %s", value, strings.Join(products, ", "))
		}
	}
	for _, globs := range []struct {
		key    string
		values Values
	}{{"match.title", p.Match.Title}, {"match.device", p.Match.Device}, {"exclude.device", p.Exclude.Device}} {
		for _, value := range globs.values {
			if value == "" {
				v.add(path+"."+globs.key, "an empty pattern matches nothing; write * to match all, or leave it out")
			}
		}
	}
}

// Window is the approval window without its mode.
func (w ApprovalWindow) Window() tickets.Window {
	return tickets.Window{Days: w.Days, From: w.From, To: w.To}
}

func itoa(number int) string { return strconv.Itoa(number) }
