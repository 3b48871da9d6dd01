-- A ticket's terms are a text, one a line. The first line has two beginnings: each term is looked up
-- with the one or the other before it, in the small or in the large block of its ticket's number, so
-- that the newest tickets with a term are read block by block and no list of a common term as a whole.
-- The text is filled up to the length from which on PostgreSQL keeps it out of the row: a page then
-- has a hundred tickets instead of eight.
DROP INDEX ticket_terms_by_term;
DROP FUNCTION newest_tickets(TSQUERY, TSQUERY[], INTEGER);

CREATE FUNCTION lines_of(ticket BIGINT, terms TSVECTOR) RETURNS TEXT LANGUAGE plpgsql STABLE AS $$
    DECLARE
        scope TEXT;
        blocks TEXT;
        lines TEXT := E'\n' || array_to_string(tsvector_to_array(terms), E'\n');
    BEGIN
        SELECT right(t.project_id, 8) || left(t.status, 1), t.number INTO scope, blocks
            FROM tickets t WHERE t.seq = ticket;
        blocks := format('%s/%s/ %s//%s/', scope, blocks::BIGINT >> 10, scope, blocks::BIGINT >> 16);
        lines := regexp_replace(replace(lines, E'\n' || scope, E'\n'), '\n/\d+/\d+', '', 'g');
        RETURN rpad(blocks || lines, 2100, E'\n');
    END
$$;
ALTER TABLE ticket_terms ALTER COLUMN terms TYPE TEXT USING lines_of(seq, terms);
DROP FUNCTION lines_of(BIGINT, TSVECTOR);

CREATE FUNCTION terms_in_blocks(terms TEXT) RETURNS TSVECTOR
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
        DECLARE
            line CONSTANT TEXT := E'\n';
            blocks TEXT := split_part(terms, line, 1);
            lines TEXT := rtrim(substr(terms, strpos(terms, line)), line);
        BEGIN
            lines := replace(lines, line, line || split_part(blocks, ' ', 1))
                || replace(lines, line, line || split_part(blocks, ' ', 2));
            RETURN array_to_tsvector(string_to_array(substr(lines, 2), line));
        END
    $$;
-- What waits to be put into the index would be read again for every block.
CREATE INDEX ticket_terms_by_term ON ticket_terms USING gin (terms_in_blocks(terms))
    WITH (fastupdate = off);

-- The newest of the tickets that match each lookup, in which @ stands for the block: those of the
-- small blocks near the newest or, where they are too few, of the large ones. The blocks of either are
-- read from the newest on until there are enough. The planner, who does not know that reading the
-- terms themselves is slow, is left no choice but the index.
CREATE FUNCTION newest_tickets(lookups TEXT[], near TEXT[], far TEXT[], most INTEGER)
    RETURNS TABLE (seqs BIGINT[]) LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET enable_indexscan = off SET jit = off
    SET plan_cache_mode = force_generic_plan
    AS $$
        DECLARE
            lookup TEXT;
            blocks TEXT[];
        BEGIN
            FOREACH lookup IN ARRAY lookups LOOP
                FOR blocks IN SELECT near UNION ALL SELECT far WHERE cardinality(far) > 0 LOOP
                    seqs := ARRAY(
                        SELECT t.seq
                        FROM unnest(blocks) AS block, LATERAL (
                            SELECT tt.seq FROM ticket_terms tt
                            WHERE terms_in_blocks(tt.terms) @@ replace(lookup, '@', block)::TSQUERY
                            ORDER BY tt.seq DESC LIMIT most
                        ) AS t
                        LIMIT most
                    );
                    EXIT WHEN cardinality(seqs) = most;
                END LOOP;
                RETURN NEXT;
            END LOOP;
        END
    $$;
