-- +goose Up

-- Invitations to make an account. The link that was mailed stands here as a digest alone; one that is sent again is another
-- row, so that the former link can say so.
CREATE TABLE invitations (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash      bytea NOT NULL UNIQUE,
    email           text NOT NULL,
    name            text NOT NULL DEFAULT '', -- proposed to whoever is invited
    role            text NOT NULL CHECK (role IN ('viewer', 'responder', 'admin')),
    person          text NOT NULL DEFAULT '', -- whose account it becomes; empty: nobody who is paged
    invited_by      text NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    sent_at         timestamptz, -- when a mail server took it
    send_error      text NOT NULL DEFAULT '', -- why none did
    ended_at        timestamptz,
    ending          text CHECK (ending IN ('used', 'revoked', 'replaced')),
    CHECK ((ended_at IS NULL) = (ending IS NULL))
);
CREATE UNIQUE INDEX invitations_open ON invitations (lower(email)) WHERE ending IS NULL;

-- +goose Down
DROP TABLE invitations;
