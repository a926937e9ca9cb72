package migrations_test

import (
	"slices"
	"testing"

	"afterhours/migrations/pgtest"

	"github.com/jackc/pgx/v5"
)

// few are references out of or into tables that stay small.
var few = []string{
	"calendar_feeds_account_fkey", "contact_verifications_page_fkey", "intake_watch_silent_ticket_fkey", "login_links_account_fkey",
	"playbook_runs_undo_of_fkey", "self_test_ticket_fkey", "sign_ins_account_fkey",
}

// TestEveryReferenceIsFoundByAnIndex holds the rows of a ticket, a page or a person to an index over all of them: one that
// leaves some out serves neither a deletion nor a question about all, and the table is read from its beginning.
func TestEveryReferenceIsFoundByAnIndex(t *testing.T) {
	t.Parallel()
	rows, err := pgtest.New(t).Query(t.Context(), `
		SELECT c.conname FROM pg_constraint c
		WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND NOT EXISTS (
			SELECT FROM pg_index i
			WHERE i.indrelid = c.conrelid AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey
				AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) ~ '^\(\w+ IS NOT NULL\)$'))
		ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(missing, few) {
		t.Errorf("references without an index: %q, want only %q", missing, few)
	}
}
