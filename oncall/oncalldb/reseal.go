package oncalldb

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// Reseal seals every stored credential with the present key, those of people who left and of changes that can be undone
// included, and returns how many rows were sealed with another before. All of it happens or nothing, and once more does no harm. The configuration stays the
// same version: whoever holds it need not read it again.
func (s *Store) Reseal(ctx context.Context) (changed int, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM configuration FOR UPDATE`); err != nil { // an apply waits
			return err
		}
		for _, reseal := range []func() (int, error){
			func() (int, error) {
				return resealed(ctx, tx, s.Sealer, "people", func(c *oncall.Configuration) *[]oncall.Person { return &c.People })
			},
			func() (int, error) {
				return resealed(ctx, tx, s.Sealer, "webhooks", func(c *oncall.Configuration) *[]oncall.Webhook { return &c.Webhooks })
			},
			func() (int, error) {
				return resealed(ctx, tx, s.Sealer, "tenants", func(c *oncall.Configuration) *[]oncall.Tenant { return &c.Tenants })
			},
			func() (int, error) { return s.resealKept(ctx, tx) },
		} {
			n, err := reseal()
			if err != nil {
				return err
			}
			changed += n
		}
		if changed == 0 {
			return nil
		}
		_, err := tx.Exec(ctx, `INSERT INTO audit_log (at, actor, action) VALUES ($1, $2, $3)`, s.Now(), tickets.ActorSystem, "credentials sealed with a new key")
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("seal credentials anew: %w", err)
	}
	return changed, nil
}

// resealed opens and seals the credentials of one table's rows.
func resealed[T any](ctx context.Context, tx pgx.Tx, sealer Sealer, table string, in func(*oncall.Configuration) *[]T) (changed int, err error) {
	rows, err := tx.Query(ctx, `SELECT id, definition FROM `+table+` ORDER BY id FOR UPDATE`)
	if err != nil {
		return 0, err
	}
	type row struct {
		ID         string
		Definition []byte
	}
	stored, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	if err != nil {
		return 0, err
	}
	var ids []string
	var definitions [][]byte
	for _, old := range stored {
		var definition T
		if err := json.Unmarshal(old.Definition, &definition); err != nil {
			return 0, fmt.Errorf("%s %s: %w", table, old.ID, err)
		}
		var one oncall.Configuration
		*in(&one) = []T{definition}
		again := false
		one, err := one.MapSecrets(sealAgain(sealer, &again))
		if err != nil {
			return 0, err
		}
		if !again {
			continue
		}
		text, err := json.Marshal((*in(&one))[0])
		if err != nil {
			return 0, err
		}
		ids, definitions = append(ids, old.ID), append(definitions, text)
	}
	if len(ids) == 0 {
		return 0, nil
	}
	_, err = tx.Exec(ctx, `
		UPDATE `+table+` t SET definition = n.definition::jsonb FROM unnest($1::text[], $2::text[]) AS n (id, definition)
		WHERE t.id = n.id`, ids, texts(definitions))
	return len(ids), err
}

// sealAgain opens a credential and seals it with the present key; again becomes true where that changed it.
func sealAgain(sealer Sealer, again *bool) func(sealed string) (string, error) {
	return func(sealed string) (string, error) {
		plain, err := sealer.Open(sealed)
		if err != nil {
			return "", err
		}
		anew, err := sealer.Seal(plain)
		*again = *again || anew != sealed
		return anew, err
	}
}

// keptAtOnce bounds how many changes are sealed anew in one go.
const keptAtOnce = 100

// resealKept seals the credentials of changes that can be undone. One whose credentials no key opens any more can never be
// undone: it is forgotten, so that it does not stand in the way of every later rotation.
func (s *Store) resealKept(ctx context.Context, tx pgx.Tx) (changed int, err error) {
	type row struct {
		Entry int64
		State []byte
	}
	for last := int64(0); ; {
		rows, err := tx.Query(ctx, `
			SELECT entry, state FROM configuration_changes WHERE state IS NOT NULL AND entry > $1 ORDER BY entry LIMIT $2 FOR UPDATE`, last, keptAtOnce)
		if err != nil {
			return 0, err
		}
		stored, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
		if err != nil || len(stored) == 0 {
			return changed, err
		}
		last = stored[len(stored)-1].Entry
		var entries, lost []int64
		var states [][]byte
		for _, old := range stored {
			var kept oncall.Kept
			if err := json.Unmarshal(old.State, &kept); err != nil {
				return 0, fmt.Errorf("change %d: %w", old.Entry, err)
			}
			again := false
			kept, err := kept.MapSecrets(sealAgain(s.Sealer, &again))
			if err != nil {
				lost = append(lost, old.Entry)
				continue
			}
			if !again {
				continue
			}
			state, err := json.Marshal(kept)
			if err != nil {
				return 0, err
			}
			entries, states = append(entries, old.Entry), append(states, state)
		}
		_, err = tx.Exec(ctx, `
			UPDATE configuration_changes c SET state = n.state::jsonb FROM unnest($1::bigint[], $2::text[]) AS n (entry, state)
			WHERE c.entry = n.entry`, entries, texts(states))
		if err != nil {
			return 0, err
		}
		if _, err := tx.Exec(ctx, `UPDATE configuration_changes SET state = NULL, forgotten = 'key' WHERE entry = ANY($1)`, lost); err != nil {
			return 0, err
		}
		changed += len(entries)
	}
}

func texts(values [][]byte) []string {
	found := make([]string, len(values))
	for i, value := range values {
		found[i] = string(value)
	}
	return found
}
