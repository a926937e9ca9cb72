package teams_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"afterhours/oncall/notify"
	"afterhours/oncall/notify/notifytest"
	"afterhours/oncall/notify/teams"
)

func channel() *teams.Channel {
	client := notify.NewHTTPClient(notify.Guard{AllowPrivate: true})
	return teams.New(teams.Options{Client: client, Now: time.Now, AllowPrivate: true})
}

type card struct {
	Type string
	Body []struct {
		Type, Text string
		Facts      []struct{ Title, Value string }
	}
	Actions []struct{ Type, URL, Title string }
}

func read(t *testing.T, body []byte) card {
	t.Helper()
	var message struct {
		Type        string
		Attachments []struct {
			ContentType string
			Content     card
		}
	}
	if err := json.Unmarshal(body, &message); err != nil || message.Type != "message" || len(message.Attachments) != 1 ||
		message.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" || strings.Contains(string(body), "entities") {
		t.Fatalf("message: got %s, %v", body, err)
	}
	return message.Attachments[0].Content
}

func TestContract(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, notifytest.Subject{
		Channel: channel(),
		Contact: func(url string) notify.Contact { return notify.Contact{Address: url + "/workflows/x?sig=hush4711"} },
		Secrets: []string{"hush4711"},
		Answers: map[string]notifytest.Answer{
			"an expired workflow": {Send: notifytest.JSON(400, `{"error":{"code":"WorkflowTriggerIsNotEnabled"}}`), Permanent: true},
		},
		Accept: func(t *testing.T, w http.ResponseWriter, _ *http.Request, body []byte) {
			got := read(t, body)
			if len(got.Body) != 2 || !strings.HasPrefix(got.Body[0].Text, "High: Ransomware on srv-sql-07") || len(got.Body[1].Facts) != 1 {
				t.Errorf("card: got %s", body)
			}
			if len(got.Actions) != 1 || got.Actions[0].URL != notifytest.Message().Link || got.Actions[0].Title != "Open and acknowledge" {
				t.Errorf("actions: got %+v", got.Actions)
			}
			w.WriteHeader(http.StatusAccepted)
		},
	})
}

// meaning is what a text block would read: a link, a mention, markup that is not escaped.
var meaning = regexp.MustCompile(`(^|[^\\])[\[\]*_` + "`" + `]|<|@[a-z]|://|\{\{`)

func TestNothingInATicketMentionsOrLinks(t *testing.T) {
	t.Parallel()
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { body, _ = io.ReadAll(r.Body) }))
	defer server.Close()
	for _, hostile := range []string{
		"<at>Ana</at>", "[Microsoft](https://evil.example)", "https://evil.example", "**bold** _x_ `code`", "{{DATE(2026-03-01T03:00:00Z, SHORT)}}",
		"ana@example.com", "a\r\n\r\n# head", `\[x\](y)`, "&lt;at&gt;Ana&lt;/at&gt;", "![x](https://evil.example/p.png)",
	} {
		message := notifytest.Message()
		message.Subject, message.Facts = "High: "+hostile, []notify.Fact{{Label: hostile, Value: hostile}}
		if _, err := channel().Send(t.Context(), notify.Contact{Address: server.URL}, message); err != nil {
			t.Fatalf("%s: %v", hostile, err)
		}
		got := read(t, body)
		for _, text := range []string{got.Body[0].Text, got.Body[1].Facts[0].Title, got.Body[1].Facts[0].Value} {
			if meaning.MatchString(strings.ReplaceAll(text, `\\`, "")) {
				t.Errorf("%s: the card says %q", hostile, text)
			}
		}
	}
}

func TestSummariesAndNoticesAreCards(t *testing.T) {
	t.Parallel()
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { body, _ = io.ReadAll(r.Body) }))
	defer server.Close()
	for _, message := range []notify.Message{
		{Type: "page.summary", Subject: "12 more tickets", Link: "https://a.example/tickets"},
		{Type: "page.taken", Subject: "Ben has #1042", State: "acknowledged", Ticket: 1042},
	} {
		if _, err := channel().Send(t.Context(), notify.Contact{Address: server.URL}, message); err != nil {
			t.Fatalf("%s: %v", message.Type, err)
		}
		if got := read(t, body); len(got.Body) != 1 || got.Body[0].Text == "" {
			t.Errorf("%s: got %s", message.Type, body)
		}
	}
}
