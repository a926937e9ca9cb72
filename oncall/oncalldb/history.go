package oncalldb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// recordEvery is how often it is written down how far the history goes while nothing changes.
const recordEvery = 30 * time.Second

// saveVersions keeps those schedules that are in force since at and differ from their last version.
const saveVersions = `
	INSERT INTO schedule_versions (schedule, at, definition)
	SELECT coalesce(s.id, v.schedule), $1, s.definition
	FROM schedules s FULL JOIN (
		SELECT DISTINCT ON (schedule) schedule, definition FROM schedule_versions ORDER BY schedule, id DESC
	) v ON v.schedule = s.id
	WHERE v.definition IS DISTINCT FROM s.definition
	ORDER BY s.position`

// recorded is how far the history is written.
type recorded struct {
	until         time.Time // zero before the first record
	configuration int64
	lastVersion   int64
}

// seenMoment is what the look at what is due has seen of it: that nothing changes until a moment, which is to be written.
type seenMoment struct {
	recorded
	at time.Time
}

const recordedQuery = `SELECT until, configuration, last_version FROM on_call_recorded `

func readRecorded(ctx context.Context, db querier, lock string) (r recorded, err error) {
	return scanRecorded(db.QueryRow(ctx, recordedQuery+lock))
}

func scanRecorded(row pgx.Row, before ...any) (r recorded, err error) {
	var until *time.Time
	err = row.Scan(append(before, &until, &r.configuration, &r.lastVersion)...)
	if until != nil {
		r.until = until.UTC()
	}
	return r, err
}

// RecordOnCall writes who came on call and who left since the history was written last, and tells the webhooks that ask
// for it. What changed while nobody wrote is filled in from the schedules that were in force.
func (s *Store) RecordOnCall(ctx context.Context, now time.Time) error {
	now = now.UTC().Truncate(time.Microsecond)
	if seen := s.seen.Swap(nil); seen != nil && seen.at.Equal(now) {
		if done, err := s.recordMoment(ctx, seen.recorded, now); err != nil || done {
			return err
		}
	}
	var version int64
	var held recorded
	batch := &pgx.Batch{}
	queueLookup(batch, &version)
	batch.Queue(recordedQuery).QueryRow(func(row pgx.Row) (err error) {
		held, err = scanRecorded(row)
		return err
	})
	if err := s.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("read how far the history goes: %w", err)
	}
	inForce, err := s.inForceAt(ctx, s.Pool, version)
	if err != nil {
		return err
	}
	switch s.recording(inForce, held, now) {
	case recordsNothing:
		return nil
	case recordsMoment:
		_, err := s.recordMoment(ctx, held, now)
		return err
	}
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		held, err := readRecorded(ctx, tx, `FOR UPDATE SKIP LOCKED`)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && !now.After(held.until) {
			return nil // another process writes it
		}
		if err != nil {
			return fmt.Errorf("read how far the history goes: %w", err)
		}
		return s.writeHistory(ctx, tx, held, now)
	})
}

// recordMoment writes how far the history goes where nothing has changed since it was held; done is false where it was written or
// the configuration changed meanwhile.
func (s *Store) recordMoment(ctx context.Context, held recorded, now time.Time) (done bool, err error) {
	written, err := s.Pool.Exec(ctx, `
		UPDATE on_call_recorded SET until = $1
		WHERE until = $2 AND configuration = $3 AND EXISTS (SELECT FROM configuration WHERE version = $3)`, now, held.until, held.configuration)
	if err != nil {
		return false, fmt.Errorf("write how far the history goes: %w", err)
	}
	return written.RowsAffected() > 0, nil
}

// recording is what there is to write of the history.
type recording int

const (
	recordsNothing recording = iota // yet
	recordsMoment                   // how far it goes, for nothing has changed
	recordsChanges
)

func (s *Store) recording(inForce loadedConfiguration, held recorded, now time.Time) recording {
	switch {
	case !now.After(held.until):
		return recordsNothing
	case held.configuration != inForce.version || held.until.IsZero() || !s.unchanged(inForce, held.until, now):
		return recordsChanges
	case now.Sub(held.until) < recordEvery:
		return recordsNothing
	}
	return recordsMoment
}

// unchanged says that nobody's turn begins or ends after a moment and through another.
func (s *Store) unchanged(inForce loadedConfiguration, after, through time.Time) bool {
	ahead := s.changes.Load()
	if !ahead.covers(inForce.version, after, through) {
		ahead = &lookAhead{inForce.version, after, inForce.configuration.NextChange(after)}
		s.changes.Store(ahead)
	}
	return ahead.covers(inForce.version, after, through)
}

// writeHistory goes on with the history until now. It waits for a change of the configuration that is being written.
func (s *Store) writeHistory(ctx context.Context, tx pgx.Tx, held recorded, now time.Time) error {
	var version int64
	var applied *time.Time
	if err := tx.QueryRow(ctx, `SELECT version, applied_at FROM configuration FOR SHARE`).Scan(&version, &applied); err != nil {
		return err
	}
	if applied != nil {
		if _, err := tx.Exec(ctx, saveVersions, *applied); err != nil {
			return fmt.Errorf("keep the schedules in force: %w", err)
		}
	}
	versions, lastVersion, err := versionsSince(ctx, tx, held, now)
	if err != nil {
		return fmt.Errorf("read versions of schedules: %w", err)
	}
	ids := make([]string, 0, len(versions))
	for id := range versions {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	last, err := recordsAt(ctx, tx, ids, now)
	if err != nil {
		return fmt.Errorf("read the last records: %w", err)
	}
	var records []oncall.Record
	var notices []oncall.Page
	configuration, err := s.configuration(ctx, tx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		var before *oncall.Record
		if known, ok := last[id]; ok {
			before = &known
		}
		found := oncall.Records(id, before, versions[id], held.until, now)
		records = append(records, found...)
		if len(found) == 0 || before == nil {
			continue // the first look at a schedule tells nothing
		}
		if after := found[len(found)-1]; after.Person != before.Person && after.Source != oncall.SourceRemoved {
			more, err := configuration.OnCallChanged(id, after.Person, before.Person, now)
			if err != nil {
				return err
			}
			notices = append(notices, more...)
		}
	}
	if err := insertRecords(ctx, tx, records, now); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	_, err = tx.Exec(ctx, `UPDATE on_call_recorded SET until = $1, configuration = $2, last_version = $3`, now, version, lastVersion)
	if err != nil {
		return err
	}
	return s.insertPages(ctx, tx, notices, now)
}

// versionsSince are, by schedule, the version in force when the history was written last and those that followed. None
// begins later than now: whoever reads it here has it in force.
func versionsSince(ctx context.Context, tx pgx.Tx, held recorded, now time.Time) (found map[string][]oncall.Version, newest int64, err error) {
	rows, err := tx.Query(ctx, `
		(SELECT DISTINCT ON (schedule) id, schedule, at, definition FROM schedule_versions WHERE id <= $1 ORDER BY schedule, id DESC)
		UNION ALL
		SELECT id, schedule, at, definition FROM schedule_versions WHERE id > $1
		ORDER BY schedule, id`, held.lastVersion)
	if err != nil {
		return nil, 0, err
	}
	found, newest = map[string][]oncall.Version{}, held.lastVersion
	var id int64
	var schedule string
	var at time.Time
	var definition []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &schedule, &at, &definition}, func() error {
		version := oncall.Version{From: at.UTC()}
		if version.From.After(now) {
			version.From = now
		}
		if held.until.IsZero() {
			version.From = now // there is no history before its first record
		}
		newest = max(newest, id)
		if definition != nil {
			version.Schedule = &oncall.Schedule{}
			if err := json.Unmarshal(definition, version.Schedule); err != nil {
				return fmt.Errorf("version %d of schedule %s: %w", id, schedule, err)
			}
		}
		found[schedule] = append(found[schedule], version)
		return nil
	})
	return found, newest, err
}

// recordsAt are the records of schedules that hold at a moment, by schedule.
func recordsAt(ctx context.Context, db querier, ids []string, at time.Time) (map[string]oncall.Record, error) {
	rows, err := db.Query(ctx, `
		SELECT r.schedule, r.at, r.person, r.source, r.reconstructed
		FROM unnest($1::text[]) AS wanted (schedule) CROSS JOIN LATERAL (
			SELECT * FROM on_call_history h WHERE h.schedule = wanted.schedule AND h.at <= $2 ORDER BY h.at DESC LIMIT 1
		) r`, ids, at)
	if err != nil {
		return nil, err
	}
	records, err := pgx.CollectRows(rows, pgx.RowToStructByName[oncall.Record])
	if err != nil {
		return nil, err
	}
	found := map[string]oncall.Record{}
	for _, record := range records {
		found[record.Schedule] = record
	}
	return found, nil
}

func insertRecords(ctx context.Context, tx pgx.Tx, records []oncall.Record, now time.Time) error {
	if len(records) == 0 {
		return nil
	}
	schedules, moments := make([]string, len(records)), make([]time.Time, len(records))
	people, sources, reconstructed := make([]string, len(records)), make([]string, len(records)), make([]bool, len(records))
	for i, record := range records {
		schedules[i], moments[i], people[i] = record.Schedule, record.At, record.Person
		sources[i], reconstructed[i] = record.Source, record.Reconstructed
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO on_call_history (schedule, at, person, source, reconstructed, recorded_at)
		SELECT *, $6 FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::boolean[])`,
		schedules, moments, people, sources, reconstructed, now)
	return err
}

// OnCallHistory returns what was recorded of a schedule between two moments, also of one that was removed since.
func (s *Store) OnCallHistory(ctx context.Context, schedule string, from, to time.Time) (oncall.History, error) {
	if !oncall.IsID(schedule) {
		return oncall.History{}, tickets.ErrNotFound
	}
	history, err := s.history(ctx, schedule, from.UTC().Truncate(time.Microsecond), to.UTC().Truncate(time.Microsecond))
	if err != nil {
		return history, fmt.Errorf("history of schedule %s: %w", schedule, err)
	}
	return history, nil
}

func (s *Store) history(ctx context.Context, schedule string, from, to time.Time) (history oncall.History, err error) {
	configuration, err := s.Configuration(ctx)
	if err != nil {
		return history, err
	}
	held, err := readRecorded(ctx, s.Pool, "")
	if err != nil {
		return history, err
	}
	var first *time.Time
	if err := s.Pool.QueryRow(ctx, `SELECT min(at) FROM on_call_history WHERE schedule = $1`, schedule).Scan(&first); err != nil {
		return history, err
	}
	if first == nil {
		if _, ok := configuration.Schedule(schedule); !ok {
			return history, tickets.ErrNotFound
		}
		return history, nil
	}
	history.From, history.Until = first.UTC(), held.until
	if now := s.Now().UTC().Truncate(time.Microsecond); now.Sub(held.until) < oncall.WatchedWithin { // nothing has changed since, or it would be written
		history.Until = now
	}
	if history.Until.Before(to) {
		to = history.Until
	}
	rows, err := s.Pool.Query(ctx, `
		SELECT schedule, at, person, source, reconstructed FROM on_call_history
		WHERE schedule = $1 AND at < $3 AND at >= coalesce((SELECT max(at) FROM on_call_history WHERE schedule = $1 AND at <= $2), $2)
		ORDER BY at`, schedule, from, to)
	if err != nil {
		return history, err
	}
	records, err := pgx.CollectRows(rows, pgx.RowToStructByName[oncall.Record])
	if err != nil {
		return history, err
	}
	history.Shifts, history.Gaps = oncall.Recorded(records, from, to)
	return history, nil
}

// OnCallThen returns what is recorded of each schedule at a moment, by schedule; those of which nothing is known are left
// out.
func (s *Store) OnCallThen(ctx context.Context, at time.Time) (map[string]oncall.Record, error) {
	held, err := readRecorded(ctx, s.Pool, "")
	if err != nil {
		return nil, fmt.Errorf("read how far the history goes: %w", err)
	}
	if at.After(held.until) {
		return map[string]oncall.Record{}, nil
	}
	rows, err := s.Pool.Query(ctx, `SELECT DISTINCT schedule FROM schedule_versions`)
	if err != nil {
		return nil, fmt.Errorf("read schedules of the history: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read schedules of the history: %w", err)
	}
	found, err := recordsAt(ctx, s.Pool, ids, at)
	if err != nil {
		return nil, fmt.Errorf("who was on call: %w", err)
	}
	return found, nil
}
