-- +goose Up

-- By what authenticators know an account: random, made with its first passkey (WebAuthn, 5.4.3).
ALTER TABLE accounts ADD COLUMN passkey_handle bytea UNIQUE;

-- Passkeys of accounts. The credential is WebAuthn's record of it: the public key, the counter, flags; nothing of it is secret.
CREATE TABLE passkeys (
    id              bytea PRIMARY KEY,
    account         text NOT NULL REFERENCES accounts (id),
    name            text NOT NULL,
    credential      jsonb NOT NULL,
    created_at      timestamptz NOT NULL,
    used_at         timestamptz,
    suspect_at      timestamptz -- when its counter went back: somebody may have a copy
);
CREATE INDEX passkeys_by_account ON passkeys (account);

-- Accounts of people whom an identity provider knows, by its own name for them; an address is never enough.
CREATE TABLE account_identities (
    issuer          text NOT NULL,
    subject         text NOT NULL,
    account         text NOT NULL REFERENCES accounts (id),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (account, issuer)
);

-- Sign-ins that were begun and wait for an answer: challenges, nonces and verifiers. Each is taken once.
CREATE TABLE ceremonies (
    token_hash      bytea PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('passkey sign-in', 'new passkey', 'single sign-on')),
    account         text NOT NULL DEFAULT '', -- whose; empty: whoever it turns out to be
    data            jsonb NOT NULL,
    expires_at      timestamptz NOT NULL
);
CREATE INDEX ceremonies_by_end ON ceremonies (expires_at);

-- +goose Down
DROP TABLE ceremonies, account_identities, passkeys;
ALTER TABLE accounts DROP COLUMN passkey_handle;
