"""The page of the environment: every variable that is read."""

from mcp_handoff.variables import VARIABLES, Variable
from website.pages import put_together, table

_BEGIN = """\
# Environment

The program reads its settings from the environment, once, when it starts. A variable that is empty
is one that is not set. A wrong value stops the start with one line that names it.
"""


def page() -> str:
    """Return the page."""
    rows = ((f"`{name}`", one.meaning, _default(one)) for name, one in VARIABLES.items())
    return put_together([_BEGIN, table(("variable", "meaning", "default"), rows)])


def _default(variable: Variable) -> str:
    return f"`{variable.default}`" if variable.default else variable.otherwise
