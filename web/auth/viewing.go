package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// DateOrders are the ways in which a day can be written: 24 Nov 2026, Nov 24 2026, 2026-11-24.
var DateOrders = [...]string{"day", "month", "iso"}

// Viewing is how an account wants times to be shown.
type Viewing struct {
	Timezone    string // empty: that of the person of the same id, else UTC
	DateOrder   string // one of DateOrders; empty is the first
	TwelveHours bool
}

// ViewingOf is how an account, which need not exist, wants times to be shown.
func (a *Auth) ViewingOf(ctx context.Context, account string) (viewing Viewing, err error) {
	err = a.pool.QueryRow(ctx, `SELECT timezone, date_order, twelve_hours FROM account_views WHERE account = $1`, account).
		Scan(&viewing.Timezone, &viewing.DateOrder, &viewing.TwelveHours)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Viewing{}, fmt.Errorf("viewing of %s: %w", account, classify(err))
	}
	return viewing, nil
}

// SetViewing keeps how an account wants times to be shown.
func (a *Auth) SetViewing(ctx context.Context, account string, viewing Viewing) error {
	viewing.Timezone = strings.TrimSpace(viewing.Timezone)
	if _, err := time.LoadLocation(viewing.Timezone); err != nil || viewing.Timezone == "Local" {
		return &tickets.InvalidError{Field: "timezone", Reason: "there is no such time zone; use a name like Europe/Madrid, or leave it empty"}
	}
	if !slices.Contains(DateOrders[:], viewing.DateOrder) {
		return &tickets.InvalidError{Field: "date_order", Reason: "it is " + strings.Join(DateOrders[:], ", ")}
	}
	_, err := a.pool.Exec(ctx, `
		INSERT INTO account_views (account, timezone, date_order, twelve_hours) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account) DO UPDATE SET timezone = excluded.timezone, date_order = excluded.date_order, twelve_hours = excluded.twelve_hours`,
		account, viewing.Timezone, viewing.DateOrder, viewing.TwelveHours)
	if err != nil {
		return fmt.Errorf("set viewing of %s: %w", account, classify(err))
	}
	return nil
}
