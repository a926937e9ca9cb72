package tickets

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Filed is one mail of a file.
type Filed struct {
	Raw        []byte
	ReceivedAt time.Time // by its own word
}

// ImportStore is what the Importer needs of the store.
type ImportStore interface {
	// Imported says of which digests a mail was imported before.
	Imported(ctx context.Context, digests [][]byte) (map[[sha256.Size]byte]bool, error)
	// RepeatsOf says which readings repeat a stored mail; nothing is written.
	RepeatsOf(ctx context.Context, readings []Reading) ([]bool, error)
	// WriteImport stores mails with their readings in one transaction and says which of them repeat a stored one and
	// were left out.
	WriteImport(ctx context.Context, mails []Filed, readings []Reading) (repeated []bool, err error)
}

// Importer files mails that are not live. They take the way of every mail (stored, read, correlated), but all of it in one
// transaction a batch: they are never among the mails that wait for the readers, so that live mail does not wait behind
// them, and an import that dies leaves whole batches behind, or nothing of them.
type Importer struct {
	Store ImportStore
	// Parse never fails whole; a panic in it counts as a mail that nobody understands.
	Parse func(raw []byte) Alert
	Log   *slog.Logger
	Now   func() time.Time
	// PageNewerThan is the age below which a mail is treated as a live one; 0 treats none so.
	PageNewerThan time.Duration
	// DryRun reads and compares and writes nothing.
	DryRun bool

	seen map[string]bool // fingerprints of a dry run
}

// Import is what became of one mail.
type Import struct {
	Repeated bool
	Alert    Alert // empty for a mail whose bytes were imported before: it is not read again
}

// backlogReason stands on the timeline of what an import only files.
const backlogReason = "imported: it is older than what an import pages for"

// Batch imports mails and says of each, in order, what became of it.
func (i *Importer) Batch(ctx context.Context, mails []Filed) ([]Import, error) {
	imports := make([]Import, len(mails))
	digests := make([][]byte, len(mails))
	for n, mail := range mails {
		digest := sha256.Sum256(mail.Raw)
		digests[n] = digest[:]
	}
	known, err := i.Store.Imported(ctx, digests)
	if err != nil {
		return nil, err
	}
	now := i.Now()
	var quiet, loud importBatch
	for n, mail := range mails {
		if known[[sha256.Size]byte(digests[n])] {
			imports[n].Repeated = true
			continue
		}
		reading := i.read(mail, digests[n])
		imports[n].Alert = reading.Alert
		into := &loud
		if i.PageNewerThan <= 0 || now.Sub(mail.ReceivedAt) >= i.PageNewerThan {
			into, reading.Backlog = &quiet, backlogReason
		}
		into.places, into.mails, into.readings = append(into.places, n), append(into.mails, mail), append(into.readings, reading)
	}
	for _, batch := range []importBatch{quiet, loud} {
		if len(batch.mails) == 0 {
			continue
		}
		repeated, err := i.write(ctx, batch)
		if err != nil {
			return nil, err
		}
		for n, place := range batch.places {
			imports[place].Repeated = repeated[n]
		}
	}
	return imports, nil
}

// importBatch are mails of one batch that are treated alike, with their places in it.
type importBatch struct {
	places   []int
	mails    []Filed
	readings []Reading
}

func (i *Importer) read(mail Filed, digest []byte) (reading Reading) {
	about := Mail{Imported: true, ReceivedAt: mail.ReceivedAt, Size: len(mail.Raw)}
	defer func() {
		if fault := recover(); fault != nil {
			i.Log.Error("parser failed", "fault", fmt.Sprint(fault))
			reading = NewReading(about, Unreadable("the parser failed on it", digest), digest)
		}
	}()
	alert := i.Parse(mail.Raw)
	about.Envelope = Envelope{From: alert.Message.From, To: alert.Message.To, ReceivedAt: mail.ReceivedAt}
	return NewReading(about, alert, digest)
}

// write stores a batch, or, where it cannot be stored whole, mail by mail; a mail that fails alone is kept as one that
// cannot be read.
func (i *Importer) write(ctx context.Context, batch importBatch) ([]bool, error) {
	if i.DryRun {
		return i.compare(ctx, batch)
	}
	repeated, err := i.Store.WriteImport(ctx, batch.mails, batch.readings)
	if err == nil || errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
		return repeated, err
	}
	repeated = make([]bool, len(batch.mails))
	for n, reading := range batch.readings {
		alone, err := i.Store.WriteImport(ctx, batch.mails[n:n+1], []Reading{reading})
		if err != nil && !errors.Is(err, ErrUnavailable) && ctx.Err() == nil {
			i.Log.Error("mail imported as unreadable", "subject", reading.Alert.Message.Subject, "error", err)
			digest := sha256.Sum256(batch.mails[n].Raw)
			plain := NewReading(reading.Mail, Unreadable("what it says could not be stored", digest[:]), digest[:])
			plain.Backlog = reading.Backlog
			alone, err = i.Store.WriteImport(ctx, batch.mails[n:n+1], []Reading{plain})
		}
		if err != nil {
			return nil, err
		}
		repeated[n] = alone[0]
	}
	return repeated, nil
}

// compare is what a dry run does in place of writing.
func (i *Importer) compare(ctx context.Context, batch importBatch) ([]bool, error) {
	repeated, err := i.Store.RepeatsOf(ctx, batch.readings)
	if err != nil {
		return nil, err
	}
	if i.seen == nil {
		i.seen = map[string]bool{}
	}
	for n, reading := range batch.readings {
		key := string(reading.Fingerprint)
		repeated[n] = repeated[n] || i.seen[key]
		i.seen[key] = true
	}
	return repeated, nil
}
