"""Open tickets that look like one that is being filed."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from heapq import nlargest
from itertools import chain, groupby

from mcp_handoff.actors import Caller
from mcp_handoff.references import reference
from mcp_handoff.similarity import LIKE, MOST_SIMILAR, FindSimilar, Said, SimilarTickets
from mcp_handoff.store import projects
from mcp_handoff.store.transaction import Row, Scope, Transaction
from mcp_handoff.tickets import CreateTicket, SimilarTicket

LOOKED_UP = 120
"""How many of the newest tickets are looked up for a term."""

NEAR, COMPARED = 0.35, 4
"""How much of the terms a ticket has to share to be compared word by word, where one that n tickets
have counts 1/√n, and how many are compared."""


def find_similar(tx: Transaction, caller: Caller, request: FindSimilar) -> SimilarTickets:
    """Return the open tickets of a project that look like one that is not filed yet."""
    project = projects.find(tx, request.project or caller.project)
    if project is None or not caller.principal.may_see(project["slug"]):
        return SimilarTickets(tickets=[])
    return SimilarTickets(tickets=similar_tickets(tx, project, request))


def similar_tickets(
    tx: Transaction, project: Row, request: CreateTicket | FindSimilar
) -> list[SimilarTicket]:
    """Return the open tickets of a project that look like the one that is asked for, the most alike
    first, and MOST_SIMILAR at most."""
    new = Said.by(request.title, request.description)
    near = _near(tx, project, new.looked_up())
    if not near:
        return []
    rows = tx.fetch_all(
        "SELECT t.number, t.title, t.description, t.stage"
        f" FROM {tx.tickets_among('seqs')} WHERE t.project_id = :project_id",
        seqs=json.dumps(near),
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
        for _, row in alike[:MOST_SIMILAR]
    ]


def _near(tx: Transaction, project: Row, terms: Sequence[str]) -> list[int]:
    """Return the `seq` of the open tickets that share the most of these terms, the nearest
    first."""
    if not terms or not project["last_number"]:
        return []
    scope = Scope(project["id"], project["last_number"], "open")
    lists = tx.newest_with(scope, [((term,),) for term in terms], LOOKED_UP)
    weights = defaultdict[int, float](float)
    for length, alike in groupby(sorted(filter(None, lists), key=len), key=len):
        for seq, times in Counter(chain.from_iterable(alike)).items():
            weights[seq] += times / math.sqrt(length)
    near = [(weight, seq) for seq, weight in weights.items() if weight >= NEAR]
    return [seq for _, seq in nlargest(COMPARED, near)]
