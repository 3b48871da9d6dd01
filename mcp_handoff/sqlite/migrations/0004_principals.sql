-- Which credential was shown, beside whom its holder said it was. NULL in what is older than this.
ALTER TABLE events ADD COLUMN principal_id TEXT;
ALTER TABLE events ADD COLUMN principal_name TEXT;
ALTER TABLE tickets ADD COLUMN principal_id TEXT;
ALTER TABLE tickets ADD COLUMN principal_name TEXT;
ALTER TABLE suggestions ADD COLUMN principal_id TEXT;
ALTER TABLE suggestions ADD COLUMN principal_name TEXT;
ALTER TABLE builds ADD COLUMN principal_id TEXT;
ALTER TABLE builds ADD COLUMN principal_name TEXT;
ALTER TABLE build_runs ADD COLUMN principal_id TEXT;
ALTER TABLE build_runs ADD COLUMN principal_name TEXT;

CREATE INDEX events_of_tokens ON events (subject_id, seq)
    WHERE kind IN ('token.created', 'token.revoked');

-- What tokens kept under their names is nobody's since keys belong to credentials.
DELETE FROM idempotency WHERE principal IN (
    SELECT 'bot:' || name FROM tokens UNION SELECT 'user:' || name FROM tokens
);

-- 1 for the one organization that a store is made for, which two can't be at once. NULL in older
-- stores, of which some hold several.
ALTER TABLE organizations ADD COLUMN sole INTEGER;
CREATE UNIQUE INDEX sole_organization ON organizations (sole);
