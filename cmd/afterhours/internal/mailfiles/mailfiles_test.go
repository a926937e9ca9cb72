package mailfiles_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"afterhours/cmd/afterhours/internal/mailfiles"
)

type found struct {
	mails  []mailfiles.Mail
	faults map[string]error
	passed int64
}

func read(t *testing.T, path string, limit int64) found {
	t.Helper()
	f := found{faults: map[string]error{}}
	err := mailfiles.Reader{
		MaxSize:  limit,
		Found:    func(m mailfiles.Mail) error { f.mails = append(f.mails, m); return nil },
		Fault:    func(name string, reason error) { f.faults[filepath.Base(name)] = reason },
		Progress: func(octets int64) { f.passed += octets },
	}.Read(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	size, err := mailfiles.Size(path)
	if err != nil || f.passed != size {
		t.Errorf("progress: got %d of %d octets, %v", f.passed, size, err)
	}
	return f
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func raws(mails []mailfiles.Mail) []string {
	var texts []string
	for _, mail := range mails {
		texts = append(texts, string(mail.Raw))
	}
	return texts
}

func TestAnMboxIsCutAtItsFromLinesAndItsQuotingIsTakenOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content string
		want    []string
	}{
		"two messages": {
			"From a@b.example Sun Mar  1 03:00:00 2026\nSubject: one\n\nbody\n\nFrom - Sun Mar  1 03:00:01 2026\nSubject: two\n\nbody\n",
			[]string{"Subject: one\n\nbody\n", "Subject: two\n\nbody\n"},
		},
		"quoted lines": {
			"From a Sun Mar  1 03:00:00 2026\nSubject: one\n\n>From here on\n>>From there\n> From not\n",
			[]string{"Subject: one\n\nFrom here on\n>From there\n> From not\n"},
		},
		"a sentence that nobody quoted": {
			"From a Sun Mar  1 03:00:00 2026\nSubject: one\n\nbefore\n\nFrom the desk of\nno 12:00 here\n",
			[]string{"Subject: one\n\nbefore\n\nFrom the desk of\nno 12:00 here\n"},
		},
		"a From line without an empty one before it": {
			"From a Sun Mar  1 03:00:00 2026\nSubject: one\n\nbody\nFrom b Sun Mar  1 03:00:00 2026\n",
			[]string{"Subject: one\n\nbody\nFrom b Sun Mar  1 03:00:00 2026\n"},
		},
		"line ends of Windows": {
			"From a Sun Mar  1 03:00:00 2026\r\nSubject: one\r\n\r\nbody\r\n\r\nFrom b Sun Mar  1 03:00:00 2026\r\nSubject: two\r\n\r\n",
			[]string{"Subject: one\r\n\r\nbody\r\n", "Subject: two\r\n"},
		},
		"a message that is cut off": {
			"\n\nFrom a Sun Mar  1 03:00:00 2026\nSubject: one\n\nbody\n\n\nFrom b Sun Mar  1 03:00:00 2026\nSubj",
			[]string{"Subject: one\n\nbody\n\n", "Subj"},
		},
		"a line longer than the buffer": {
			"From a Sun Mar  1 03:00:00 2026\nSubject: one\n\n" + strings.Repeat("x", 200_000) + "\n\n" + "From b Sun Mar  1 03:00:00 2026\nSubject: two\n\nb\n",
			[]string{"Subject: one\n\n" + strings.Repeat("x", 200_000) + "\n", "Subject: two\n\nb\n"},
		},
	} {
		got := read(t, write(t, filepath.Join(t.TempDir(), "mails"), c.content), 1<<20)
		if !slices.Equal(raws(got.mails), c.want) {
			t.Errorf("%s: got %q, want %q", name, raws(got.mails), c.want)
		}
	}
}

func TestABadMessageOfAnMboxCostsNoOther(t *testing.T) {
	t.Parallel()
	path := write(t, filepath.Join(t.TempDir(), "all.mbox"),
		"From a Sun Mar  1 03:00:00 2026\nSubject: one\n\n"+strings.Repeat("y\n", 1000)+"\nFrom a Sun Mar  1 03:00:00 2026\n\n\nFrom b Mon Mar  2 03:00:00 2026\nSubject: two\n\nb\n")
	got := read(t, path, 200)
	if !slices.Equal(raws(got.mails), []string{"Subject: two\n\nb\n"}) || got.mails[0].Name != path+":3" {
		t.Errorf("got %+v", got.mails)
	}
	if want := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC); !got.mails[0].Stamp.Equal(want) {
		t.Errorf("stamp: got %s, want %s", got.mails[0].Stamp, want)
	}
	if !errors.Is(got.faults["all.mbox:1"], mailfiles.ErrTooLarge) || got.faults["all.mbox:2"] == nil {
		t.Errorf("faults: got %v", got.faults)
	}
}

func TestAFolderGivesItsMailsMboxesAndMaildirs(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, filepath.Join(folder, "one.eml"), "Subject: one\n\n")
	write(t, filepath.Join(folder, "inbox"), "From a Sun Mar  1 03:00:00 2026\nSubject: two\n\nb\n")
	write(t, filepath.Join(folder, "deep", "down", "UPPER.EML"), "no header at all")
	write(t, filepath.Join(folder, "picture.png"), "\x89PNG\r\n\x1a\n\x00\x00")
	write(t, filepath.Join(folder, "export"), "Received: from x\nSubject: three\n\n")
	write(t, filepath.Join(folder, "Maildir", "cur", "1:2,S"), "Subject: four\n\n")
	write(t, filepath.Join(folder, "Maildir", "new", "2"), "From here it is a mail all the same\n\n")
	write(t, filepath.Join(folder, "Maildir", "tmp", "3"), "Subject: half\n\n")
	write(t, filepath.Join(folder, "Maildir", ".Archive", "cur", "4"), "Subject: five\n\n")
	write(t, filepath.Join(folder, "Maildir", ".Archive", "new", "5"), "")
	write(t, filepath.Join(folder, "Maildir", ".uidlist"), "Subject: no mail\n\n")
	got := map[string]bool{}
	all := read(t, folder, 1<<20)
	for _, mail := range all.mails {
		got[strings.TrimPrefix(mail.Name, folder+"/")] = true
	}
	want := []string{"one.eml", "inbox:1", "deep/down/UPPER.EML", "export", "Maildir/cur/1:2,S", "Maildir/new/2", "Maildir/.Archive/cur/4"}
	for _, name := range want {
		if !got[name] {
			t.Errorf("%s is missing", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(all.faults) != 1 || all.faults["5"] == nil {
		t.Errorf("faults: got %v, want the empty one alone", all.faults)
	}
}

func TestAFileThatIsNoMailIsNamedWhenItWasAskedFor(t *testing.T) {
	t.Parallel()
	got := read(t, write(t, filepath.Join(t.TempDir(), "picture.png"), "\x89PNG\r\n\x1a\n"), 100)
	if len(got.mails) != 0 || !errors.Is(got.faults["picture.png"], mailfiles.ErrNoMail) {
		t.Errorf("got %v, %v", got.mails, got.faults)
	}
}

func TestAnMboxIsNeverInMemoryAsAWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.mbox")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("some words of a mail\n", 5000)
	for i := range 1000 { // 100 MB
		fmt.Fprintf(file, "From a Sun Mar  1 03:00:00 2026\nSubject: %d\n\n%s\n", i, body)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	var highest, before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	count := 0
	err = mailfiles.Reader{
		MaxSize: 1 << 20, Fault: func(string, error) {}, Progress: func(int64) {},
		Found: func(mailfiles.Mail) error {
			if count++; count%100 == 0 {
				runtime.GC()
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				if now.HeapAlloc > highest.HeapAlloc {
					highest = now
				}
			}
			return nil
		},
	}.Read(t.Context(), path)
	if err != nil || count != 1000 {
		t.Fatalf("got %d mails, %v", count, err)
	}
	if grown := int64(highest.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("the heap grew by %d octets, want less than 4 MiB", grown)
	}
}
