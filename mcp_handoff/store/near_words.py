"""What words of a project's tickets may have been meant by one that none of them has."""

from collections.abc import Collection, Iterable

from mcp_handoff.store.transaction import Row, Scope, Transaction, placeholders
from mcp_handoff.text.spelling import is_spelt, nearest
from mcp_handoff.text.terms import IN_TITLE, Word

LOOKED_AT = 300
"""How many words are looked at that begin alike, and how many that end alike."""

TAKEN = 3
"""How many near words are taken for one."""

FORGOTTEN = 500
"""How many words one statement forgets at most."""

_LAST = "\U0010ffff"


def near_words(tx: Transaction, project: Row, words: Iterable[Word]) -> list[Word]:
    """Return what words of the project are near these, which no ticket has.

    One mistake leaves the first or the second half of a word as it is: so it is by these halves
    that other words are looked up.
    """
    found = list[Word]()
    for word in words:
        term = word.terms[0]
        if len(word.terms) == 1 and is_spelt(term):
            near = tuple(nearest(term, _candidates(tx, project, term), TAKEN))
            if near:
                found.append(Word(near, tuple(IN_TITLE + other for other in near)))
    return found


def _candidates(tx: Transaction, project: Row, term: str) -> list[str]:
    half = len(term) // 2
    beginning, ending = term[:half], term[half:][::-1]
    rows = tx.fetch_all(
        "SELECT word FROM (SELECT word FROM project_words WHERE project_id = :project_id"
        f" AND word >= :beginning AND word < :after_beginning LIMIT {LOOKED_AT}) AS begin_alike"
        " UNION SELECT word FROM (SELECT word FROM project_words WHERE project_id = :project_id"
        f" AND backward >= :ending AND backward < :after_ending LIMIT {LOOKED_AT}) AS end_alike",
        project_id=project["id"],
        beginning=beginning,
        after_beginning=beginning + _LAST,
        ending=ending,
        after_ending=ending + _LAST,
    )
    return [row["word"] for row in rows if abs(len(row["word"]) - len(term)) <= 2]


def words_with(tx: Transaction, project: Row, parts: Collection[str]) -> set[str]:
    """Return the words of the project that hold one of these parts."""
    found = set[str]()
    for part in parts:
        rows = tx.fetch_all(
            "SELECT word FROM project_words WHERE project_id = :project_id"
            " AND word LIKE '%' || :part || '%'",
            project_id=project["id"],
            part=part,
        )
        found |= {row["word"] for row in rows}
    return found


def forget_unused(tx: Transaction, project: Row, words: Collection[str]) -> None:
    """Forget those of these words of the project that none of its tickets has any more."""
    asked = [word for word in words if is_spelt(word)]
    scope = Scope(project["id"], project["last_number"], "any")
    lookups = [[[word]] for word in asked]
    found = tx.newest_with(scope, lookups, 1) if lookups else []
    unused = [word for word, tickets in zip(asked, found, strict=True) if not tickets]
    for start in range(0, len(unused), FORGOTTEN):
        names, values = placeholders("word", unused[start : start + FORGOTTEN])
        tx.execute(
            f"DELETE FROM project_words WHERE project_id = :project_id AND word IN ({names})",
            project_id=project["id"],
            **values,
        )
