"""What the git checkout around the server knows of a commit."""

import hashlib
from pathlib import Path

from mcp_handoff.checkout import Checkout
from tests.repositories import MISSING, Repository, seen_by_git, started


async def test_what_was_merged_is_proven(shop: Repository) -> None:
    work = shop.commit_on("cart", "Add the cart")
    merge = shop.merge("cart")
    assert await shop.proof_of(merge) == seen_by_git("proven", f"{merge[:12]} is on main")
    assert await shop.state_of(work) == "proven"
    assert await shop.state_of(work[:7].upper()) == "proven"


async def test_what_was_not_merged_is_contradicted_where_there_is_no_remote(
    shop: Repository,
) -> None:
    work = shop.commit_on("cart", "Add the cart")
    shop.git("switch", "--quiet", "cart")
    seen = await shop.proof_of(work)
    assert seen.state == "contradicted"
    assert "is not on main" in seen.why
    assert await shop.state_of(MISSING) == "contradicted"
    assert await shop.state_of(shop.git("rev-parse", "main^{tree}")) == "contradicted"


async def test_of_a_squashed_branch_the_commit_that_came_of_it_is_proven(shop: Repository) -> None:
    work = shop.commit_on("cart", "Add the cart")
    shop.git("merge", "--quiet", "--squash", "cart")
    squashed = shop.commit("Add the cart (#5)")
    assert await shop.state_of(squashed) == "proven"
    seen = await shop.proof_of(work)
    assert seen.state == "contradicted"
    assert "name the commit that came of it" in seen.why


async def test_of_a_rebased_branch_the_new_commit_is_proven(shop: Repository) -> None:
    work = shop.commit_on("cart", "Add the cart")
    shop.commit("Meanwhile")
    shop.git("rebase", "--quiet", "main", "cart")
    rebased = shop.git("rev-parse", "cart")
    shop.git("switch", "--quiet", "main")
    shop.git("merge", "--quiet", "--ff-only", "cart")
    assert await shop.state_of(work) == "contradicted"
    assert await shop.state_of(rebased) == "proven"


async def test_what_was_reverted_is_contradicted_until_that_is_reverted(shop: Repository) -> None:
    work = shop.commit("Add the cart")
    later = shop.commit("Add the till")
    shop.git("revert", "--no-edit", work)
    reverting = shop.git("rev-parse", "HEAD")
    seen = await shop.proof_of(work)
    assert seen == seen_by_git("contradicted", f"{reverting[:12]} on main reverts {work[:12]}")
    assert await shop.state_of(later) == "proven"
    shop.git("revert", "--no-edit", reverting)
    assert await shop.state_of(work) == "proven"
    assert await shop.state_of(reverting) == "contradicted"
    shop.git("revert", "--no-edit", "HEAD")
    assert await shop.state_of(work) == "contradicted"


async def test_a_revert_may_name_the_beginning_of_a_sha(shop: Repository) -> None:
    work = shop.commit("Add the cart")
    shop.commit(f"Out with it\n\nThis reverts commit {work[:9]} (Add the cart, 2026-01-31).")
    assert await shop.state_of(work) == "contradicted"


async def test_a_reverted_merge_takes_back_what_it_brought_and_nothing_else(
    shop: Repository,
) -> None:
    before = shop.commit("Add the till")
    first = shop.commit_on("cart", "Add the cart")
    shop.git("switch", "--quiet", "cart")
    shop.commit("Mend the cart")
    shop.git("switch", "--quiet", "main")
    shop.commit("Meanwhile")
    merge = shop.merge("cart")
    shop.git("revert", "--no-edit", "--mainline=1", merge)
    assert await shop.state_of(merge) == "contradicted"
    assert await shop.state_of(first) == "contradicted"
    assert await shop.state_of(before) == "proven"


async def test_where_head_stands_decides_nothing(shop: Repository) -> None:
    merged = shop.commit("Add the till")
    work = shop.commit_on("cart", "Add the cart")
    shop.git("switch", "--quiet", "--detach", work)
    assert await shop.state_of(merged) == "proven"
    assert await shop.state_of(work) == "contradicted"


async def test_the_only_branch_is_the_default_one_and_of_several_strangers_none(
    tmp_path: Path,
) -> None:
    shop = started(tmp_path / "shop", branch="trunk")
    merged = shop.commit("Begin")
    assert await shop.state_of(merged) == "proven"
    shop.git("branch", "cart")
    seen = await shop.proof_of(merged)
    assert seen == seen_by_git(
        "unproven", "this checkout does not say which branch is the default one"
    )
    shop.git("branch", "main")
    assert await shop.state_of(merged) == "proven"
    shop.git("branch", "master")
    assert await shop.state_of(merged) == "unproven"


async def test_an_empty_repository_proves_nothing(tmp_path: Path) -> None:
    assert await started(tmp_path / "shop").state_of(MISSING) == "unproven"


async def test_of_a_remote_only_what_was_fetched_is_known(shop: Repository) -> None:
    begun = shop.git("rev-parse", "HEAD")
    clone = shop.clone("clone")
    own = clone.commit("Add the cart")
    elsewhere = shop.commit("Add the till")
    assert await clone.state_of(begun) == "proven"
    seen = await clone.proof_of(own)
    assert seen.state == "unproven"
    assert "is not on origin/main as it was last fetched" in seen.why
    seen = await clone.proof_of(elsewhere)
    assert seen.state == "unproven"
    assert "git fetch may bring it" in seen.why
    clone.git("fetch", "--quiet")
    assert await clone.state_of(elsewhere) == "proven"


async def test_what_was_reverted_at_the_last_fetch_is_contradicted(shop: Repository) -> None:
    work = shop.commit("Add the cart")
    shop.git("revert", "--no-edit", work)
    assert await shop.clone("clone").state_of(work) == "contradicted"


async def test_a_remotes_default_branch_is_what_its_head_names(tmp_path: Path) -> None:
    shop = started(tmp_path / "shop", branch="trunk")
    shop.commit("Begin")
    work = shop.commit_on("main", "Add the cart")
    clone = shop.clone("clone")
    assert await clone.state_of(work) == "unproven"
    assert (await clone.proof_of(shop.git("rev-parse", "trunk"))).why.endswith("origin/trunk")
    clone.git("remote", "set-head", "origin", "--delete")
    assert await clone.state_of(work) == "proven"


async def test_the_remote_is_origin_or_the_only_one(shop: Repository) -> None:
    begun = shop.git("rev-parse", "HEAD")
    clone = shop.clone("clone", "--origin=upstream")
    assert await clone.state_of(begun) == "proven"
    clone.git("remote", "add", "fork", "https://shop.example/fork")
    seen = await clone.proof_of(begun)
    assert seen == seen_by_git(
        "unproven", "this checkout has several remotes, and none is called origin"
    )
    clone.git("remote", "add", "origin", "https://shop.example/origin")
    assert await clone.state_of(begun) == "unproven"


async def test_a_shallow_clone_proves_what_it_reaches(shop: Repository) -> None:
    begun = shop.git("rev-parse", "HEAD")
    newest = shop.commit("Add the cart")
    clone = shop.clone("clone", "--depth=1")
    assert await clone.state_of(newest) == "proven"
    assert await clone.state_of(begun) == "unproven"
    clone.git("remote", "remove", "origin")
    assert await clone.state_of(begun) == "unproven"


async def test_a_partial_clone_proves_what_it_reaches(shop: Repository) -> None:
    shop.git("config", "uploadpack.allowFilter", "true")
    begun = shop.git("rev-parse", "HEAD")
    shop.commit("Add the cart")
    clone = shop.clone("clone", "--filter=tree:0", "--no-checkout")
    assert await clone.state_of(begun) == "proven"
    assert await clone.state_of(MISSING) == "unproven"


async def test_worktrees_submodules_and_folders_within_are_checkouts(shop: Repository) -> None:
    merged = shop.git("rev-parse", "HEAD")
    worktree = shop.path.parent / "worktree"
    shop.git("worktree", "add", "--quiet", "-b", "cart", str(worktree))
    assert await Repository(worktree).state_of(merged) == "proven"
    whole = started(shop.path.parent / "whole")
    whole.git("submodule", "--quiet", "add", shop.path.as_uri(), "part")
    within = whole.path / "part" / "deep"
    within.mkdir()
    assert await Repository(within).state_of(merged) == "proven"


def test_a_bare_repository_and_a_plain_folder_are_no_checkouts(shop: Repository) -> None:
    assert Checkout.at(shop.clone("bare", "--bare").path) is None
    assert Checkout.at(shop.path.parent) is None


async def test_an_abbreviation_that_fits_several_objects_proves_nothing(shop: Repository) -> None:
    digits, *contents = blobs_that_begin_alike()
    for content in contents:
        (shop.path / "blob").write_text(content)
        shop.git("hash-object", "-w", "blob")
    seen = await shop.proof_of(digits)
    assert seen.state == "unproven"
    assert "give the whole SHA" in seen.why


def blobs_that_begin_alike() -> tuple[str, str, str]:
    """Return the first seven digits of a hash, and two texts that have it as git's blobs."""
    known: dict[str, str] = {}
    text = digits = ""
    while digits not in known:
        known[digits] = text
        text = str(len(known))
        digits = hashlib.sha1(f"blob {len(text)}\0{text}".encode()).hexdigest()[:7]
    return digits, text, known[digits]
