-- What lists choose and order tickets by (docs/decisions/lists.md): how urgent a ticket is, who filed
-- it, and by which credential where that has another name.
ALTER TABLE tickets ADD COLUMN urgency INTEGER;
ALTER TABLE tickets ADD COLUMN actor_key TEXT;
ALTER TABLE tickets ADD COLUMN principal_key TEXT;

UPDATE tickets SET
    urgency = 3 * (1 - blocking) + CASE priority WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END,
    actor_key = lower(actor_id),
    principal_key = CASE
        WHEN principal_id <> 'local' AND lower(principal_name) IS NOT lower(actor_id)
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
ALTER TABLE ticket_roles RENAME TO old_ticket_roles;
CREATE TABLE ticket_roles (
    ticket_id    TEXT    NOT NULL REFERENCES tickets (id),
    position     INTEGER NOT NULL,
    role         TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    updated_at   TEXT    NOT NULL,
    project_id   TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    stage        TEXT    NOT NULL,
    request_type TEXT    NOT NULL,
    urgency      INTEGER NOT NULL,
    waits        INTEGER NOT NULL,
    PRIMARY KEY (ticket_id, role),
    CHECK (waits = (status IN ('pending', 'in_progress')))
) STRICT, WITHOUT ROWID;

INSERT INTO ticket_roles
SELECT
    r.ticket_id, r.position, r.role, r.status, r.updated_at,
    t.project_id, t.number, t.stage, t.request_type, t.urgency,
    r.status IN ('pending', 'in_progress')
FROM old_ticket_roles r JOIN tickets t ON t.id = r.ticket_id;
DROP TABLE old_ticket_roles;

CREATE INDEX ticket_roles_by_stage
    ON ticket_roles (project_id, role, waits, stage, request_type, urgency, number)
    WHERE role <> 'merged';

CREATE TRIGGER ticket_roles_of_changed
    AFTER UPDATE OF stage, request_type, urgency ON tickets
BEGIN
    UPDATE ticket_roles
    SET stage = new.stage, request_type = new.request_type, urgency = new.urgency
    WHERE ticket_id = new.id;
END;

CREATE INDEX builds_by_status ON builds (organization_id, status, seq);
