-- +goose Up

-- A mail of Defender's is mostly markup: lz4 takes less time than writing what it saves. What stands there already stays as it is.
-- +goose StatementBegin
DO $$
BEGIN
    ALTER TABLE mail_bodies ALTER COLUMN raw SET COMPRESSION lz4;
    ALTER TABLE mail_bodies ALTER COLUMN raw SET STORAGE EXTENDED;
EXCEPTION WHEN feature_not_supported THEN -- a server that was built without lz4 goes on storing bodies as they are
END
$$;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE mail_bodies ALTER COLUMN raw SET COMPRESSION default;
ALTER TABLE mail_bodies ALTER COLUMN raw SET STORAGE EXTERNAL;
