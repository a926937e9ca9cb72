package oncalldb

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// lookup lets the statements after it look everything up by keys, and yields the version of the configuration. They are planned
// once for all values, which costs less than to plan them anew each time, and always for the indexes, also where a plan was made
// while the tables were empty. What is read whole all the same, a table of one row, looks so dear then that Postgres would
// compile its plan.
const lookup = `
	SELECT version, set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
		set_config('jit', 'off', true)
	FROM configuration`

// queueLookup begins a batch with lookup.
func queueLookup(batch *pgx.Batch, version *int64) {
	batch.Queue(lookup).QueryRow(func(row pgx.Row) error { return row.Scan(version, nil, nil, nil) })
}

// keyed runs a transaction whose statements look everything up by keys, as those after lookup do.
func (s *Store) keyed(ctx context.Context, do func(tx pgx.Tx) error) error {
	var version int64
	first := &pgx.Batch{}
	queueLookup(first, &version)
	return s.begin(ctx, first, func(tx *begun) error { return do(tx) })
}

// begun is a transaction that began with its first batch and may end with its last. A page costs the gateway and the database
// little beside the journeys between them: two of them, one to begin and one to end, are most of a short transaction.
type begun struct {
	*connection
	ended bool
}

type connection = pgxpool.Conn

var errNested = errors.New("a transaction within a transaction")

// begin runs a transaction whose first batch is read before do is called. Where do does not end it, it is committed after it.
func (s *Store) begin(ctx context.Context, first *pgx.Batch, do func(tx *begun) error) error {
	conn, err := s.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // which closes a connection that is in the midst of a transaction
	tx := &begun{connection: conn}
	batch := &pgx.Batch{}
	batch.Queue(`BEGIN`)
	batch.QueuedQueries = append(batch.QueuedQueries, first.QueuedQueries...)
	if err = conn.SendBatch(ctx, batch).Close(); err == nil {
		err = do(tx)
	}
	switch {
	case err != nil:
		return errors.Join(err, tx.Rollback(ctx))
	case tx.ended:
		return nil
	}
	return tx.Commit(ctx)
}

// end sends the last batch and commits with it.
func (t *begun) end(ctx context.Context, last *pgx.Batch) error {
	last.Queue(`COMMIT`)
	t.ended = true
	return t.SendBatch(ctx, last).Close()
}

// Begin implements pgx.Tx; nobody nests here.
func (t *begun) Begin(context.Context) (pgx.Tx, error) { return nil, errNested }

// Commit implements pgx.Tx.
func (t *begun) Commit(ctx context.Context) error {
	t.ended = true
	_, err := t.Exec(ctx, `COMMIT`)
	return err
}

// Rollback implements pgx.Tx. A connection that broke has rolled back.
func (t *begun) Rollback(ctx context.Context) error {
	t.ended = true
	if t.Conn().IsClosed() || t.Conn().PgConn().TxStatus() == 'I' {
		return nil
	}
	_, err := t.Exec(ctx, `ROLLBACK`)
	return err
}

// LargeObjects implements pgx.Tx.
func (t *begun) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

// Prepare implements pgx.Tx.
func (t *begun) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	return t.Conn().Prepare(ctx, name, sql)
}
