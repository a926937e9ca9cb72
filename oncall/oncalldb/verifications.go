package oncalldb

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// codeEvery is how long a contact rests between two codes, so that nobody can be flooded by them.
const codeEvery = time.Minute

// Verifications says how far the contacts of everybody have come, by person and contact; those of other addresses than
// the present ones are left out.
func (s *Store) Verifications(ctx context.Context) (map[string]map[string]oncall.Verification, error) {
	configuration, err := s.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := s.Pool.Query(ctx, `
		SELECT v.person, v.contact, v.address_digest, coalesce(p.created_at, 'epoch'), coalesce(v.verified_at, 'epoch')
		FROM contact_verifications v LEFT JOIN pages p ON p.id = v.page`)
	if err != nil {
		return nil, fmt.Errorf("read verifications: %w", err)
	}
	found := map[string]map[string]oncall.Verification{}
	var person, contact string
	var of []byte
	var sent, verified time.Time
	_, err = pgx.ForEachRow(rows, []any{&person, &contact, &of, &sent, &verified}, func() error {
		known, _ := configuration.Person(person)
		if at, ok := known.Contact(contact); !ok || string(addressDigest(at)) != string(of) {
			return nil
		}
		if found[person] == nil {
			found[person] = map[string]oncall.Verification{}
		}
		found[person][contact] = oncall.Verification{SentAt: known1970(sent), VerifiedAt: known1970(verified)}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read verifications: %w", err)
	}
	return found, nil
}

// known1970 is a moment, or the zero time for the one that stands for none.
func known1970(at time.Time) time.Time {
	if at.Unix() == 0 {
		return time.Time{}
	}
	return at.UTC()
}

func addressDigest(contact oncall.Contact) []byte {
	return digest(contact.Channel + " " + strings.ToLower(contact.To))
}

// contact is a person's contact as it is now, or tickets.ErrNotFound.
func (s *Store) contact(ctx context.Context, person, contact string) (oncall.Person, oncall.Contact, error) {
	configuration, err := s.Configuration(ctx)
	if err != nil {
		return oncall.Person{}, oncall.Contact{}, err
	}
	known, _ := configuration.Person(person)
	at, ok := known.Contact(contact)
	if !ok {
		return known, at, fmt.Errorf("contact %s of %s: %w", contact, person, tickets.ErrNotFound)
	}
	return known, at, nil
}

// TestContact sends a test page to a contact.
func (s *Store) TestContact(ctx context.Context, person, contact string) error {
	known, at, err := s.contact(ctx, person, contact)
	if err != nil {
		return err
	}
	return s.Tell(ctx, oncall.TestNotice(known, at, s.Now()))
}

// SendCode sends a code to a contact, which VerifyContact takes back. Within a minute of the last one it is a ConflictError.
func (s *Store) SendCode(ctx context.Context, person, contact string) error {
	known, at, err := s.contact(ctx, person, contact)
	if err != nil {
		return err
	}
	now := s.Now()
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var recent bool
		err := tx.QueryRow(ctx, `
			WITH held AS (
				INSERT INTO contact_verifications (person, contact, address_digest) VALUES ($1, $2, $3)
				ON CONFLICT (person, contact, address_digest) DO UPDATE SET attempts = contact_verifications.attempts
				RETURNING page
			)
			SELECT EXISTS (SELECT FROM held JOIN pages p ON p.id = held.page WHERE p.created_at > $4)`,
			person, contact, addressDigest(at), now.Add(-codeEvery)).Scan(&recent)
		if err != nil {
			return err
		}
		if recent {
			return &tickets.ConflictError{Reason: "a code was sent less than a minute ago; look there first"}
		}
		ids, err := s.numberPages(ctx, tx, []oncall.Page{oncall.CodeNotice(known, at, now)}, now)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE contact_verifications SET page = $4, attempts = 0 WHERE person = $1 AND contact = $2 AND address_digest = $3`,
			person, contact, addressDigest(at), ids[0])
		return err
	})
	if err != nil {
		return fmt.Errorf("send a code to contact %s of %s: %w", contact, person, err)
	}
	return nil
}

// VerifyContact takes a code back. A wrong one is an InvalidError, and after a few of them, or of minutes, a ConflictError
// asks for a new one.
func (s *Store) VerifyContact(ctx context.Context, person, contact, code string) error {
	_, at, err := s.contact(ctx, person, contact)
	if err != nil {
		return err
	}
	now := s.Now()
	var refusal error
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var page int64
		var created time.Time
		var attempts int
		err := tx.QueryRow(ctx, `
			SELECT p.id, p.created_at, v.attempts FROM contact_verifications v JOIN pages p ON p.id = v.page
			WHERE v.person = $1 AND v.contact = $2 AND v.address_digest = $3 FOR UPDATE OF v`, person, contact, addressDigest(at)).
			Scan(&page, &created, &attempts)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && (attempts >= oncall.CodeAttempts || now.Sub(created) > oncall.CodeLifetime) {
			refusal = &tickets.ConflictError{Reason: "there is no code that is still good; send a new one"}
			return nil
		}
		if err != nil {
			return err
		}
		want := s.Links.Code(page, created.UTC())
		if subtle.ConstantTimeCompare([]byte(strings.TrimSpace(code)), []byte(want)) != 1 {
			refusal = &tickets.InvalidError{Field: "code", Reason: "this is not the code that was sent; type its six digits"}
			_, err := tx.Exec(ctx, `UPDATE contact_verifications SET attempts = attempts + 1 WHERE page = $1`, page)
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE contact_verifications SET verified_at = $2, page = NULL WHERE page = $1`, page, now)
		return err
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return fmt.Errorf("verify contact %s of %s: %w", contact, person, err)
	}
	return nil
}

// PagesTo returns what a person was sent or is to be sent, newest first, below the id before; 0 begins at the newest.
func (s *Store) PagesTo(ctx context.Context, person string, limit int, before int64) ([]oncall.Page, error) {
	return s.pages(ctx, `
		SELECT `+pageColumns+` FROM pages
		WHERE person = $1 AND ($3 = 0 OR id < $3)
		ORDER BY id DESC LIMIT $2`, person, limit, before)
}
