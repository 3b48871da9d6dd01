"""Which tickets the words of a pull request or a commit name, and which they declare to close."""

import time

import pytest

from mcp_handoff.mentions import (
    MOST,
    Mention,
    find_in_branch,
    find_mentions,
    reverted_commits,
    reverted_merges,
    reverted_pulls,
)

SHA = "0123456789abcdef0123456789abcdef01234567"

# A ticket that is closed has an exclamation mark.
TEXTS = {
    # How a ticket is named.
    "HO-12": "HO-12",
    "see HO-12-shop for the cart": "HO-12-shop",
    "ho-12-Shop": "HO-12-shop",
    "HO-12-shopping is another project's": "HO-12-shopping",
    "HO-12-shop-2 too": "HO-12-shop-2",
    "(HO-12), [HO-13], HO-14: and HO-15's": "HO-12 HO-13 HO-14 HO-15",
    "HO-12, then HO-12-shop, then HO-12": "HO-12 HO-12-shop",
    "_HO-12_ and **HO-13-shop**": "HO-12 HO-13-shop",
    "HO-12-shop--and more": "HO-12-shop",
    "HO-12..HO-14": "HO-12 HO-14",
    "It was HO-12.": "HO-12",
    "XHO-12 ÄHO-12 X-HO-12 _HO-12 @HO-12": "",
    "HO-12a HO-12_a HO-12.5 HO-12.md HO-0012 HO-0 HO-1234567890123456": "",
    "HO-12-add_cart HO-12-日本 ho-12@desk.example HO12 HO 12": "",
    # Addresses and paths.
    "https://desk.example/tickets/HO-12-shop": "HO-12-shop",
    "[the cart](https://desk.example/HO-12-shop#top)": "HO-12-shop",
    "https://tracker.example/browse/HO-12": "",
    "docs/HO-12/notes": "",
    "Closes https://desk.example/HO-12-shop": "HO-12-shop",
    # Declared to be closed.
    "Closes HO-12": "HO-12!",
    "close HO-1 closed HO-2 fix HO-3 fixes HO-4 fixed HO-5": "HO-1! HO-2! HO-3! HO-4! HO-5!",
    "resolve HO-1, RESOLVES HO-2, Resolved: HO-3-shop": "HO-1! HO-2! HO-3-shop!",
    "fix: HO-12 the cart forgets": "HO-12!",
    "**Closes** [HO-12](https://desk.example/HO-12-shop)": "HO-12-shop HO-12!",
    "- [x] closes HO-12": "HO-12!",
    "About HO-12.\n\nCloses HO-12": "HO-12!",
    "This not only fixes HO-12": "HO-12!",
    "It can't wait; fixes HO-12": "HO-12!",
    # Not declared.
    "Closes HO-1, HO-2 and HO-3": "HO-1! HO-2 HO-3",
    "Fixes the cart of HO-12": "HO-12",
    "This is fixed by HO-12": "HO-12",
    "closing HO-1, hotfix HO-2, auto-close HO-3, closes-HO-4": "HO-1 HO-2 HO-3",
    "What this fixes\nHO-12 began": "HO-12",
    "## Fixes\n\nHO-12": "HO-12",
    "Closes `#3` HO-12": "HO-12",
    "Closes ~~HO-11~~ HO-12": "HO-12",
    "Does not fix HO-12": "HO-12",
    "won't close HO-12, and doesn\u2019t fully resolve HO-13": "HO-12 HO-13",
    "It does not\nfix HO-12": "HO-12",
    "Never closes HO-1. Partially fixes HO-2. No longer fixes HO-3.": "HO-1 HO-2 HO-3",
    "- [ ] closes HO-12": "HO-12",
    'Revert "Add the cart, closes HO-12"': "HO-12",
    'Reapply "Revert "Fixes HO-12""': "HO-12",
    # Trailers.
    "Add the cart\n\nCloses: HO-12": "HO-12!",
    "Add the cart\n\nFixes: HO-12, HO-13-shop\nRefs: HO-14": "HO-12! HO-13-shop! HO-14",
    "Closes: HO-1 HO-2, and HO-3.": "HO-1! HO-2! HO-3!",
    "Refs: HO-12, HO-13": "HO-12 HO-13",
    "Closes: HO-12, HO-13 comes later": "HO-12! HO-13",
    # Not the writer's own words.
    "`Closes HO-12`": "",
    "``a ` Closes HO-12``": "",
    "`over\ntwo lines: closes HO-12`": "",
    "```\nCloses HO-12\n```": "",
    "~~~~\n~~~\nCloses HO-12\n~~~~\nHO-13": "HO-13",
    "```\nCloses HO-12": "",
    "    Closes HO-12": "",
    "- a list\n\n      Closes HO-12": "",
    "> Closes HO-12\nand on it goes with HO-13\n\nHO-14": "HO-14",
    "- > Closes HO-12": "",
    "<!-- Closes HO-12 -->\nHO-13": "HO-13",
    "<!-- for example:\n\nCloses HO-12\n-->\n\nHO-13": "HO-13",
    "before <!-- Closes HO-12 --> after HO-13": "HO-13",
    "<div>\n<!-- Closes HO-12\n\nCloses HO-13": "",
    "<pre>\nCloses HO-12\n</pre>\n\nHO-13": "HO-13",
    "<blockquote>\n\nCloses HO-12\n\n</blockquote>\n\nHO-13": "HO-13",
    "<code>Closes HO-12</code> HO-13": "HO-13",
    "~~Closes HO-12~~": "",
    # What only looks like it.
    "<details>\n<p>Closes HO-12</p>\n</details>": "HO-12!",
    "\\`Closes HO-12\\`": "HO-12!",
    "an odd ` and Closes HO-12": "HO-12!",
    "Handle <code> in titles\n\nCloses HO-12": "HO-12!",
    "Closes HO-12\ud800": "HO-12!",
    "": "",
}


@pytest.mark.parametrize(("text", "named"), TEXTS.items())
def test_a_text_names_tickets_and_declares_to_close_some(text: str, named: str) -> None:
    assert " ".join(written(found) for found in find_mentions(text)) == named


@pytest.mark.parametrize(
    ("branch", "named"),
    {
        "feature/ho-12-add-cart": "HO-12",
        "HO-12": "HO-12",
        "ho-12-shop": "HO-12-shop",
        "ho-12-shop-cart": "HO-12-shop",
        "ho-12-web-shop-cart": "HO-12-web-shop",
        "ho-12-shopping": "HO-12",
        "fix/closes-ho-12": "HO-12",
        "alice_ho-12_cart": "HO-12",
        "revert-50-ho-12-cart": "HO-12",
        "ho-12-and-ho-13": "HO-12",
        "ho-12/ho-13": "HO-12 HO-13",
        "echo-12": "",
        "ho-12a": "",
        "release/ho-12.5": "",
    }.items(),
)
def test_a_branch_names_tickets_and_closes_none(branch: str, named: str) -> None:
    found = find_in_branch(branch, {"shop", "web-shop"})
    assert " ".join(map(written, found)) == named


@pytest.mark.parametrize(
    ("message", "reverted"),
    [
        (f'Revert "Add"\n\nThis reverts commit {SHA}.', [SHA]),
        (f"This reverts commit {SHA}, reversing\nchanges made to {SHA[::-1]}.", [SHA]),
        (f"This reverts commit {SHA[:9]} (Add, 2026-01-31).", [SHA[:9]]),
        (f'Revert "Show <pre>"\r\n\r\nThis reverts commit {SHA}.\r\n', [SHA]),
        (f"> This reverts commit {SHA}.", []),
        (f"Unlike what this reverts: This reverts commit {SHA}.", []),
        ("This reverts commit abc123.", []),
    ],
)
def test_a_message_says_which_commits_it_reverts(message: str, reverted: list[str]) -> None:
    assert reverted_commits(message) == reverted


def test_the_revert_of_a_merge_says_what_it_reverses() -> None:
    told = f"This reverts commit {SHA}, reversing\nchanges made to {SHA[::-1]}."
    assert reverted_merges(told) == [SHA]
    assert reverted_merges(f"This reverts commit {SHA}.\n\nIt made changes made to it.") == []


@pytest.mark.parametrize(
    ("body", "reverted"),
    [
        ("Reverts shop/web#50", [50]),
        ("Reverts Shop/Web#50\r\nReverts #51", [50, 51]),
        ("This reverts merge request !50", [50]),
        ("Reverts other/web#50", []),
        ("> Reverts shop/web#50", []),
        ("It reverts shop/web#50", []),
    ],
)
def test_a_body_says_which_pull_requests_it_reverts(body: str, reverted: list[int]) -> None:
    assert reverted_pulls(body, "shop/web") == reverted


def test_what_names_more_tickets_than_anyone_works_on_is_read_no_further() -> None:
    text = " ".join(f"HO-{number}" for number in range(1, MOST + 2))
    assert find_mentions(text) == [Mention(n, None, closes=False) for n in range(1, MOST + 1)]


HOSTILE = (
    *("HO-", "HO-1-", "HO-1 ", "HO-1-a", "closes ", "Closes: HO-1\n", "Closes: HO-1, ", "fix    "),
    *(
        "not ",
        "[ ] ",
        "`",
        "`a",
        "```\n",
        ">",
        ">\n",
        "> a\n",
        "- a\n",
        "- ",
        "* *a",
        "~~a",
        "[a](",
    ),
    *(
        "<!--",
        "<!--\n\n",
        "<a ",
        "<pre>",
        "<b>a",
        "<",
        "\\",
        "\n",
        " ",
        "https://a/",
        "This reverts ",
    ),
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_reading_takes_time_in_proportion_to_what_is_read(piece: str) -> None:
    """What grows with the square of the length takes 64 times as long for eight times as much."""
    small, large = (seconds_of_reading(piece, length) for length in (32_000, 256_000))
    assert large < 32 * max(small, 0.002)


def seconds_of_reading(piece: str, length: int) -> float:
    """Return the processor time that a long text takes at best, all that reads it together."""
    text = f"{piece * (length // len(piece))}\n\nHO-12"
    seconds: list[float] = []
    for _ in range(2):
        begun = time.thread_time()
        find_mentions(text)
        find_in_branch(text, ())
        reverted_commits(text)
        reverted_pulls(text, "shop/web")
        seconds.append(time.thread_time() - begun)
    return min(seconds)


def written(mention: Mention) -> str:
    project = f"-{mention.project}" if mention.project else ""
    return f"HO-{mention.number}{project}{'!' if mention.closes else ''}"
