package oncalldb

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
)

// Reseal seals every stored credential with the present key, those of people who left included, and returns how many rows
// were sealed with another before. All of it happens or nothing, and once more does no harm. The configuration stays the
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
		} {
			n, err := reseal()
			if err != nil {
				return err
			}
			changed += n
		}
		return nil
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
		one, err := one.MapSecrets(func(sealed string) (string, error) {
			plain, err := sealer.Open(sealed)
			if err != nil {
				return "", err
			}
			anew, err := sealer.Seal(plain)
			again = again || anew != sealed
			return anew, err
		})
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

func texts(values [][]byte) []string {
	found := make([]string, len(values))
	for i, value := range values {
		found[i] = string(value)
	}
	return found
}
