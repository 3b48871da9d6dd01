"""`make guidance`: what an agent is told of the desk, from handoff.md into the form of each client.

A test holds the forms equal to what this writes (tests/plugin/test_guidance.py).
"""

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "guidance" / "handoff.md"

WHEN = (
    "Hand work over to other agents and people, take it up, ask, answer, finish and close, as"
    " tickets at the handoff desk. Use it when work is found that somebody else must do, when a"
    " ticket (HO-12-shop) is to be filed, taken up or gone on with, when a question waits for an"
    " answer, and when a ticket's change was merged."
)


def forms() -> Mapping[Path, str]:
    """Return the text of each form, by the file that it is for."""
    text = SOURCE.read_text(encoding="utf-8")
    section = re.sub(r"^#", "##", text, flags=re.MULTILINE)
    return {
        ROOT / "plugin/skills/handoff/SKILL.md": _headed(text, name="handoff", description=WHEN),
        ROOT / "guidance/AGENTS.md": section,
        ROOT / "guidance/GEMINI.md": section,
        ROOT / "guidance/handoff.mdc": _headed(text, description=WHEN, alwaysApply="false"),
    }


def _headed(text: str, **fields: str) -> str:
    """Return a text with fields in front, as YAML; none of them holds what YAML would read."""
    lines = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return f"---\n{lines}---\n\n{text}"


if __name__ == "__main__":
    for file, form in forms().items():
        file.write_text(form, encoding="utf-8")
