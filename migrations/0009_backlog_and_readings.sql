-- +goose Up

-- Mail that came from files. A mail of the same bytes is imported once, however often the import runs; the index holds
-- the imported alone, so that live mail does not pay for it.
ALTER TABLE mails ADD COLUMN imported boolean NOT NULL DEFAULT false;
CREATE INDEX mails_imported ON mails (digest) WHERE imported;
CREATE INDEX mails_unrecognised ON mails (id) WHERE alert ->> 'kind' = 'unrecognised';

-- Stored mails that are being read again: how far a run has come, so that it goes on where it was interrupted.
CREATE TABLE reparses (
    scope           text PRIMARY KEY, -- all, or unrecognised
    runner          text NOT NULL,    -- who goes on with it: command, or desk for every process that serves
    actor           text NOT NULL,
    started_at      timestamptz NOT NULL,
    upto            bigint NOT NULL,  -- the last mail of the run
    last_mail       bigint NOT NULL DEFAULT 0,
    mails           integer NOT NULL DEFAULT 0, -- read again so far
    changed         integer NOT NULL DEFAULT 0  -- of them, read differently
);

-- Rules by which administrators teach the reading of mails.
CREATE TABLE readings (
    id              text PRIMARY KEY,
    position        integer NOT NULL,
    definition      jsonb NOT NULL
);

-- How well mails were read: of the mails of a kind in a week, how many had a field. A week begins on Monday, in UTC.
CREATE TABLE reading_weeks (
    week            date NOT NULL,
    kind            text NOT NULL,
    field           text NOT NULL,
    mails           integer NOT NULL,
    found           integer NOT NULL,
    PRIMARY KEY (week, kind, field)
);
CREATE TABLE reading_tally (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last_mail       bigint NOT NULL DEFAULT 0 -- counted up to this one
);
INSERT INTO reading_tally DEFAULT VALUES;

-- +goose Down
DROP TABLE reading_tally, reading_weeks, readings, reparses;
DROP INDEX mails_unrecognised, mails_imported;
ALTER TABLE mails DROP COLUMN imported;
