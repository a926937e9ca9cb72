// Package scheduleimport turns the schedules of other systems into our configuration: iCalendar files, what GoAlert's
// GraphQL API answers, and what Grafana OnCall's HTTP API answers.
//
// It promises that what it returns can be applied, and that everything that it leaves out or changes is a warning in a
// sentence. It refuses to guess: who is on call in a system that calls several people at once is said, not chosen in
// silence. It knows nothing of what is in force here; moments come from the caller.
package scheduleimport

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"afterhours/oncall"
)

// The formats that can be read.
const (
	FormatICal    = "ical"
	FormatGoAlert = "goalert"
	FormatGrafana = "grafana"
)

// MaxSize is the most that a file may hold.
const MaxSize = 10 << 20

// Options say from when on schedules are taken over, and how far what cannot be written as a rotation is listed.
type Options struct {
	Now  time.Time
	Days int    // of listed shifts
	Name string // of a schedule whose file names none
}

// Result is the configuration, and what was left out or changed.
type Result struct {
	Configuration oncall.Configuration
	Warnings      []string
}

func (r *Result) warn(format string, args ...any) {
	said := fmt.Sprintf(format, args...)
	for _, known := range r.Warnings {
		if known == said {
			return
		}
	}
	r.Warnings = append(r.Warnings, said)
}

// Detect names the format of a file; empty where it is none that is known.
func Detect(content []byte) string {
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")), " \r\n\t")
	if bytes.HasPrefix(bytes.ToUpper(trimmed[:min(len(trimmed), 15)]), []byte("BEGIN:VCALENDAR")) {
		return FormatICal
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal(trimmed, &keys) != nil {
		return ""
	}
	if _, ok := keys["on_call_shifts"]; ok {
		return FormatGrafana
	}
	if _, ok := keys["results"]; ok {
		return FormatGrafana
	}
	for _, key := range []string{"data", "rotations", "userOverrides", "schedule", "schedules"} {
		if _, ok := keys[key]; ok {
			return FormatGoAlert
		}
	}
	return ""
}

// Import reads a file of a format; an empty one is detected.
func Import(format string, content []byte, options Options) (Result, error) {
	if format == "" {
		format = Detect(content)
	}
	var result Result
	var err error
	switch format {
	case FormatICal:
		result, err = fromICal(content, options)
	case FormatGoAlert:
		result, err = fromGoAlert(content, options)
	case FormatGrafana:
		result, err = fromGrafana(content, options)
	default:
		return result, errors.New("this is no file of a kind that is known; name it with --format ical, goalert or grafana")
	}
	if err != nil {
		return result, err
	}
	result.clean()
	if len(result.Configuration.Schedules) == 0 {
		return result, errors.New("no schedule stands in the file")
	}
	return result, nil
}

// longestName is what a name may have.
const longestName = 200

// clean leaves out of names what YAML cannot hold.
func (r *Result) clean() {
	plain := func(text *string) {
		*text = strings.Map(func(c rune) rune {
			if unicode.IsGraphic(c) {
				return c
			}
			return ' '
		}, strings.ToValidUTF8(*text, ""))
		for len(*text) > longestName {
			_, last := utf8.DecodeLastRuneInString(*text)
			*text = (*text)[:len(*text)-last]
		}
		*text = strings.TrimSpace(*text)
	}
	for i := range r.Configuration.People {
		person := &r.Configuration.People[i]
		plain(&person.Name)
		plain(&person.Email)
		if person.Name == "" {
			person.Name = person.ID
		}
	}
	for i := range r.Configuration.Schedules {
		schedule := &r.Configuration.Schedules[i]
		plain(&schedule.Name)
		for k := range schedule.Layers {
			plain(&schedule.Layers[k].Name)
		}
	}
}

// listed are entries that stand in a list of their own, or in the field of a page that an API answers with.
type listed[T any] []T

// UnmarshalJSON reads [...], {"nodes": [...]} and {"results": [...]}.
func (l *listed[T]) UnmarshalJSON(text []byte) error {
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '[' {
		return json.Unmarshal(text, (*[]T)(l))
	}
	var page struct{ Nodes, Results []T }
	if err := json.Unmarshal(text, &page); err != nil {
		return err
	}
	*l = append(page.Nodes, page.Results...)
	return nil
}

// wall is a moment of the configuration by its wall-clock digits, seconds cut off.
func wall(at time.Time) (l oncall.LocalTime) {
	_ = l.UnmarshalText([]byte(at.Format("2006-01-02T15:04"))) // of this layout
	return l
}
