-- Identifiers, words and instants are compared byte by byte, whatever the database's locale.
CREATE DOMAIN plain AS TEXT COLLATE "C";

CREATE TABLE organizations (
    id         plain NOT NULL PRIMARY KEY,
    slug       plain NOT NULL UNIQUE,
    created_at plain NOT NULL
);

CREATE TABLE projects (
    id              plain  NOT NULL PRIMARY KEY,
    organization_id plain  NOT NULL REFERENCES organizations (id),
    slug            plain  NOT NULL UNIQUE,
    name            TEXT   NOT NULL,
    last_number     BIGINT NOT NULL DEFAULT 0,
    created_at      plain  NOT NULL
);

CREATE TABLE tickets (
    seq                  BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id                   plain   NOT NULL UNIQUE,
    project_id           plain   NOT NULL REFERENCES projects (id),
    number               BIGINT  NOT NULL,
    title                TEXT    NOT NULL,
    description          TEXT    NOT NULL,
    request_type         plain   NOT NULL,
    priority             plain   NOT NULL,
    blocking             INTEGER NOT NULL,
    status               plain   NOT NULL,
    stage                plain   NOT NULL,
    evidence             TEXT,
    suggested_resolution TEXT,
    implementation_notes TEXT,
    ai_output            TEXT,
    merge_sha            plain,
    resolution_type      plain,
    resolution_note      TEXT,
    resolved_at          plain,
    actor_role           plain   NOT NULL,
    actor_id             TEXT,
    source               plain   NOT NULL,
    -- Counts closings and reopenings: a suggestion made before one of them no longer fits.
    version              BIGINT  NOT NULL DEFAULT 1,
    -- Of the actor and the whole content, to know a repeated create.
    fingerprint          BIGINT  NOT NULL,
    created_at           plain   NOT NULL,
    updated_at           plain   NOT NULL,
    UNIQUE (project_id, number)
);

CREATE INDEX tickets_by_status ON tickets (project_id, status, number);
CREATE INDEX tickets_by_fingerprint ON tickets (fingerprint);

-- The words of a ticket without their diacritics, and its project as one more of them: a search
-- then never walks through the tickets of other projects. ASCII and common Unicode punctuation
-- separates words; the parser of PostgreSQL would take "cart/limits.py" for one.
CREATE FUNCTION ticket_words(project_id TEXT, title TEXT, description TEXT) RETURNS TSVECTOR
    LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1000
    AS $$
        SELECT to_tsvector(
            'pg_catalog.simple',
            'p' || replace(project_id, '-', '') || ' ' || regexp_replace(
                regexp_replace(
                    normalize(title || ' ' || description, NFD), '[\u0300-\u036f]+', '', 'g'
                ),
                '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u303f]+',
                ' ',
                'g'
            )
        )
    $$;

CREATE INDEX tickets_by_word ON tickets USING gin (ticket_words(project_id, title, description));

CREATE TABLE ticket_roles (
    ticket_id  plain   NOT NULL REFERENCES tickets (id),
    position   INTEGER NOT NULL,
    role       plain   NOT NULL,
    status     plain   NOT NULL,
    updated_at plain   NOT NULL,
    PRIMARY KEY (ticket_id, role)
);

CREATE TABLE suggestions (
    seq              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id               plain  NOT NULL UNIQUE,
    run_id           plain  NOT NULL,
    project_id       plain  NOT NULL REFERENCES projects (id),
    ticket_id        plain  NOT NULL REFERENCES tickets (id),
    ticket_version   BIGINT NOT NULL,
    suggestion_type  plain  NOT NULL,
    confidence       DOUBLE PRECISION,
    evidence         TEXT   NOT NULL,
    suggested_action plain,
    status           plain  NOT NULL,
    source           plain  NOT NULL,
    merge_sha        plain,
    pr_number        BIGINT,
    repo             TEXT,
    reason           TEXT,
    created_at       plain  NOT NULL,
    expires_at       plain  NOT NULL
);

CREATE INDEX suggestions_by_project ON suggestions (project_id, status, seq);
CREATE INDEX suggestions_by_ticket ON suggestions (ticket_id, seq);
CREATE INDEX suggestions_by_expiry ON suggestions (expires_at) WHERE status = 'pending';

CREATE TABLE builds (
    seq             BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              plain   NOT NULL UNIQUE,
    organization_id plain   NOT NULL REFERENCES organizations (id),
    build_ref       TEXT    NOT NULL,
    display_name    TEXT    NOT NULL,
    description     TEXT,
    provider        TEXT    NOT NULL,
    status          plain   NOT NULL,
    source_type     plain   NOT NULL,
    source_id       plain,
    is_active       INTEGER NOT NULL,
    metadata        TEXT,
    error_message   TEXT,
    created_by      TEXT,
    created_at      plain   NOT NULL,
    updated_at      plain   NOT NULL
);

CREATE INDEX builds_by_organization ON builds (organization_id, seq);
CREATE INDEX builds_by_source ON builds (source_id, seq);

CREATE TABLE build_runs (
    seq           BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            plain   NOT NULL UNIQUE,
    ticket_id     plain   NOT NULL REFERENCES tickets (id),
    build_id      plain   NOT NULL REFERENCES builds (id),
    status        plain   NOT NULL,
    provider      TEXT,
    repo          TEXT,
    requested_by  TEXT,
    requested_at  plain   NOT NULL,
    dispatched_at plain,
    attempts      INTEGER NOT NULL DEFAULT 0,
    last_error    TEXT
);

CREATE INDEX build_runs_by_ticket ON build_runs (ticket_id, seq);

CREATE TABLE outbox (
    run_id          plain NOT NULL PRIMARY KEY REFERENCES build_runs (id),
    payload         TEXT  NOT NULL,
    next_attempt_at plain NOT NULL
);

CREATE TABLE events (
    seq        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       plain  NOT NULL,
    project_id plain,
    ticket_id  plain,
    subject_id plain  NOT NULL,
    actor_role plain  NOT NULL,
    actor_id   TEXT,
    source     plain  NOT NULL,
    before     TEXT,
    after      TEXT,
    created_at plain  NOT NULL
);

CREATE INDEX events_by_ticket ON events (ticket_id, seq);

CREATE TABLE idempotency (
    principal   TEXT  NOT NULL,
    operation   plain NOT NULL,
    key         TEXT  NOT NULL,
    fingerprint plain NOT NULL,
    result      TEXT  NOT NULL,
    created_at  plain NOT NULL,
    PRIMARY KEY (principal, operation, key)
);
