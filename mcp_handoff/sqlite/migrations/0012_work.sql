-- Who holds which role of a ticket. A row stays when the role is given back or done, for its fence.
-- `until` is NULL for what never ends by itself and for what is parked; `waits_for` is the message
-- that parks it, and the former holder the one that it was taken over from.
CREATE TABLE takes (
    ticket_id      TEXT    NOT NULL REFERENCES tickets (id),
    role           TEXT    NOT NULL,
    project_id     TEXT    NOT NULL,
    number         INTEGER NOT NULL,
    urgency        INTEGER NOT NULL,
    fence          INTEGER NOT NULL,
    held           INTEGER NOT NULL,
    owner          TEXT    NOT NULL,
    session        TEXT    NOT NULL,
    actor_role     TEXT    NOT NULL,
    actor_id       TEXT,
    principal_id   TEXT    NOT NULL,
    principal_name TEXT    NOT NULL,
    actor_key      TEXT,
    principal_key  TEXT,
    taken_at       TEXT    NOT NULL,
    until          TEXT,
    parked         TEXT,
    waits_for      TEXT,
    note           TEXT,
    former_owner   TEXT,
    former_session TEXT,
    PRIMARY KEY (ticket_id, role)
) STRICT, WITHOUT ROWID;

CREATE INDEX takes_held ON takes (project_id, role, urgency, number) WHERE held = 1;
CREATE INDEX takes_by_owner ON takes (project_id, owner, role, urgency, number) WHERE held = 1;
CREATE INDEX takes_by_end ON takes (project_id, role, until) WHERE held = 1;
CREATE INDEX takes_by_question ON takes (waits_for) WHERE waits_for IS NOT NULL;

CREATE TRIGGER takes_of_changed AFTER UPDATE OF urgency ON tickets BEGIN
    UPDATE takes SET urgency = new.urgency WHERE ticket_id = new.id;
END;

-- `waits` is 1 while a message to a role has no answer.
CREATE TABLE messages (
    seq            INTEGER PRIMARY KEY,
    id             TEXT    NOT NULL UNIQUE,
    project_id     TEXT    NOT NULL,
    ticket_id      TEXT    NOT NULL REFERENCES tickets (id),
    kind           TEXT    NOT NULL,
    body           TEXT    NOT NULL,
    actor_role     TEXT    NOT NULL,
    actor_id       TEXT,
    source         TEXT    NOT NULL,
    principal_id   TEXT    NOT NULL,
    principal_name TEXT    NOT NULL,
    to_role        TEXT,
    answers        TEXT,
    waits          INTEGER NOT NULL,
    created_at     TEXT    NOT NULL
) STRICT;

CREATE INDEX messages_by_ticket ON messages (ticket_id, seq);
CREATE INDEX messages_of_handoffs ON messages (ticket_id, seq) WHERE kind = 'handoff';
CREATE INDEX messages_waiting ON messages (project_id, to_role, seq) WHERE waits = 1;

CREATE TABLE links (
    ticket_id  TEXT NOT NULL REFERENCES tickets (id),
    blocker_id TEXT NOT NULL REFERENCES tickets (id),
    PRIMARY KEY (ticket_id, blocker_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX links_by_blocker ON links (blocker_id, ticket_id);

-- How many of the tickets that it is blocked by are open.
ALTER TABLE tickets ADD COLUMN blockers INTEGER NOT NULL DEFAULT 0;

-- 1 while nothing has to come before this role's work, whoever holds it.
ALTER TABLE ticket_roles ADD COLUMN ready INTEGER NOT NULL DEFAULT 0;
UPDATE ticket_roles SET ready = 1
WHERE waits = 1 AND role <> 'merged' AND stage <> 'live' AND NOT (
    role IN ('qa', 'test') AND EXISTS (
        SELECT 1 FROM ticket_roles o
        WHERE o.ticket_id = ticket_roles.ticket_id AND o.waits = 1
            AND o.role IN ('frontend', 'backend', 'design', 'devops', 'other')
    )
);

CREATE INDEX ticket_roles_ready ON ticket_roles (project_id, role, urgency, number)
    WHERE ready = 1 AND status = 'pending';
