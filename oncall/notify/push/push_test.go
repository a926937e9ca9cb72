package push_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"afterhours/oncall/notify"
	"afterhours/oncall/notify/notifytest"
	"afterhours/oncall/notify/push"
)

func TestContract(t *testing.T) {
	t.Parallel()
	guard := notify.Guard{AllowPrivate: true}
	notifytest.Run(t, notifytest.Subject{
		Channel: push.New(push.Options{Client: notify.NewHTTPClient(guard), Now: time.Now, AllowPrivate: true}),
		Contact: func(url string) notify.Contact {
			return notify.Contact{Address: url + "/a-long-secret-topic", Secret: "tk_4711"}
		},
		Accept: func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) {
			if r.URL.Path != "/" || r.Header.Get("Authorization") != "Bearer tk_4711" {
				t.Errorf("request: got %s with %v", r.URL, r.Header)
			}
			var note struct {
				Topic, Title, Message, Click string
				Priority                     int
				Actions                      []struct{ Action, Label, URL, Method string }
			}
			if err := json.Unmarshal(body, &note); err != nil {
				t.Error(err)
			}
			link := notifytest.Message().Link
			if note.Topic != "a-long-secret-topic" || note.Priority != 5 || note.Title != notifytest.Message().Subject || note.Click != link ||
				len(note.Actions) != 2 || note.Actions[0].Method != http.MethodPost || note.Actions[0].URL != link {
				t.Errorf("publication: got %s", body)
			}
			_, _ = io.WriteString(w, `{"id":"hwQ2YpKdmg","event":"message"}`)
		},
	})
}

func TestOnlyTopicsAreAddresses(t *testing.T) {
	t.Parallel()
	channel := push.New(push.Options{})
	for address, ok := range map[string]bool{
		"https://ntfy.sh/topic": true, "https://push.example.com/base/topic": true, "https://ntfy.sh/": false, "https://ntfy.sh": false,
		"https://ntfy.sh/topic?x=1": false, "http://ntfy.sh/topic": false, "topic": false, "https://ntfy.sh/a b": false,
		"https://ntfy.sh/" + strings.Repeat("x", 65): false,
	} {
		if err := channel.Check(notify.Contact{Address: address}); (err == nil) != ok {
			t.Errorf("%s: got %v", address, err)
		}
	}
}

func TestWhatIsAboutNoTicketCannotBeTaken(t *testing.T) {
	t.Parallel()
	var note struct {
		Priority int
		Tags     []string
		Actions  []struct{ Action, URL string }
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&note); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"id":"hwQ2YpKdmg"}`)
	}))
	t.Cleanup(server.Close)
	channel := push.New(push.Options{Client: notify.NewHTTPClient(notify.Guard{AllowPrivate: true}), Now: time.Now, AllowPrivate: true})
	message := notify.Message{ID: "page_7", Type: "shift.begins", Subject: "Your shift begins", Text: "Until Monday.", Link: "https://desk.example/oncall"}
	if _, err := channel.Send(t.Context(), notify.Contact{Address: server.URL + "/a-long-secret-topic"}, message); err != nil {
		t.Fatal(err)
	}
	if len(note.Actions) != 1 || note.Actions[0].Action != "view" || note.Actions[0].URL != message.Link || note.Priority != 3 || len(note.Tags) != 0 {
		t.Errorf("got %+v", note)
	}
}
