-- Tokens are listed with their events, among which there are rotations now.

DROP INDEX events_of_tokens;
CREATE INDEX events_of_tokens ON events (subject_id, seq)
    WHERE kind IN ('token.created', 'token.rotated', 'token.revoked');
