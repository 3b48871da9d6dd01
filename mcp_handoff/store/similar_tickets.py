"""Open tickets that look like one that is being filed."""

import json
import math
from collections import defaultdict

from mcp_handoff.references import reference
from mcp_handoff.similarity import LIKE, MOST_SIMILAR, similarity, telling_terms
from mcp_handoff.store.transaction import Row, Scope, Transaction
from mcp_handoff.tickets import CreateTicket, SimilarTicket

LOOKED_UP = 60
"""How many of the newest tickets are looked up for a term."""

COMPARED = 5
"""How many tickets are compared word by word: those with the most and rarest of the terms."""


def similar_tickets(tx: Transaction, project: Row, request: CreateTicket) -> list[SimilarTicket]:
    """Return the open tickets of the project that look like this one, the most alike first."""
    terms = telling_terms(request.title, request.description)
    if not terms or not project.get("last_number"):
        return []
    scope = Scope(project["id"], project["last_number"], "open")
    weights = defaultdict[int, float](float)
    for seqs in tx.newest_with(scope, [((term,),) for term in terms], LOOKED_UP):
        for seq in seqs:
            weights[seq] += 1 / math.sqrt(len(seqs))
    nearest = sorted(weights, key=lambda seq: (weights[seq], seq), reverse=True)[:COMPARED]
    if not nearest:
        return []
    rows = tx.fetch_all(
        "SELECT t.number, t.title, t.description, t.stage"
        f" FROM {tx.tickets_among('seqs')} WHERE t.project_id = :project_id",
        seqs=json.dumps(nearest),
        project_id=project["id"],
    )
    new = (request.title, request.description)
    compared = [(similarity(new, (row["title"], row["description"])), row) for row in rows]
    alike = [one for one in compared if one[0] >= LIKE]
    alike.sort(key=lambda one: (one[0], one[1]["number"]), reverse=True)
    return [
        SimilarTicket(
            reference=reference(row["number"], project["slug"]),
            title=row["title"],
            stage=row["stage"],
        )
        for _, row in alike[:MOST_SIMILAR]
    ]
