ALTER TABLE outbox ADD COLUMN lease plain;
ALTER TABLE outbox ADD COLUMN leased_until plain;

CREATE INDEX outbox_by_time ON outbox (next_attempt_at);

ALTER TABLE build_runs ADD COLUMN next_attempt_at plain;
ALTER TABLE build_runs ADD COLUMN url TEXT;

CREATE INDEX build_runs_by_build ON build_runs (build_id);
