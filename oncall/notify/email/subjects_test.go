package email_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"afterhours/oncall/notify/notifytest"
)

var subjects = flag.Int("subjects", 1000, "hostile subjects of outgoing mail that Python's parser reads")

// foreignParser reads mails, each after its length, and tells those whose headers are not the number that was meant.
const foreignParser = `
import email, sys
wanted, seen = int(sys.argv[1]), 0
while line := sys.stdin.buffer.readline():
    raw = sys.stdin.buffer.read(int(line))
    mail = email.message_from_bytes(raw)
    if len(mail.keys()) != wanted or mail["Bcc"] or mail.defects or max(map(len, raw.split(b"\r\n\r\n")[0].split(b"\r\n"))) > 998:
        print("mail", seen, mail.keys(), mail.defects)
    seen += 1
print("read", seen)
`

// hostile are pieces that break headers, terminals and readers where they are not taken care of.
var hostile = []string{
	"\r\nBcc: evil@example.com", "\nX-Evil: yes", "\r", "\n\n<script>", "\x00", "\x1b[31m", "\u202e", "\u2028", "\u0085", "=?utf-8?q?=0D=0ABcc:_evil@example.com?=",
	"=?", "?=", "\xff\xfe", "\xc3", "ü", "日本", strings.Repeat("x", 300), strings.Repeat("é", 200), " ", "\t", "\v\f", ":", ";", "\"", "\\", "(", "<a@b.example>", "🚨", "\ufeff", "%0D%0A",
}

// TestNoSubjectAddsAHeaderForAnotherParser sends subjects put together of hostile pieces and lets Python's parser read
// what left the house.
func TestNoSubjectAddsAHeaderForAnotherParser(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("python3 is missing, whose parser reads the mails; run: deploy/install python3")
	}
	if err != nil {
		t.Skip("python3 is missing, whose parser reads the mails; deploy/install python3 installs it")
	}
	h, c := open(t, nil)
	random := rand.New(rand.NewPCG(6, 6))
	for range *subjects {
		var subject strings.Builder
		for range 1 + random.IntN(8) {
			subject.WriteString(hostile[random.IntN(len(hostile))])
		}
		message := notifytest.Message()
		message.Subject, message.At = subject.String(), time.Unix(0, 0)
		if _, err := c.Send(t.Context(), ana, message); err != nil {
			t.Fatalf("%q: %v", message.Subject, err)
		}
	}
	var stream bytes.Buffer
	for _, mail := range h.got() {
		fmt.Fprintf(&stream, "%d\n%s", len(mail), mail)
	}
	reader := exec.CommandContext(t.Context(), python, "-c", foreignParser, "16")
	reader.Stdin = &stream
	said, err := reader.CombinedOutput()
	if want := fmt.Sprintf("read %d\n", *subjects); err != nil || string(said) != want {
		t.Errorf("python: %v: got %s, want %s", err, said[:min(len(said), 2000)], want)
	}
	t.Logf("%d hostile subjects: Python %s", *subjects, said[:min(len(said), 100)])
}
