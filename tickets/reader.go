package tickets

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Bounds of the reader.
const (
	readBatch    = 100              // mails claimed at once
	readLease    = 30 * time.Second // after which another reader may take a claimed mail
	readAttempts = 10               // claims after which a mail is not parsed any more: it may be what kills the reader
	readPoll     = time.Second      // the backstop of a lost wake-up
	readTimeout  = 30 * time.Second // of one batch, its transaction included
)

// Claimed is one accepted mail taken for reading. Attempt counts from 1.
type Claimed struct {
	Mail    Mail
	Raw     []byte
	Digest  []byte
	Attempt int
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
	taken := len(claimed)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout) // what is claimed is read, also at a stop
	defer cancel()
	if claimed, err = r.withoutReplies(ctx, claimed); err != nil || len(claimed) == 0 {
		return taken - len(claimed), err
	}
	directories, err := r.directories(ctx)
	if err != nil {
		return 0, err
	}
	readings := make([]Reading, len(claimed))
	for i, mail := range claimed {
		readings[i] = directories.Attribute(r.read(mail))
	}
	written := taken - len(claimed)
	for _, part := range urgentFirst(readings) {
		n, err := r.write(ctx, part, readings, claimed)
		if written += n; err != nil {
			return written, err
		}
	}
	return taken, nil
}

// write writes the readings of one part of a batch together, and where that fails each alone.
func (r *Reader) write(ctx context.Context, part []int, readings []Reading, claimed []Claimed) (written int, err error) {
	together := make([]Reading, len(part))
	for i, place := range part {
		together[i] = readings[place]
	}
	if err := r.Store.WriteReadings(ctx, together); err == nil {
		return len(part), nil
	} else if errors.Is(err, ErrUnavailable) {
		return 0, err
	}
	for i, place := range part {
		if err := r.writeAlone(ctx, readings[place], claimed[place]); err != nil {
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
			return claimed[i:], err
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

func (r *Reader) directories(ctx context.Context) (Directories, error) {
	if r.Directories == nil {
		return nil, nil
	}
	return r.Directories(ctx)
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

func (r *Reader) writeAlone(ctx context.Context, reading Reading, mail Claimed) error {
	err := r.Store.WriteReadings(ctx, []Reading{reading})
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	r.Log.Error("mail written as unrecognised", "message", mail.Mail.ID, "error", err)
	plain := NewReading(mail.Mail, Unreadable("what it says could not be stored", mail.Digest), mail.Digest)
	return r.Store.WriteReadings(ctx, []Reading{plain})
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
