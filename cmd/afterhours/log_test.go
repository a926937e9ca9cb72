package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
)

var logLines = flag.Int("log.lines", 10_000, "hostile entries that are logged")

// TestEachEntryOfTheLogIsOneJSONObjectOnALine logs what senders can put into subjects and addresses.
func TestEachEntryOfTheLogIsOneJSONObjectOnALine(t *testing.T) {
	t.Parallel()
	pieces := []string{"\n", "\r\n", `"}`, `{"level":"ERROR"}`, "\x00", "\x1b[2J", "\u202e", "\u2028", "\xff\xfe", "=?utf-8?q?=0A?=", "\\", "é", strings.Repeat("x", 500)}
	random := rand.New(rand.NewPCG(6, 7))
	var out bytes.Buffer
	log := newLog(settings{LogFormat: "json"}, &out)
	for i := range *logLines {
		var text strings.Builder
		for range 1 + random.IntN(6) {
			text.WriteString(pieces[random.IntN(len(pieces))])
		}
		log.Info("mail accepted", "entry", i, "subject", text.String(), text.String(), "as a key")
	}
	lines := bufio.NewScanner(&out)
	lines.Buffer(nil, 1<<20)
	read := 0
	for ; lines.Scan(); read++ {
		var entry struct {
			Level string
			Msg   string
			Entry int
		}
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil || entry.Entry != read || entry.Level != "INFO" || entry.Msg != "mail accepted" {
			t.Fatalf("line %d: %v: %s", read, err, lines.Bytes())
		}
	}
	if lines.Err() != nil || read != *logLines {
		t.Errorf("got %d lines, %v, want %d", read, lines.Err(), *logLines)
	}
	t.Logf("%d hostile entries: %d lines, each one JSON object", *logLines, read)
}
