-- +goose Up

-- A search shows the newest tickets first: with their ages beside their words in one index, only the newest of those with a word
-- are read, however many there are. Ages are runs of 8,192 numbers.
CREATE INDEX tickets_by_words_and_age ON tickets USING gin (search, (ARRAY[number >> 13]));
DROP INDEX tickets_by_words;

-- +goose Down
CREATE INDEX tickets_by_words ON tickets USING gin (search);
DROP INDEX tickets_by_words_and_age;
