package main

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestAStopBreaksOffWhatOnlyTends holds up the count of readings, as a storm's backlog of them does, and stops the gateway.
func TestAStopBreaksOffWhatOnlyTends(t *testing.T) {
	t.Parallel()
	gateway := startGateway(t)
	conn, err := pgx.Connect(t.Context(), gateway.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) // until then it holds its lock
	held, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.Exec(t.Context(), `LOCK TABLE reading_tally IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	eventually(t, "readings are to be counted", func() bool {
		return gateway.count(t, `SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'reading_tally'::regclass`) > 0
	})
	took, err := gateway.terminate()
	if err != nil {
		t.Errorf("stop: %v", err)
	}
	if took > stopWithin/2 {
		t.Errorf("the stop took %s", took.Round(time.Millisecond))
	}
}
