-- Who is told of triggered builds; one row at most.
CREATE TABLE receiver (
    id            BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    origin        plain  NOT NULL,
    url_digest    plain  NOT NULL,
    secret_digest plain  NOT NULL,
    set_at        plain  NOT NULL
);

-- Those that were never tried go first.
ALTER TABLE outbox ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
UPDATE outbox SET attempts = (SELECT r.attempts FROM build_runs r WHERE r.id = outbox.run_id);

DROP INDEX outbox_by_time;
CREATE INDEX outbox_untried ON outbox (next_attempt_at) WHERE attempts = 0;
CREATE INDEX outbox_tried ON outbox (next_attempt_at) WHERE attempts > 0;

-- What was triggered where nobody was told waits for whoever will be.
INSERT INTO outbox (run_id, payload, next_attempt_at)
SELECT
    r.id,
    json_build_object(
        'project_id', t.project_id, 'ticket_id', t.id,
        'reference', 'HO-' || t.number || '-' || p.slug, 'title', t.title,
        'build_id', r.build_id, 'provider', r.provider, 'repo', r.repo, 'run_id', r.id
    )::text,
    r.requested_at
FROM build_runs r
JOIN tickets t ON t.id = r.ticket_id
JOIN projects p ON p.id = t.project_id
WHERE r.status = 'queued' AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.run_id = r.id);

-- When a run was last heard of, and why it is taken to have failed though it never said so.
ALTER TABLE build_runs ADD COLUMN changed_at plain;
ALTER TABLE build_runs ADD COLUMN given_up plain;
UPDATE build_runs SET changed_at = coalesce(dispatched_at, requested_at);

CREATE INDEX build_runs_by_change ON build_runs (changed_at)
    WHERE status IN ('dispatched', 'running');
