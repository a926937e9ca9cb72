package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

var oddMails = flag.Int("odd.mails", 300, "damaged mails that are sent and read")

// damaged makes a broken mail of a sound one.
func damaged(random *rand.Rand, raw []byte) []byte {
	raw = bytes.Clone(raw)
	at := random.IntN(len(raw))
	switch random.IntN(9) {
	case 0:
		return raw[:at]
	case 1:
		return raw[at:]
	case 2:
		return bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	case 3:
		return bytes.ReplaceAll(raw, []byte("\r\n\r\n"), []byte("\r\n"))
	case 4:
		return bytes.ReplaceAll(raw, []byte("="), nil)
	case 5:
		return bytes.ReplaceAll(raw, []byte("o"), []byte("\x00"))
	case 6:
		return bytes.ReplaceAll(raw, []byte("e"), []byte("\xe9"))
	case 7:
		return bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\r\n."))
	}
	for range 1 + len(raw)/50 {
		raw[random.IntN(len(raw))] = byte(random.IntN(256))
	}
	return raw
}

// TestDamagedMailsAreStoredByteForByteAndBecomeTickets sends mails that are broken in many ways over one connection. Each is
// accepted, stored as it was sent, and read into a ticket.
func TestDamagedMailsAreStoredByteForByteAndBecomeTickets(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../parser/testdata/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sound mails: %v", err)
	}
	app := serveTest(t, nil)
	app.configure(t, `{routes: [{match: {}, action: record}]}`)
	conn, err := net.Dial("tcp", app.smtpAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	say := func(line, want string) string {
		t.Helper()
		if _, err := io.WriteString(conn, line); err != nil {
			t.Fatal(err)
		}
		for {
			answer, err := answers.ReadString('\n')
			if err != nil || !strings.HasPrefix(answer, want) {
				t.Fatalf("%.60q: got %q, %v, want %s", line, answer, err, want)
			}
			if answer[3] == ' ' {
				return strings.TrimSpace(answer)
			}
		}
	}
	say("", "220")
	say("EHLO client.example\r\n", "250")
	random := rand.New(rand.NewPCG(16, 16))
	sent := map[int64][sha256.Size]byte{}
	for range *oddMails {
		raw, err := os.ReadFile(files[random.IntN(len(files))])
		if err != nil {
			t.Fatal(err)
		}
		raw = damaged(random, raw)
		if !bytes.HasSuffix(raw, []byte("\r\n")) {
			raw = append(raw, "\r\n"...)
		}
		say("MAIL FROM:<a@b.example>\r\n", "250")
		say("RCPT TO:<defender@test.example>\r\n", "250")
		say("DATA\r\n", "354")
		stuffed := strings.ReplaceAll("\r\n"+string(raw), "\r\n.", "\r\n..")[2:]
		_, id, _ := strings.Cut(say(stuffed+".\r\n", "250"), "accepted as ")
		number, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sent[number] = sha256.Sum256(raw)
	}
	app.settled(t)
	rows, err := app.db.pool.Query(t.Context(), `
		SELECT m.id, coalesce(m.ticket, 0), m.state, m.digest, sha256(b.raw) FROM mails m JOIN mail_bodies b ON b.mail = m.id`)
	if err != nil {
		t.Fatal(err)
	}
	var id, ticket int64
	var state string
	var digest, raw []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &ticket, &state, &digest, &raw}, func() error {
		want, known := sent[id]
		delete(sent, id)
		if !known || !bytes.Equal(raw, want[:]) || !bytes.Equal(digest, want[:]) {
			return fmt.Errorf("mail %d is not stored as it was sent", id)
		}
		if ticket == 0 || state != "read" && state != "repeated" {
			return fmt.Errorf("mail %d: state %s, ticket %d", id, state, ticket)
		}
		return nil
	})
	if err != nil || len(sent) > 0 {
		t.Errorf("%v; %d mails are missing", err, len(sent))
	}
}
