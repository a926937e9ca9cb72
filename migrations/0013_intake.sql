-- +goose Up

-- Who sent a mail, by SPF, DKIM, DMARC and the word of a trusted relay; on the ticket that of its first mail.
ALTER TABLE mails ADD COLUMN authentication jsonb;
ALTER TABLE tickets ADD COLUMN authentication jsonb;

-- A mail that waited in a spool while the database was away keeps its id from there: handed over twice, it comes in once.
ALTER TABLE mails ADD COLUMN spooled text;
CREATE UNIQUE INDEX mails_spooled ON mails (spooled) WHERE spooled IS NOT NULL;

-- What was done about such a mail meanwhile: who was told and who acknowledged. Its ticket's pages and timeline take it
-- over once the mail is read.
CREATE TABLE outage_events (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail            bigint NOT NULL REFERENCES mails (id),
    at              timestamptz NOT NULL,
    type            text NOT NULL CHECK (type IN ('told', 'failed', 'acknowledged')),
    person          text NOT NULL DEFAULT '',
    webhook         text NOT NULL DEFAULT '',
    contact         text NOT NULL DEFAULT '',
    channel         text NOT NULL DEFAULT '',
    detail          text NOT NULL DEFAULT '',
    token_hash      bytea,
    reconciled      boolean NOT NULL DEFAULT false
);
CREATE INDEX outage_events_open ON outage_events (mail) WHERE NOT reconciled;

-- The addresses that mail comes in at: sender policy and dead-man's switch of each.
CREATE TABLE intakes (
    id              text PRIMARY KEY,
    position        integer NOT NULL,
    definition      jsonb NOT NULL
);
CREATE TABLE intake_watch (
    intake          text PRIMARY KEY,
    since           timestamptz NOT NULL, -- from when mail is expected
    last_mail_at    timestamptz,
    silent_ticket   bigint REFERENCES tickets (number) -- the ticket that tells of the silence; null while mail comes
);
CREATE TABLE intake_watch_mark (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    mail            bigint NOT NULL DEFAULT 0 -- the newest mail that was counted
);
INSERT INTO intake_watch_mark DEFAULT VALUES;

-- Unverified mail has a budget of single pages for each of those addresses.
ALTER TABLE pages ADD COLUMN intake text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE pages DROP COLUMN intake;
DROP TABLE intake_watch_mark, intake_watch, intakes, outage_events;
DROP INDEX mails_spooled;
ALTER TABLE mails DROP COLUMN spooled, DROP COLUMN authentication;
ALTER TABLE tickets DROP COLUMN authentication;
