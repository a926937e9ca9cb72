-- +goose Up

-- The words by which a ticket is found: of its number and facts, and of its mails' subjects, senders and ids. They are cut
-- and folded by the program, which cuts a query the same way; a word is found by its beginning.
ALTER TABLE tickets ADD COLUMN search tsvector NOT NULL DEFAULT '';
UPDATE tickets t SET search = array_to_tsvector(ARRAY(
    SELECT DISTINCT left(word, 100)
    FROM regexp_split_to_table(lower(concat_ws(' ', t.number, t.title, t.category, t.organisation, t.incident_id,
        array_to_string(t.alert_ids, ' '), array_to_string(t.devices, ' '), array_to_string(t.users, ' '))), '[^[:alnum:]]+') AS word
    WHERE word <> ''));
CREATE INDEX tickets_by_words ON tickets USING gin (search);
CREATE INDEX tickets_by_assignee ON tickets (assignee, number DESC) WHERE state <> 'resolved' AND assignee <> '';
CREATE INDEX tickets_unresolved ON tickets (state) WHERE state <> 'resolved';
CREATE INDEX tickets_by_creation ON tickets (created_at);

-- +goose Down
DROP INDEX tickets_by_creation, tickets_unresolved, tickets_by_assignee, tickets_by_words;
ALTER TABLE tickets DROP COLUMN search;
