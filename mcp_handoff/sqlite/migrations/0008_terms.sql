-- By which terms tickets are found: FTS5 keeps no texts and splits at spaces alone, the terms are
-- made in Python (terms.py), so that both databases find the same.
DROP TRIGGER ticket_words_of_new;
DROP TABLE ticket_words;
ALTER TABLE tickets DROP COLUMN scope;

CREATE VIRTUAL TABLE ticket_terms USING fts5 (
    terms,
    content = '',
    contentless_delete = 1,
    detail = none,
    tokenize = "ascii tokenchars '@=^/'"
);
