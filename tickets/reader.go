package tickets

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Bounds of the reader.
const (
	readBatch    = 100              // mails claimed at once
	readLease    = 30 * time.Second // after which another reader may take a claimed mail
	readAttempts = 10               // claims after which a mail is not parsed any more: it may be what kills the reader
	readPoll     = time.Second      // the backstop of a lost wake-up
	askTimeout   = 15 * time.Second // of what is asked before a batch is read
	writeTimeout = 15 * time.Second // of a batch's transaction
)

// Claimed is one accepted mail taken for reading until the lease ends. Attempt counts from 1.
type Claimed struct {
	Mail    Mail
	Raw     []byte
	Digest  []byte
	Attempt int
	Until   time.Time
}

// MailStore is what the Reader needs of the store.
type MailStore interface {
	// ClaimMails takes up to limit accepted mails, oldest first, for the length of lease.
	ClaimMails(ctx context.Context, limit int, lease time.Duration) ([]Claimed, error)
	// WriteReadings correlates readings and writes what follows from them in one transaction.
	WriteReadings(ctx context.Context, readings []Reading) error
}

// Reader turns accepted mails into tickets. A batch that cannot be written is written mail by mail; a mail that fails
// alone, too, becomes an unrecognised ticket, so that nothing accepted stays without a ticket.
type Reader struct {
	Store MailStore
	// Parse never fails whole; a panic in it counts as a mail that nobody understands.
	Parse func(raw []byte) Alert
	// Replies takes the mails that answer ours before they are read; nil takes none.
	Replies ReplyTaker
	Log     *slog.Logger
	// Unwritten is given the mails of which no tickets could be made because the database is unavailable; nil leaves them
	// to the end of their leases.
	Unwritten func(mails []Claimed)
	// Directories are the configured tenants; nil where there are none.
	Directories func(ctx context.Context) (Directories, error)
	// Wake is signalled when mail was accepted.
	Wake <-chan struct{}
	// Workers read side by side; 0 means 2.
	Workers int
}

// Run reads until ctx ends. What is being written then is finished first.
func (r *Reader) Run(ctx context.Context) {
	workers := r.Workers
	if workers == 0 {
		workers = 2
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() { r.work(ctx) })
	}
	group.Wait()
}

func (r *Reader) work(ctx context.Context) {
	poll := time.NewTicker(readPoll)
	defer poll.Stop()
	for {
		read, err := r.ReadBatch(ctx)
		if err != nil && ctx.Err() == nil {
			r.Log.Error("mails could not be read", "error", err)
		}
		if err == nil && read > 0 && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-r.Wake:
		case <-poll.C:
		}
	}
}

// ReadBatch claims and reads one batch and returns how many mails it took.
func (r *Reader) ReadBatch(ctx context.Context) (int, error) {
	claimed, err := r.Store.ClaimMails(ctx, readBatch, readLease)
	if err != nil || len(claimed) == 0 {
		return 0, err
	}
	ctx = context.WithoutCancel(ctx) // what is claimed is read, also at a stop
	rest, err := r.readAll(ctx, claimed)
	if err != nil && r.Unwritten != nil {
		r.Unwritten(rest)
	}
	return len(claimed) - len(rest), err
}

// readAll reads claimed mails and returns those that are not read, where it fails.
func (r *Reader) readAll(ctx context.Context, claimed []Claimed) (rest []Claimed, err error) {
	claimed, directories, err := r.prepare(ctx, claimed)
	if err != nil || len(claimed) == 0 {
		return claimed, err
	}
	readings := make([]Reading, len(claimed))
	for i, mail := range claimed {
		readings[i] = directories.Attribute(r.read(mail))
	}
	parts := urgentFirst(readings)
	for i, part := range parts {
		if written, err := r.writePart(ctx, part, readings, claimed); err != nil {
			for _, place := range slices.Concat(part[written:], slices.Concat(parts[i+1:]...)) {
				rest = append(rest, claimed[place])
			}
			return rest, err
		}
	}
	return nil, nil
}

// ReadAlone reads one mail apart from the batches and has its reading written by write. A mail that answers ours is taken
// as such instead.
func (r *Reader) ReadAlone(ctx context.Context, mail Claimed, write func(ctx context.Context, readings []Reading) error) error {
	rest, directories, err := r.prepare(ctx, []Claimed{mail})
	if err != nil || len(rest) == 0 {
		return err
	}
	return r.writeAlone(ctx, directories.Attribute(r.read(mail)), mail, write)
}

// prepare takes the mails that answer ours out of a batch, and fetches what reading the rest of it needs.
func (r *Reader) prepare(ctx context.Context, claimed []Claimed) (rest []Claimed, directories Directories, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if rest, err = r.withoutReplies(ctx, claimed); err != nil || len(rest) == 0 || r.Directories == nil {
		return rest, nil, err
	}
	directories, err = r.Directories(ctx)
	return rest, directories, err
}

func (r *Reader) write(ctx context.Context, readings []Reading) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return r.Store.WriteReadings(ctx, readings)
}

// writePart writes the readings of one part of a batch together, and where that fails each alone.
func (r *Reader) writePart(ctx context.Context, part []int, readings []Reading, claimed []Claimed) (written int, err error) {
	together := make([]Reading, len(part))
	for i, place := range part {
		together[i] = readings[place]
	}
	if err := r.write(ctx, together); err == nil {
		return len(part), nil
	} else if errors.Is(err, ErrUnavailable) {
		return 0, err
	}
	for i, place := range part {
		if err := r.writeAlone(ctx, readings[place], claimed[place], r.write); err != nil {
			return i, err
		}
	}
	return len(part), nil
}

// withoutReplies takes the mails that answer ours out of a batch. One that cannot be taken is read like any other: it may
// page in vain, but it is not lost.
func (r *Reader) withoutReplies(ctx context.Context, claimed []Claimed) ([]Claimed, error) {
	if r.Replies == nil {
		return claimed, nil
	}
	rest := make([]Claimed, 0, len(claimed))
	for i, mail := range claimed {
		taken, err := r.Replies.TakeReply(ctx, mail)
		if errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
			return append(rest, claimed[i:]...), errors.Join(err, ctx.Err())
		}
		if err != nil {
			r.Log.Error("reply not taken", "message", mail.Mail.ID, "error", err)
		}
		if !taken {
			rest = append(rest, mail)
		}
	}
	return rest, nil
}

func (r *Reader) read(mail Claimed) (reading Reading) {
	if mail.Attempt > readAttempts {
		return NewReading(mail.Mail, Unreadable("it could not be read in several attempts", mail.Digest), mail.Digest)
	}
	defer func() {
		if fault := recover(); fault != nil {
			r.Log.Error("parser failed", "message", mail.Mail.ID, "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
			reading = NewReading(mail.Mail, Unreadable("the parser failed on it", mail.Digest), mail.Digest)
		}
	}()
	return NewReading(mail.Mail, r.Parse(mail.Raw), mail.Digest)
}

func (r *Reader) writeAlone(ctx context.Context, reading Reading, mail Claimed, write func(ctx context.Context, readings []Reading) error) error {
	err := write(ctx, []Reading{reading})
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	r.Log.Error("mail written as unrecognised", "message", mail.Mail.ID, "error", err)
	plain := NewReading(mail.Mail, Unreadable("what it says could not be stored", mail.Digest), mail.Digest)
	return write(ctx, []Reading{plain})
}

// Unreadable is the alert of a mail that could not be read at all. It has no severity and pages like any other mail
// that nobody understands; digest keeps it apart from all others.
func Unreadable(reason string, digest []byte) Alert {
	return Alert{
		Kind: KindUnrecognised, Action: ActionNew, Product: ProductUnknown, Severity: SeverityUnknown,
		Title: "Unreadable mail: " + reason, Provenance: ProvenanceOther, Language: "en",
		AlertIDs: []string{}, Devices: []string{}, Users: []string{}, Files: []string{}, Links: []Link{},
		MergedIncidentIDs: []string{}, Tracking: []string{hex.EncodeToString(digest)}, Attachments: []Attachment{},
		Message: MessageInfo{To: []string{}}, Warnings: []string{"unreadable: " + reason},
	}
}
