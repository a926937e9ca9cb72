-- +goose Up

-- What a day came to, in UTC, counted again whenever one of its tickets changes: the figures of a quarter need no look at
-- the tickets themselves.
CREATE TABLE insight_tickets (
    day             date NOT NULL, -- on which they were created
    severity        text NOT NULL,
    product         text NOT NULL,
    tickets         integer NOT NULL,
    unrecognised    integer NOT NULL,
    PRIMARY KEY (day, severity, product)
);
-- How long it took: tickets by spans of logarithmic length, which tickets.Spread names.
CREATE TABLE insight_times (
    day             date NOT NULL,
    what            text NOT NULL CHECK (what IN ('acknowledged', 'resolved')),
    severity        text NOT NULL,
    span            smallint NOT NULL CHECK (span >= 0),
    tickets         integer NOT NULL,
    PRIMARY KEY (day, what, severity, span)
);
-- The commonest titles of each day alone: there may be as many titles as tickets.
CREATE TABLE insight_titles (
    day             date NOT NULL,
    title           text NOT NULL,
    tickets         integer NOT NULL,
    mails           integer NOT NULL,
    dismissed       integer NOT NULL, -- resolved as a false positive or as expected
    PRIMARY KEY (day, title)
);
CREATE TABLE insight_mails (
    day             date PRIMARY KEY, -- on which they were received
    mails           integer NOT NULL,
    unrecognised    integer NOT NULL,
    unverified      integer NOT NULL,
    repeated        integer NOT NULL,
    spooled         integer NOT NULL, -- while the database was away
    late            integer NOT NULL  -- read more than a minute after they came in
);
CREATE INDEX mails_by_reception ON mails USING brin (received_at) WITH (pages_per_range = 32, autosummarize = on);

-- Days that are to be counted again, and up to which event they are known.
CREATE TABLE insight_due (day date PRIMARY KEY);
INSERT INTO insight_due SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::date FROM tickets;
CREATE TABLE insight_mark (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last_event      bigint NOT NULL,
    counted_at      timestamptz -- when the present day was counted last
);
-- Events of transactions that are still under way have ids before the newest.
INSERT INTO insight_mark (last_event) SELECT greatest(coalesce(max(id), 0) - 20000, 0) FROM ticket_events;

-- How often people were told of a ticket, by quarters of an hour, so that each zone's hours can be made of them, and how
-- often anybody did something about the ticket within a day.
CREATE TABLE insight_pages (
    slot            timestamptz PRIMARY KEY,
    pages           integer NOT NULL,
    acted           integer NOT NULL
);
CREATE TABLE insight_pages_mark (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    counted         date -- the last day that was counted; it and the two before it may still change
);
INSERT INTO insight_pages_mark DEFAULT VALUES;

-- +goose Down
DROP TABLE insight_pages_mark, insight_pages, insight_mark, insight_due;
DROP INDEX mails_by_reception;
DROP TABLE insight_mails, insight_titles, insight_times, insight_tickets;
