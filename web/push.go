package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"afterhours/oncall"
	"afterhours/tickets"
)

// pushPolicy lets the page load the worker that shows notifications.
const pushPolicy = contentSecurityPolicy + "; worker-src 'self'"

// pushPrefix begins the ids of contacts that this page made.
const pushPrefix = "device-"

type pushView struct {
	frame
	Script  string
	Key     string // the public key of subscriptions
	Person  bool   // whoever looks is a person who can be paged
	Devices []pushDevice
}

// pushDevice is one browser that may be rung.
type pushDevice struct{ ID, Host string }

// showPush is GET /push: let this device be rung, by the browser alone.
func (s *Site) showPush(w http.ResponseWriter, r *http.Request) error {
	frame, err := s.frame(r, "Ring this device", "push")
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	person, known := reader.configuration.Person(reader.who.ID)
	view := pushView{frame: frame, Script: s.assets.path["push.js"], Key: s.PushKey, Person: known}
	for _, contact := range person.Contacts {
		if strings.HasPrefix(contact.ID, pushPrefix) && contact.Channel == "push" {
			view.Devices = append(view.Devices, pushDevice{contact.ID, contact.Shown()})
		}
	}
	w.Header().Set("Content-Security-Policy", pushPolicy)
	return s.render(w, http.StatusOK, "push", view)
}

// worker is GET /worker.js. It stands at the root, because a worker rules over the paths below its own alone.
func (s *Site) worker(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'")
	_, _ = w.Write(s.assets.named("worker.js")) // the reader has gone; there is nobody to tell
}

// manifest is GET /afterhours.webmanifest: how the page stands on a home screen.
func (s *Site) manifest(w http.ResponseWriter, _ *http.Request) {
	type icon struct {
		Source  string `json:"src"`
		Sizes   string `json:"sizes"`
		Type    string `json:"type"`
		Purpose string `json:"purpose"`
	}
	path := s.assets.path
	w.Header().Set("Content-Type", "application/manifest+json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // the reader has gone; there is nobody to tell
		"name": "afterhours", "short_name": "afterhours", "id": "/", "start_url": "/", "scope": "/", "display": "standalone",
		"background_color": "#1b2230", "theme_color": "#1b2230", "icons": []icon{
			{path["icon.svg"], "any", "image/svg+xml", "any"},
			{path["icon-192.png"], "192x192", "image/png", "any"},
			{path["icon-512.png"], "512x512", "image/png", "any"},
			{path["maskable-192.png"], "192x192", "image/png", "maskable"},
			{path["maskable-512.png"], "512x512", "image/png", "maskable"},
		},
	})
}

// subscribe is POST /push/devices: the browser's subscription becomes a contact of whoever is signed in.
func (s *Site) subscribe(w http.ResponseWriter, r *http.Request) error {
	endpoint, err := formValue(r, "endpoint")
	if err != nil {
		return err
	}
	keys, err := json.Marshal(map[string]string{"p256dh": r.PostForm.Get("p256dh"), "auth": r.PostForm.Get("auth")})
	if err != nil {
		return err
	}
	if err := s.CheckContact("push", endpoint, string(keys)); err != nil {
		return &tickets.InvalidError{Field: "endpoint", Reason: "the browser's subscription " + err.Error()}
	}
	sum := sha256.Sum256([]byte(endpoint))
	device := oncall.Contact{ID: pushPrefix + hex.EncodeToString(sum[:4]), Channel: "push", To: endpoint, Secret: string(keys)}
	err = s.changeContacts(r, "device of "+device.Shown()+" allowed", func(person *oncall.Person) {
		if len(person.Contacts) == 0 {
			person.Contacts = person.EffectiveContacts() // the address that was used as long as there was no other contact
		}
		person.Contacts = append(without(person.Contacts, device.ID), device)
		if len(person.Notify) > 0 && !slices.ContainsFunc(person.Notify, func(rule oncall.Rule) bool { return rule.Contact == device.ID }) {
			person.Notify = append(slices.Clone(person.Notify), oncall.Rule{Contact: device.ID})
		}
	})
	if err != nil {
		return err
	}
	_, _ = io.WriteString(w, "This device rings from now on.") // the reader has gone; there is nobody to tell
	return nil
}

// unsubscribe is POST /push/devices/remove.
func (s *Site) unsubscribe(w http.ResponseWriter, r *http.Request) error {
	device, err := formValue(r, "device")
	if err != nil {
		return err
	}
	err = s.changeContacts(r, "device "+device+" removed", func(person *oncall.Person) {
		if !strings.HasPrefix(device, pushPrefix) {
			return
		}
		person.Contacts = without(person.Contacts, device)
		person.Notify = slices.DeleteFunc(slices.Clone(person.Notify), func(rule oncall.Rule) bool { return rule.Contact == device })
	})
	if err != nil {
		return err
	}
	redirect(w, r, "/push")
	return nil
}

func without(contacts []oncall.Contact, id string) []oncall.Contact {
	return slices.DeleteFunc(slices.Clone(contacts), func(contact oncall.Contact) bool { return contact.ID == id })
}

// changeContacts changes the person whose account is signed in.
func (s *Site) changeContacts(r *http.Request, action string, change func(*oncall.Person)) error {
	who, _ := identity(r.Context())
	return s.OnCall.Apply(r.Context(), who.ID, action, func(current oncall.Configuration) (oncall.Configuration, error) {
		at, ok := current.Place("people", who.ID)
		if !ok {
			return current, &tickets.ConflictError{Reason: "your account is nobody who can be paged; let an administrator add a person with the id " + who.ID}
		}
		current.People = slices.Clone(current.People)
		change(&current.People[at])
		return current, nil
	})
}
