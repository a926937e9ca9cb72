package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

var (
	oddMails  = flag.Int("odd.mails", 300, "damaged mails that are sent and read")
	oddFolder = flag.String("odd.folder", "", "folder of .eml files that are sent as well, as go test ./parser -run MailsOfTheBenchmarks -args -mails FOLDER writes them")
)

// oddFiles are the mails of a folder and of the folders in it that SMTP takes: neither too long nor of too long a line.
func oddFiles(t *testing.T, folder string) (mails [][]byte) {
	t.Helper()
	const longest, longestLine = 25<<20 - 1<<10, 1<<20 - 1<<10
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		tooLong := func(line []byte) bool { return len(line) > longestLine }
		if len(raw) > longest || slices.ContainsFunc(bytes.Split(raw, []byte("\n")), tooLong) {
			t.Logf("SMTP does not take %s", filepath.Base(path))
			return err
		}
		mails = append(mails, raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return mails
}

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
// accepted, stored as it was sent, read into a ticket, and downloaded as it was sent.
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
	var mails [][]byte
	for range *oddMails {
		raw, err := os.ReadFile(files[random.IntN(len(files))])
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, damaged(random, raw))
	}
	if *oddFolder != "" {
		mails = append(mails, oddFiles(t, *oddFolder)...)
	}
	sent := map[int64][sha256.Size]byte{}
	for _, raw := range mails {
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
	client, stored, tickets := app.signedIn(t), []int64{}, map[int64]bool{}
	_, err = pgx.ForEachRow(rows, []any{&id, &ticket, &state, &digest, &raw}, func() error {
		want, known := sent[id]
		if !known || !bytes.Equal(raw, want[:]) || !bytes.Equal(digest, want[:]) {
			return fmt.Errorf("mail %d is not stored as it was sent", id)
		}
		if ticket == 0 || state != "read" && state != "repeated" {
			return fmt.Errorf("mail %d: state %s, ticket %d", id, state, ticket)
		}
		stored, tickets[ticket] = append(stored, id), true
		return nil
	})
	if err != nil || len(stored) != len(sent) {
		t.Fatalf("%v; %d of %d mails are stored", err, len(stored), len(sent))
	}
	for _, id := range stored {
		response, err := client.Get(fmt.Sprintf("%s/api/v1/messages/%d/raw", app.baseURL, id))
		if err != nil {
			t.Fatal(err)
		}
		got := sha256.New()
		_, err = io.Copy(got, response.Body)
		response.Body.Close()
		if want := sent[id]; err != nil || response.StatusCode != http.StatusOK || !bytes.Equal(got.Sum(nil), want[:]) {
			t.Errorf("mail %d is not downloaded as it was sent: %s, %v", id, response.Status, err)
		}
	}
	t.Logf("%d mails sent, %d stored byte for byte and downloaded so, in %d tickets", len(mails), len(stored), len(tickets))
}
