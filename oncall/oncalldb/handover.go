package oncalldb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// TellShifts queues the notices of shifts that begin or end soon. One goes out for each shift and edge, however many
// processes do this.
func (s *Store) TellShifts(ctx context.Context, now time.Time) error {
	inForce, err := s.inForce(ctx, s.Pool)
	if err != nil || s.notices.Load().covers(inForce.version, now, now) {
		return err
	}
	due, next := inForce.configuration.ShiftNotices(now)
	if err := s.tellShifts(ctx, inForce.configuration, due, now); err != nil {
		return err
	}
	s.notices.Store(&lookAhead{inForce.version, now, next})
	return nil
}

func (s *Store) tellShifts(ctx context.Context, configuration oncall.Configuration, due []oncall.ShiftNotice, now time.Time) error {
	if len(due) == 0 {
		return nil
	}
	keys := make([]string, len(due))
	for i, notice := range due {
		if page, ok := notice.Page(configuration, nil, now); ok {
			keys[i] = pageKey(page)
		}
	}
	rows, err := s.Pool.Query(ctx, `SELECT key FROM pages WHERE key = ANY($1)`, keys)
	if err != nil {
		return fmt.Errorf("read who was told of a shift: %w", err)
	}
	known := map[string]bool{"": true} // who has no contact for it
	var key string
	if _, err := pgx.ForEachRow(rows, []any{&key}, func() error { known[key] = true; return nil }); err != nil {
		return fmt.Errorf("read who was told of a shift: %w", err)
	}
	var pages []oncall.Page
	for i, notice := range due {
		if known[keys[i]] {
			continue
		}
		var note *oncall.HandoverNote
		if !notice.Ends {
			note, err = s.HandoverNote(ctx, notice.Schedule.ID, notice.Schedule.HandoverSince(notice.Turn.Start))
			if err != nil {
				return err
			}
		}
		page, _ := notice.Page(configuration, note, now)
		pages = append(pages, page)
	}
	if len(pages) == 0 {
		return nil
	}
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error { return s.insertPages(ctx, tx, pages, now) })
}

const handoverColumns = `id, schedule, author, at, body AS text`

// HandoverNote is the newest hand-over note of a schedule that is not older than since; nil where there is none.
func (s *Store) HandoverNote(ctx context.Context, schedule string, since time.Time) (*oncall.HandoverNote, error) {
	notes, err := s.handoverNotes(ctx, `
		SELECT `+handoverColumns+` FROM handover_notes WHERE schedule = $1 AND at >= $2 ORDER BY id DESC LIMIT 1`, schedule, since)
	if err != nil || len(notes) == 0 {
		return nil, err
	}
	return &notes[0], nil
}

// HandoverNotes are those of a schedule, newest first, below the id before; 0 begins at the newest.
func (s *Store) HandoverNotes(ctx context.Context, schedule string, limit int, before int64) ([]oncall.HandoverNote, error) {
	if !oncall.IsID(schedule) {
		return nil, tickets.ErrNotFound
	}
	return s.handoverNotes(ctx, `
		SELECT `+handoverColumns+` FROM handover_notes WHERE schedule = $1 AND ($3 = 0 OR id < $3) ORDER BY id DESC LIMIT $2`, schedule, limit, before)
}

func (s *Store) handoverNotes(ctx context.Context, query string, values ...any) ([]oncall.HandoverNote, error) {
	rows, err := s.Pool.Query(ctx, query, values...)
	if err != nil {
		return nil, fmt.Errorf("read hand-over notes: %w", err)
	}
	notes, err := pgx.CollectRows(rows, pgx.RowToStructByName[oncall.HandoverNote])
	if err != nil {
		return nil, fmt.Errorf("read hand-over notes: %w", err)
	}
	for i := range notes {
		notes[i].At = notes[i].At.UTC()
	}
	return notes, nil
}

// WriteHandoverNote keeps a note for whoever comes on call next. It takes one from whom the schedule names, and from
// administrators.
func (s *Store) WriteHandoverNote(ctx context.Context, schedule string, by oncall.Actor, text string) (oncall.HandoverNote, error) {
	note := oncall.HandoverNote{Schedule: schedule, Author: by.ID, At: s.Now().UTC().Truncate(time.Microsecond)}
	configuration, err := s.Configuration(ctx)
	if err != nil {
		return note, err
	}
	known, ok := configuration.Schedule(schedule)
	if !ok {
		return note, fmt.Errorf("schedule %s: %w", schedule, tickets.ErrNotFound)
	}
	if !by.Admin && !known.Names(by.ID) {
		return note, &tickets.ForbiddenError{Reason: "only people of this schedule and administrators write its hand-over notes"}
	}
	if note.Text, err = oncall.CheckedText("text", text, 1, oncall.MaxHandoverNote); err != nil {
		return note, err
	}
	err = s.Pool.QueryRow(ctx, `
		INSERT INTO handover_notes (schedule, author, at, body) VALUES ($1, $2, $3, $4) RETURNING id`,
		schedule, note.Author, note.At, note.Text).Scan(&note.ID)
	if err != nil {
		return note, fmt.Errorf("write a hand-over note of schedule %s: %w", schedule, err)
	}
	return note, nil
}
