package spool

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"afterhours/tickets"
)

// head is the first line of a mail's file; the raw bytes follow it.
type head struct {
	Stored   int64            `json:"stored,omitempty"` // its id in the database, where it was there before
	Envelope tickets.Envelope `json:"envelope"`
	Size     int              `json:"size"`
	Digest   string           `json:"digest"` // SHA-256 of envelope and raw bytes
}

func encode(stored int64, envelope tickets.Envelope, raw []byte) ([]byte, error) {
	digest, err := digestOf(envelope, raw)
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(head{stored, envelope, len(raw), digest})
	if err != nil {
		return nil, err
	}
	content := make([]byte, 0, len(line)+1+len(raw))
	content = append(append(content, line...), '\n')
	return append(content, raw...), nil
}

func decode(id string, content []byte) (tickets.Spooled, error) {
	line, raw, ok := bytes.Cut(content, []byte("\n"))
	var h head
	if !ok {
		return tickets.Spooled{}, errors.New("it has no head")
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return tickets.Spooled{}, fmt.Errorf("its head: %w", err)
	}
	digest, err := digestOf(h.Envelope, raw)
	if err != nil {
		return tickets.Spooled{}, err
	}
	if len(raw) != h.Size || digest != h.Digest {
		return tickets.Spooled{}, errors.New("its bytes are not those that were written")
	}
	return tickets.Spooled{ID: id, Stored: h.Stored, Envelope: h.Envelope, Raw: raw}, nil
}

func digestOf(envelope tickets.Envelope, raw []byte) (string, error) {
	described, err := json.Marshal(envelope)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write(described)
	sum.Write(raw)
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// reserve takes the room for a mail and gives it an id that sorts by the moment at which it came in.
func (s *Spool) reserve(size int64) (string, error) {
	var random [6]byte
	if _, err := rand.Read(random[:]); err != nil { // two processes may share the folder
		return "", fmt.Errorf("spool: %w", err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.sizes) >= s.options.MaxMails || s.bytes+size > s.options.MaxBytes {
		return "", ErrFull
	}
	s.last = max(s.last+1, s.options.Now().UnixMicro())
	id := fmt.Sprintf("%016d-%s", s.last, hex.EncodeToString(random[:]))
	s.hold(id, size)
	s.writing[id] = true
	return id, nil
}

// cameIn is the moment that an id names; zero for one that is not ours.
func cameIn(id string) time.Time {
	digits, _, _ := strings.Cut(id, "-")
	micros, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// writeDurably puts a file in its place so that a crash leaves either the whole of it or nothing: the file is fsynced
// before it gets its name, and the folder after.
func writeDurably(path string, content []byte) error {
	part := path + partEnding
	file, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		_ = os.Remove(part) // it may not be there; the error tells what matters
		return err
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		_ = os.Remove(path) // its sender is told 451 and keeps it
		return err
	}
	return nil
}

// abandonedAfter is the age of a part that no process can be writing any more.
const abandonedAfter = 10 * time.Minute

// removeAbandoned removes what a process that died left half written: its sender was never told 250.
func removeAbandoned(path string, entry os.DirEntry, now time.Time) error {
	info, err := entry.Info()
	if errors.Is(err, os.ErrNotExist) { // another process has ended it
		return nil
	}
	if err != nil || now.Sub(info.ModTime()) < abandonedAfter {
		return err
	}
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
