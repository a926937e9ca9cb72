package scheduleimport

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"afterhours/oncall"
)

// longestID is what an id may have.
const longestID = 64

// people collects persons by their keys in the other system.
type people struct {
	list []oncall.Person
	ids  map[string]string
}

// id returns the id of a person, who is added where the key is new.
func (p *people) id(key, name, email string) string {
	if id, known := p.ids[key]; known {
		return id
	}
	if name == "" {
		name = key
	}
	id := free(slug(name, "person"), func(id string) bool {
		for _, person := range p.list {
			if person.ID == id {
				return true
			}
		}
		return false
	})
	if p.ids == nil {
		p.ids = map[string]string{}
	}
	p.ids[key] = id
	p.list = append(p.list, oncall.Person{ID: id, Name: name, Email: email})
	return id
}

// slug is a name as an id: small letters, digits and dashes.
func slug(name, otherwise string) string {
	var id strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(name)) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			id.WriteRune(r)
		case !unicode.Is(unicode.Mn, r) && id.Len() > 0 && !strings.HasSuffix(id.String(), "-"):
			id.WriteByte('-')
		}
	}
	text := id.String()
	if text = strings.Trim(text[:min(len(text), longestID-4)], "-"); text == "" {
		return otherwise
	}
	return text
}

// free is an id, or with a number behind it the first that is not taken.
func free(id string, taken func(string) bool) string {
	found := id
	for n := 2; taken(found); n++ {
		found = id + "-" + strconv.Itoa(n)
	}
	return found
}

// scheduleID is an id for a schedule of a name.
func (r *Result) scheduleID(name string) string {
	return free(slug(name, "schedule"), func(id string) bool {
		_, taken := r.Configuration.Schedule(id)
		return taken
	})
}
