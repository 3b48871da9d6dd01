-- What the first version's own server wrote into its store when agents called its tools, row by row
-- in the order in which it did. It fits SQLite and PostgreSQL.

INSERT INTO organizations (
    id, slug, created_at
)
VALUES (
    '01a2264d-54d5-7391-bf2f-763121370b8e', 'default', '2026-11-29T07:55:31.925Z'
);

INSERT INTO projects (
    id, organization_id, slug, name, last_number, created_at
)
VALUES (
    '01a2264d-54d5-7391-bf2f-7632f4c13a7c', '01a2264d-54d5-7391-bf2f-763121370b8e', 'shop', 'shop',
    2, '2026-11-29T07:55:31.925Z'
), (
    '01a2264d-752e-7368-9b4a-e4a856662522', '01a2264d-54d5-7391-bf2f-763121370b8e', 'web', 'web', 1,
    '2026-11-29T07:55:40.206Z'
);

INSERT INTO tickets (
    id, project_id, number, title, description, request_type, priority, blocking, status, stage,
    evidence, ai_output, merge_sha, actor_role, actor_id, source, version, fingerprint, created_at,
    updated_at
)
VALUES (
    '01a2264d-54d6-7642-8575-0a6e7b6a3ba6', '01a2264d-54d5-7391-bf2f-7632f4c13a7c', 1,
    'Checkout fails from the 100th item on',
    'POST /checkout answers 500 from the 100th item on; 99 items work. Smörgåsbord 🚚.', 'bug',
    'high', 0, 'open', 'validation', '{"status": 500, "file": "cart/limits.py"}',
    '{"build_run": {"id": "01a2264d-557d-75a4-815d-7f2d25b0731a", "build_id": "01a2264d-557d-75a4-815d-7f2ee2270152", "status": "queued", "provider": "docker", "repo": "acme/shop", "requested_by": "agent-1", "requested_at": "2026-11-29T07:55:32.093Z", "dispatched_at": null, "attempts": 0, "last_error": null}}',
    '9f2c1e7ab4d0', 'bot', 'agent-1', 'bot', 1, -1841936285681019574, '2026-11-29T07:55:31.925Z',
    '2026-11-29T07:55:36.233Z'
), (
    '01a2264d-5579-7570-861b-031288290955', '01a2264d-54d5-7391-bf2f-7632f4c13a7c', 2,
    'Show the delivery date in the basket', 'People ask when their things will come.',
    'feature_request', 'low', 1, 'open', 'backlog', NULL, NULL, NULL, 'bot', 'agent-1', 'bot', 1,
    4441685617155865240, '2026-11-29T07:55:32.088Z', '2026-11-29T07:55:32.088Z'
), (
    '01a2264d-752f-7452-b771-aac11bab897b', '01a2264d-752e-7368-9b4a-e4a856662522', 1,
    'The footer covers the cookie banner', 'On phones nothing can be accepted.', 'bug', 'medium', 0,
    'open', 'backlog', NULL, NULL, NULL, 'bot', 'agent-2', 'bot', 1, -7056924331605294343,
    '2026-11-29T07:55:40.206Z', '2026-11-29T07:55:40.206Z'
);

INSERT INTO ticket_roles (
    ticket_id, position, role, status, updated_at
)
VALUES (
    '01a2264d-54d6-7642-8575-0a6e7b6a3ba6', 0, 'backend', 'done', '2026-11-29T07:55:36.233Z'
), (
    '01a2264d-54d6-7642-8575-0a6e7b6a3ba6', 1, 'qa', 'pending', '2026-11-29T07:55:31.925Z'
), (
    '01a2264d-54d6-7642-8575-0a6e7b6a3ba6', 2, 'merged', 'done', '2026-11-29T07:55:36.233Z'
), (
    '01a2264d-5579-7570-861b-031288290955', 0, 'frontend', 'pending', '2026-11-29T07:55:32.088Z'
), (
    '01a2264d-5579-7570-861b-031288290955', 1, 'merged', 'pending', '2026-11-29T07:55:32.088Z'
), (
    '01a2264d-752f-7452-b771-aac11bab897b', 0, 'design', 'pending', '2026-11-29T07:55:40.206Z'
), (
    '01a2264d-752f-7452-b771-aac11bab897b', 1, 'merged', 'pending', '2026-11-29T07:55:40.206Z'
);

INSERT INTO builds (
    id, organization_id, build_ref, display_name, description, provider, status, source_type,
    source_id, is_active, metadata, created_at, updated_at
)
VALUES (
    '01a2264d-557d-75a4-815d-7f2ee2270152', '01a2264d-54d5-7391-bf2f-763121370b8e',
    '01a2264d-557d-75a4-815d-7f2d25b0731a', 'HO-1-shop Checkout fails from the 100th item on',
    'Lifts the cart limit', 'docker', 'queued', 'ticket', '01a2264d-54d6-7642-8575-0a6e7b6a3ba6', 1,
    '{"pr": 77}', '2026-11-29T07:55:32.093Z', '2026-11-29T07:55:36.317Z'
);

INSERT INTO build_runs (
    id, ticket_id, build_id, status, provider, repo, requested_by, requested_at, attempts
)
VALUES (
    '01a2264d-557d-75a4-815d-7f2d25b0731a', '01a2264d-54d6-7642-8575-0a6e7b6a3ba6',
    '01a2264d-557d-75a4-815d-7f2ee2270152', 'queued', 'docker', 'acme/shop', 'agent-1',
    '2026-11-29T07:55:32.093Z', 0
);

INSERT INTO suggestions (
    id, run_id, project_id, ticket_id, ticket_version, suggestion_type, confidence, evidence,
    suggested_action, status, source, merge_sha, created_at, expires_at
)
VALUES (
    '01a2264d-5585-73c9-aa62-8cf4d969595a', '01a2264d-5585-73c9-aa62-8cf58e25016c',
    '01a2264d-54d5-7391-bf2f-7632f4c13a7c', '01a2264d-54d6-7642-8575-0a6e7b6a3ba6', 1,
    'close_suggestion', 0.95, '{"pull_request": 77}', 'close', 'executed', 'bot', '9f2c1e7ab4d0',
    '2026-11-29T07:55:32.101Z', '2026-12-13T07:55:32.101Z'
), (
    '01a2264d-558a-764f-8da3-0745aa6c58ff', '01a2264d-558a-764f-8da3-07467ef1c299',
    '01a2264d-54d5-7391-bf2f-7632f4c13a7c', '01a2264d-5579-7570-861b-031288290955', 1,
    'close_suggestion', NULL, '{"duplicate of": "HO-1-shop"}', 'close', 'pending', 'bot', NULL,
    '2026-11-29T07:55:32.106Z', '2026-12-13T07:55:32.106Z'
);

INSERT INTO events (
    kind, project_id, ticket_id, subject_id, actor_role, actor_id, source, before, after, created_at
)
VALUES (
    'project.created', '01a2264d-54d5-7391-bf2f-7632f4c13a7c', NULL,
    '01a2264d-54d5-7391-bf2f-7632f4c13a7c', 'bot', 'agent-1', 'bot', NULL,
    '{"slug": "shop", "name": "shop"}', '2026-11-29T07:55:31.925Z'
), (
    'ticket.created', '01a2264d-54d5-7391-bf2f-7632f4c13a7c',
    '01a2264d-54d6-7642-8575-0a6e7b6a3ba6', '01a2264d-54d6-7642-8575-0a6e7b6a3ba6', 'bot',
    'agent-1', 'bot', NULL,
    '{"status": "open", "stage": "backlog", "roles": ["backend", "qa", "merged"]}',
    '2026-11-29T07:55:31.925Z'
), (
    'ticket.created', '01a2264d-54d5-7391-bf2f-7632f4c13a7c',
    '01a2264d-5579-7570-861b-031288290955', '01a2264d-5579-7570-861b-031288290955', 'bot',
    'agent-1', 'bot', NULL,
    '{"status": "open", "stage": "backlog", "roles": ["frontend", "merged"]}',
    '2026-11-29T07:55:32.088Z'
), (
    'build.triggered', '01a2264d-54d5-7391-bf2f-7632f4c13a7c',
    '01a2264d-54d6-7642-8575-0a6e7b6a3ba6', '01a2264d-557d-75a4-815d-7f2d25b0731a', 'bot',
    'agent-1', 'bot', NULL,
    '{"run": "01a2264d-557d-75a4-815d-7f2d25b0731a", "build": "01a2264d-557d-75a4-815d-7f2ee2270152", "status": "queued"}',
    '2026-11-29T07:55:32.093Z'
), (
    'suggestion.created', '01a2264d-54d5-7391-bf2f-7632f4c13a7c',
    '01a2264d-54d6-7642-8575-0a6e7b6a3ba6', '01a2264d-5585-73c9-aa62-8cf4d969595a', 'bot',
    'agent-1', 'bot', NULL, '{"status": "pending"}', '2026-11-29T07:55:32.101Z'
), (
    'suggestion.created', '01a2264d-54d5-7391-bf2f-7632f4c13a7c',
    '01a2264d-5579-7570-861b-031288290955', '01a2264d-558a-764f-8da3-0745aa6c58ff', 'bot',
    'agent-1', 'bot', NULL, '{"status": "pending"}', '2026-11-29T07:55:32.106Z'
), (
    'suggestion.executed', '01a2264d-54d5-7391-bf2f-7632f4c13a7c',
    '01a2264d-54d6-7642-8575-0a6e7b6a3ba6', '01a2264d-5585-73c9-aa62-8cf4d969595a', 'bot',
    'reviewer', 'bot', '{"status": "pending", "stage": "backlog"}',
    '{"status": "executed", "merged": true, "new_stage": "validation", "roles_marked_done": ["backend", "merged"]}',
    '2026-11-29T07:55:36.233Z'
), (
    'build.updated', NULL, '01a2264d-54d6-7642-8575-0a6e7b6a3ba6',
    '01a2264d-557d-75a4-815d-7f2ee2270152', 'bot', 'reviewer', 'bot',
    '{"description": null, "metadata": null}',
    '{"description": "Lifts the cart limit", "metadata": {"pr": 77}}', '2026-11-29T07:55:36.317Z'
), (
    'project.created', '01a2264d-752e-7368-9b4a-e4a856662522', NULL,
    '01a2264d-752e-7368-9b4a-e4a856662522', 'bot', 'agent-2', 'bot', NULL,
    '{"slug": "web", "name": "web"}', '2026-11-29T07:55:40.206Z'
), (
    'ticket.created', '01a2264d-752e-7368-9b4a-e4a856662522',
    '01a2264d-752f-7452-b771-aac11bab897b', '01a2264d-752f-7452-b771-aac11bab897b', 'bot',
    'agent-2', 'bot', NULL, '{"status": "open", "stage": "backlog", "roles": ["design", "merged"]}',
    '2026-11-29T07:55:40.206Z'
);

INSERT INTO idempotency (
    principal, operation, key, fingerprint, result, created_at
)
VALUES (
    'bot:agent-1', 'CreateTicket', 'first-create', '61ae2f0ca6ea54a9',
    '{"ticket":{"id":"01a2264d-54d6-7642-8575-0a6e7b6a3ba6","reference":"HO-1-shop","project_id":"01a2264d-54d5-7391-bf2f-7632f4c13a7c","number":1,"title":"Checkout fails from the 100th item on","request_type":"bug","status":"open","stage":"backlog","priority":"high","blocking":false,"roles":[{"role":"backend","status":"pending"},{"role":"qa","status":"pending"},{"role":"merged","status":"pending"}],"actor_role":"bot","actor_id":"agent-1","source":"bot","created_at":"2026-11-29T07:55:31.925Z","updated_at":"2026-11-29T07:55:31.925Z"},"deduplicated":false}',
    '2026-11-29T07:55:31.925Z'
);
