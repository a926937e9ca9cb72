// Package playbook responds to alerts: it decides which playbook a reading calls for, asks people where the hour asks for
// it, carries the action out on the device, follows it to its end, and keeps every step.
//
// It promises that nothing but Microsoft's own word starts an action: a report of the API, or a mail whose author is
// authenticated and that nobody forwarded. It promises that an exclusion always wins, that an approval is a signed-in
// person's, and that an action is asked for once: before a request leaves, the run says so in the database; a process that
// finds a run in that state after a crash reads back what the device was told before it asks again.
//
// A run moves
//
//	planned ─▶ waiting ─▶ approved ─▶ requesting ─▶ running ─▶ succeeded | failed
//	planned ─▶ approved (by itself) | skipped (excluded, no device, switched off)
//	waiting ─▶ declined | expired
//
// and each move is one transaction with its line in the audit. What is due stands in the row, is claimed with SKIP LOCKED
// and a lease, and any number of processes may do this work side by side.
package playbook

import (
	"path"
	"slices"
	"strings"
	"time"

	"afterhours/tickets"
)

// Action is what a playbook does to a device.
type Action string

// The actions. ReleaseDevice and AllowApps undo the two that shut something off.
const (
	IsolateDevice  Action = "isolate_device"
	ReleaseDevice  Action = "release_device"
	AntivirusScan  Action = "antivirus_scan"
	RestrictApps   Action = "restrict_apps"
	AllowApps      Action = "allow_apps"
	CollectPackage Action = "collect_package"
	TagDevice      Action = "tag_device"
	UntagDevice    Action = "untag_device"
)

// Undo is the action that takes a back; ok is false where nothing does.
func (a Action) Undo() (undo Action, ok bool) {
	switch a {
	case IsolateDevice:
		return ReleaseDevice, true
	case ReleaseDevice:
		return IsolateDevice, true
	case RestrictApps:
		return AllowApps, true
	case TagDevice:
		return UntagDevice, true
	}
	return "", false
}

// Mode is how a playbook runs at a moment.
type Mode string

// The modes.
const (
	Automatic Mode = "automatic"
	Ask       Mode = "ask"
	Off       Mode = "off"
)

// Defaults of what a playbook may leave out.
const (
	DefaultExpires = 30 * time.Minute
	DefaultPerHour = 5
)

// Playbook is one response.
type Playbook struct {
	ID        string
	Match     Match
	Action    Action
	Settings  Settings
	Approval  []Window // the first that is open wins
	Otherwise Mode
	Approvers int
	Expires   time.Duration
	RunOnEnd  bool // a question that nobody answered in time is a yes
	Exclude   Exclusion
	PerHour   int // runs by themselves within an hour, of all playbooks that isolate; then it asks
}

// Settings are an action's own.
type Settings struct {
	Isolation string `json:"isolation,omitempty"` // Full or Selective
	Scan      string `json:"scan,omitempty"`      // Quick or Full
	Tag       string `json:"tag,omitempty"`
}

// Window says how a playbook runs while it is open.
type Window struct {
	Window tickets.Window
	Zone   *time.Location
	Mode   Mode
}

// ModeAt is how the playbook runs at a moment.
func (p Playbook) ModeAt(at time.Time) Mode {
	for _, window := range p.Approval {
		if tickets.WithinAny([]tickets.Window{window.Window}, at, window.Zone) {
			return window.Mode
		}
	}
	return p.Otherwise
}

// Match names what an alert and its device must be. What is empty does not restrict.
type Match struct {
	Severity, Category, Product, Title, Device, Group, Tag, Source, Tenant []string

	Hours []tickets.Window // in UTC
}

// Exclusion names devices that are never touched.
type Exclusion struct{ Device, Group, Tag []string }

// DomainControllers are excluded from every playbook: an isolated one takes the directory with it. These are the tags by
// which teams and Defender's own device values mark them.
var DomainControllers = []string{"domaincontroller", "domain controller", "domain-controller", "dc", "tier0", "tier-0", "tier 0"}

// Facts are what a reading says that a playbook may ask for.
type Facts struct {
	Severity, Category, Product, Title string
	Source                             string // api or email
	Detection                          string // Microsoft's detection source
	Tenant, Directory                  string // our id and Microsoft's
}

// CallsFor says whether a reading's facts match at a moment, before anything is known of the device but its name.
func (p Playbook) CallsFor(facts Facts, device string, at time.Time) bool {
	m := p.Match
	return equal(m.Severity, facts.Severity) && equal(m.Category, facts.Category) && equal(m.Product, facts.Product) &&
		glob(m.Title, facts.Title) && equal(m.Source, facts.Source, facts.Detection) && equal(m.Tenant, facts.Tenant, facts.Directory) &&
		(len(m.Device) == 0 || glob(m.Device, device)) && tickets.WithinAny(m.Hours, at, time.UTC)
}

// Device is what Defender knows of a device.
type Device struct {
	ID, Name, Group string
	Tags            []string
}

// Fits says whether a device is of the group and the tags that the playbook asks for.
func (p Playbook) Fits(device Device) bool {
	return equal(p.Match.Group, device.Group) && equal(p.Match.Tag, device.Tags...) && (len(p.Match.Device) == 0 || glob(p.Match.Device, names(device.Name)...))
}

// Excluded is why a device is never touched; empty where it may be.
func (p Playbook) Excluded(device Device) string {
	for _, tag := range device.Tags {
		if p.Action != ReleaseDevice && p.Action != TagDevice && slices.Contains(DomainControllers, strings.ToLower(tag)) {
			return "it is a domain controller (tag " + tag + ")"
		}
	}
	switch e := p.Exclude; {
	case len(e.Device) > 0 && glob(e.Device, names(device.Name)...):
		return "its name is excluded"
	case len(e.Group) > 0 && equal(e.Group, device.Group):
		return "its device group " + device.Group + " is excluded"
	case len(e.Tag) > 0 && equal(e.Tag, device.Tags...):
		return "one of its tags is excluded"
	}
	return ""
}

// names are a device's name with and without its domain.
func names(name string) []string {
	host, _, _ := strings.Cut(name, ".")
	return []string{name, host}
}

func equal(want []string, got ...string) bool {
	return len(want) == 0 || slices.ContainsFunc(want, func(value string) bool {
		return slices.ContainsFunc(got, func(given string) bool { return strings.EqualFold(value, given) })
	})
}

func glob(want []string, got ...string) bool {
	return len(want) == 0 || slices.ContainsFunc(want, func(pattern string) bool {
		return slices.ContainsFunc(got, func(given string) bool { return matches(strings.ToLower(pattern), strings.ToLower(given)) })
	})
}

// matches knows * and ?; path.Match alone would stop a * at a slash.
func matches(pattern, text string) bool {
	const slash = "\x01"
	escaped := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `/`, slash).Replace(pattern)
	ok, err := path.Match(escaped, strings.ReplaceAll(text, "/", slash))
	return err == nil && ok
}
