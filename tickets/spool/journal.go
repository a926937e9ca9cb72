package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"afterhours/tickets"
)

// Record appends to the journal of a mail that waits; it returns once the entry is on disk.
func (s *Spool) Record(id string, entry tickets.OutageEvent) error {
	line, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("journal of spooled mail %s: %w", id, err)
	}
	path := s.path(id, journalEnding)
	_, missing := os.Stat(path)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("journal of spooled mail %s: %w", id, err)
	}
	_, err = file.Write(append(line, '\n'))
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil && missing != nil {
		err = syncFolder(s.options.Dir)
	}
	if err != nil {
		return fmt.Errorf("journal of spooled mail %s: %w", id, err)
	}
	return nil
}

// Journal returns what was recorded of a mail, oldest first. A last line that a crash cut off was promised to nobody and
// is left out.
func (s *Spool) Journal(id string) ([]tickets.OutageEvent, error) {
	content, err := os.ReadFile(s.path(id, journalEnding))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal of spooled mail %s: %w", id, err)
	}
	var entries []tickets.OutageEvent
	for line := range bytes.Lines(content) {
		var entry tickets.OutageEvent
		if json.Unmarshal(line, &entry) == nil {
			entries = append(entries, entry)
		}
	}
	return entries, nil
}

// WriteSealed replaces a small file beside the mails durably; ReadSealed returns it. What it holds must be sealed by the
// caller: the spool's folder is no safe.
func (s *Spool) WriteSealed(name, sealed string) error {
	path := s.path(name, ".sealed")
	if err := os.Remove(path + partEnding); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("spool: %w", err)
	}
	if err := writeDurably(path, []byte(sealed)); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// ReadSealed returns what WriteSealed wrote, or an error that wraps os.ErrNotExist.
func (s *Spool) ReadSealed(name string) (string, error) {
	content, err := os.ReadFile(s.path(name, ".sealed"))
	if err != nil {
		return "", fmt.Errorf("spool: %w", err)
	}
	return string(content), nil
}
