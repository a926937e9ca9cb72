package voice

import (
	"encoding/xml"
	"fmt"
	"strings"
	"unicode"

	"afterhours/oncall/notify"
)

// Bounds of what is read aloud, in characters: nobody listens for longer at night.
const (
	maxSpokenTitle  = 160
	maxSpokenDevice = 24
	saidTimes       = 2  // before the call ends
	waitForKey      = 10 // seconds after it was said
	maxTurns        = 20 // of hearing it again
)

// The keys that a called person presses.
const (
	KeyAcknowledge = "4"
	KeyEscalate    = "6"
	KeyRepeat      = "9"
)

var digits = [...]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// Speech is what a call says: severity, the ticket's number digit by digit, title and device.
func Speech(message notify.Message) string {
	if message.Title == "" || message.Type != "page" {
		return speechOf(message)
	}
	said := opening(message) + sentence(spoken(message.Title))
	if message.Device != "" && !strings.Contains(strings.ToLower(message.Title), strings.ToLower(message.Device)) {
		said = strings.TrimSuffix(said, ".") + ", on " + Spell(message.Device) + "."
	}
	return said
}

// speechOf says a message without a title: a page that keeps its detail in the house, a summary, a notice.
func speechOf(message notify.Message) string {
	if message.Type == "page" {
		return opening(message)
	}
	return sentence(spoken(message.Subject))
}

func opening(message notify.Message) string {
	severity := message.Severity
	if severity == "" || severity == "unknown" {
		severity = "unrated"
	}
	return fmt.Sprintf("%s%s alert, ticket %s. ", strings.ToUpper(severity[:1]), severity[1:], number(message.Ticket))
}

func sentence(text string) string { return strings.TrimRight(text, ".") + "." }

// number says a number digit by digit.
func number(value int64) string {
	words := []string{}
	for _, digit := range fmt.Sprint(value) {
		words = append(words, digits[digit-'0'])
	}
	return strings.Join(words, " ")
}

// Spell says a name letter by letter, digits as words: "S R V S Q L zero seven".
func Spell(name string) string {
	var words []string
	for _, r := range notify.Cut(notify.OneLine(name), maxSpokenDevice) {
		switch {
		case r >= '0' && r <= '9':
			words = append(words, digits[r-'0'])
		case unicode.IsLetter(r):
			words = append(words, string(unicode.ToUpper(r)))
		case r == '.':
			words = append(words, "dot")
		}
	}
	return strings.Join(words, " ")
}

// spoken leaves out of a text what a voice would read as signs.
func spoken(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" .,:;?!%'-+&", r) {
			return r
		}
		return ' '
	}, strings.ReplaceAll(text, "#", "ticket "))
	return notify.Cut(notify.OneLine(text), maxSpokenTitle)
}

type response struct {
	XMLName xml.Name `xml:"Response"`
	Verbs   []any
}

type gather struct {
	XMLName   xml.Name `xml:"Gather"`
	Input     string   `xml:"input,attr"`
	NumDigits int      `xml:"numDigits,attr"`
	Timeout   int      `xml:"timeout,attr"`
	Action    string   `xml:"action,attr"`
	Method    string   `xml:"method,attr"`
	Say       say
}

type say struct {
	XMLName  xml.Name `xml:"Say"`
	Language string   `xml:"language,attr"`
	Text     string   `xml:",chardata"`
}

func english(text string) say { return say{Language: "en-GB", Text: text} }

// Ask is the TwiML of a call that says a message and listens for a key. callback is the address below which a key press
// reaches us, empty where none does. turn counts how often the call has asked, so that no two key presses are the same
// request. prelude is said first.
func Ask(message notify.Message, callback, prelude string, turn int) (string, error) {
	said := strings.TrimSpace(prelude + " " + Speech(message))
	if callback == "" || message.Token == "" || turn >= maxTurns {
		return document(english(said), english(said), english("Goodbye."))
	}
	said += " Press 4 to acknowledge, 6 to escalate, 9 to hear it again."
	action := fmt.Sprintf("%s/voice/%s?turn=%d", callback, message.Token, turn+1)
	var verbs []any
	for range saidTimes {
		verbs = append(verbs, gather{
			Input: "dtmf", NumDigits: 1, Timeout: waitForKey, Action: action, Method: "POST", Say: english(said),
		})
	}
	return document(append(verbs, english("No key was pressed. The alert goes on to the next person."))...)
}

// Say is the TwiML that says a sentence and ends the call.
func Say(text string) (string, error) { return document(english(spoken(text))) }

func document(verbs ...any) (string, error) {
	content, err := xml.Marshal(response{Verbs: verbs})
	if err != nil {
		return "", fmt.Errorf("write TwiML: %w", err)
	}
	return xml.Header + string(content), nil
}
