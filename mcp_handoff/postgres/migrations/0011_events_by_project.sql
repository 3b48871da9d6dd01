-- A project's history is followed event by event; those of its builds did not say whose they were.
UPDATE events SET project_id = (SELECT t.project_id FROM tickets t WHERE t.id = events.ticket_id)
WHERE project_id IS NULL AND ticket_id IS NOT NULL;

CREATE INDEX events_by_project ON events (project_id, seq);

-- A transaction takes the numbers of its events before it commits, so one may appear after higher ones.
-- Whoever is about to take some says so before, by the highest that there is: whoever follows reads
-- no further than the lowest that is said. A lock that is shared keeps nobody waiting, and ends with
-- its transaction, however that ends.
CREATE FUNCTION hold_events() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(TG_RELID::INTEGER, (newest & 2147483647)::INTEGER)
            FROM (SELECT coalesce(max(seq), 0) AS newest FROM events) AS e;
        RETURN NULL;
    END
$$;
CREATE TRIGGER events_held BEFORE INSERT ON events
    FOR EACH STATEMENT EXECUTE FUNCTION hold_events();
