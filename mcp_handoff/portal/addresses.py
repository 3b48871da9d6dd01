"""Where the pages are, and which addresses are the portal's."""

from urllib.parse import urlencode

BOARD = "/"
INBOX = "/inbox"
NEW_TICKET = "/new"
BUILDS = "/builds"
PEOPLE = "/people"
SETTINGS = "/settings"
SIGN_IN = "/sign-in"
SIGN_OUT = "/sign-out"

_PAGES = frozenset({BOARD, INBOX, NEW_TICKET, SIGN_OUT, "/tickets", BUILDS, PEOPLE, SETTINGS})
_FOLDERS = ("/tickets/", "/suggestions/", f"{SETTINGS}/")


def is_page(path: str) -> bool:
    """Tell whether an address is a page's that is shown to whoever is signed in."""
    return path in _PAGES or path.startswith(_FOLDERS)


def sign_in_address(path: str, query: str) -> str:
    """Return where one signs in who wanted to see an address."""
    wanted = f"{path}?{query}" if query else path
    return SIGN_IN if wanted == BOARD else f"{SIGN_IN}?{urlencode({'next': wanted})}"


def local_address(text: str) -> str:
    """Return where to go after signing in: an address of our own pages, whatever was asked for."""
    path = text.partition("?")[0]
    return text if is_page(path) and text.isascii() and text.isprintable() else BOARD
