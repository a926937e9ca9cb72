-- +goose Up

-- Mails that answer ours: they belong to the ticket of the page that they answer, or, where it is our own mail that came
-- back, to none. NOT VALID spares the rows that the former constraint held.
ALTER TABLE mails DROP CONSTRAINT mails_state_check, DROP CONSTRAINT mails_check;
ALTER TABLE mails ADD CONSTRAINT mails_state_check CHECK (state IN ('accepted', 'read', 'repeated', 'answered')) NOT VALID;
ALTER TABLE mails ADD CONSTRAINT mails_check CHECK (state = 'answered' OR (state = 'accepted') = (ticket IS NULL)) NOT VALID;
CREATE INDEX mails_answered ON mails (digest) WHERE state = 'answered';

-- Notices that somebody took a ticket: how many a person got of late.
CREATE INDEX pages_taken ON pages (person, created_at) WHERE type = 'page.taken';

-- +goose Down
DROP INDEX pages_taken;
DELETE FROM pages WHERE type IN ('page.taken', 'page.reply');
DROP INDEX mails_answered;
DELETE FROM mails WHERE state = 'answered' AND ticket IS NULL;
UPDATE mails SET state = 'repeated' WHERE state = 'answered';
ALTER TABLE mails DROP CONSTRAINT mails_state_check, DROP CONSTRAINT mails_check;
ALTER TABLE mails ADD CONSTRAINT mails_state_check CHECK (state IN ('accepted', 'read', 'repeated'));
ALTER TABLE mails ADD CONSTRAINT mails_check CHECK ((state = 'accepted') = (ticket IS NULL));
