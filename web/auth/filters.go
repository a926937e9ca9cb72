package auth

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Bounds of the filters that somebody keeps.
const (
	maxFilters    = 30
	maxFilterName = 60 // characters
	maxFilterSize = 2000
)

// SavedFilter is a selection of tickets under a name; Query is that of the list's address.
type SavedFilter struct{ Name, Query string }

// SavedFilters are those of an account, by name.
func (a *Auth) SavedFilters(ctx context.Context, account string) ([]SavedFilter, error) {
	rows, err := a.pool.Query(ctx, `SELECT name, query FROM saved_filters WHERE account = $1 ORDER BY lower(name), name`, account)
	if err != nil {
		return nil, fmt.Errorf("saved filters of %s: %w", account, classify(err))
	}
	filters, err := pgx.CollectRows(rows, pgx.RowToStructByName[SavedFilter])
	if err != nil {
		return nil, fmt.Errorf("saved filters of %s: %w", account, classify(err))
	}
	return filters, nil
}

// SaveFilter keeps a filter for an account, in place of one of the same name.
func (a *Auth) SaveFilter(ctx context.Context, account string, filter SavedFilter) error {
	filter.Name = strings.TrimSpace(filter.Name)
	if filter.Name == "" || utf8.RuneCountInString(filter.Name) > maxFilterName || !utf8.ValidString(filter.Name) || strings.ContainsRune(filter.Name, 0) {
		return &tickets.InvalidError{Field: "name", Reason: fmt.Sprintf("give a filter a name of at most %d characters", maxFilterName)}
	}
	if len(filter.Query) > maxFilterSize {
		return &tickets.InvalidError{Field: "filter", Reason: "it is too long to be kept"}
	}
	kept, err := a.pool.Exec(ctx, `
		INSERT INTO saved_filters (account, name, query)
		SELECT $1, $2, $3 WHERE (SELECT count(*) FROM saved_filters WHERE account = $1 AND name <> $2) < $4
		ON CONFLICT (account, name) DO UPDATE SET query = excluded.query`, account, filter.Name, filter.Query, maxFilters)
	if err != nil {
		return fmt.Errorf("save filter of %s: %w", account, classify(err))
	}
	if kept.RowsAffected() == 0 {
		return &tickets.ConflictError{Reason: fmt.Sprintf("%d filters are kept already; remove one first", maxFilters)}
	}
	return nil
}

// RemoveFilter forgets a filter; one that is not there is no error.
func (a *Auth) RemoveFilter(ctx context.Context, account, name string) error {
	if _, err := a.pool.Exec(ctx, `DELETE FROM saved_filters WHERE account = $1 AND name = $2`, account, name); err != nil {
		return fmt.Errorf("remove filter of %s: %w", account, classify(err))
	}
	return nil
}
