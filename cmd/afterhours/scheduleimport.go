package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"afterhours/cmd/afterhours/internal/scheduleimport"
	"afterhours/oncall"
)

type scheduleCommand struct {
	Import   scheduleImportCommand   `cmd:"" help:"Print schedules of other systems as YAML for apply."`
	Holidays scheduleHolidaysCommand `cmd:"" help:"Print the holidays of a calendar file as YAML for a schedule."`
}

type scheduleImportCommand struct {
	Format string `enum:"ical,goalert,grafana," default:"" placeholder:"FORMAT" help:"ical, goalert or grafana; default: what the file looks like."`
	Days   int    `default:"180" placeholder:"N" help:"How far shifts that recur are listed, from now on (default ${default}; at most 730)."`
	Name   string `placeholder:"NAME" help:"Name of a schedule whose file names none; default: the file's."`
	File   string `arg:"" help:"An iCalendar file, or the JSON of GoAlert or Grafana OnCall; - reads standard input."`
}

// Help says what is done with the output.
func (scheduleImportCommand) Help() string {
	return "Changes nothing here: read the output, put it beside your configuration, and apply it. What could not be carried over stands " +
		"in comments at its beginning and on standard error."
}

// Run prints the configuration. Its warnings are comments before it, and lines on stderr.
func (c *scheduleImportCommand) Run(env environment) error {
	if c.Days < 1 || c.Days > 730 {
		return usageError{fmt.Errorf("--days: %d is not from 1 to 730", c.Days)}
	}
	content, err := readInput(c.File, env.stdin)
	if err != nil {
		return fmt.Errorf("read schedules: %w", err)
	}
	if len(content) > scheduleimport.MaxSize {
		return fmt.Errorf("%s: larger than %d MiB; export fewer schedules at once", c.File, scheduleimport.MaxSize>>20)
	}
	name := c.Name
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(c.File), filepath.Ext(c.File))
	}
	if name == "-" {
		name = "Imported"
	}
	result, err := scheduleimport.Import(c.Format, content, scheduleimport.Options{Now: env.now(), Days: c.Days, Name: name})
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	yaml, err := result.Configuration.Export()
	if err != nil {
		return err
	}
	if err := applicable(yaml); err != nil {
		return fmt.Errorf("%s: what was read cannot be applied: %w", c.File, err)
	}
	fmt.Fprintln(env.stdout, "# apply replaces the sections people and schedules as a whole: put these entries beside those that you have.")
	for _, warning := range result.Warnings {
		fmt.Fprintf(env.stdout, "# %s\n", oneLine(fmt.Errorf("%s", warning)))
		fmt.Fprintf(env.stderr, "afterhours: warning: %s\n", oneLine(fmt.Errorf("%s", warning)))
	}
	_, err = env.stdout.Write(yaml)
	return err
}

// applicable says why a configuration would be refused; addresses are left to apply, which knows the channels.
func applicable(yaml []byte) error {
	document, err := oncall.ParseFile("import", yaml)
	if err != nil {
		return err
	}
	_, err = oncall.Merge(oncall.Configuration{}, func(_, _, _ string) error { return nil }, document)
	return err
}

type scheduleHolidaysCommand struct {
	Year int    `placeholder:"YEAR" help:"The first year (default: the present one); two more follow."`
	File string `arg:"" help:"An iCalendar file of public holidays; - reads standard input."`
}

// Run prints the all-day events of a calendar in the form that a schedule's holidays have.
func (c *scheduleHolidaysCommand) Run(env environment) error {
	if c.Year == 0 {
		c.Year = env.now().UTC().Year()
	}
	if c.Year < 2000 || c.Year > 2200 {
		return usageError{fmt.Errorf("--year: %d is not from 2000 to 2200", c.Year)}
	}
	content, err := readInput(c.File, env.stdin)
	if err != nil {
		return fmt.Errorf("read holidays: %w", err)
	}
	holidays, err := oncall.ReadHolidays(content, c.Year)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	fmt.Fprintln(env.stdout, "holidays:")
	for _, holiday := range holidays {
		quoted, err := json.Marshal(holiday) // YAML reads it as well
		if err != nil {
			return err
		}
		fmt.Fprintf(env.stdout, "  - %s\n", quoted)
	}
	return nil
}
