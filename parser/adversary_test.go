package parser

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	madeCount = flag.Int("made", 1500, "how many mails the generator makes up")
	madeSeed  = flag.Uint64("madeseed", 1, "the seed of the first of them")
)

// TestMadeUpMailsReadAsTheyWereMade makes up mails with labels, layouts, wrappings and encodings at random and compares each
// field with what was put in. A failing mail is named by its seed, which makes it again.
func TestMadeUpMailsReadAsTheyWereMade(t *testing.T) {
	t.Parallel()
	failures := 0
	for i := range *madeCount {
		seed := *madeSeed + uint64(i)
		name, raw, want := makeMail(seed)
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) {
			compare(t, raw, want)
			if t.Failed() {
				t.Log(name)
			}
		}) {
			failures++
		}
		if failures > 400 {
			t.Fatal("too many")
		}
	}
}

// makeMail makes the mail of a seed.
func makeMail(seed uint64) (name string, raw []byte, want map[string]any) {
	r := maker{rand.New(rand.NewPCG(seed, 77))}
	m := r.any()
	names := []string{m.kind}
	wrap := linkLooks[r.IntN(len(linkLooks))]
	links := func(target string) string { return wrap.wrap(r, target) }
	names = append(names, wrap.name)
	var l look
	switch r.IntN(6) {
	case 0:
		var n string
		n, l.text = r.layText(m, links)
		names = append(names, "text: "+n)
	case 1:
		var n, o string
		n, l.html = r.layHTML(m, links)
		o, l.text = r.layText(m, links)
		names = append(names, n, "and text: "+o)
	case 2:
		var n string
		n, l.html = r.layHTML(m, links)
		l.text = pick(r, []string{" \r\n", "\u00a0\r\n", "This message needs a mail program that shows HTML.\r\n"})
		names = append(names, n, "empty text")
	default:
		var n string
		n, l.html = r.layHTML(m, links)
		names = append(names, n)
	}
	if l.html == "" && m.title != "" {
		delete(m.want, "title")
	}
	from, subject := m.from, m.subject
	passed := r.IntN(3)
	put := func() {
		b := bannerLooks[r.IntN(len(bannerLooks))]
		names = append(names, b.name)
		subject = b.put(r, &l, subject)
	}
	put()
	if passed == 0 {
		for range 1 + r.IntN(2) {
			var n string
			n, subject = r.pass(&l, from, subject)
			names = append(names, "forward: "+n)
			from = colleague
		}
		m.want["forwarded"], m.want["provenance"] = true, "forwarded"
	}
	if passed == 0 && r.seldom() {
		put()
	}
	encoding, head, body := r.encode(l)
	names = append(names, encoding)
	raw = r.message(from, subject, head, body)
	if r.IntN(8) == 0 {
		names = append(names, "attached")
		b := "a-" + r.hex(8)
		inner := "--" + b + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nsee attached\r\n--" + b + "\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n" + string(raw) + "\r\n--" + b + "--\r\n"
		raw = r.message(colleague, "FW: "+subject, `Content-Type: multipart/mixed; boundary="`+b+`"`, []byte(inner))
		m.want["forwarded"], m.want["provenance"] = true, "forwarded"
	}
	return strings.Join(names, ", "), raw, m.want
}
