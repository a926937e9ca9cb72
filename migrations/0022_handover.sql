-- +goose Up

-- What whoever goes writes for whoever comes. Append-only.
CREATE TABLE handover_notes (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule        text NOT NULL,
    author          text NOT NULL, -- a person's id, or token:NAME
    at              timestamptz NOT NULL,
    body            text NOT NULL CHECK (char_length(body) BETWEEN 1 AND 4000)
);
CREATE INDEX handover_notes_by_schedule ON handover_notes (schedule, id DESC);
CREATE TRIGGER handover_notes_append_only BEFORE UPDATE OR DELETE ON handover_notes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER handover_notes_kept BEFORE TRUNCATE ON handover_notes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A shift that is to change hands: what one person asks of another. What comes of it is an override of the configuration.
CREATE TABLE shift_requests (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule        text NOT NULL,
    giver           text NOT NULL,            -- who is on call in the span
    taker           text NOT NULL DEFAULT '', -- who is to be; empty: whoever says yes first
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    other_starts_at timestamptz,              -- of a swap: the taker's span, which the giver takes
    other_ends_at   timestamptz,
    asked_by        text NOT NULL,
    says            text NOT NULL DEFAULT '' CHECK (char_length(says) <= 500),
    state           text NOT NULL CHECK (state IN ('asked', 'agreed', 'declined', 'withdrawn', 'expired', 'outdated')),
    reason          text NOT NULL DEFAULT '', -- why it is outdated
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    settled_at      timestamptz,
    settled_by      text NOT NULL DEFAULT '',
    CHECK (giver <> taker),
    CHECK (starts_at < ends_at),
    CHECK ((other_starts_at IS NULL) = (other_ends_at IS NULL)),
    CHECK (other_starts_at IS NULL OR taker <> '' AND other_starts_at < other_ends_at),
    CHECK ((state = 'asked') = (settled_at IS NULL))
);
CREATE INDEX shift_requests_open ON shift_requests (expires_at) WHERE state = 'asked';
CREATE INDEX shift_requests_by_schedule ON shift_requests (schedule, id DESC);

-- +goose Down
DROP TABLE shift_requests, handover_notes;
