package oncalldb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

const requestColumns = `id, schedule, giver, taker, starts_at AS start, ends_at AS "end", other_starts_at AS other_start, other_ends_at AS other_end,
	asked_by, says, state, reason, created_at, expires_at, settled_at, settled_by`

func collectRequests(rows pgx.Rows, err error) ([]oncall.ShiftRequest, error) {
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[oncall.ShiftRequest])
	for i := range found {
		r := &found[i]
		for _, at := range []*time.Time{&r.Start, &r.End, &r.CreatedAt, &r.ExpiresAt, r.OtherStart, r.OtherEnd, r.SettledAt} {
			if at != nil {
				*at = at.UTC()
			}
		}
	}
	return found, err
}

// ShiftRequests are requests, newest first, below the id before; 0 begins at the newest. An empty schedule or state stands for
// all.
func (s *Store) ShiftRequests(ctx context.Context, schedule, state string, limit int, before int64) ([]oncall.ShiftRequest, error) {
	if schedule != "" && !oncall.IsID(schedule) {
		return nil, tickets.ErrNotFound
	}
	found, err := collectRequests(s.Pool.Query(ctx, `
		SELECT `+requestColumns+` FROM shift_requests
		WHERE ($1 = '' OR schedule = $1) AND ($2 = '' OR state = $2) AND ($4 = 0 OR id < $4)
		ORDER BY id DESC LIMIT $3`, schedule, state, limit, before))
	if err != nil {
		return nil, fmt.Errorf("read requests of shifts: %w", err)
	}
	return found, nil
}

// AskShift makes a request. Whoever is neither giver nor taker must be an administrator, and settles it at once; waived, an
// administrator who is one of them does so too, and so does whoever takes over what runs now for LongestTakeover at most.
func (s *Store) AskShift(ctx context.Context, by oncall.Actor, r oncall.ShiftRequest, waived bool) (oncall.ShiftRequest, error) {
	now := s.Now().UTC().Truncate(time.Microsecond)
	r.Start, r.End = r.Start.UTC().Truncate(time.Second), r.End.UTC().Truncate(time.Second)
	for _, at := range []*time.Time{r.OtherStart, r.OtherEnd} {
		if at != nil {
			*at = at.UTC().Truncate(time.Second)
		}
	}
	r.AskedBy, r.State, r.CreatedAt, r.ExpiresAt = by.ID, oncall.RequestAsked, now, r.Expires(now)
	var err error
	if r.Says, err = oncall.CheckedText("message", r.Says, 0, oncall.MaxRequestText); err != nil {
		return r, err
	}
	switch {
	case !r.Concerns(by.ID) && !by.Admin:
		return r, &tickets.ForbiddenError{Reason: "a responder asks for shifts of their own, or to take one; an administrator can change any"}
	case !r.Concerns(by.ID) && r.Taker == "":
		return r, &tickets.InvalidError{Field: "taker", Reason: "name who takes the shift"}
	case waived && !by.Admin && (by.ID != r.Taker || !r.Running(now)):
		return r, &tickets.ForbiddenError{Reason: "only what runs now can be taken over without asking, for 12 hours at most"}
	case waived && r.Taker == "":
		return r, &tickets.InvalidError{Field: "taker", Reason: "name who takes the shift"}
	}
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if waived || !r.Concerns(by.ID) {
			return s.agree(ctx, tx, &r, by.ID, now)
		}
		return s.ask(ctx, tx, &r, now)
	})
	if err != nil {
		return r, fmt.Errorf("request of a shift of schedule %s: %w", r.Schedule, err)
	}
	return r, nil
}

// ask stores an open request and tells those whose consent it needs.
func (s *Store) ask(ctx context.Context, tx pgx.Tx, r *oncall.ShiftRequest, now time.Time) error {
	configuration, err := s.configuration(ctx, tx)
	if err != nil {
		return err
	}
	if err := configuration.CheckRequest(*r, now); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('requests of ' || $1, 3))`, r.AskedBy); err != nil {
		return err
	}
	var open, same int
	err = tx.QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE schedule = $2 AND giver = $3 AND taker = $4 AND starts_at = $5 AND ends_at = $6)
		FROM shift_requests WHERE state = 'asked' AND asked_by = $1`, r.AskedBy, r.Schedule, r.Giver, r.Taker, r.Start, r.End).Scan(&open, &same)
	switch {
	case err != nil:
		return err
	case same > 0:
		return &tickets.ConflictError{Reason: "this is asked already, and waits for an answer"}
	case open >= oncall.MaxOpenRequests:
		return &tickets.ConflictError{Reason: "too many requests wait for an answer; withdraw one first"}
	}
	if err := insertRequest(ctx, tx, r); err != nil {
		return err
	}
	return s.insertPages(ctx, tx, configuration.RequestNotices(*r, now), now)
}

func insertRequest(ctx context.Context, tx pgx.Tx, r *oncall.ShiftRequest) error {
	return tx.QueryRow(ctx, `
		INSERT INTO shift_requests (schedule, giver, taker, starts_at, ends_at, other_starts_at, other_ends_at, asked_by, says, state,
			reason, created_at, expires_at, settled_at, settled_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id`,
		r.Schedule, r.Giver, r.Taker, r.Start, r.End, r.OtherStart, r.OtherEnd, r.AskedBy, r.Says, r.State,
		r.Reason, r.CreatedAt, r.ExpiresAt, r.SettledAt, r.SettledBy).Scan(&r.ID)
}

// agree writes the overrides of a request, keeps it as agreed, and tells both. The configuration is locked before the
// request's row.
func (s *Store) agree(ctx context.Context, tx pgx.Tx, r *oncall.ShiftRequest, by string, now time.Time) error {
	r.State, r.SettledBy, r.SettledAt = oncall.RequestAgreed, by, &now
	var agreed oncall.Configuration
	err := s.applyIn(ctx, tx, by, requestAction(*r), func(current oncall.Configuration) (changed oncall.Configuration, err error) {
		agreed, err = current.Agree(*r, now)
		return agreed, err
	})
	if err != nil {
		return err
	}
	if r.ID == 0 {
		err = insertRequest(ctx, tx, r)
	} else {
		err = settle(ctx, tx, *r)
	}
	if err != nil {
		return err
	}
	return s.insertPages(ctx, tx, agreed.RequestNotices(*r, now), now)
}

// requestAction is what the audit log says of a request that was agreed upon.
func requestAction(r oncall.ShiftRequest) string {
	verb := fmt.Sprintf("%s takes the shift of %s", r.Taker, r.Giver)
	if r.Swap() {
		verb = fmt.Sprintf("%s and %s swap shifts", r.Giver, r.Taker)
	}
	return fmt.Sprintf("%s in schedule %s, asked by %s", verb, r.Schedule, r.AskedBy)
}

func settle(ctx context.Context, tx pgx.Tx, r oncall.ShiftRequest) error {
	_, err := tx.Exec(ctx, `
		UPDATE shift_requests SET state = $2, reason = $3, settled_at = $4, settled_by = $5, taker = $6 WHERE id = $1`,
		r.ID, r.State, r.Reason, r.SettledAt, r.SettledBy, r.Taker)
	return err
}

// AnswerShift says yes or no to a request, as somebody whose consent it needs or as an administrator. Where the schedule has
// changed since it was asked it ends, and the ConflictError says what is otherwise.
func (s *Store) AnswerShift(ctx context.Context, schedule string, id int64, by oncall.Actor, yes bool) (oncall.ShiftRequest, error) {
	return s.settleRequest(ctx, schedule, id, func(ctx context.Context, tx pgx.Tx, r *oncall.ShiftRequest, now time.Time) error {
		if !r.Asks(by.ID) && !by.Admin {
			return &tickets.ForbiddenError{Reason: "somebody else is asked; an administrator can answer for them"}
		}
		if !yes {
			r.State, r.SettledBy, r.SettledAt = oncall.RequestDeclined, by.ID, &now
			return s.end(ctx, tx, *r, now)
		}
		configuration, err := s.configuration(ctx, tx)
		if err != nil {
			return err
		}
		if r.Taker == "" {
			if _, known := configuration.Person(by.ID); !known || !r.Asks(by.ID) {
				return &tickets.ForbiddenError{Reason: "whoever takes the shift must say yes, and must be somebody who can be paged"}
			}
			r.Taker = by.ID
		}
		if err := configuration.CheckRequest(*r, now); err != nil {
			r.State, r.Reason, r.SettledBy, r.SettledAt = oncall.RequestOutdated, userReason(err), by.ID, &now
			return s.end(ctx, tx, *r, now)
		}
		return s.agree(ctx, tx, r, by.ID, now)
	})
}

// WithdrawShift takes a request back, as whoever asked or as an administrator.
func (s *Store) WithdrawShift(ctx context.Context, schedule string, id int64, by oncall.Actor) (oncall.ShiftRequest, error) {
	return s.settleRequest(ctx, schedule, id, func(ctx context.Context, tx pgx.Tx, r *oncall.ShiftRequest, now time.Time) error {
		if r.AskedBy != by.ID && !by.Admin {
			return &tickets.ForbiddenError{Reason: "whoever asked can withdraw it, and an administrator"}
		}
		r.State, r.SettledBy, r.SettledAt = oncall.RequestWithdrawn, by.ID, &now
		return s.end(ctx, tx, *r, now)
	})
}

// userReason is an error as its reader gets it.
func userReason(err error) string {
	var conflict *tickets.ConflictError
	var invalid *tickets.InvalidError
	switch {
	case errors.As(err, &conflict):
		return conflict.Reason
	case errors.As(err, &invalid):
		return invalid.Reason
	}
	return "the schedule is not there any more"
}

// settleRequest ends an open request by change, inside one transaction. A request that turns out to be outdated is kept as
// such, and refused.
func (s *Store) settleRequest(ctx context.Context, schedule string, id int64, change func(context.Context, pgx.Tx, *oncall.ShiftRequest, time.Time) error) (r oncall.ShiftRequest, err error) {
	now := s.Now().UTC().Truncate(time.Microsecond)
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM configuration FOR UPDATE`); err != nil {
			return err
		}
		found, err := collectRequests(tx.Query(ctx, `SELECT `+requestColumns+` FROM shift_requests WHERE id = $1 FOR UPDATE`, id))
		if err != nil {
			return err
		}
		if len(found) == 0 || schedule != "" && found[0].Schedule != schedule {
			return tickets.ErrNotFound
		}
		r = found[0]
		if r.State == oncall.RequestAsked && !now.Before(r.ExpiresAt) {
			r.State = oncall.RequestExpired // the next tick writes it
		}
		if r.State != oncall.RequestAsked {
			return &tickets.ConflictError{Reason: "this request is " + r.State + " already"}
		}
		return change(ctx, tx, &r, now)
	})
	if err == nil && r.State == oncall.RequestOutdated {
		err = &tickets.ConflictError{Reason: "the schedule has changed since it was asked: " + r.Reason}
	}
	if err != nil {
		return r, fmt.Errorf("request %d of a shift: %w", id, err)
	}
	return r, nil
}

// end keeps what became of a request, and tells those whom it concerns.
func (s *Store) end(ctx context.Context, tx pgx.Tx, r oncall.ShiftRequest, now time.Time) error {
	if err := settle(ctx, tx, r); err != nil {
		return err
	}
	configuration, err := s.configuration(ctx, tx)
	if err != nil {
		return err
	}
	return s.insertPages(ctx, tx, configuration.RequestNotices(r, now), now)
}

// ExpireShiftRequests ends up to limit requests that nobody answered in time.
func (s *Store) ExpireShiftRequests(ctx context.Context, now time.Time, limit int) (taken int, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		expired, err := collectRequests(tx.Query(ctx, `
			WITH due AS (
				SELECT id AS request FROM shift_requests WHERE state = 'asked' AND expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
			)
			UPDATE shift_requests SET state = 'expired', settled_at = $1, settled_by = $3 FROM due WHERE id = due.request
			RETURNING `+requestColumns, now, limit, tickets.ActorSystem))
		if err != nil || len(expired) == 0 {
			return err
		}
		taken = len(expired)
		configuration, err := s.configuration(ctx, tx)
		if err != nil {
			return err
		}
		var notices []oncall.Page
		for _, r := range expired {
			notices = append(notices, configuration.RequestNotices(r, now)...)
		}
		return s.insertPages(ctx, tx, notices, now)
	})
	return taken, err
}
