package parser

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTheWordsOfEveryLanguageCanBeRead(t *testing.T) {
	t.Parallel()
	l, err := readLexicon(wordFiles, "words")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"de", "fr", "es"} { // the languages that are filled
		content, err := fs.ReadFile(wordFiles, "words/"+code+".txt")
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"label title", "label severity", "label device", "severity high", "severity informational", "subject", "months", "quoted from", "resolved", "family incident", "banner", "footer"} {
			if !regexp.MustCompile(`(?m)^` + key + `:`).Match(content) {
				t.Errorf("%s.txt says nothing of %s", code, key)
			}
		}
	}
	if len(l.months) < 50 || len(l.labels) < 1000 {
		t.Errorf("got %d months and %d labels", len(l.months), len(l.labels))
	}
}

func TestALanguageIsAddedByAFile(t *testing.T) {
	t.Parallel()
	l, err := readLexicon(fstest.MapFS{"w/en.txt": {Data: []byte("label title: title\n")}, "w/tlh.txt": {Data: []byte(
		"# Klingon\nlabel severity: Qatlh\nseverity high: jen | jenqu'\nsubject: ghuHmoH {severity}: {title}\nforward: ngeH\nreply: jang\n",
	)}}, "w")
	if err != nil {
		t.Fatal(err)
	}
	match := l.subjects[0].pattern.FindStringSubmatch("ghuHmoH jenqu': Duj")
	if l.labels["qatlh"] != labelSeverity || l.severities["jen"] != "high" || match == nil || match[2] != "Duj" || !l.marks["ngeh"].forward {
		t.Errorf("got %v, %v, %v", l.labels, l.severities, match)
	}
}

func TestAFaultInAFileOfWordsIsNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"label colour: blue":               `w/xx.txt: line 2: there is no label "colour"`,
		"severity dire: x":                 `line 2: there is no severity "dire"`,
		"words":                            "line 2 has no colon",
		"reply: a || b":                    "has an empty word",
		"subject: {title} with {severity}": "has not {severity}, a colon and {title}",
		"months: a | b":                    "there are 2 months",
		"family unheard: x":                `there is no family "unheard"`,
		"quoted bcc: x":                    "there is no field",
		"tone: x":                          `there is no key "tone"`,
	} {
		_, err := readLexicon(fstest.MapFS{"w/xx.txt": {Data: []byte("# a language\n" + text + "\n")}}, "w")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestLanguagesAgree finds words to which two languages give different meanings: the former silently wins.
func TestLanguagesAgree(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(wordFiles, "words/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	type entry struct{ key, file string }
	seen := map[string]entry{}
	for _, name := range names {
		content, err := fs.ReadFile(wordFiles, name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			key, text, found := strings.Cut(strings.TrimSpace(line), ":")
			kind, of, _ := strings.Cut(key, " ")
			if !found || kind != "label" && kind != "severity" && kind != "quoted" {
				continue
			}
			for word := range strings.SplitSeq(text, "|") {
				word = strings.ToLower(strings.TrimSpace(word))
				if before, known := seen[kind+word]; known && before.key != key {
					t.Errorf("%q is %s in %s and %s in %s", word, before.key, before.file, of, name)
				}
				seen[kind+word] = entry{key, name}
			}
		}
	}
}
