-- Addresses that are told what happens. `events` are the topics as JSON, `position` is the number of
-- the newest event that was looked at for them.
CREATE TABLE webhooks (
    id              TEXT    NOT NULL PRIMARY KEY,
    project_id      TEXT    REFERENCES projects (id),
    url             TEXT    NOT NULL,
    secret          TEXT,
    format          TEXT    NOT NULL,
    events          TEXT    NOT NULL,
    position        INTEGER NOT NULL,
    created_at      TEXT    NOT NULL,
    off_since       TEXT,
    off_reason      TEXT,
    last_taken_at   TEXT,
    last_attempt_at TEXT,
    last_error      TEXT
) STRICT, WITHOUT ROWID;

-- What is to be sent: a run to the receiver of builds, under the run's id, or a message to a webhook.
DROP INDEX outbox_untried;
DROP INDEX outbox_tried;
ALTER TABLE outbox RENAME TO outbox_of_runs;

CREATE TABLE outbox (
    id              TEXT    NOT NULL PRIMARY KEY,
    webhook_id      TEXT    REFERENCES webhooks (id) ON DELETE CASCADE,
    event_seq       INTEGER,
    ticket_id       TEXT,
    payload         TEXT    NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TEXT    NOT NULL,
    lease           TEXT,
    leased_until    TEXT
) STRICT;

INSERT INTO outbox (id, payload, attempts, next_attempt_at, lease, leased_until)
SELECT run_id, payload, attempts, next_attempt_at, lease, leased_until FROM outbox_of_runs;
DROP TABLE outbox_of_runs;

CREATE INDEX outbox_untried ON outbox (next_attempt_at) WHERE webhook_id IS NULL AND attempts = 0;
CREATE INDEX outbox_tried ON outbox (next_attempt_at) WHERE webhook_id IS NULL AND attempts > 0;
CREATE INDEX outbox_by_webhook ON outbox (webhook_id, event_seq) WHERE webhook_id IS NOT NULL;
CREATE INDEX outbox_by_ticket ON outbox (webhook_id, ticket_id, event_seq)
    WHERE webhook_id IS NOT NULL;
