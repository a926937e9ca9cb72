// Package spool keeps mails in files while the database is away.
//
// A mail is in the spool once its file and then its folder are fsynced; only then may its sender be told 250. The spool
// is bounded in octets and in mails: ErrFull says that there is no room. Mails leave it in the order in which they came
// in, and each has an id that is the same however often it is handed on, so that whoever takes it over can tell a
// repeat. A file that does not hold what was written, because a disk lost it, is set aside and never handed on.
//
// Beside each mail stands a journal (journal.go) of what was done about it in the meantime. The package knows neither
// databases nor people.
package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"afterhours/tickets"
)

// ErrFull says that the spool holds as much as it may.
var ErrFull = errors.New("the spool is full")

// The endings of the spool's files.
const (
	mailEnding    = ".mail"
	journalEnding = ".told"
	damagedEnding = ".damaged"
	partEnding    = ".part"
)

// Options are a spool's folder and bounds; the zero value of a bound is its default.
type Options struct {
	Dir      string
	MaxBytes int64 // of all mails, 1 GiB
	MaxMails int   // 20,000
	Now      func() time.Time
}

// Spool is a folder of mails. It is safe for concurrent use.
type Spool struct {
	options Options

	mutex   sync.Mutex
	sizes   map[string]int64 // by id
	writing map[string]bool  // ids whose files are not on disk yet: nobody may look for them
	bytes   int64
	damaged int
	last    int64 // the number of the newest id, so that ids go up even where the clock does not
	fault   error // of the last attempt to write; nil where it went well
}

// State is what a spool holds.
type State struct {
	Mails   int
	Bytes   int64
	Oldest  time.Time // when the oldest mail came in; zero where there is none
	Damaged int       // files that were set aside
	Full    bool
	Fault   error // why the last mail could not be written; nil where it could
}

// Open makes the folder if it is missing and takes stock of what an earlier process left there.
func Open(options Options) (*Spool, error) {
	if options.MaxBytes <= 0 {
		options.MaxBytes = 1 << 30
	}
	if options.MaxMails <= 0 {
		options.MaxMails = 20_000
	}
	if err := os.MkdirAll(options.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s := &Spool{options: options, sizes: map[string]int64{}, writing: map[string]bool{}}
	entries, err := os.ReadDir(options.Dir)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	for _, entry := range entries {
		name := entry.Name()
		switch {
		case strings.HasSuffix(name, partEnding):
			if err := removeAbandoned(filepath.Join(options.Dir, name), entry, options.Now()); err != nil {
				return nil, fmt.Errorf("spool: %w", err)
			}
		case strings.HasSuffix(name, damagedEnding):
			s.damaged++
		case strings.HasSuffix(name, mailEnding):
			info, err := entry.Info()
			if err != nil {
				return nil, fmt.Errorf("spool: %w", err)
			}
			s.hold(strings.TrimSuffix(name, mailEnding), info.Size())
		}
	}
	return s, nil
}

// Dir is the spool's folder.
func (s *Spool) Dir() string { return s.options.Dir }

// Put writes a mail and returns its id once the mail is on disk.
func (s *Spool) Put(envelope tickets.Envelope, raw []byte) (id string, err error) {
	return s.PutStored(0, envelope, raw)
}

// PutStored writes a mail that the database has under an id, but could not make a ticket of.
func (s *Spool) PutStored(stored int64, envelope tickets.Envelope, raw []byte) (id string, err error) {
	content, err := encode(stored, envelope, raw)
	if err != nil {
		return "", fmt.Errorf("spool: %w", err)
	}
	if id, err = s.reserve(int64(len(content))); err != nil {
		return "", err
	}
	err = writeDurably(s.path(id, mailEnding), content)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.writing, id)
	s.fault = err
	if err != nil {
		s.release(id)
		return "", fmt.Errorf("spool: %w", err)
	}
	return id, nil
}

// Waiting returns the ids of up to limit mails, oldest first; limit 0 means all.
func (s *Spool) Waiting(limit int) []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	ids := make([]string, 0, len(s.sizes))
	for id := range s.sizes {
		if !s.writing[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if limit > 0 && len(ids) > limit {
		ids = ids[:limit]
	}
	return ids
}

// Read returns one mail with its journal. A file that is damaged is set aside; the error says so, and the mail is not
// waiting any more.
func (s *Spool) Read(id string) (tickets.Spooled, error) {
	content, err := os.ReadFile(s.path(id, mailEnding))
	if errors.Is(err, os.ErrNotExist) { // another process on the same folder has taken it
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.release(id)
		return tickets.Spooled{}, fmt.Errorf("spooled mail %s: %w", id, tickets.ErrNotFound)
	}
	if err != nil {
		return tickets.Spooled{}, fmt.Errorf("spooled mail %s: %w", id, err)
	}
	mail, err := decode(id, content)
	if err != nil {
		return tickets.Spooled{}, errors.Join(fmt.Errorf("spooled mail %s is damaged and was set aside as %s%s: %w", id, id, damagedEnding, err), s.setAside(id))
	}
	mail.Events, err = s.Journal(id)
	return mail, err
}

// Remove forgets a mail that somebody else has taken over durably.
func (s *Spool) Remove(id string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, ending := range []string{mailEnding, journalEnding} { // the mail first: a journal alone is never handed on
		if err := os.Remove(s.path(id, ending)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("spooled mail %s: %w", id, err)
		}
	}
	s.release(id)
	return nil
}

// State takes stock.
func (s *Spool) State() State {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	state := State{Mails: len(s.sizes), Bytes: s.bytes, Damaged: s.damaged, Fault: s.fault}
	state.Full = state.Mails >= s.options.MaxMails || state.Bytes >= s.options.MaxBytes
	oldest := ""
	for id := range s.sizes {
		if oldest == "" || id < oldest {
			oldest = id
		}
	}
	if oldest != "" {
		state.Oldest = cameIn(oldest)
	}
	return state
}

// CanTake says why no mail can be taken; nil where one can. It asks the disk.
func (s *Spool) CanTake() error {
	if s.State().Full {
		return ErrFull
	}
	probe, err := os.CreateTemp(s.options.Dir, "probe-*"+partEnding)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	_, err = probe.Write(make([]byte, 4096)) // a full disk takes empty files
	return errors.Join(err, probe.Close(), os.Remove(probe.Name()))
}

func (s *Spool) path(id, ending string) string { return filepath.Join(s.options.Dir, id+ending) }

func (s *Spool) setAside(id string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err := os.Rename(s.path(id, mailEnding), s.path(id, damagedEnding)); err != nil {
		return err
	}
	s.release(id)
	s.damaged++
	return nil
}

// hold and release keep the books; release of what is not held changes nothing.
func (s *Spool) hold(id string, size int64) {
	s.sizes[id] = size
	s.bytes += size
}

func (s *Spool) release(id string) {
	s.bytes -= s.sizes[id]
	delete(s.sizes, id)
}
