// Package mailfiles finds the mails in files: single messages, mbox files, Maildirs, and folders of all of these.
//
// It promises to hold one message at a time, however large the file is, and never to give up a file for one bad message in
// it. What a file is, its name or its first line says: a message of a Maildir and a file named .eml is one mail, what
// begins with "From " is an mbox, what begins with a header field is one mail, and everything else is no mail. Symbolic
// links inside folders are not followed, and neither files whose name begins with a dot nor a Maildir's tmp are read.
package mailfiles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Mail is one message. Name says where it stands, like backup.mbox:17.
type Mail struct {
	Name string
	Raw  []byte
	// Stamp is when the file says that the message was received: an mbox's "From " line, else the file's own time.
	Stamp time.Time
}

// Reader walks over paths and hands out what it finds. Its functions are called one after the other.
type Reader struct {
	MaxSize int64 // of one message, in octets; a larger one is a fault
	Found   func(Mail) error
	// Fault is told of what is no mail or cannot be read; the walk goes on.
	Fault func(name string, reason error)
	// Progress is told how many octets of the files were passed since the last call.
	Progress func(octets int64)
}

// Faults that are told by name.
var (
	ErrNoMail   = errors.New("it is neither a mail nor an mbox")
	ErrTooLarge = errors.New("it is larger than a mail may be")
)

// Read hands out the mails of a file or folder. Its own errors are those of Found, of ctx, and a path that is not there.
func (r Reader) Read(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return r.file(ctx, path, info, true)
	}
	return walk(path, r.Fault, func(file string, info fs.FileInfo) error { return r.file(ctx, file, info, false) })
}

// Size is how many octets the files below path hold together.
func Size(path string) (octets int64, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if !info.IsDir() {
		return info.Size(), nil
	}
	err = walk(path, func(string, error) {}, func(_ string, info fs.FileInfo) error {
		octets += info.Size()
		return nil
	})
	return octets, err
}

// walk visits the regular files of a folder in the order of their names.
func walk(folder string, fault func(string, error), visit func(file string, info fs.FileInfo) error) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(entry.Name(), ".") && path != folder
		switch {
		case err != nil:
			fault(path, err)
			return nil
		case entry.IsDir():
			if entry.Name() == "tmp" && isMaildir(filepath.Dir(path)) {
				return fs.SkipDir
			}
			return nil // a Maildir's subfolders have names that begin with a dot
		case hidden, !entry.Type().IsRegular():
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			fault(path, err)
			return nil
		}
		return visit(path, info)
	})
}

func isMaildir(folder string) bool {
	for _, part := range []string{"cur", "new"} {
		if info, err := os.Stat(filepath.Join(folder, part)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// inMaildir says whether a file is a message of a Maildir.
func inMaildir(path string) bool {
	part := filepath.Dir(path)
	name := filepath.Base(part)
	return (name == "cur" || name == "new") && isMaildir(filepath.Dir(part))
}

// sniffed is how much of a file tells what it is.
const sniffed = 4 << 10

func (r Reader) file(ctx context.Context, path string, info fs.FileInfo, named bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	opened, err := os.Open(path)
	if err != nil {
		r.Fault(path, err)
		r.Progress(info.Size())
		return nil
	}
	defer opened.Close()
	head := make([]byte, sniffed)
	n, err := io.ReadFull(opened, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		r.Fault(path, err)
		r.Progress(info.Size())
		return nil
	}
	head = head[:n]
	rest := io.MultiReader(bytes.NewReader(head), opened)
	single := strings.EqualFold(filepath.Ext(path), ".eml") || inMaildir(path)
	switch {
	case single, !isMbox(head) && isMessage(head):
		return r.single(path, rest, info)
	case isMbox(head):
		return r.mbox(ctx, path, rest, info)
	}
	if named || strings.EqualFold(filepath.Ext(path), ".mbox") {
		r.Fault(path, ErrNoMail)
	}
	r.Progress(info.Size())
	return nil
}

func (r Reader) single(path string, content io.Reader, info fs.FileInfo) error {
	defer r.Progress(info.Size())
	raw, err := io.ReadAll(io.LimitReader(content, r.MaxSize+1))
	switch {
	case err != nil:
		r.Fault(path, err)
		return nil
	case int64(len(raw)) > r.MaxSize:
		r.Fault(path, tooLarge(r.MaxSize))
		return nil
	case len(bytes.TrimSpace(raw)) == 0:
		r.Fault(path, errors.New("it is empty"))
		return nil
	}
	return r.Found(Mail{Name: path, Raw: raw, Stamp: info.ModTime()})
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: more than %d octets; raise AFTERHOURS_MAIL_MAX_SIZE to take it", ErrTooLarge, limit)
}

func isMbox(head []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(head, "\r\n"), fromLine) }

// isMessage says whether the first line is a header field.
func isMessage(head []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), []byte("\n"))
	name, _, found := bytes.Cut(line, []byte(":"))
	if !found || len(name) == 0 || len(name) > 76 || bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
