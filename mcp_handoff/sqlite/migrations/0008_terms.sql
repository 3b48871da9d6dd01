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

-- Which words a project's tickets have, for those that are mistaken by a letter or two.
CREATE TABLE project_words (
    project_id TEXT NOT NULL,
    word       TEXT NOT NULL,
    backward   TEXT NOT NULL,
    PRIMARY KEY (project_id, word)
) STRICT, WITHOUT ROWID;

CREATE INDEX project_words_backward ON project_words (project_id, backward);
