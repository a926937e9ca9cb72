-- +goose Up

-- What is asked of a ticket's pages at each send is asked of all of their types: without an index for it the planner read
-- every older page. A ticket that is deleted is looked for in both tables, too.
DROP INDEX pages_by_ticket;
CREATE INDEX pages_by_ticket ON pages (ticket, id);
CREATE INDEX tickets_merged ON tickets (merged_into) WHERE merged_into IS NOT NULL;

-- +goose Down
DROP INDEX tickets_merged, pages_by_ticket;
CREATE INDEX pages_by_ticket ON pages (ticket, id) WHERE type = 'page';
