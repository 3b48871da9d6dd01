-- A store as version 3 of the schema kept it: a ticket with its build, suggested to be closed.
INSERT INTO organizations (id, slug, created_at)
VALUES ('01a20042-0000-7000-8000-000000000001', 'default', '2026-11-02T09:30:00.000Z');

INSERT INTO projects (id, organization_id, slug, name, last_number, created_at)
VALUES (
    '01a20042-0000-7000-8000-000000000002', '01a20042-0000-7000-8000-000000000001',
    'shop', 'shop', 1, '2026-11-02T09:30:00.000Z'
);

INSERT INTO tickets (
    id, project_id, number, title, description, request_type, priority, blocking, status, stage,
    ai_output, actor_role, actor_id, source, fingerprint, created_at, updated_at
)
VALUES (
    '01a20042-0000-7000-8000-000000000003', '01a20042-0000-7000-8000-000000000002',
    1, 'Checkout fails', 'POST /checkout answers 500.', 'bug', 'high', 0, 'open', 'backlog',
    '{"build_run": {"id": "01a20042-0000-7000-8000-000000000005", "status": "running"}}',
    'bot', 'ci-bot', 'bot', 7, '2026-11-02T09:30:00.000Z', '2026-11-02T09:30:00.000Z'
);

INSERT INTO ticket_roles (ticket_id, position, role, status, updated_at)
VALUES (
    '01a20042-0000-7000-8000-000000000003', 0, 'merged', 'pending', '2026-11-02T09:30:00.000Z'
);

INSERT INTO builds (
    id, organization_id, build_ref, display_name, provider, status, source_type, source_id,
    is_active, created_at, updated_at
)
VALUES (
    '01a20042-0000-7000-8000-000000000004', '01a20042-0000-7000-8000-000000000001',
    '77', 'HO-1-shop Checkout fails', 'docker', 'building', 'ticket',
    '01a20042-0000-7000-8000-000000000003', 1, '2026-11-02T09:30:00.000Z',
    '2026-11-02T09:30:00.000Z'
);

INSERT INTO build_runs (id, ticket_id, build_id, status, requested_by, requested_at, attempts)
VALUES (
    '01a20042-0000-7000-8000-000000000005', '01a20042-0000-7000-8000-000000000003',
    '01a20042-0000-7000-8000-000000000004', 'running', 'ci-bot', '2026-11-02T09:30:00.000Z', 1
);

INSERT INTO suggestions (
    id, run_id, project_id, ticket_id, ticket_version, suggestion_type, evidence, status, source,
    created_at, expires_at
)
VALUES (
    '01a20042-0000-7000-8000-000000000006', '01a20042-0000-7000-8000-000000000007',
    '01a20042-0000-7000-8000-000000000002', '01a20042-0000-7000-8000-000000000003',
    1, 'close_suggestion', '{}', 'pending', 'bot', '2026-11-02T09:30:00.000Z',
    '2126-11-02T09:30:00.000Z'
);

INSERT INTO events (
    kind, project_id, ticket_id, subject_id, actor_role, actor_id, source, created_at
)
VALUES (
    'ticket.created', '01a20042-0000-7000-8000-000000000002',
    '01a20042-0000-7000-8000-000000000003', '01a20042-0000-7000-8000-000000000003',
    'bot', 'ci-bot', 'bot', '2026-11-02T09:30:00.000Z'
);

INSERT INTO tokens (id, name, role, digest, created_at)
VALUES (
    '01a20042-0000-7000-8000-000000000008', 'ci-bot', 'bot', '', '2026-11-02T09:30:00.000Z'
);

-- Kept under the name of a token, and of an agent that showed none.
INSERT INTO idempotency (principal, operation, key, fingerprint, result, created_at)
VALUES
    ('bot:ci-bot', 'CreateTicket', 'key-1', '', '{}', '2026-11-02T09:30:00.000Z'),
    ('bot:agent-1', 'CreateTicket', 'key-1', '', '{}', '2026-11-02T09:30:00.000Z');
