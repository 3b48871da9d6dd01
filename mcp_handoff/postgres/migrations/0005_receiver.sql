-- Those that were never tried go first.
ALTER TABLE outbox ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
UPDATE outbox SET attempts = (SELECT r.attempts FROM build_runs r WHERE r.id = outbox.run_id);

DROP INDEX outbox_by_time;
CREATE INDEX outbox_untried ON outbox (next_attempt_at) WHERE attempts = 0;
CREATE INDEX outbox_tried ON outbox (next_attempt_at) WHERE attempts > 0;
