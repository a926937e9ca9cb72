-- +goose Up

-- Contacts that their persons have shown to be theirs, by a code that was sent to them. They stand beside the configuration,
-- so that an export does not depend on them; another address of a contact is another row, not yet verified.
CREATE TABLE contact_verifications (
    person          text NOT NULL REFERENCES people (id),
    contact         text NOT NULL,
    address_digest  bytea NOT NULL,
    page            bigint REFERENCES pages (id), -- the message whose code is asked for; the code is derived from it
    attempts        smallint NOT NULL DEFAULT 0,  -- wrong codes since it was sent
    verified_at     timestamptz,
    PRIMARY KEY (person, contact, address_digest)
);

-- What a person was sent, newest first.
CREATE INDEX pages_by_person ON pages (person, id DESC) WHERE person IS NOT NULL;

-- +goose Down
DROP INDEX pages_by_person;
DROP TABLE contact_verifications;
