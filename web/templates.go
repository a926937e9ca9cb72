package web

import (
	"embed"
	"fmt"
	"html/template"
)

//go:embed templates
var templateFiles embed.FS

// templates are the pages by name; each defines "page".
type templates map[string]*template.Template

// Pages that stand in the desk's frame, and those that stand alone.
var (
	framed = [...]string{
		"tickets", "ticket", "mail", "oncall", "outgoing", "letter", "configuration", "audit", "section", "entry", "tokens", "accounts", "sessions", "deliveries", "person", "simulation", "setup", "feeds", "push", "playbooks", "playbookrun", "dryrun", "teach", "reading",
		"account",
		"design",
		"calendar",
		"load",
		"loads",
		"policy",
		"history",
		"handover",
		"requests",
		"insights",
		"status",
		"change",
		"undo",
		"retention",
	}
	alone = [...]string{
		"night", "standby", "deadlink", "login", "loginlink", "error", "statusaway",
		"invitation",
		"onward",
	}
)

func parseTemplates() (templates, error) {
	parsed := templates{}
	functions := template.FuncMap{"markdown": markdown()}
	parse := func(name string, files ...string) error {
		page, err := template.New(name).Funcs(functions).ParseFS(templateFiles, append(files, "templates/parts.html", "templates/"+name+".html")...)
		if err != nil {
			return fmt.Errorf("template %s: %w", name, err)
		}
		parsed[name] = page
		return nil
	}
	for _, name := range framed {
		if err := parse(name, "templates/frame.html"); err != nil {
			return nil, err
		}
	}
	for _, name := range alone {
		if err := parse(name); err != nil {
			return nil, err
		}
	}
	return parsed, nil
}

// bare is what every page needs.
type bare struct {
	Title      string
	Stylesheet string       // its address
	Style      template.CSS // in its place: of night pages, which are whole after one way over the line
	Icon       string
	TouchIcon  string // on a home screen that does not know the manifest
	Night      bool
	scripts    []string
}

func (s *Site) bare(title string, night bool) bare {
	path := s.assets.path
	page := bare{
		Title: title, Stylesheet: path["desk.css"], Icon: path["icon.svg"], TouchIcon: path["maskable-192.png"], Night: night,
		scripts: []string{path["htmx.min.js"], path["desk.js"]},
	}
	if night {
		page.Style = template.CSS(s.assets.named("night.css")) //nolint:gosec // it is ours
	}
	return page
}
