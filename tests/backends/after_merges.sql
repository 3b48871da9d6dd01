-- A store as it was before webhooks: of two runs one was tried twice and is due again, the other is
-- leased for a long time.
INSERT INTO organizations (id, slug, created_at)
VALUES ('01a20042-0000-7000-8000-000000000001', 'default', '2026-11-02T09:30:00.000Z');

INSERT INTO projects (id, organization_id, slug, name, last_number, created_at)
VALUES (
    '01a20042-0000-7000-8000-000000000002', '01a20042-0000-7000-8000-000000000001',
    'shop', 'shop', 2, '2026-11-02T09:30:00.000Z'
);

INSERT INTO tickets (
    id, project_id, number, title, description, request_type, priority, blocking, status, stage,
    ai_output, actor_role, actor_id, source, fingerprint, created_at, updated_at, urgency
)
VALUES
    (
        '01a20042-0000-7000-8000-000000000003', '01a20042-0000-7000-8000-000000000002',
        1, 'Checkout fails', 'POST /checkout answers 500.', 'bug', 'high', 0, 'open', 'backlog',
        '{"build_run": {"id": "01a20042-0000-7000-8000-000000000005", "status": "queued"}}',
        'bot', 'ci-bot', 'bot', 7, '2026-11-02T09:30:00.000Z', '2026-11-02T09:30:00.000Z', 3
    ),
    (
        '01a20042-0000-7000-8000-000000000013', '01a20042-0000-7000-8000-000000000002',
        2, 'Search fails', 'GET /search answers 500.', 'bug', 'high', 0, 'open', 'backlog',
        '{"build_run": {"id": "01a20042-0000-7000-8000-000000000015", "status": "queued"}}',
        'bot', 'ci-bot', 'bot', 8, '2026-11-02T09:30:00.000Z', '2026-11-02T09:30:00.000Z', 3
    );

INSERT INTO builds (
    id, organization_id, build_ref, display_name, provider, status, source_type, source_id,
    is_active, created_at, updated_at
)
VALUES
    (
        '01a20042-0000-7000-8000-000000000004', '01a20042-0000-7000-8000-000000000001',
        '01a20042-0000-7000-8000-000000000005', 'HO-1-shop Checkout fails', 'docker', 'queued',
        'ticket', '01a20042-0000-7000-8000-000000000003', 1, '2026-11-02T09:30:00.000Z',
        '2026-11-02T09:30:00.000Z'
    ),
    (
        '01a20042-0000-7000-8000-000000000014', '01a20042-0000-7000-8000-000000000001',
        '01a20042-0000-7000-8000-000000000015', 'HO-2-shop Search fails', 'docker', 'queued',
        'ticket', '01a20042-0000-7000-8000-000000000013', 1, '2026-11-02T09:30:00.000Z',
        '2026-11-02T09:30:00.000Z'
    );

INSERT INTO build_runs (id, ticket_id, build_id, status, requested_by, requested_at, attempts)
VALUES
    (
        '01a20042-0000-7000-8000-000000000005', '01a20042-0000-7000-8000-000000000003',
        '01a20042-0000-7000-8000-000000000004', 'queued', 'ci-bot', '2026-11-02T09:30:00.000Z', 2
    ),
    (
        '01a20042-0000-7000-8000-000000000015', '01a20042-0000-7000-8000-000000000013',
        '01a20042-0000-7000-8000-000000000014', 'queued', 'ci-bot', '2026-11-02T09:30:00.000Z', 0
    );

INSERT INTO outbox (run_id, payload, next_attempt_at, lease, leased_until, attempts)
VALUES
    (
        '01a20042-0000-7000-8000-000000000005',
        '{"run_id": "01a20042-0000-7000-8000-000000000005", "reference": "HO-1-shop"}',
        '2026-11-02T09:31:00.000Z', NULL, NULL, 2
    ),
    (
        '01a20042-0000-7000-8000-000000000015',
        '{"run_id": "01a20042-0000-7000-8000-000000000015", "reference": "HO-2-shop"}',
        '2026-11-02T09:30:00.000Z', 'another', '2126-11-02T09:30:00.000Z', 0
    );
