-- Of what 0008 filled: an index of what is there takes a fraction of the time.
CREATE INDEX ticket_terms_by_term ON ticket_terms USING gin (terms)
    WITH (gin_pending_list_limit = 64);
CREATE INDEX project_words_backward ON project_words (project_id, backward);

-- What lists choose and order tickets by (docs/decisions/lists.md): how urgent a ticket is, who filed
-- it, and by which credential where that has another name.
ALTER TABLE tickets
    ADD COLUMN urgency INTEGER,
    ADD COLUMN actor_key plain,
    ADD COLUMN principal_key plain;

UPDATE tickets SET
    urgency = 3 * (1 - blocking) + CASE priority WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END,
    actor_key = lower(actor_id),
    principal_key = CASE
        WHEN principal_id <> 'local' AND lower(principal_name) IS DISTINCT FROM lower(actor_id)
        THEN lower(principal_name)
    END;

DROP INDEX tickets_by_status;
CREATE INDEX tickets_by_status ON tickets (project_id, status, urgency, number);
CREATE INDEX tickets_by_stage ON tickets (project_id, stage, request_type, urgency, number);
CREATE INDEX tickets_by_actor
    ON tickets (project_id, actor_key, stage, request_type, urgency, number);
CREATE INDEX tickets_by_principal
    ON tickets (project_id, principal_key, stage, request_type, urgency, number)
    WHERE principal_key IS NOT NULL;
CREATE INDEX tickets_by_update ON tickets (project_id, updated_at);

-- A role's tickets are listed by the same, so each row has it of its ticket. `waits` is 1 while the
-- role has still to act.
ALTER TABLE ticket_roles
    ADD COLUMN project_id plain,
    ADD COLUMN number BIGINT,
    ADD COLUMN stage plain,
    ADD COLUMN request_type plain,
    ADD COLUMN urgency INTEGER,
    ADD COLUMN waits INTEGER;

UPDATE ticket_roles r
SET (project_id, number, stage, request_type, urgency, waits) = (
    t.project_id, t.number, t.stage, t.request_type, t.urgency,
    (r.status IN ('pending', 'in_progress'))::integer
)
FROM tickets t WHERE t.id = r.ticket_id;

ALTER TABLE ticket_roles
    ALTER COLUMN project_id SET NOT NULL,
    ALTER COLUMN number SET NOT NULL,
    ALTER COLUMN stage SET NOT NULL,
    ALTER COLUMN request_type SET NOT NULL,
    ALTER COLUMN urgency SET NOT NULL,
    ALTER COLUMN waits SET NOT NULL,
    ADD CHECK (waits = (status IN ('pending', 'in_progress'))::integer);

CREATE INDEX ticket_roles_by_stage
    ON ticket_roles (project_id, role, waits, stage, request_type, urgency, number)
    WHERE role <> 'merged';

CREATE FUNCTION show_change_in_roles() RETURNS TRIGGER LANGUAGE plpgsql
    AS $$
        BEGIN
            UPDATE ticket_roles
            SET stage = new.stage, request_type = new.request_type, urgency = new.urgency
            WHERE ticket_id = new.id;
            RETURN NULL;
        END
    $$;

CREATE TRIGGER ticket_roles_of_changed
    AFTER UPDATE OF stage, request_type, urgency ON tickets
    FOR EACH ROW EXECUTE FUNCTION show_change_in_roles();

CREATE INDEX builds_by_status ON builds (organization_id, status, seq);
