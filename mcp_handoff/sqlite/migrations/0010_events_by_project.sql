-- A project's history is followed event by event; those of its builds did not say whose they were.
UPDATE events SET project_id = (SELECT t.project_id FROM tickets t WHERE t.id = events.ticket_id)
WHERE project_id IS NULL AND ticket_id IS NOT NULL;

CREATE INDEX events_by_project ON events (project_id, seq);
