-- The schema that the first version gave a SQLite file, before the step to it was edited.
CREATE TABLE organizations (
    id         TEXT NOT NULL PRIMARY KEY,
    slug       TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE projects (
    id              TEXT    NOT NULL PRIMARY KEY,
    organization_id TEXT    NOT NULL REFERENCES organizations (id),
    slug            TEXT    NOT NULL UNIQUE,
    name            TEXT    NOT NULL,
    last_number     INTEGER NOT NULL DEFAULT 0,
    created_at      TEXT    NOT NULL
) STRICT;

CREATE TABLE tickets (
    seq                  INTEGER PRIMARY KEY,
    id                   TEXT    NOT NULL UNIQUE,
    project_id           TEXT    NOT NULL REFERENCES projects (id),
    number               INTEGER NOT NULL,
    title                TEXT    NOT NULL,
    description          TEXT    NOT NULL,
    request_type         TEXT    NOT NULL,
    priority             TEXT    NOT NULL,
    blocking             INTEGER NOT NULL,
    status               TEXT    NOT NULL,
    stage                TEXT    NOT NULL,
    evidence             TEXT,
    suggested_resolution TEXT,
    implementation_notes TEXT,
    ai_output            TEXT,
    merge_sha            TEXT,
    resolution_type      TEXT,
    resolution_note      TEXT,
    resolved_at          TEXT,
    actor_role           TEXT    NOT NULL,
    actor_id             TEXT,
    source               TEXT    NOT NULL,
    -- Counts closings and reopenings: a suggestion made before one of them no longer fits.
    version              INTEGER NOT NULL DEFAULT 1,
    -- Of the actor and the whole content, to know a repeated create.
    fingerprint          INTEGER NOT NULL,
    created_at           TEXT    NOT NULL,
    updated_at           TEXT    NOT NULL,
    UNIQUE (project_id, number)
) STRICT;

CREATE INDEX tickets_by_status ON tickets (project_id, status, number);
CREATE INDEX tickets_by_fingerprint ON tickets (fingerprint);

CREATE VIRTUAL TABLE ticket_words USING fts5 (
    title,
    description,
    content = 'tickets',
    content_rowid = 'seq',
    columnsize = 0,
    tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TRIGGER ticket_words_of_new AFTER INSERT ON tickets BEGIN
    INSERT INTO ticket_words (rowid, title, description)
    VALUES (new.seq, new.title, new.description);
END;

CREATE TABLE ticket_roles (
    ticket_id  TEXT    NOT NULL REFERENCES tickets (id),
    position   INTEGER NOT NULL,
    role       TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    updated_at TEXT    NOT NULL,
    PRIMARY KEY (ticket_id, position),
    UNIQUE (ticket_id, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE suggestions (
    seq              INTEGER PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE,
    run_id           TEXT    NOT NULL,
    project_id       TEXT    NOT NULL REFERENCES projects (id),
    ticket_id        TEXT    NOT NULL REFERENCES tickets (id),
    ticket_version   INTEGER NOT NULL,
    suggestion_type  TEXT    NOT NULL,
    confidence       REAL,
    evidence         TEXT    NOT NULL,
    suggested_action TEXT,
    status           TEXT    NOT NULL,
    source           TEXT    NOT NULL,
    merge_sha        TEXT,
    pr_number        INTEGER,
    repo             TEXT,
    reason           TEXT,
    created_at       TEXT    NOT NULL,
    expires_at       TEXT    NOT NULL
) STRICT;

CREATE INDEX suggestions_by_project ON suggestions (project_id, status, seq);
CREATE INDEX suggestions_by_ticket ON suggestions (ticket_id, seq);
CREATE INDEX suggestions_by_expiry ON suggestions (expires_at) WHERE status = 'pending';

CREATE TABLE builds (
    seq             INTEGER PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE,
    organization_id TEXT    NOT NULL REFERENCES organizations (id),
    build_ref       TEXT    NOT NULL,
    display_name    TEXT    NOT NULL,
    description     TEXT,
    provider        TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    source_type     TEXT    NOT NULL,
    source_id       TEXT,
    is_active       INTEGER NOT NULL,
    metadata        TEXT,
    error_message   TEXT,
    created_by      TEXT,
    created_at      TEXT    NOT NULL,
    updated_at      TEXT    NOT NULL
) STRICT;

CREATE INDEX builds_by_organization ON builds (organization_id, seq);
CREATE INDEX builds_by_source ON builds (source_id, seq);

CREATE TABLE build_runs (
    seq           INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    ticket_id     TEXT    NOT NULL REFERENCES tickets (id),
    build_id      TEXT    NOT NULL REFERENCES builds (id),
    status        TEXT    NOT NULL,
    provider      TEXT,
    repo          TEXT,
    requested_by  TEXT,
    requested_at  TEXT    NOT NULL,
    dispatched_at TEXT,
    attempts      INTEGER NOT NULL DEFAULT 0,
    last_error    TEXT
) STRICT;

CREATE INDEX build_runs_by_ticket ON build_runs (ticket_id, seq);

CREATE TABLE outbox (
    run_id          TEXT NOT NULL PRIMARY KEY REFERENCES build_runs (id),
    payload         TEXT NOT NULL,
    next_attempt_at TEXT NOT NULL
) STRICT;

CREATE TABLE events (
    seq        INTEGER PRIMARY KEY,
    kind       TEXT NOT NULL,
    project_id TEXT,
    ticket_id  TEXT,
    subject_id TEXT NOT NULL,
    actor_role TEXT NOT NULL,
    actor_id   TEXT,
    source     TEXT NOT NULL,
    before     TEXT,
    after      TEXT,
    created_at TEXT NOT NULL
) STRICT;

CREATE INDEX events_by_ticket ON events (ticket_id, seq);

CREATE TABLE idempotency (
    principal   TEXT NOT NULL,
    operation   TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    result      TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    PRIMARY KEY (principal, operation, key)
) STRICT, WITHOUT ROWID;
