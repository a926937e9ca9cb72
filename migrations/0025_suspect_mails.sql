-- +goose Up

-- Mails whose readers died more than once: each is read alone, because it may be what kills them.
CREATE INDEX mails_suspect ON mails (id) WHERE state = 'accepted' AND attempts >= 2;

-- +goose Down
DROP INDEX mails_suspect;
