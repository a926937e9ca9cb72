-- +goose Up

CREATE TABLE accounts (
    id              text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9._-]{0,63}$'), -- the person's id where it is one
    name            text NOT NULL,
    email           text NOT NULL,
    role            text NOT NULL CHECK (role IN ('viewer', 'responder', 'admin')),
    password_hash   text NOT NULL DEFAULT '', -- argon2id; empty: only a sign-in link lets them in
    disabled_at     timestamptz,
    created_at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX accounts_by_email ON accounts (lower(email));

-- Links that let one person in once: the first administrator's, and the demo's.
CREATE TABLE login_links (
    token_hash      bytea PRIMARY KEY,
    account         text REFERENCES accounts (id), -- null: whoever opens it makes the first administrator
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz
);

CREATE TABLE tokens (
    name            text PRIMARY KEY,
    token_hash      bytea NOT NULL UNIQUE,
    role            text NOT NULL CHECK (role IN ('viewer', 'responder', 'admin')),
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz,
    revoked_at      timestamptz
);

CREATE TABLE sessions (
    token           text PRIMARY KEY,
    data            bytea NOT NULL,
    expiry          timestamptz NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expiry);

-- +goose Down
DROP TABLE sessions, tokens, login_links, accounts;
