-- Tickets that wait for others are few, and listed as those of a stage are; `blockers` is there so
-- that an index is all that is read.
CREATE INDEX tickets_blocked ON tickets (project_id, stage, request_type, urgency, number, blockers)
    WHERE blockers > 0;
