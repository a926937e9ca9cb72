package oncall

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Bounds of the codes that verify contacts.
const (
	CodeLifetime = 15 * time.Minute
	CodeAttempts = 5
	codeDigits   = 1_000_000
)

// Verification is how far a contact's verification has come. Its times are zero where nothing happened.
type Verification struct {
	SentAt     time.Time // of the code that is asked for
	VerifiedAt time.Time
}

// Code is the code that a page of TestType carries: six digits, derived and stored nowhere.
func (l Links) Code(page int64, created time.Time) string {
	return fmt.Sprintf("%06d", binary.BigEndian.Uint64(l.derive("code", page, created))%codeDigits)
}

// CodeNotice asks a contact's owner to type a code in at the desk.
func CodeNotice(person Person, contact Contact, at time.Time) Page {
	return testPage(person, contact, at, "code", Notice{Code: true})
}

// TestNotice is a test page to a contact: one in ten seconds, however often it is asked for.
func TestNotice(person Person, contact Contact, at time.Time) Page {
	return testPage(person, contact, at.Truncate(10*time.Second), "test", Notice{
		Subject: "Test page for " + person.Name,
		Text:    "This is how a page reaches you here. Nothing has happened, and you need not do anything.",
	})
}

func testPage(person Person, contact Contact, at time.Time, cause string, notice Notice) Page {
	cause = fmt.Sprintf("%s/%s/%s/%s", cause, person.ID, contact.ID, at.UTC().Format(time.RFC3339))
	return noticePage(TestType, cause, Page{Person: person.ID, Contact: contact.ID, Channel: contact.Channel, DueAt: at, CreatedAt: at}, notice)
}
