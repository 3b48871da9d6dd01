"""Open tickets that look like one that is being filed."""

import json
import math
from collections import defaultdict

from mcp_handoff.actors import Caller
from mcp_handoff.references import reference
from mcp_handoff.similarity import LIKE, MOST_SIMILAR, FindSimilar, Said, SimilarTickets
from mcp_handoff.store import projects
from mcp_handoff.store.transaction import Scope, Transaction
from mcp_handoff.tickets import CreateTicket, SimilarTicket

LOOKED_UP = 120
"""How many of the newest tickets are looked up for a term."""

NEAR, COMPARED = 0.35, 4
"""How much of the terms a ticket has to share to be compared word by word, where one that n tickets
have counts 1/√n, and how many are compared."""


def find_similar(tx: Transaction, caller: Caller, request: FindSimilar) -> SimilarTickets:
    """Return the open tickets of a project that look like one that is not filed yet."""
    return SimilarTickets(tickets=similar_tickets(tx, caller, request)[:MOST_SIMILAR])


def similar_tickets(
    tx: Transaction, caller: Caller, request: CreateTicket | FindSimilar
) -> list[SimilarTicket]:
    """Return the open tickets of the project that look like the one that is asked for, the most
    alike first; that itself may be one of them, where it is filed by then."""
    project = projects.find(tx, request.project or caller.project)
    if project is None or not caller.principal.may_see(project["slug"]):
        return []
    new = Said.by(request.title, request.description)
    terms = new.looked_up()
    if not terms or not project["last_number"]:
        return []
    scope = Scope(project["id"], project["last_number"], "open")
    weights = defaultdict[int, float](float)
    for seqs in tx.newest_with(scope, [((term,),) for term in terms], LOOKED_UP):
        weight = 1 / math.sqrt(max(len(seqs), 1))
        for seq in seqs:
            weights[seq] += weight
    near = [seq for seq, weight in weights.items() if weight >= NEAR]
    nearest = sorted(near, key=lambda seq: (weights[seq], seq), reverse=True)[: COMPARED + 1]
    if not nearest:
        return []
    rows = tx.fetch_all(
        "SELECT t.number, t.title, t.description, t.stage"
        f" FROM {tx.tickets_among('seqs')} WHERE t.project_id = :project_id",
        seqs=json.dumps(nearest),
        project_id=project["id"],
    )
    compared = [(new.likeness(Said.by(row["title"], row["description"])), row) for row in rows]
    alike = [one for one in compared if one[0] >= LIKE]
    alike.sort(key=lambda one: (one[0], one[1]["number"]), reverse=True)
    return [
        SimilarTicket(
            reference=reference(row["number"], project["slug"]),
            title=row["title"],
            stage=row["stage"],
        )
        for _, row in alike[: MOST_SIMILAR + 1]
    ]
