"""Where the pages are, and which addresses are the portal's."""

from urllib.parse import urlencode

BOARD = "/"
INBOX = "/inbox"
NEW_TICKET = "/new"
TICKETS = "/tickets"
MOVES = "/moves"
BUILDS = "/builds"
ACTIVITY = "/activity"
PEOPLE = "/people"
SETTINGS = "/settings"
CHANGES = "/changes"
"""Where a page hears what changes."""

THEME = "/theme"
SIGN_IN = "/sign-in"
SIGN_IN_AT_ISSUER = f"{SIGN_IN}/oauth"
BACK_FROM_ISSUER = f"{SIGN_IN}/callback"
SIGN_OUT = "/sign-out"

_SHOWN = frozenset({BOARD, INBOX, NEW_TICKET, BUILDS, ACTIVITY, PEOPLE, SETTINGS})
_SENT = frozenset({MOVES, TICKETS, THEME, SIGN_OUT, CHANGES})
_FOLDERS = (f"{TICKETS}/", "/suggestions/", f"{SETTINGS}/", f"{NEW_TICKET}/", f"{ACTIVITY}/")


SIGNING_IN = frozenset({SIGN_IN, SIGN_IN_AT_ISSUER, BACK_FROM_ISSUER})
"""Where whoever comes has not signed in yet."""


def is_page(path: str) -> bool:
    """Tell whether an address is a page's or a form's, for whoever is signed in."""
    return path in _SHOWN | _SENT or path.startswith(_FOLDERS)


def sign_in_address(path: str, query: str) -> str:
    """Return where one signs in who wanted to see an address."""
    wanted = f"{path}?{query}" if query else path
    return SIGN_IN if wanted == BOARD else f"{SIGN_IN}?{urlencode({'next': wanted})}"


def local_address(text: str) -> str:
    """Return where to go once something was done: an address of our own pages, whatever was asked
    for."""
    path = text.partition("?")[0]
    folder, _, ticket = path.removeprefix("/").partition("/")
    is_shown = path in _SHOWN or (f"/{folder}" == TICKETS and ticket and "/" not in ticket)
    return text if is_shown and text.isascii() and text.isprintable() else BOARD
