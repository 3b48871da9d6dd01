-- By which terms tickets are found, made in Python (terms.py), so that both databases find the same.
-- Apart from the tickets: what changes in a ticket otherwise does not touch the index.
DROP INDEX tickets_by_word;
DROP FUNCTION ticket_words(TEXT, TEXT, TEXT);

CREATE TABLE ticket_terms (
    seq   BIGINT   NOT NULL PRIMARY KEY REFERENCES tickets (seq),
    terms TSVECTOR NOT NULL
) WITH (toast_tuple_target = 128);

-- Which words a project's tickets have, for those that are mistaken by a letter or two.
CREATE TABLE project_words (
    project_id plain NOT NULL,
    word       plain NOT NULL,
    backward   plain NOT NULL,
    PRIMARY KEY (project_id, word)
);
