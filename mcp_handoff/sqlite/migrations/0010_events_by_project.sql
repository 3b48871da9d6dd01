-- A project's history is followed event by event.
CREATE INDEX events_by_project ON events (project_id, seq);
