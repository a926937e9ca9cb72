package mailfiles

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"time"
)

var (
	fromLine = []byte("From ")
	// quotedFrom is a line that an mbox had to quote (mboxrd and mboxo alike lose one ">").
	quotedFrom = regexp.MustCompile(`^>+From `)
	// fromStamp is the time of day that every "From " line between messages has: a sentence that begins with the word, and
	// that its writer did not quote, has none.
	fromStamp = regexp.MustCompile(`^From .*\d{1,2}:\d{2}`)
)

// piece is how much of a line is read at once.
const piece = 64 << 10

// mboxMessage is the message that is being gathered.
type mboxMessage struct {
	number   int
	stamp    time.Time
	content  bytes.Buffer
	blank    []byte // an empty line that may belong to the mbox, not to the message
	overlong bool
}

// mbox hands out the messages of an mbox. A message begins at a "From " line at the beginning of the file or after an
// empty line.
func (r Reader) mbox(ctx context.Context, path string, content io.Reader, info fs.FileInfo) error {
	lines := bufio.NewReaderSize(content, piece)
	current := mboxMessage{stamp: info.ModTime()}
	passed := int64(0)
	atStart, afterBlank := true, true
	for {
		line, err := lines.ReadSlice('\n')
		passed += int64(len(line))
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
			r.Fault(path, err) // what was read before is whole
			return r.finish(path, &current)
		}
		switch {
		case atStart && afterBlank && bytes.HasPrefix(line, fromLine) && (current.number == 0 || fromStamp.Match(line)):
			if current.number > 0 {
				if err := r.finish(path, &current); err != nil {
					return err
				}
				if err := ctx.Err(); err != nil {
					return err
				}
			}
			r.Progress(passed)
			passed = 0
			current = mboxMessage{number: current.number + 1, stamp: stampOf(line, info.ModTime()), content: current.content}
			current.content.Reset()
			if current.content.Cap() > 4<<20 {
				current.content = bytes.Buffer{} // one large message does not keep its room for all that follow
			}
		case len(line) > 0 && current.number > 0:
			current.add(line, atStart, r.MaxSize)
		}
		if len(line) > 0 {
			afterBlank = atStart && len(bytes.TrimRight(line, "\r\n")) == 0
			atStart = line[len(line)-1] == '\n'
		}
		if errors.Is(err, io.EOF) {
			r.Progress(passed)
			return r.finish(path, &current)
		}
	}
}

// add takes a line, or a piece of one, into the message.
func (m *mboxMessage) add(line []byte, atStart bool, limit int64) {
	if m.overlong {
		return
	}
	m.content.Write(m.blank)
	m.blank = nil
	if atStart && len(bytes.TrimRight(line, "\r\n")) == 0 {
		m.blank = append([]byte(nil), line...)
		return
	}
	if atStart && quotedFrom.Match(line) {
		line = line[1:]
	}
	m.content.Write(line)
	if int64(m.content.Len()) > limit {
		m.overlong = true
		m.content = bytes.Buffer{}
	}
}

func (r Reader) finish(path string, m *mboxMessage) error {
	name := fmt.Sprintf("%s:%d", path, m.number)
	switch {
	case m.number == 0:
		return nil
	case m.overlong:
		r.Fault(name, tooLarge(r.MaxSize))
		return nil
	case len(bytes.TrimSpace(m.content.Bytes())) == 0:
		r.Fault(name, errors.New("it is empty"))
		return nil
	}
	return r.Found(Mail{Name: name, Raw: bytes.Clone(m.content.Bytes()), Stamp: m.stamp})
}

// stampOf reads the time of a "From " line, which is in UTC where it does not say otherwise.
func stampOf(line []byte, otherwise time.Time) time.Time {
	fields := strings.Fields(string(line[:min(len(line), 200)]))
	for begin := 2; begin < len(fields); begin++ {
		text := strings.Join(fields[begin:], " ")
		for _, layout := range []string{time.ANSIC, "Mon Jan 2 15:04:05 2006 -0700", "Mon Jan 2 15:04:05 -0700 2006", "Mon Jan 2 15:04:05 MST 2006", "Mon Jan 2 15:04 2006"} {
			if at, err := time.Parse(layout, text); err == nil {
				return at.UTC()
			}
		}
	}
	return otherwise
}
