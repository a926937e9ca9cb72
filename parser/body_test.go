package parser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheHTMLOfAMailComesWithItsPictures(t *testing.T) {
	t.Parallel()
	picture := "--in\r\nContent-Type: image/png\r\nContent-ID: <logo@x>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
	related := "Content-Type: multipart/related; boundary=in\r\n\r\n--in\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>caf\xe9 <img src=cid:logo@x>\r\n" + picture + "--in--\r\n"
	for name, raw := range map[string]string{
		"related":  "Subject: x\r\n" + related,
		"attached": "Subject: x\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n" + related + "\r\n--out--\r\n",
	} {
		source, pictures := HTML([]byte(raw))
		if !strings.Contains(source, "<p>café <img") || string(pictures["logo@x"]) != "\x89PNG\r\n\x1a\n" {
			t.Errorf("%s: got %q and %d pictures", name, source, len(pictures))
		}
	}
	if source, pictures := HTML([]byte("Subject: x\r\n\r\nplain\r\n")); source != "" || len(pictures) != 0 {
		t.Errorf("a plain mail: got %q", source)
	}
}

func TestTheHTMLOfEveryMailOfTheCorpusIsFound(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) < 20 {
		t.Fatalf("got %d mails, %v", len(files), err)
	}
	found := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if source, _ := HTML(raw); strings.Contains(strings.ToLower(source), "<") {
			found++
		}
	}
	if found < len(files)/2 {
		t.Errorf("got HTML of %d of %d mails", found, len(files))
	}
}
