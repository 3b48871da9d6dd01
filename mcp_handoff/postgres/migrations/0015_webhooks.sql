-- Addresses that are told what happens. `events` are the topics as JSON, `position` is the number of
-- the newest event that was looked at for them.
CREATE TABLE webhooks (
    id              plain  NOT NULL PRIMARY KEY,
    project_id      plain  REFERENCES projects (id),
    url             TEXT   NOT NULL,
    secret          TEXT,
    format          plain  NOT NULL,
    events          TEXT   NOT NULL,
    position        BIGINT NOT NULL,
    created_at      plain  NOT NULL,
    off_since       plain,
    off_reason      TEXT,
    last_taken_at   plain,
    last_attempt_at plain,
    last_error      TEXT
);

-- What is to be sent: a run to the receiver of builds, under the run's id, or a message to a webhook.
ALTER TABLE outbox DROP CONSTRAINT outbox_run_id_fkey;
ALTER TABLE outbox RENAME COLUMN run_id TO id;
ALTER TABLE outbox ADD COLUMN webhook_id plain REFERENCES webhooks (id) ON DELETE CASCADE;
ALTER TABLE outbox ADD COLUMN event_seq BIGINT;
ALTER TABLE outbox ADD COLUMN ticket_id plain;

DROP INDEX outbox_untried;
DROP INDEX outbox_tried;
CREATE INDEX outbox_untried ON outbox (next_attempt_at) WHERE webhook_id IS NULL AND attempts = 0;
CREATE INDEX outbox_tried ON outbox (next_attempt_at) WHERE webhook_id IS NULL AND attempts > 0;
CREATE INDEX outbox_by_webhook ON outbox (webhook_id, event_seq) WHERE webhook_id IS NOT NULL;
CREATE INDEX outbox_by_ticket ON outbox (webhook_id, ticket_id, event_seq)
    WHERE webhook_id IS NOT NULL;
