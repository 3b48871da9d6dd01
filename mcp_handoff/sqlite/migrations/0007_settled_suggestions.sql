-- Who settled a suggestion is told by its event, of which all that is shown is in the index; what
-- else is pending for a ticket is found by another.
CREATE INDEX events_of_settled
    ON events (subject_id, created_at, actor_role, actor_id, principal_id, principal_name, kind)
    WHERE kind IN ('suggestion.executed', 'suggestion.declined', 'suggestion.skipped');

CREATE INDEX suggestions_pending ON suggestions (ticket_id, merge_sha, pr_number)
    WHERE status = 'pending';

-- Who proposed it, as it said. NULL in what is older than this.
ALTER TABLE suggestions ADD COLUMN actor_role TEXT;
ALTER TABLE suggestions ADD COLUMN actor_id TEXT;
