-- By which terms tickets are found, made in Python (terms.py), so that both databases find the same.
-- Apart from the tickets: what changes in a ticket otherwise does not touch the index.
DROP INDEX tickets_by_word;
DROP FUNCTION ticket_words(TEXT, TEXT, TEXT);

CREATE TABLE ticket_terms (
    seq   BIGINT   NOT NULL PRIMARY KEY REFERENCES tickets (seq),
    terms TSVECTOR NOT NULL
) WITH (toast_tuple_target = 128);

-- The newest of the tickets that match, looked for in ever larger blocks of the newest: so a term
-- that every ticket has costs no more than a rare one. The planner, who does not know that reading
-- the terms themselves is slow, is left no choice but the index.
CREATE FUNCTION newest_tickets(words TSQUERY, blocks TSQUERY[], most INTEGER)
    RETURNS BIGINT[] LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET enable_indexscan = off SET plan_cache_mode = force_generic_plan
    AS $$
        DECLARE
            block TSQUERY;
            found BIGINT[];
        BEGIN
            FOREACH block IN ARRAY blocks LOOP
                found := ARRAY(
                    SELECT t.seq FROM ticket_terms t WHERE t.terms @@ (block && words)
                    ORDER BY t.seq DESC LIMIT most
                );
                IF cardinality(found) = most THEN
                    RETURN found;
                END IF;
            END LOOP;
            RETURN ARRAY(
                SELECT t.seq FROM ticket_terms t WHERE t.terms @@ words
                ORDER BY t.seq DESC LIMIT most
            );
        END
    $$;

-- Which words a project's tickets have, for those that are mistaken by a letter or two.
CREATE TABLE project_words (
    project_id plain NOT NULL,
    word       plain NOT NULL,
    backward   plain NOT NULL,
    PRIMARY KEY (project_id, word)
);
