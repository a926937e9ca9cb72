package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"afterhours/cmd/afterhours/internal/mailfiles"
	"afterhours/oncall"
	"afterhours/parser"
	"afterhours/tickets"
)

// Bounds of one batch of an import: its transaction stays short, and so do the waits of whatever it meets.
const (
	importMails    = 100
	importOctets   = 4 << 20
	importPatience = 20 // attempts, a second apart, while the database is away
)

type importCommand struct {
	settings
	DryRun        bool            `help:"Read and compare, and store nothing."`
	PageNewerThan oncall.Duration `default:"0s" placeholder:"AGE" help:"Treat mail that is younger than this as live mail, which pages (default ${default}: nothing pages)."`
	Paths         []string        `arg:"" name:"path" help:"Mails (.eml), mbox files, Maildirs, and folders of them."`
}

// Help says what becomes of the mails.
func (importCommand) Help() string {
	return "Old mail becomes tickets that are resolved from the beginning, with the dates of their mails, and pages nobody. " +
		"It is safe to run twice and to interrupt: what was imported before is recognised and left alone."
}

// Run imports the mails of all paths, beside a running serve or without one.
func (c *importCommand) Run(ctx context.Context, env environment) error {
	var total int64
	for _, path := range c.Paths {
		octets, err := mailfiles.Size(path)
		if err != nil {
			return fmt.Errorf("%w; name a mail, an mbox, a Maildir or a folder", err)
		}
		total += octets
	}
	return withRooms(ctx, c.settings, env, func(r *rooms, db database) error {
		log := newLog(c.settings, env.stderr)
		run := importRun{
			importer: &tickets.Importer{
				Store: r.tickets, Parse: r.parse, Log: log, Now: env.now,
				PageNewerThan: time.Duration(c.PageNewerThan), DryRun: c.DryRun,
			},
			now: env.now, summary: importSummary{DryRun: c.DryRun}, progress: newProgress(env.stderr, total, env.now),
		}
		err := run.all(ctx, c.Paths, int64(c.MailMaxSize))
		run.progress.end()
		run.summary.print(env.stdout)
		if err != nil {
			return fmt.Errorf("the import stopped: %w; run it again: it goes on where it was", err)
		}
		if run.summary.imported+run.summary.repeated == 0 && run.summary.unreadable > 0 {
			return errors.New("nothing that was named could be read as mail")
		}
		return nil
	})
}

// importRun is one run over some paths. Reading the files and parsing go on while a batch is written.
type importRun struct {
	importer *tickets.Importer
	now      func() time.Time
	summary  importSummary
	progress progress
}

// gathered are the mails of one batch, and how far the files were read for it.
type gathered struct {
	mails  []tickets.Filed
	octets int // of the mails
	passed int64
	faults []importFault
}

type importFault struct{ name, reason string }

func (r *importRun) all(ctx context.Context, paths []string, maxSize int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan gathered)
	read := make(chan error, 1)
	go func() {
		defer close(batches)
		read <- gather(ctx, paths, maxSize, r.now(), batches)
	}()
	for batch := range batches {
		if err := r.take(ctx, batch); err != nil {
			return err
		}
	}
	return <-read
}

// gather reads the files and sends what it finds in batches.
func gather(ctx context.Context, paths []string, maxSize int64, now time.Time, batches chan<- gathered) error {
	var batch gathered
	send := func() error {
		select {
		case batches <- batch:
			batch = gathered{}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	files := mailfiles.Reader{
		MaxSize:  maxSize,
		Progress: func(octets int64) { batch.passed += octets },
		Fault: func(name string, reason error) {
			batch.faults = append(batch.faults, importFault{name, reason.Error()})
		},
		Found: func(mail mailfiles.Mail) error {
			batch.mails = append(batch.mails, tickets.Filed{Raw: mail.Raw, ReceivedAt: receivedAt(mail, now)})
			batch.octets += len(mail.Raw)
			if len(batch.mails) < importMails && batch.octets < importOctets {
				return nil
			}
			return send()
		},
	}
	for _, path := range paths {
		if err := files.Read(ctx, path); err != nil {
			return err
		}
	}
	return send()
}

// receivedAt is the moment of a mail by its own header, else by its file, and never one to come.
func receivedAt(mail mailfiles.Mail, now time.Time) time.Time {
	at := parser.Received(mail.Raw)
	if at.IsZero() || at.Year() < 1990 {
		at = mail.Stamp
	}
	if at.IsZero() || at.After(now) {
		at = now
	}
	return at.UTC()
}

// take imports one batch; while the database is away it tries again.
func (r *importRun) take(ctx context.Context, batch gathered) error {
	for _, fault := range batch.faults {
		r.summary.fault(fault)
	}
	for attempt := 1; len(batch.mails) > 0; attempt++ {
		imports, err := r.importer.Batch(ctx, batch.mails)
		if err == nil {
			for _, one := range imports {
				r.summary.add(one)
			}
			break
		}
		if !errors.Is(err, tickets.ErrUnavailable) || attempt == importPatience || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.progress.advance(batch.passed, r.summary.imported+r.summary.repeated)
	return nil
}
