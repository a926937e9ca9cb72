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
		"calendar",
		"load",
		"loads",
		"policy",
		"history",
		"handover",
		"requests",
		"insights",
	}
	alone = [...]string{"night", "standby", "deadlink", "login", "loginlink", "error"}
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
	Stylesheet string
	Icon       string
	Night      bool
	scripts    []string
}

func (s *Site) bare(title string, night bool) bare {
	stylesheet := "desk.css"
	if night {
		stylesheet = "night.css"
	}
	return bare{Title: title, Stylesheet: s.assets.path[stylesheet], Icon: s.assets.path["icon.svg"], Night: night, scripts: []string{s.assets.path["htmx.min.js"], s.assets.path["desk.js"]}}
}
