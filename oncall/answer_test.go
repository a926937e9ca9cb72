package oncall

import "testing"

func TestAnswersOfTextMessages(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Answer{
		"ACK 1042": {AnswerAcknowledge, 1042}, "ack": {AnswerAcknowledge, 0}, "Ack.": {AnswerAcknowledge, 0}, "4": {AnswerAcknowledge, 0}, "4 1042": {AnswerAcknowledge, 1042},
		" ack #1042!": {AnswerAcknowledge, 1042}, "resolve 7": {AnswerResolve, 7}, "Resolve": {AnswerResolve, 0}, "6": {AnswerEscalate, 0}, "help": {AnswerHelp, 0}, "?": {AnswerHelp, 0},
		"": {}, " \n": {}, "on my way": {}, "1042": {}, "ack -5": {AnswerAcknowledge, 0}, "ack 99999999999999999999": {AnswerAcknowledge, 0}, "backpack": {},
	} {
		if got := ReadAnswer(text); got != want {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}

func TestWhoAnswersIsWhoseAddressItIs(t *testing.T) {
	t.Parallel()
	c := Configuration{People: []Person{
		{ID: "ana", Contacts: []Contact{{ID: "phone", Channel: "sms", To: "+34600000001"}, {ID: "mail", Channel: "email", To: "ana@example.com"}}},
		{ID: "ben", Contacts: []Contact{{ID: "call", Channel: "voice", To: "+34600000002"}}},
	}}
	for address, want := range map[string]string{"+34600000001": "ana", "+34600000002": "ben", "+34600000003": "", "ana@example.com": "", "": ""} {
		person, ok := c.Reachable(address, "sms", "voice")
		if person.ID != want || ok != (want != "") {
			t.Errorf("%s: got %q, %v", address, person.ID, ok)
		}
	}
}
