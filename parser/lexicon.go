package parser

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"afterhours/tickets"
)

// wordFiles hold the words of each language, one file a language. docs/languages.md says how to add one.
//
//go:embed words/*.txt
var wordFiles embed.FS

// lexicon is what the files say, turned around for looking up. Every word is in lower case.
type lexicon struct {
	labels     map[string]string // a label's meaning
	spaces     int               // that a label has at most
	tongues    map[string]string // the one language that has a label
	dropped    map[string]bool   // words that may stand around a label without changing it
	severities map[string]tickets.Severity
	actions    map[string]tickets.Action // values of a status
	months     map[string]int
	quoted     map[string]string // labels of a quoted header: "from", "subject" or "other"
	subjects   []subjectForm     // how policy alerts begin: the severity's word and the policy
	families   []phrase
	common     map[string][]string // the languages in which a word is common
	codes      []string            // the languages that have such words, English first
	banners    *finder
	hints      *finder           // words one of which every banner has that is told by a pattern
	topics     *finder           // words one of which every subject of a known family has
	footers    map[rune][]string // by their first letter, by which most lines are none
	marks      map[string]subjectMark
}

// phrase tells a family by words of its subject.
type phrase struct{ family, words string }

// words are the languages that are built in. They are read once, when the first mail needs them.
var words = sync.OnceValue(func() *lexicon {
	l, err := readLexicon(wordFiles, "words")
	if err != nil {
		panic(err) // the files are part of the program, and a test reads them
	}
	return l
})

// meaningsOfLabels are the meanings that a file may name.
var meaningsOfLabels = []string{
	labelTitle, labelSeverity, labelCategory, labelSource, labelStatus, labelDevice, labelUser, labelFile, labelDetected, labelLastSeen,
	labelIncident, labelIncidentName, labelMerged, labelSurvivor, labelAlertID, labelOrganisation, labelTenantID, labelPolicy,
	labelReport, labelVulnerability, labelDescription, labelOther,
}

// readLexicon reads all files of a folder, English first: where two languages differ about a word, the former wins.
func readLexicon(files fs.FS, folder string) (*lexicon, error) {
	l := &lexicon{
		labels: map[string]string{}, tongues: map[string]string{}, dropped: map[string]bool{}, severities: map[string]tickets.Severity{},
		actions: map[string]tickets.Action{}, months: map[string]int{}, quoted: map[string]string{}, common: map[string][]string{}, footers: map[rune][]string{},
		marks: map[string]subjectMark{}, banners: newFinder(), hints: newFinder(bannerHints...), topics: newFinder(),
	}
	for _, f := range families {
		for _, hint := range f.hints {
			l.topics.add(hint)
		}
	}
	names, err := fs.Glob(files, folder+"/*.txt")
	if err != nil {
		return nil, fmt.Errorf("list the words: %w", err)
	}
	rank := func(name string) string { return strings.TrimSuffix(path.Base(name), "en.txt") } // English is the first
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read the words: %w", err)
		}
		if err := l.readLanguage(strings.TrimSuffix(path.Base(name), ".txt"), string(content)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	l.spaces = mostDropped
	for label := range l.labels {
		l.spaces = max(l.spaces, strings.Count(label, " "))
	}
	return l, nil
}

// subjectForm is one form of a policy alert's subject, with a word that every such subject has, in lower case: looking for
// that is cheaper than for the form.
type subjectForm struct {
	hint    string
	pattern *regexp.Regexp
}

// entries are the lines of one file that are put together only when all of it is read.
type entries struct{ subjects, severities []string }

func (l *lexicon) readLanguage(code, content string) error {
	var e entries
	number := 0
	for line := range strings.Lines(content) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, text, found := strings.Cut(line, ":")
		if !found {
			return fmt.Errorf("line %d has no colon after its key", number)
		}
		kind, of, _ := strings.Cut(strings.TrimSpace(key), " ")
		if err := l.readEntry(&e, code, kind, of, strings.TrimSpace(text)); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	return l.compileSubjects(e)
}

func (l *lexicon) readEntry(e *entries, code, kind, of, text string) error {
	list := strings.Split(strings.ToLower(text), "|")
	for i := range list {
		if list[i] = strings.TrimSpace(list[i]); list[i] == "" {
			return fmt.Errorf("%q has an empty word", kind)
		}
	}
	switch kind {
	case "label":
		if !slices.Contains(meaningsOfLabels, of) {
			return fmt.Errorf("there is no label %q", of)
		}
		addWords(l.labels, list, of)
		for _, word := range list {
			if other, known := l.tongues[word]; known && other != code {
				l.tongues[word] = ""
				continue
			}
			l.tongues[word] = code
		}
	case "severity":
		severity := tickets.Severity(of)
		if !slices.Contains([]tickets.Severity{tickets.High, tickets.Medium, tickets.Low, tickets.Informational}, severity) {
			return fmt.Errorf("there is no severity %q", of)
		}
		addWords(l.severities, list, severity)
		e.severities = append(e.severities, list...)
	case "quoted":
		if of != "from" && of != "subject" && of != "other" {
			return fmt.Errorf("there is no field %q of a quoted header", of)
		}
		addWords(l.quoted, list, of)
	case "family":
		if !slices.ContainsFunc(families, func(f family) bool { return f.name == of }) {
			return fmt.Errorf("there is no family %q", of)
		}
		for _, words := range list {
			if len(words) < shortestFound {
				return fmt.Errorf("the family's words %q are too short", words)
			}
			l.families = append(l.families, phrase{of, words})
			l.topics.add(words)
		}
	case "resolved":
		addWords(l.actions, list, tickets.ActionResolved)
	case "updated":
		addWords(l.actions, list, tickets.ActionUpdated)
	case "months":
		if len(list) != 12 {
			return fmt.Errorf("there are %d months", len(list))
		}
		for i, month := range list {
			addWords(l.months, []string{month}, i+1)
		}
	case "subject":
		e.subjects = append(e.subjects, strings.ToLower(text))
	case "drop":
		addWords(l.dropped, list, true)
	case "forward", "reply":
		for _, word := range list {
			mark := l.marks[word]
			l.marks[word] = subjectMark{mark.forward || kind == "forward", mark.reply || kind == "reply"}
		}
	case "common":
		l.codes = append(l.codes, code)
		for _, word := range list {
			l.common[word] = append(l.common[word], code)
		}
	case "banner":
		for _, word := range list {
			if len(word) < shortestFound {
				return fmt.Errorf("the banner %q is too short", word)
			}
			l.banners.add(word)
		}
	case "footer":
		for _, begin := range list {
			first := firstRune(begin)
			l.footers[first] = append(l.footers[first], begin)
		}
	default:
		return fmt.Errorf("there is no key %q", kind)
	}
	return nil
}

func addWords[V any](to map[string]V, list []string, value V) {
	for _, word := range list {
		if _, known := to[word]; !known {
			to[word] = value
		}
	}
}

// compileSubjects makes patterns of a language's subjects, {severity} standing for the severities' words of the language.
func (l *lexicon) compileSubjects(e entries) error {
	slices.SortFunc(e.severities, func(a, b string) int { return len(b) - len(a) })
	alternatives := alternation(e.severities)
	for _, text := range e.subjects {
		severity, title := strings.Index(text, "{severity}"), strings.Index(text, "{title}")
		if severity < 0 || title < severity || !strings.Contains(text, ":") {
			return fmt.Errorf("the subject %q has not {severity}, a colon and {title} in this order", text)
		}
		pattern := regexp.QuoteMeta(text)
		pattern = strings.ReplaceAll(pattern, `\{severity\}`, `(`+alternatives+`)`)
		pattern = strings.ReplaceAll(pattern, `\{title\}`, `(.+)`)
		pattern = strings.Replace(pattern, ":", `\s*[:：]`, 1)
		pattern = strings.ReplaceAll(pattern, " ", `\s*`)
		hint := longestWord(text)
		if len(hint) < shortestFound {
			return fmt.Errorf("the subject %q has no word of its own", text)
		}
		l.topics.add(hint)
		l.subjects = append(l.subjects, subjectForm{hint, regexp.MustCompile(`(?i)^` + pattern + `$`)})
	}
	return nil
}

// longestWord is the longest word of a subject as the files of words have it.
func longestWord(text string) (longest string) {
	for word := range strings.FieldsFuncSeq(strings.NewReplacer("{severity}", " ", "{title}", " ").Replace(text), func(r rune) bool { return !isWordRune(r) }) {
		if len(word) > len(longest) {
			longest = word
		}
	}
	return longest
}

func alternation(list []string) string {
	quoted := make([]string, len(list))
	for i, word := range list {
		quoted[i] = regexp.QuoteMeta(word)
	}
	return strings.Join(quoted, "|")
}
