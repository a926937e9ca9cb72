package oncall_test

import (
	"strings"
	"testing"

	"afterhours/oncall"
)

const taught = `readings:
  - id: siem
    from: siem@example.com
    subject: Alarm *
    text: Regelwerk
    kind: alert
    product: endpoint
    fields:
      - field: title
        after: Regel
      - field: severity
        after: Risiko
        words:
          - word: Kritisch
            means: high
      - field: incident_id
        in: subject
        after: Alarm
`

func anyContact(_, _, _ string) error { return nil }

func TestTaughtReadingsComeBackFromAnExportAsTheyWere(t *testing.T) {
	t.Parallel()
	document, err := oncall.ParseFile("a.yaml", []byte(taught))
	if err != nil {
		t.Fatal(err)
	}
	configuration, err := oncall.Merge(oncall.Configuration{}, anyContact, document)
	if err != nil {
		t.Fatal(err)
	}
	text, err := configuration.Export()
	if err != nil || string(text) != taught {
		t.Errorf("export: got %v\n%s\nwant\n%s", err, text, taught)
	}
}

func TestAFaultOfATaughtReadingNamesLineAndMend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ entry, want string }{
		"no address":        {`{id: a, from: siem, fields: [{field: title, after: x}]}`, "a.yaml:2: from of reading a is no address; write one like"},
		"no sender":         {`{id: a, fields: [{field: title, after: x}]}`, "has no from; add it"},
		"no fields":         {`{id: a, from: a@b.example}`, "reading a finds nothing; add fields"},
		"an unknown field":  {`{id: a, from: a@b.example, fields: [{field: titel, after: x}]}`, `there is no field "titel"; use title, severity`},
		"no place":          {`{id: a, from: a@b.example, fields: [{field: title}]}`, "does not say where it stands; add after"},
		"an unknown kind":   {`{id: a, from: a@b.example, kind: alarm, fields: [{field: title, after: x}]}`, `kind "alarm" does not exist`},
		"words of a title":  {`{id: a, from: a@b.example, fields: [{field: title, after: x, words: [{word: y, means: high}]}]}`, "words are for severities alone"},
		"a word of nothing": {`{id: a, from: a@b.example, fields: [{field: severity, after: x, words: [{word: y}]}]}`, "a word needs what it means"},
		"endless words":     {`{id: a, from: a@b.example, fields: [{field: title, after: ` + strings.Repeat("x", 300) + `}]}`, "longer than 200 octets"},
	} {
		document, err := oncall.ParseFile("a.yaml", []byte("readings:\n  - "+c.entry+"\n"))
		if err == nil {
			_, err = oncall.Merge(oncall.Configuration{}, anyContact, document)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "a.yaml:2: ") {
			t.Errorf("%s: got %v, want %q with its line", name, err, c.want)
		}
	}
}
