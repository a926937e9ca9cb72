package oncalldb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

const selectSelfTest = `
	SELECT id, begun_at, tried_at, sent_at, arrived_at, watched_at, waited, fault, last_arrived_at, ticket FROM self_test`

// SelfTest returns where the self-test stands.
func (s *Store) SelfTest(ctx context.Context) (oncall.SelfTest, error) {
	test, err := selfTest(ctx, s.Pool, selectSelfTest)
	if err != nil {
		return test, fmt.Errorf("self-test: %w", err)
	}
	return test, nil
}

func selfTest(ctx context.Context, from querier, sql string) (oncall.SelfTest, error) {
	rows, err := from.Query(ctx, sql)
	if err != nil {
		return oncall.SelfTest{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[oncall.SelfTest])
}

// WatchSelfTest goes on with the self-test and returns the mail that the caller is to send; 0 is none. Of any number of
// processes that watch one sends a mail, and one opens or resolves the ticket.
func (s *Store) WatchSelfTest(ctx context.Context, plan oncall.SelfTestPlan, now time.Time) (send int64, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		test, err := selfTest(ctx, tx, selectSelfTest+` FOR UPDATE`)
		if err != nil {
			return err
		}
		switch test.Look(plan, now) {
		case oncall.SelfTestSends:
			send = test.ID
		case oncall.SelfTestFails:
			ticket := test.SelfTestTicket(plan, now)
			if err := s.OpenTicket(ctx, tx, &ticket, map[string]any{"self_test": test.ID}); err != nil {
				return err
			}
			test.Ticket = &ticket.Number
			change := tickets.Change{
				Kind: tickets.ChangeCreated, Ticket: &ticket, At: now, Actor: tickets.ActorSystem,
				Insists: "the self-test: mail does not come through",
			}
			if err := s.Changed(ctx, tx, []tickets.Change{change}); err != nil {
				return err
			}
		case oncall.SelfTestRecovers:
			changes, err := s.ResolveTicket(ctx, tx, *test.Ticket, now, "a self-test mail came through")
			if err != nil {
				return err
			}
			if len(changes) > 0 {
				if err := s.Changed(ctx, tx, changes); err != nil {
					return err
				}
			}
			test.Ticket = nil
		}
		return writeSelfTest(ctx, tx, test)
	})
	if err != nil {
		return 0, fmt.Errorf("watch the self-test: %w", err)
	}
	return send, nil
}

func writeSelfTest(ctx context.Context, tx pgx.Tx, test oncall.SelfTest) error {
	_, err := tx.Exec(ctx, `
		UPDATE self_test SET id = @id, begun_at = @begun, tried_at = @tried, sent_at = @sent, arrived_at = @arrived,
			watched_at = @watched, waited = @waited, fault = @fault, last_arrived_at = @last, ticket = @ticket`,
		pgx.NamedArgs{
			"id": test.ID, "begun": test.BegunAt, "tried": test.TriedAt, "sent": test.SentAt, "arrived": test.ArrivedAt,
			"watched": test.WatchedAt, "waited": test.Waited, "fault": test.Fault, "last": test.LastArrivedAt, "ticket": test.Ticket,
		})
	return err
}

// ProbeSent records that a self-test mail got its 250, or why it did not.
func (s *Store) ProbeSent(ctx context.Context, id int64, fault string, now time.Time) error {
	_, err := s.Pool.Exec(ctx, `
		UPDATE self_test SET sent_at = CASE WHEN $2 = '' THEN $3::timestamptz END, fault = $2
		WHERE id = $1 AND arrived_at IS NULL`, id, fault, now)
	if err != nil {
		return fmt.Errorf("self-test mail %d sent: %w", id, err)
	}
	return nil
}

// ProbeArrived records that a self-test mail was read, and what was read wrongly. One that another has replaced tells
// nothing any more.
func (s *Store) ProbeArrived(ctx context.Context, id int64, fault string, now time.Time) error {
	_, err := s.Pool.Exec(ctx, `
		UPDATE self_test SET arrived_at = $3, sent_at = coalesce(sent_at, $3), fault = $2,
			last_arrived_at = CASE WHEN $2 = '' THEN $3::timestamptz ELSE last_arrived_at END
		WHERE id = $1 AND arrived_at IS NULL`, id, fault, now)
	if err != nil {
		return fmt.Errorf("self-test mail %d arrived: %w", id, err)
	}
	return nil
}
