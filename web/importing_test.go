package web

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"afterhours/oncall"
	"afterhours/web/auth"
)

func TestAnImportIsShownBeforeItIsApplied(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	actions := d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	const yaml = "mutes:\n  - {match: {title: \"Noise*\"}, until: \"2026-12-01T09:00Z\", reason: known}\n"
	post := func(pairs ...string) *http.Response {
		return d.ask(t, http.MethodPost, "/settings/configuration/import", form(append([]string{"yaml", yaml}, pairs...)...), "Cookie", cookie)
	}
	response := post()
	wantStatus(t, response, http.StatusOK)
	shown := page(t, response)
	wantText(t, shown, "section[aria-labelledby=difference]", "+mutes:")
	wantText(t, shown, "textarea[name=yaml]", "Noise*")
	if len(*actions) != 0 {
		t.Fatalf("a dry run changed something: %v", *actions)
	}
	mark, _ := shown.Find("input[name=mark]").Attr("value")
	if mark == "" || shown.Find("button[name=apply]").Length() != 1 {
		t.Fatal("the difference cannot be applied")
	}

	// Somebody changes the configuration meanwhile in a way that changes the difference.
	d.sample.configuration.Mutes = []oncall.Mute{{Until: d.now, Reason: "other"}}
	response = post("mark", mark, "apply", "1")
	wantStatus(t, response, http.StatusConflict)
	shown = page(t, response)
	wantText(t, shown, ".complaint", "nothing was applied")
	if len(*actions) != 0 || d.sample.configuration.Mutes[0].Reason != "other" {
		t.Fatalf("a stale difference was applied: %v", *actions)
	}
	mark, _ = shown.Find("input[name=mark]").Attr("value")
	response = post("mark", mark, "apply", "1")
	wantStatus(t, response, http.StatusSeeOther)
	if got := strings.Join(*actions, ", "); got != "configuration imported by adm" || d.sample.configuration.Mutes[0].Reason != "known" {
		t.Errorf("got %q, %+v", got, d.sample.configuration.Mutes)
	}
	wantText(t, page(t, post()), ".notice", "changes nothing")
	wantText(t, page(t, d.ask(t, http.MethodGet, response.Header.Get("Location"), "", "Cookie", cookie)), ".notice", "Applied.")
}

func TestAFaultyImportNamesTheLineAndTheMend(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	for yaml, want := range map[string]string{
		"mutes:\n  - {match: {}, until: never, reason: <b>x</b>}\n": "Line 2: ",
		"people:\n  - id: ana\n    name: Ana\n    color: red\n":     "Line 4: people[0] has no key \"color\"; use id,",
		"\tpeople: []": "Line 1: ",
		"":             "Line 1: the file is empty; write at least one of people,",
		"people: []":   "schedules[0].layers[0].people[0] (in force): there is no person",
	} {
		response := d.ask(t, http.MethodPost, "/settings/configuration/import", form("yaml", yaml, "apply", "1"), "Cookie", cookie)
		wantStatus(t, response, http.StatusBadRequest)
		document := page(t, response)
		wantText(t, document, ".faults", want)
		if document.Find(".faults b, .difference").Length() != 0 {
			t.Errorf("%q: its text is markup", yaml)
		}
		if got := document.Find("textarea[name=yaml]").Text(); strings.TrimSpace(got) != strings.TrimSpace(yaml) {
			t.Errorf("%q: what was written is lost: %q", yaml, got)
		}
	}
}

func TestAnExportedConfigurationIsImportedFromAFileWithoutADifference(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	response := d.ask(t, http.MethodGet, "/settings/configuration/export", "", "Cookie", cookie)
	wantStatus(t, response, http.StatusOK)
	if got := response.Header.Get("Content-Disposition"); got != `attachment; filename="afterhours-2026-11-24.yaml"` {
		t.Errorf("name: got %q", got)
	}
	exported, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	send := func(content []byte) *http.Response {
		var body bytes.Buffer
		parts := multipart.NewWriter(&body)
		file, err := parts.CreateFormFile("file", "team.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := parts.Close(); err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://desk.example/settings/configuration/import", &body)
		request.Header.Set("Content-Type", parts.FormDataContentType())
		request.Header.Set("Cookie", cookie)
		recorder := httptest.NewRecorder()
		d.Handler().ServeHTTP(recorder, request)
		return recorder.Result()
	}
	response = send(exported)
	wantStatus(t, response, http.StatusOK)
	wantText(t, page(t, response), ".notice", "changes nothing")
	wantStatus(t, send(bytes.Repeat([]byte("# long\n"), maxRequest/7+1)), http.StatusRequestEntityTooLarge)
}
