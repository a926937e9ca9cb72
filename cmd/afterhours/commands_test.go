package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"afterhours/migrations/pgtest"
)

// command runs one command line with the given variables and returns its exit code and output.
func command(t *testing.T, vars []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, environment{vars: vars, stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: time.Now})
	return code, out.String(), errs.String()
}

// identityProviderAt are the variables of an identity provider.
func identityProviderAt(issuer string, more ...string) []string {
	return append([]string{"AFTERHOURS_OIDC_ISSUER=" + issuer, "AFTERHOURS_OIDC_CLIENT_ID=x", "AFTERHOURS_OIDC_CLIENT_SECRET=y"}, more...)
}

func TestWrongUsageIsOneLineThatNamesTheMend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vars []string
		args []string
		want string
	}{
		"an unknown variable":        {[]string{"AFTERHOURS_SMPT_ADDR=x"}, []string{"serve"}, "AFTERHOURS_SMPT_ADDR: there is no such setting"},
		"an impossible port":         {[]string{"AFTERHOURS_SMTP_ADDR=127.0.0.1:99999"}, []string{"serve"}, "AFTERHOURS_SMTP_ADDR (--smtp-addr): \"127.0.0.1:99999\" has no port between 0 and 65535"},
		"an impossible size":         {[]string{"AFTERHOURS_MAIL_MAX_SIZE=lots"}, []string{"serve"}, `"lots" is not a size like 25MiB`},
		"half a certificate":         {[]string{"AFTERHOURS_SMTP_TLS_CERT=x"}, []string{"serve"}, "certificate and key go together"},
		"a database without a key":   {[]string{"AFTERHOURS_DATABASE_URL=postgres://x"}, []string{"serve"}, "AFTERHOURS_SECRET_KEY (--secret-key): is required with AFTERHOURS_DATABASE_URL"},
		"a short key":                {[]string{"AFTERHOURS_SECRET_KEY=short"}, []string{"serve"}, "is shorter than 32 characters"},
		"a public URL that is none":  {[]string{"AFTERHOURS_PUBLIC_URL=pager.example"}, []string{"serve"}, "is not an http or https URL"},
		"a missing file of a value":  {[]string{"AFTERHOURS_SECRET_KEY_FILE=/nowhere"}, []string{"serve"}, "AFTERHOURS_SECRET_KEY_FILE"},
		"recipients that are none":   {[]string{"AFTERHOURS_MAIL_TO=@@"}, []string{"serve"}, `AFTERHOURS_MAIL_TO (--mail-to): "@@" is neither an address`},
		"senders that are none":      {[]string{"AFTERHOURS_MAIL_FROM_ALLOW=a b"}, []string{"serve"}, `AFTERHOURS_MAIL_FROM_ALLOW (--mail-from-allow): "a b" is neither`},
		"a name that is none":        {[]string{"AFTERHOURS_SMTP_DOMAIN=a b"}, []string{"serve"}, `AFTERHOURS_SMTP_DOMAIN (--smtp-domain): "a b" is not a name`},
		"a sender that is none":      {[]string{"AFTERHOURS_OUTBOUND_FROM=x"}, []string{"serve"}, `AFTERHOURS_OUTBOUND_FROM (--outbound-from): "x" is not an address`},
		"a smarthost that is none":   {[]string{"AFTERHOURS_SMARTHOST_URL=ftp://x"}, []string{"serve"}, "AFTERHOURS_SMARTHOST_URL (--smarthost-url)"},
		"half an account":            {[]string{"AFTERHOURS_TWILIO_ACCOUNT_SID=AC1"}, []string{"serve"}, "goes together with AFTERHOURS_TWILIO_AUTH_TOKEN"},
		"a spool of no mails":        {[]string{"AFTERHOURS_SPOOL_MAX_MAILS=0"}, []string{"serve"}, "must be at least 1"},
		"a session of a moment":      {[]string{"AFTERHOURS_SESSION_IDLE=1m"}, []string{"serve"}, "AFTERHOURS_SESSION_IDLE (--session-idle): must be from 30m to 12h"},
		"a session without an end":   {[]string{"AFTERHOURS_SESSION_LIFETIME=48h"}, []string{"serve"}, "AFTERHOURS_SESSION_LIFETIME (--session-lifetime): must be from 12h"},
		"half an identity provider":  {[]string{"AFTERHOURS_OIDC_ISSUER=https://login.example"}, []string{"serve"}, "goes together with AFTERHOURS_OIDC_CLIENT_ID and AFTERHOURS_OIDC_CLIENT_SECRET"},
		"roles of no provider":       {[]string{"AFTERHOURS_OIDC_ADMINS=a"}, []string{"serve"}, "AFTERHOURS_OIDC_ISSUER (--oidc-issuer): is missing"},
		"a provider for nobody":      {identityProviderAt("https://login.example"), []string{"serve"}, "nobody would be let in"},
		"a provider over http":       {identityProviderAt("http://login.example", "AFTERHOURS_OIDC_VIEWERS=a"), []string{"serve"}, "must be an https address"},
		"a provider without openid":  {identityProviderAt("https://login.example", "AFTERHOURS_OIDC_VIEWERS=a", "AFTERHOURS_OIDC_SCOPES=email"), []string{"serve"}, "must hold openid"},
		"an unknown command":         {nil, []string{"sevre"}, "sevre"},
		"an unknown flag":            {nil, []string{"serve", "--smtp"}, "--smtp"},
		"a role that does not exist": {nil, []string{"token", "create", "--name", "x", "--role", "king"}, "king"},
		"a kind that does not exist": {nil, []string{"send-sample", "--kind", "x"}, `there is no sample kind "x"; choose one of alert`},
		"a moment that is none":      {nil, []string{"oncall", "--at", "noon"}, `"noon" is not a moment`},
	} {
		code, _, stderr := command(t, c.vars, c.args...)
		if code != exitUsage || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: got %d %q, want %d and one line with %q", name, code, stderr, exitUsage, c.want)
		}
	}
}

func TestSettingsComeFromFlagsThenEnvironmentThenFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("settings.yaml", "smtp_addr: file:1\nhttp_addr: file:2\nmail_to: file.example\nsecret_key: too short\n")
	vars := []string{"AFTERHOURS_HTTP_ADDR=env:x", "AFTERHOURS_MAIL_TO_FILE=" + write("to", "secret.example\n")}
	code, _, stderr := command(t, vars, "serve", "--config", file, "--smtp-addr", "flag")
	if code != exitUsage || !strings.Contains(stderr, `"flag" is not HOST:PORT`) {
		t.Errorf("a flag wins: got %d %q", code, stderr)
	}
	code, _, stderr = command(t, vars, "serve", "--config", file)
	if code != exitUsage || !strings.Contains(stderr, `"env:x" has no port`) {
		t.Errorf("the environment wins over the file: got %d %q", code, stderr)
	}
	code, _, stderr = command(t, nil, "serve", "--config", write("bad.yaml", "a: 1\n"))
	if code != exitUsage || !strings.Contains(stderr, `bad.yaml:1: there is no setting "a"`) {
		t.Errorf("an unknown key: got %d %q", code, stderr)
	}
	code, _, stderr = command(t, nil, "serve", "--config", write("twice.yaml", "mail_to: a.example\nAFTERHOURS_MAIL_TO: b.example\n"))
	if code != exitUsage || !strings.Contains(stderr, `twice.yaml:2: AFTERHOURS_MAIL_TO stands there twice`) {
		t.Errorf("a key twice: got %d %q", code, stderr)
	}
}

func TestParsePrintsOneObjectForAnyInput(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.eml")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := command(t, nil, "parse", empty)
	if code != exitDone || !strings.Contains(stdout, `"kind": "unrecognised"`) || !strings.Contains(stdout, `"devices": []`) {
		t.Errorf("an empty file: got %d %s %s", code, stdout, stderr)
	}
	if code, _, stderr := command(t, nil, "parse", "/nowhere"); code != exitFailed || strings.Count(stderr, "\n") != 1 {
		t.Errorf("a file that is not there: got %d %q", code, stderr)
	}
}

func TestApplyChangesAllOrNothing(t *testing.T) {
	t.Parallel()
	vars := []string{"AFTERHOURS_DATABASE_URL=" + pgtest.URL(t), "AFTERHOURS_SECRET_KEY=" + testSecret}
	file := filepath.Join(t.TempDir(), "team.yaml")
	apply := func(content string) (int, string, string) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return command(t, vars, "apply", file)
	}
	if code, stdout, stderr := apply(string(demoTeam)); code != exitDone || !strings.Contains(stdout, "applied: 3 people, 2 schedules, 1 policies") {
		t.Fatalf("a good file: got %d %q %q", code, stdout, stderr)
	}
	code, _, stderr := apply("people:\n- {id: zoe, name: Zoe}\npolicies:\n- {id: p, steps: [{notify: [\"person:nobody\"], wait: 5m}]}\n")
	if code != exitFailed || !strings.Contains(stderr, file+`:4: there is no person "nobody"`) {
		t.Errorf("a bad file: got %d %q", code, stderr)
	}
	code, stdout, stderr := command(t, vars, "oncall", "--at", "2026-01-05T08:00:00Z", "--schedule", "primary")
	if code != exitDone || !strings.Contains(stdout, "ana") || !strings.Contains(stdout, "Ana Ruiz") {
		t.Errorf("after the bad file: got %d %q %q, want what was there before", code, stdout, stderr)
	}
}

func TestTokenCreatePrintsTheTokenAlone(t *testing.T) {
	t.Parallel()
	vars := []string{"AFTERHOURS_DATABASE_URL=" + pgtest.URL(t), "AFTERHOURS_SECRET_KEY=" + testSecret}
	code, stdout, stderr := command(t, vars, "token", "create", "--name", "ci", "--role", "admin", "--expires", "90d")
	if code != exitDone || !strings.HasPrefix(stdout, "ah_") || strings.Count(stdout, "\n") != 1 || len(stdout) < 30 {
		t.Errorf("got %d %q %q", code, stdout, stderr)
	}
	if code, _, stderr := command(t, vars, "token", "create", "--name", "ci", "--role", "admin"); code != exitFailed || strings.Count(stderr, "\n") != 1 {
		t.Errorf("the same name: got %d %q", code, stderr)
	}
}

func TestMigrateShowsWhereTheSchemaIs(t *testing.T) {
	t.Parallel()
	vars := []string{"AFTERHOURS_DATABASE_URL=" + pgtest.URL(t), "AFTERHOURS_SECRET_KEY=" + testSecret}
	if code, stdout, stderr := command(t, vars, "migrate", "up"); code != exitDone || !strings.Contains(stdout, "up to date") {
		t.Errorf("up: got %d %q %q", code, stdout, stderr)
	}
	if code, stdout, stderr := command(t, vars, "migrate", "status"); code != exitDone || !strings.Contains(stdout, "mails_and_tickets") || strings.Contains(stdout, "  pending\n") {
		t.Errorf("status: got %d %q %q", code, stdout, stderr)
	}
}

func TestHelpIsEverywhere(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"demo", "--help"}, {"migrate", "--help"}, {"parse", "--help"}, {"apply", "--help"}, {"oncall", "--help"}, {"token", "create", "--help"}, {"send-sample", "--help"}, {"version", "--help"}} {
		if code, stdout, stderr := command(t, nil, args...); code != exitDone || !strings.Contains(stdout, "Usage: afterhours") {
			t.Errorf("%v: got %d %q %q", args, code, stdout, stderr)
		}
	}
	if code, stdout, _ := command(t, nil, "version"); code != exitDone || !strings.HasPrefix(stdout, "afterhours "+version) {
		t.Errorf("version: got %d %q", code, stdout)
	}
}

const fullTeam = `
people:
  - {id: ana, name: Ana Ruiz, email: ana@example.com, timezone: Europe/Madrid, role: responder, detail: minimal,
     contacts: [{id: mail, channel: email, to: ana@example.com}, {id: hook, channel: webhook, to: "https://hooks.example.com/ana", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}],
     notify: [{after: 0s, contact: mail}, {after: 5m, contact: hook}]}
  - {id: ben, name: Ben}
schedules:
  - id: primary
    timezone: Europe/Madrid
    layers:
      - {name: base, people: [ana, ben], rotation: {every: 1mo, start: "2026-01-05T09:00"}}
      - {name: nights, people: [ben], rotation: {every: 12h, start: "2026-01-05T18:00"}, hours: [{days: [mon, fri], from: "18:00", to: "08:00"}]}
    overrides: [{person: ben, start: "2026-12-24T09:00", end: "2026-12-26T09:00+01:00"}]
policies:
  - {id: security, repeat: 3, steps: [{notify: ["schedule:primary", "webhook:soc"], wait: 5m}], ack_expires: 2h, ack_link: confirm, bundle: {after: 5, within: 5m}}
routes:
  - {match: {severity: [high, medium], to: "defender@example.com", verified: false, hours: [{from: "08:00", to: "18:00"}]}, policy: security, runbook: "https://wiki.example.com/defender"}
  - {match: {severity: low}, action: record}
webhooks:
  - {id: soc, url: "https://soc.example.com/in", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", events: [ticket.created]}
mutes:
  - {match: {title: "*eDiscovery search*"}, until: "2026-12-01T09:00Z", reason: "legal hold: running"}
`

func TestWhatIsExportedAppliesToAnEmptyDatabaseByteForByte(t *testing.T) {
	t.Parallel()
	vars := func() []string {
		return []string{"AFTERHOURS_DATABASE_URL=" + pgtest.URL(t), "AFTERHOURS_SECRET_KEY=" + testSecret}
	}
	first, second := vars(), vars()
	file := filepath.Join(t.TempDir(), "team.yaml")
	apply := func(vars []string, content string, flags ...string) string {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := command(t, vars, append([]string{"apply", file}, flags...)...)
		if code != exitDone {
			t.Fatalf("apply: got %d %s", code, stderr)
		}
		return stdout
	}
	apply(first, fullTeam)
	_, exported, _ := command(t, first, "export")
	if exported == "" || strings.Contains(exported, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") {
		t.Fatalf("export: got\n%s", exported)
	}
	if got := apply(first, exported, "--dry-run"); got != "no difference\n" {
		t.Errorf("the export against its own database: got %s", got)
	}
	apply(second, exported)
	if _, again, _ := command(t, second, "export"); again != exported {
		t.Errorf("export of the second database: got\n%s\nwant\n%s", again, exported)
	}
	changed := strings.Replace(fullTeam, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", 1)
	difference := apply(first, strings.Replace(changed, "name: Ben}", "name: Benedict}", 1), "--dry-run")
	if !strings.Contains(difference, "-    name: Ben\n+    name: Benedict\n") || !strings.Contains(difference, "+        secret: (changed)\n") || strings.Contains(difference, "C2FV") {
		t.Errorf("difference: got\n%s", difference)
	}
	if _, unchanged, _ := command(t, first, "export"); unchanged != exported {
		t.Error("a dry run changed something")
	}
}

func TestAccountsAreMadeListedResetAndDisabled(t *testing.T) {
	t.Parallel()
	vars := []string{"AFTERHOURS_DATABASE_URL=" + pgtest.URL(t), "AFTERHOURS_SECRET_KEY=" + testSecret}
	code, first, stderr := command(t, vars, "user", "create", "--email", "ana@example.com", "--name", "Ana Ruiz", "--role", "admin")
	if code != exitDone || len(strings.TrimSpace(first)) < 20 || strings.Count(first, "\n") != 1 {
		t.Fatalf("create: got %d %q %q", code, first, stderr)
	}
	if code, _, stderr := command(t, vars, "user", "create", "--email", "ana@example.com", "--name", "Ana"); code != exitFailed || !strings.Contains(stderr, "there already") {
		t.Errorf("create again: got %d %q", code, stderr)
	}
	code, second, _ := command(t, vars, "user", "reset-password", "ana@example.com")
	if code != exitDone || second == first {
		t.Errorf("reset-password: got %d %q", code, second)
	}
	if code, _, _ := command(t, vars, "user", "disable", "ana"); code != exitDone {
		t.Errorf("disable: got %d", code)
	}
	if code, _, stderr := command(t, vars, "user", "disable", "nobody"); code != exitFailed || !strings.Contains(stderr, "user list") {
		t.Errorf("disable an unknown account: got %d %q", code, stderr)
	}
	if _, list, _ := command(t, vars, "user", "list"); list != "ana  Ana Ruiz  ana@example.com  admin  disabled\n" {
		t.Errorf("list: got %q", list)
	}
}

func TestSimulateSaysWhomATicketWouldNotify(t *testing.T) {
	t.Parallel()
	vars := []string{"AFTERHOURS_DATABASE_URL=" + pgtest.URL(t), "AFTERHOURS_SECRET_KEY=" + testSecret}
	file := filepath.Join(t.TempDir(), "team.yaml")
	if err := os.WriteFile(file, demoTeam, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := command(t, vars, "apply", file); code != exitDone {
		t.Fatal(stderr)
	}
	code, stdout, stderr := command(t, vars, "oncall", "simulate", "--severity", "high", "--at", "2026-01-05T08:00:00Z")
	words := strings.Join(strings.Fields(stdout), " ")
	if code != exitDone || !strings.HasPrefix(words, "+0s round 1 step 1 ana Ana Ruiz email email +5m round 1 step 2 ben") || !strings.Contains(stdout, "then: all steps") {
		t.Errorf("high: got %d %q %q", code, stdout, stderr)
	}
	if _, stdout, _ := command(t, vars, "oncall", "simulate", "--severity", "low"); !strings.HasPrefix(stdout, "recorded, nobody is paged") {
		t.Errorf("low: got %q", stdout)
	}
}
