// Command afterhours takes Microsoft Defender's notification mails, opens tickets and pages whoever is on call. Each
// file but the wiring holds one subcommand; app.go builds the application in order and stops it in reverse.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // time zones are known where the system has none

	"github.com/alecthomas/kong"
)

// Exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], environment{
		vars: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, now: time.Now,
	}))
}

// environment is everything that a command takes from outside.
type environment struct {
	vars           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
}

// variable is the value of a setting's variable, "" where it is not set.
func (e environment) variable(setting string) string {
	for _, pair := range slices.Backward(e.vars) {
		if name, value, _ := strings.Cut(pair, "="); name == variable(setting) {
			return value
		}
	}
	return ""
}

type commands struct {
	Serve      serveCommand      `cmd:"" help:"Run SMTP, web, API and escalator in one process."`
	Demo       demoCommand       `cmd:"" help:"Serve a sample team with sample mails on an embedded Postgres."`
	Migrate    migrateCommand    `cmd:"" help:"Bring the database's schema up to date, or show where it is."`
	Parse      parseCommand      `cmd:"" help:"Print what the parser sees in one mail, as JSON."`
	Import     importCommand     `cmd:"" help:"Import mails from .eml files, mbox files, Maildirs and folders."`
	Reparse    reparseCommand    `cmd:"" help:"Read stored mails again with the present parser."`
	Anonymise  anonymiseCommand  `cmd:"" help:"Replace people, organisations, hosts and ids in mails by made-up ones."`
	Apply      applyCommand      `cmd:"" help:"Make the configuration agree with YAML files."`
	Doctor     doctorCommand     `cmd:"" help:"Check the whole path and name what to mend."`
	Backup     backupCommand     `cmd:"" help:"Write the whole database into one file."`
	Restore    restoreCommand    `cmd:"" help:"Put a backup into an empty database."`
	Export     exportCommand     `cmd:"" help:"Print the configuration as YAML that apply takes back."`
	Erase      eraseCommand      `cmd:"" help:"Take a person who left out of everything that is stored."`
	Secret     secretCommand     `cmd:"" help:"Rotate the secret key."`
	Oncall     oncallCommand     `cmd:"" help:"Show who is on call, or whom a ticket would notify."`
	Schedule   scheduleCommand   `cmd:"" help:"Bring schedules over from other systems."`
	User       userCommand       `cmd:"" help:"Manage accounts."`
	Token      tokenCommand      `cmd:"" help:"Manage the tokens of the API."`
	SendSample sendSampleCommand `cmd:"" help:"Send realistic sample Defender mails over SMTP."`
	Version    versionCommand    `cmd:"" help:"Print version, commit and Go version."`
}

// usageError is an error of the command line or of a setting.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run executes one command line and returns its exit code. Errors are one line each on stderr.
func run(ctx context.Context, args []string, env environment) int {
	exited := -1
	parser, err := kong.New(&commands{},
		kong.Name("afterhours"),
		kong.Description("On-call for Microsoft Defender: mails become tickets, tickets wake the right person."),
		kong.Writers(env.stdout, env.stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Resolvers(settingsResolver(env.vars)),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(env),
	)
	if err != nil {
		fmt.Fprintln(env.stderr, "afterhours:", err)
		return exitFailed
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // --help was printed
		return exited
	}
	if err != nil {
		fmt.Fprintf(env.stderr, "afterhours: %s\n", oneLine(err))
		return exitUsage
	}
	if err := command.Run(); err != nil {
		for _, line := range strings.Split(strings.TrimSpace(err.Error()), "\n") {
			fmt.Fprintf(env.stderr, "afterhours: %s\n", line)
		}
		if errors.As(err, new(usageError)) {
			return exitUsage
		}
		return exitFailed
	}
	return exitDone
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
