-- +goose Up

-- Each key stood in two indexes in the order of its text, which is at random: of millions, each mail wrote to four pages all over
-- them, and each page went whole into the journal after each checkpoint. One of them keeps the keys unique; the other one only
-- finds them, for which a hash of the key does, in a fifth of the space. By ticket they stand where the ones before them stand.
ALTER TABLE ticket_keys DROP CONSTRAINT ticket_keys_pkey;
ALTER TABLE ticket_keys ADD CONSTRAINT ticket_keys_pkey PRIMARY KEY (ticket, key);
CREATE INDEX ticket_keys_by_key ON ticket_keys USING hash (key);
DROP INDEX ticket_keys_by_ticket;

-- +goose Down
CREATE INDEX ticket_keys_by_ticket ON ticket_keys (ticket);
DROP INDEX ticket_keys_by_key;
ALTER TABLE ticket_keys DROP CONSTRAINT ticket_keys_pkey;
ALTER TABLE ticket_keys ADD CONSTRAINT ticket_keys_pkey PRIMARY KEY (key, ticket);
