"""What somebody may have meant by the name of an argument or a tool that there is not."""

import re
from collections.abc import Iterable, Mapping

LONGEST = 80
"""A name that is longer is like none of ours."""

LIKENESS = 0.75
"""From which ratio on a name counts as another one misspelt (difflib)."""

_ARGUMENTS: Mapping[str, str] = {
    "ticket": "id ticket_id ticket_number ticket_ref issue issue_id issue_number number ref"
    " reference key handoff handoff_id task task_id",
    "suggestion_id": "id suggestion proposal proposal_id",
    "build_id": "id build",
    "query": "q search text keyword keywords term terms search_term search_query search_text filter"
    " title",
    "request_type": "type kind category issue_type ticket_type",
    "title": "name subject headline summary",
    "display_name": "name title label new_name",
    "description": "body content details text summary message desc problem",
    "priority": "severity importance urgency prio level",
    "roles": "role assignee assignees assigned_to owner owners team teams to",
    "role": "roles assignee assigned_to owner team",
    "role_status": "role_state status state",
    "note": "notes comment comments message reason why text",
    "close_as": "resolution resolution_type close outcome",
    "park": "parked pause wait hold",
    "add_roles": "roles add_role new_roles",
    "blocked_by": "blockers depends_on dependencies blocked waits_for",
    "fence": "token lease version",
    "take_over": "force steal takeover",
    "to_role": "to recipient for_role role",
    "answers": "in_reply_to reply_to answer_to parent",
    "body": "text message content comment description",
    "taken_by": "holder held_by assignee assigned_to owner claimed_by",
    "ready": "is_ready available unblocked",
    "blocking": "blocker is_blocking is_blocker",
    "suggested_resolution": "resolution solution fix proposed_solution proposal suggestion",
    "implementation_notes": "notes implementation hints technical_notes comments",
    "evidence": "proof details description reason reasoning context text summary body comment",
    "status": "state",
    "stage": "column step phase state",
    "limit": "max count per_page page_size top max_results size first n",
    "wait_s": "wait wait_seconds timeout timeout_s seconds",
    "cursor": "page offset after next next_cursor page_token",
    "merge_sha": "commit sha commit_sha commit_hash merge_commit merge_commit_sha hash revision",
    "pr_number": "pr pr_id pr_url pull_request pull_request_number mr merge_request number",
    "repo": "repository repo_url repo_name repository_url git_url",
    "action": "decision verdict operation status",
    "reason": "comment note notes message justification why explanation evidence",
    "confidence": "certainty score probability",
    "provider": "builder platform bot agent runner",
    "build_ref": "ref image image_ref tag digest run_number",
    "error_message": "error reason message why failure",
    "url": "link href address log_url run_url build_url html_url",
    "replaces": "replace supersedes build_id",
    "is_active": "active enabled",
    "metadata": "meta labels tags data extra",
    "clear": "unset remove delete reset",
    "project": "project_id project_slug project_name workspace",
    "org": "organization organisation org_id organization_id",
    "idempotency_key": "key request_id dedupe_key",
    "author": "creator created_by reporter filed_by user",
    "updated_since": "since updated_after modified_since changed_since after",
}
"""By argument: what models call it."""

_TOOLS: Mapping[str, str] = {
    "find_tickets": "get_tickets get_issues search query",
    "take_ticket": "claim_ticket claim_issue pick_up_ticket start_ticket start_work claim next"
    " next_ticket get_next_ticket take_next begin_work assign_to_me",
    "update_ticket": "finish_role complete_role hand_over handoff_ticket reopen_ticket"
    " set_status set_stage move_ticket transition_ticket block_ticket release_ticket",
    "add_message": "add_comment post_comment create_comment comment reply answer ask post_message"
    " send_message write_message add_note",
    "suggest_close": "close_ticket resolve_ticket complete_ticket finish_ticket close"
    " suggest_closing suggest_closing_ticket suggest_close_ticket propose_close create_suggestion",
    "act_on_suggestion": "approve_suggestion accept_suggestion execute_suggestion act_suggestion"
    " decline_suggestion reject_suggestion apply_suggestion update_suggestion",
    "list_suggestions": "get_suggestion",
    "trigger_bot_build": "trigger_build start_build start_bot_build run_build run_bot_build build"
    " bot_build create_build dispatch_build build_ticket trigger_bot",
    "find_builds": "get_build build_status get_build_status",
    "report_build": "register_build finish_build complete_build set_build_status"
    " update_build_status build_finished build_failed",
    "get_overview": "list_projects get_projects list_project get_project overview dashboard status"
    " whoami who_am_i my_work get_my_work get_my_workload my_tickets summary",
}
"""By tool: what models call it, where that says it in other words than `_WORDS` has."""

_WORDS: Mapping[str, str] = {
    "create": "file add new open submit report make raise post",
    "find": "list search query lookup",
    "get": "read show view fetch describe",
    "update": "edit modify change patch rename",
    "ticket": "issue task handoff item story bug request",
}
"""By word in a tool's name: those that are as good."""

_AS_GOOD = {word: one for one, words in _WORDS.items() for word in (one, *words.split())}
_OWN_WORDS = frozenset({"mcp", "tool", "desk"})


def nearest_argument(name: str, known: Iterable[str]) -> str | None:
    """Return which of the `known` arguments was meant by `name`, None where none is near."""
    meant, plain = _plain(name[: LONGEST + 1]), {_plain(one): one for one in known}
    if len(name) > LONGEST or meant in plain:
        return plain.get(meant)
    for one in plain.values():
        if meant in map(_plain, _ARGUMENTS.get(one, "").split()):
            return one
    near = _close(meant, plain)
    return plain[near] if near else None


def nearest_tool(name: str, known: Iterable[str]) -> str | None:
    """Return which of the `known` tools was meant by `name`, None where none is near.

    Tools are told apart by their words: delete_ticket is not create_ticket misspelt.
    """
    if len(name) > LONGEST:
        return None
    tools = list(known)
    synonyms = {one: tool for tool in tools for one in _TOOLS.get(tool, "").split()}
    if name in synonyms:
        return synonyms[name]
    said = {_said(one): tool for one, tool in synonyms.items()} | {_said(one): one for one in tools}
    words = {word for each in said for word in each}
    return said.get(frozenset(_close(word, words) or "" for word in _said(name)))


def _close(word: str, words: Iterable[str]) -> str | None:
    """Return the word that another one is misspelt for, None where there is none."""
    from difflib import get_close_matches  # here, for it takes long to load and few calls need it

    near = get_close_matches(word, words, 1, LIKENESS)
    return near[0] if near else None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _said(name: str) -> frozenset[str]:
    """Return the words of a tool's name, each as the one that it is as good as."""
    words: list[str] = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)
    singular = [word.lower().removesuffix("s") for word in words]
    return frozenset([_AS_GOOD.get(word, word) for word in singular]) - _OWN_WORDS
