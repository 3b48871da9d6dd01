CREATE TABLE tokens (
    id         plain NOT NULL PRIMARY KEY,
    name       plain NOT NULL,
    role       plain NOT NULL,
    digest     plain NOT NULL,
    projects   TEXT,
    created_at plain NOT NULL,
    expires_at plain,
    revoked_at plain
);

CREATE UNIQUE INDEX tokens_by_name ON tokens (name) WHERE revoked_at IS NULL;
