-- Repositories whose forge tells a project what happens there; `secret` is what it signs with, and
-- `key` the name without its case.
CREATE TABLE repositories (
    id               plain NOT NULL PRIMARY KEY,
    project_id       plain NOT NULL REFERENCES projects (id),
    forge            plain NOT NULL,
    name             TEXT  NOT NULL,
    key              plain NOT NULL,
    secret           TEXT  NOT NULL,
    created_at       plain NOT NULL,
    last_delivery_at plain,
    UNIQUE (forge, key)
);

CREATE INDEX repositories_by_project ON repositories (project_id);

-- What was taken, so that what is delivered again is not.
CREATE TABLE deliveries (
    repository_id plain NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    id            plain NOT NULL,
    taken_at      plain NOT NULL,
    PRIMARY KEY (repository_id, id)
);

CREATE INDEX deliveries_by_time ON deliveries (taken_at);

-- A pull request is the change `#50`, a commit that was pushed to the default branch its sha. What
-- either says is kept as what it mentions and reverts. `lands` is 1 for what goes into the default
-- branch, `landed_at` when it did.
CREATE TABLE pull_requests (
    repository_id plain   NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    change        plain   NOT NULL,
    number        INTEGER NOT NULL,
    title         TEXT    NOT NULL,
    url           TEXT    NOT NULL,
    state         plain   NOT NULL,
    draft         INTEGER NOT NULL,
    lands         INTEGER NOT NULL,
    head_sha      plain   NOT NULL,
    merge_sha     plain,
    changed_at    plain   NOT NULL,
    landed_at     plain,
    PRIMARY KEY (repository_id, change)
);

CREATE INDEX pull_requests_by_head ON pull_requests (repository_id, head_sha);
CREATE INDEX pull_requests_by_merge ON pull_requests (repository_id, merge_sha)
    WHERE merge_sha IS NOT NULL;

-- `push` is the newest commit of those that came with it, `place` its place among them.
CREATE TABLE commits (
    repository_id plain   NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    change        plain   NOT NULL,
    push          plain   NOT NULL,
    place         INTEGER NOT NULL,
    landed_at     plain   NOT NULL,
    PRIMARY KEY (repository_id, change)
);

CREATE INDEX commits_by_push ON commits (repository_id, push, place);

CREATE TABLE mentions (
    ticket_id     plain   NOT NULL REFERENCES tickets (id),
    repository_id plain   NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    change        plain   NOT NULL,
    closes        INTEGER NOT NULL,
    PRIMARY KEY (ticket_id, repository_id, change)
);

CREATE INDEX mentions_by_change ON mentions (repository_id, change);

-- `reverted` is what a change takes back, by its name; a hash ends with ^ where it is a merge, taken
-- back with all that came by it.
CREATE TABLE reverts (
    repository_id plain NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    reverted      plain NOT NULL,
    change        plain NOT NULL,
    PRIMARY KEY (repository_id, reverted, change)
);

CREATE INDEX reverts_by_change ON reverts (repository_id, change);

CREATE TABLE checks (
    repository_id plain NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    sha           plain NOT NULL,
    name          TEXT  NOT NULL,
    state         plain NOT NULL,
    changed_at    plain NOT NULL,
    PRIMARY KEY (repository_id, sha, name)
);

CREATE TABLE deployments (
    repository_id plain NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    sha           plain NOT NULL,
    environment   plain NOT NULL,
    state         plain NOT NULL,
    changed_at    plain NOT NULL,
    PRIMARY KEY (repository_id, sha, environment, state)
);

-- What was seen of a suggestion's merge: by a checkout while it is pending, and all that its close
-- rested on once it is executed.
ALTER TABLE suggestions ADD COLUMN proof TEXT;

ALTER TABLE tickets ADD COLUMN deployed_at plain;
ALTER TABLE tickets ADD COLUMN deploy_failed_at plain;

-- What a project asks for, 1 for yes.
ALTER TABLE projects ADD COLUMN auto_close INTEGER NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN require_proof INTEGER NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN four_eyes INTEGER NOT NULL DEFAULT 0;

CREATE INDEX tickets_by_merge ON tickets (project_id, merge_sha) WHERE merge_sha IS NOT NULL;
