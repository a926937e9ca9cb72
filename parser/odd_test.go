package parser

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
)

const (
	oddSubject = "Anmälan: disk på srv-7 är full"
	oddWords   = "Disken på servern srv-7 är full sedan klockan tre. Någon borde titta på den, och det före åtta. Hälsningar från övervakningen."
)

// oddHeads are headers as broken programs write them, without what describes the body; each holds the subject.
var oddHeads = map[string]string{
	"raw":                 "From: a@b.example\r\nSubject: " + oddSubject + "\r\n",
	"raw windows-1252":    "From: a@b.example\r\nSubject: " + string(latin(oddSubject)) + "\r\n",
	"encoded":             "From: a@b.example\r\nSubject: =?UTF-8?B?" + base64.StdEncoding.EncodeToString([]byte(oddSubject)) + "?=\r\n",
	"cut in a character":  "From: a@b.example\r\nSubject: =?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(oddSubject)[:4]) + "?=\r\n =?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(oddSubject)[4:]) + "?=\r\n",
	"without padding":     "From: a@b.example\r\nSubject: =?utf-8?B?" + base64.RawStdEncoding.EncodeToString([]byte(oddSubject)) + "?=\r\n",
	"quoted, with spaces": "From: a@b.example\r\nSubject: =?utf-8?Q?" + strings.NewReplacer("ä", "=C3=A4", "å", "=C3=A5").Replace(oddSubject) + "?=\r\n",
	"byte-order mark":     "\xef\xbb\xbfFrom: a@b.example\r\nSubject: " + oddSubject + "\r\n",
	"mbox line":           "From a@b.example Mon Jan  5 10:00:00 2026\r\nSubject: " + oddSubject + "\r\n",
	"line without colon":  "Received: x\r\nwhat is this\r\nSubject: " + oddSubject + "\r\n",
	"white space first":   " x\r\nSubject: " + oddSubject + "\r\nFrom: a@b.example\r\n",
	"name not ASCII":      "Überschrift: x\r\nSubject: " + oddSubject + "\r\n",
	"CR CR LF":            "From: a@b.example\r\r\nSubject: " + oddSubject + "\r\r\n",
	"LF":                  "From: a@b.example\nSubject: " + oddSubject + "\n",
	"folded":              "From:\r\n\ta@b.example\r\nSubject:\r\n " + strings.Replace(oddSubject, " disk", "\r\n disk", 1) + "\r\n",
	"no space":            "FROM:a@b.example\r\nSUBJECT:" + oddSubject + "\r\n",
	"space before colon":  "From : a@b.example\r\nSubject : " + oddSubject + "\r\n",
	"NUL":                 "From: a@b.example\r\nX-N: \x00\r\nSubject: " + oddSubject + "\x00\r\n",
	"twice":               "Subject: " + oddSubject + "\r\nSubject: other\r\nFrom: a@b.example\r\nFrom: c@d.example\r\n",
	"long":                "Subject: " + oddSubject + "\r\n" + strings.Repeat("Received: from x by y; Mon, 5 Jan 2026 10:00:00 +0000\r\n", 900),
	"many lines":          "Subject: " + oddSubject + "\r\n" + strings.Repeat("X-Spam: y\r\n", 3000),
	"only a subject":      "Subject: " + oddSubject + "\r\n",
	"unknown charset":     "From: a@b.example\r\nSubject: =?x-strange?Q?" + strings.NewReplacer("ä", "=C3=A4", "å", "=C3=A5", " ", "_").Replace(oddSubject) + "?=\r\n",
}

// oddBodies are bodies with what describes them, each with the words.
func oddBodies() map[string]string {
	b64 := func(text string) string { return string(lines64(text)) }
	windows, err := charmap.Windows1252.NewEncoder().String(oddWords)
	if err != nil {
		panic(err)
	}
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String(oddWords)
	if err != nil {
		panic(err)
	}
	shifted, err := japanese.ISO2022JP.NewEncoder().String("Disken servern srv-7 full sedan klockan tre. borde titta den, och det")
	if err != nil {
		panic(err)
	}
	htm := "<html><head><title>t</title></head><body><p>" + oddWords + "</p></body></html>"
	quoted := string(quoted7(oddWords))
	return map[string]string{
		"no type":                      "\r\n" + oddWords,
		"utf-8":                        "Content-Type: text/plain; charset=utf-8\r\n\r\n" + oddWords,
		"mislabelled utf-8":            "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n" + oddWords,
		"mislabelled ascii":            "Content-Type: text/plain; charset=us-ascii\r\n\r\n" + oddWords,
		"unlabelled windows-1252":      "\r\n" + windows,
		"windows-1252 as utf-8":        "Content-Type: text/plain; charset=utf-8\r\n\r\n" + windows,
		"unknown charset":              "Content-Type: text/plain; charset=ansi_x9\r\n\r\n" + windows,
		"quoted charset":               "Content-Type: text/plain; charset='windows-1252'\r\n\r\n" + windows,
		"utf-16le":                     "Content-Type: text/plain; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b64(utf16),
		"utf-16 without a mark":        "Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b64(utf16),
		"iso-2022-jp":                  "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + shifted,
		"base64":                       "Content-Transfer-Encoding: base64\r\n\r\n" + b64(oddWords),
		"base64 without its end":       "Content-Transfer-Encoding: base64\r\n\r\n" + strings.TrimRight(b64(oddWords+" x"), "=\r\n"),
		"base64 with junk":             "Content-Transfer-Encoding: base64\r\n\r\n" + strings.ReplaceAll(b64(oddWords), "\r\n", " !\r\n>"),
		"base64 that is text":          "Content-Transfer-Encoding: base64\r\n\r\n" + oddWords,
		"quoted-printable":             "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quoted,
		"quoted-printable, lower case": "Content-Transfer-Encoding: Quoted-Printable\r\n\r\n" + strings.NewReplacer("=C3", "=c3", "=A4", "=a4", "=A5", "=a5", "=B6", "=b6").Replace(quoted),
		"quoted-printable and raw":     "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + oddWords + "=",
		"unknown encoding":             "Content-Transfer-Encoding: x-gzip64\r\n\r\n" + oddWords,
		"html":                         "Content-Type: text/html; charset=utf-8\r\n\r\n" + htm,
		"html as text":                 "Content-Type: text/plain; charset=utf-8\r\n\r\n" + htm,
		"html without ends":            "Content-Type: text/html; charset=utf-8\r\n\r\n<table><tr><td>" + oddWords,
		"alternative":                  "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + oddWords + "\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + htm + "\r\n--b--\r\n",
		"alternative, empty text":      "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + htm + "\r\n--b--\r\n",
		"mixed without end":            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + oddWords,
		"mixed, wrong boundary":        "Content-Type: multipart/mixed; boundary=c\r\n\r\n--boundary-b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + oddWords + "\r\n--boundary-b--\r\n",
		"mixed, no boundary":           "Content-Type: multipart/mixed\r\n\r\n--boundary-b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + oddWords + "\r\n--boundary-b--\r\n",
		"mixed that is text":           "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + oddWords,
		"related in mixed":             "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n--c\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + htm + "\r\n--c--\r\n--b--\r\n",
		"nested without end":           "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + oddWords + "\r\n--b--\r\n",
		"part without header":          "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + oddWords + "\r\n--b--\r\n",
		"part with junk":               "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\x00junk\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + oddWords + "\r\n--b--\r\n",
		"a message inside":             "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + oddWords,
		"a file after":                 "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + oddWords + "\r\n--b\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBE\r\n--b--\r\n",
		"inline without a type":        "Content-Disposition: inline\r\n\r\n" + oddWords,
		"a type with faults":           "Content-Type: text/plain; charset=utf-8; format=flowed; =x; y\r\n\r\n" + oddWords,
		"winmail.dat":                  "Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b64(string(tnef(attribute(1, attMessageProps, properties(property{propBody, typeUnicode, wide(oddWords)}))))),
		"with NUL":                     "Content-Type: text/plain; charset=utf-8\r\n\r\n" + oddWords + "\x00\x00",
	}
}

// TestOddMailsAreRead reads every head over every body and holds the reader to shares of what is found: every mail is read,
// and nearly every subject, text and word of it.
func TestOddMailsAreRead(t *testing.T) {
	t.Parallel()
	read, subjects, texts, full := 0, 0, 0, 0
	var took []time.Duration
	words := strings.Fields(oddWords)
	for headName, head := range oddHeads {
		for bodyName, body := range oddBodies() {
			raw := []byte(head + body)
			alert := Parse(raw)
			took = append(took, shortest(func() { Parse(raw) }))
			read++
			soundStrings(t, alert)
			if strings.Contains(alert.Message.Subject, "Anm") {
				subjects++
			} else {
				t.Logf("subject of %s over %s: %q", headName, bodyName, alert.Message.Subject)
			}
			found := 0
			for _, word := range words {
				if strings.Contains(alert.Text, word) {
					found++
				}
			}
			if alert.Text != "" {
				texts++
			}
			switch {
			case found*10 >= len(words)*9:
				full++
			case bodyName != "iso-2022-jp": // which has not all of these letters
				t.Logf("words of %s over %s: %d of %d in %q", headName, bodyName, found, len(words), clip(alert.Text, 200))
			default:
				full++
			}
		}
	}
	share := func(n int) float64 { return 100 * float64(n) / float64(read) }
	summary := fmt.Sprintf("%d mails: subjects %.2f %%, texts %.2f %%, words %.2f %%, p99 %v", read, share(subjects), share(texts), share(full), p99(took))
	t.Log(summary)
	if share(subjects) < 99.6 || share(texts) < 99.5 || share(full) < 97 || *punctual && p99(took) > mostOdd {
		t.Error(summary)
	}
}

// mostOdd is how long the reading of all but one odd mail in a hundred may take, where the machine does nothing else.
const mostOdd = 50 * time.Millisecond

// shortest is how long something takes at best of a few times, on the wall: a thread's processor time is counted in steps
// that are longer than most readings.
func shortest(run func()) time.Duration {
	least := time.Duration(math.MaxInt64)
	for range 3 {
		begin := time.Now()
		run()
		least = min(least, time.Since(begin))
	}
	return least
}

func p99(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)*99/100]
}

// TestDamagedMailsAreReadWithinBounds cuts samples off, swaps and drops octets and lines: something is read, soundly.
func TestDamagedMailsAreReadWithinBounds(t *testing.T) {
	t.Parallel()
	r := maker{rand.New(rand.NewPCG(5, 5))}
	var took []time.Duration
	for seed := range uint64(150) {
		_, raw, _ := makeMail(1_000_000 + seed)
		for _, damaged := range [][]byte{
			raw[:r.IntN(len(raw))], raw[r.IntN(len(raw)):], bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\r")),
			bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\r\r\n")), bytes.ReplaceAll(raw, []byte("\r\n\r\n"), []byte("\r\n")), flipped(r, raw), shuffled(r, raw),
			slices.Concat(raw, raw), bytes.ToUpper(raw), bytes.ReplaceAll(raw, []byte(" "), []byte("\x00")), bytes.ReplaceAll(raw, []byte("="), nil), bytes.ReplaceAll(raw, []byte(">"), nil),
		} {
			alert := Parse(damaged)
			soundStrings(t, alert)
			if slices.ContainsFunc(alert.Warnings, func(w string) bool { return strings.HasPrefix(w, "parser-failed") }) {
				t.Errorf("mail %d: %q", seed, alert.Warnings)
			}
			took = append(took, shortest(func() { Parse(damaged) }))
		}
	}
	t.Logf("%d mails: p99 %v", len(took), p99(took))
	if *punctual && p99(took) > mostOdd {
		t.Error("p99 is too high")
	}
}

func flipped(r maker, raw []byte) []byte {
	raw = slices.Clone(raw)
	for range 1 + len(raw)/50 {
		raw[r.IntN(len(raw))] = byte(r.IntN(256))
	}
	return raw
}

func shuffled(r maker, raw []byte) []byte {
	lines := bytes.SplitAfter(raw, []byte("\n"))
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return bytes.Join(lines, nil)
}
