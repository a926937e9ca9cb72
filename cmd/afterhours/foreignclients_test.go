package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// installed is the path of a program; without it the test is left out, by its name.
func installed(t *testing.T, program string) string {
	t.Helper()
	for _, folder := range []string{"", "/usr/sbin"} {
		if path, err := exec.LookPath(filepath.Join(folder, program)); err == nil {
			return path
		}
	}
	t.Skip(program + " is not installed")
	return ""
}

// foreign runs a client of others against the gateway and returns what it said.
func foreign(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}

// arrived waits until so many mails are read, byte for byte as they were sent.
func (a *application) arrived(t *testing.T, mails int, subject string) {
	t.Helper()
	a.settled(t)
	var got int
	if err := a.db.pool.QueryRow(t.Context(), `SELECT count(*) FROM mails WHERE state = 'read' AND subject LIKE $1`, subject).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != mails {
		t.Errorf("got %d mails with the subject %q, want %d", got, subject, mails)
	}
}

func TestSwaksSendsMail(t *testing.T) {
	t.Parallel()
	swaks := installed(t, "swaks")
	app := serveTest(t, nil)
	for name, more := range map[string][]string{
		"command by command": nil, "pipelined": {"--pipeline"}, "null sender": {"--from", "<>"}, "HELO": {"--protocol", "SMTP"},
	} {
		foreign(t, swaks, append([]string{
			"--server", app.smtpAddr, "--to", "defender@test.example", "--from", "azure-noreply@microsoft.com", "--timeout", "30",
			"--header", "Subject: By swaks, " + name, "--body", name + "\n.a line that begins with a dot\n",
		}, more...)...)
	}
	app.arrived(t, 4, "By swaks, %")
}

func TestSMTPSourceSendsMail(t *testing.T) {
	t.Parallel()
	source := installed(t, "smtp-source")
	app := serveTest(t, nil)
	foreign(t, source, "-s", "10", "-m", "100", "-l", "8192", "-f", "azure-noreply@microsoft.com", "-t", "defender@test.example", "-S", "By smtp-source", "-N", app.smtpAddr)
	app.settled(t)
	var mails, small int
	if err := app.db.pool.QueryRow(t.Context(), `SELECT count(*), count(*) FILTER (WHERE size < 8192) FROM mails WHERE state <> 'accepted'`).Scan(&mails, &small); err != nil {
		t.Fatal(err)
	}
	if mails != 100 || small != 0 {
		t.Errorf("got %d mails, %d of them too small; want 100 of 8 KiB or more", mails, small)
	}
}

// pythonClient sends one mail of each form that Python's own library has.
const pythonClient = `
import smtplib, sys
from email.message import EmailMessage
host, port = sys.argv[1], int(sys.argv[2])
for name, text in (("plain", "plain"), ("dots", ".\n..\n.a\n"), ("eight bits", "Größe, 災害"), ("long", "x" * 200000)):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "azure-noreply@microsoft.com", "defender@test.example", "By Python, " + name
    message["Message-ID"] = "<" + name.replace(" ", "-") + "@python.example>"
    message.set_content(text)
    with smtplib.SMTP(host, port, timeout=30) as client:
        client.send_message(message)
with smtplib.SMTP(host, port, timeout=30) as client:
    try:
        client.sendmail("a@example.com", ["nobody@elsewhere.example"], "Subject: relay\r\n\r\nx")
        sys.exit("relayed")
    except smtplib.SMTPRecipientsRefused as refused:
        assert [code for code, _ in refused.recipients.values()] == [550], refused.recipients
`

func TestPythonsSMTPLibrarySendsMail(t *testing.T) {
	t.Parallel()
	python := installed(t, "python3")
	app := serveTest(t, func(s *settings) { s.MailTo = "test.example" })
	script := filepath.Join(t.TempDir(), "client.py")
	if err := os.WriteFile(script, []byte(pythonClient), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(app.smtpAddr)
	if err != nil {
		t.Fatal(err)
	}
	foreign(t, python, script, host, port)
	app.arrived(t, 4, "By Python, %")
}
