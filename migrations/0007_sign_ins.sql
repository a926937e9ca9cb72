-- +goose Up

-- Sessions as people know them: who signed in when and from where, and which of them were ended. A session whose sign-in
-- is ended is over with its next request.
CREATE TABLE sign_ins (
    id              text PRIMARY KEY,
    account         text NOT NULL REFERENCES accounts (id),
    at              timestamptz NOT NULL,
    seen_at         timestamptz NOT NULL,
    address         text NOT NULL DEFAULT '',
    agent           text NOT NULL DEFAULT '',
    ended_at        timestamptz
);
CREATE INDEX sign_ins_open ON sign_ins (account, at) WHERE ended_at IS NULL;

-- Sessions from before cannot be listed; whoever has one signs in again.
DELETE FROM sessions;

-- +goose Down
DROP TABLE sign_ins;
