-- The newest of the tickets that match, looked for in ever larger blocks of the newest: so a term
-- that every ticket has costs no more than a rare one. By how many are found in one block it goes on
-- to the block that should hold enough, or to all: each look at the index costs, whatever it finds.
-- The planner, who does not know that reading the terms themselves is slow, is left no choice but
-- the index.
CREATE OR REPLACE FUNCTION newest_tickets(words TSQUERY, blocks TSQUERY[], most INTEGER)
    RETURNS BIGINT[] LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET enable_indexscan = off SET plan_cache_mode = force_generic_plan
    AS $$
        DECLARE
            found BIGINT[];
            expected NUMERIC := most;
        BEGIN
            FOR level IN 1 .. cardinality(blocks) LOOP
                IF expected >= most THEN
                    found := ARRAY(
                        SELECT t.seq FROM ticket_terms t WHERE t.terms @@ (blocks[level] && words)
                        ORDER BY t.seq DESC LIMIT most
                    );
                    IF cardinality(found) = most THEN
                        RETURN found;
                    END IF;
                    expected := cardinality(found);
                END IF;
                expected := 4 * expected;  -- each block is as large as four of those before it
            END LOOP;
            RETURN ARRAY(
                SELECT t.seq FROM ticket_terms t WHERE t.terms @@ words
                ORDER BY t.seq DESC LIMIT most
            );
        END
    $$;

-- Every search reads what waits to be put into the index: 512 kB of it, which the first 0008 let wait,
-- took more than the index.
ALTER INDEX ticket_terms_by_term SET (gin_pending_list_limit = 64);
