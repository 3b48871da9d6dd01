"""What `make recording` makes: the demo as an animated picture, and its end as a still one.

Each is an SVG without a script that follows the reader's light or dark theme. The lines stand below
one another as in a long terminal. One animation moves them up behind the window, another moves the
cover over those that are not said yet.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tests.demo.recording import COLUMNS, Line, Run, Style, record

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
MOVING, STILL = PICTURES / "demo.svg", PICTURES / "demo-still.svg"
"""Two files, for an SVG in a page is not told that its reader wants no motion; the page is."""

DEMO = (sys.executable, "-m", "mcp_handoff", "demo")

ROWS = 26
COLUMN, ROW, EDGE, BAR = 8.4, 20, 20, 36
WIDTH, HEIGHT = round(COLUMNS * COLUMN) + 2 * EDGE, BAR + ROWS * ROW + EDGE

LINE_SECONDS, PARAGRAPH_SECONDS, END_SECONDS = 0.15, 1.3, 6.0
"""How long a line stands before the next, at least; a paragraph; and the end before it begins
again. The demo takes a second or two, which nobody could read."""

PROMPT = Line(0, (Run(0, "$ mcp-handoff demo", Style("default", bold=True, underlined=False)),))

STYLE = """
svg { --paper: #fff; --bar: #eaeef2; --ink: #1f2328; --red: #b3261e; --green: #116329;
  --brown: #7d4e00; --cyan: #0550ae; }
@media (prefers-color-scheme: dark) { svg { --paper: #0d1117; --bar: #21262d; --ink: #e6edf3;
  --red: #ff7b72; --green: #7ee787; --brown: #e3b341; --cyan: #79c0ff; } }
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
  fill: var(--ink); white-space: pre; }
.frame { fill: none; stroke: var(--bar); }
.paper { fill: var(--paper); } .bar { fill: var(--bar); }
.red { fill: var(--red); } .green { fill: var(--green); } .brown { fill: var(--brown); }
.cyan { fill: var(--cyan); } .bold { font-weight: 700; } .underlined { text-decoration: underline; }
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """When the next line is shown, in seconds from the start, and how many are shown then."""

    at: float
    lines: int


def draw(recorded: Sequence[Line], *, moving: bool) -> str:
    """Return a recording as an SVG, from the prompt on: as its lines appear, or how it ends."""
    lines = [PROMPT, *recorded]
    style = STYLE + _end(len(lines)) + (_motion(lines) if moving else "")
    rows = "\n".join(_row(number, line) for number, line in enumerate(lines) if line.runs)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">
<title>A recording of mcp-handoff demo</title>
<style>{style}</style>
<clipPath id="window"><rect width="{WIDTH}" height="{HEIGHT}" rx="8"/></clipPath>
<g clip-path="url(#window)">
<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>
<g transform="translate(0 {BAR})"><g id="scrolled">
{rows}
<rect id="cover" class="paper" width="{WIDTH}" height="{(len(lines) + ROWS) * ROW}"/>
</g></g>
<rect class="bar" width="{WIDTH}" height="{BAR - 8}"/>
<rect class="paper" y="{BAR - 8}" width="{WIDTH}" height="8"/>
</g>
<rect class="frame" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8"/>
</svg>
"""


def _paced(lines: Sequence[Line]) -> Iterator[Moment]:
    at = 0.0
    for number, line in enumerate(lines):
        at = max(at, line.at)
        yield Moment(at, number + 1)
        at += LINE_SECONDS if line.runs else PARAGRAPH_SECONDS


def _end(lines: int) -> str:
    return f"#scrolled {{ {_scrolled(lines)} }} #cover {{ {_moved(lines * ROW)} }}\n"


def _motion(lines: Sequence[Line]) -> str:
    moments = list(_paced(lines))
    seconds = moments[-1].at + END_SECONDS
    stops = [(f"{100 * moment.at / seconds:.2f}%", moment.lines) for moment in moments]
    scroll = "\n".join(f"{at} {{ {_scrolled(shown)} }}" for at, shown in stops)
    cover = "\n".join(f"{at} {{ {_moved(shown * ROW)} }}" for at, shown in stops)
    return f"""\
@media (prefers-reduced-motion: no-preference) {{
#scrolled {{ animation: scroll {seconds:.1f}s step-end infinite; }}
#cover {{ animation: cover {seconds:.1f}s step-end infinite; }}
}}
@keyframes scroll {{
{scroll}
}}
@keyframes cover {{
{cover}
}}
"""


def _scrolled(lines: int) -> str:
    return _moved(-max(0, lines - ROWS) * ROW)


def _moved(down: int) -> str:
    return f"transform: translateY({down}px);"


def _row(number: int, line: Line) -> str:
    spans = "".join(_span(run) for run in line.runs)
    return f'<text y="{number * ROW + 14}">{spans}</text>'


def _span(run: Run) -> str:
    marks = {"bold": run.style.bold, "underlined": run.style.underlined}
    marks[run.style.colour] = run.style.colour != "default"
    names = " ".join(name for name, marked in marks.items() if marked)
    shown = f' class="{names}"' if names else ""
    x, width = EDGE + run.column * COLUMN, len(run.text) * COLUMN
    place = f'x="{x:.1f}" textLength="{width:.1f}" lengthAdjust="spacingAndGlyphs"'
    return f"<tspan {place}{shown}>{escape(run.text, quote=False)}</tspan>"


def main() -> None:
    lines = record(DEMO)
    MOVING.write_text(draw(lines, moving=True))
    STILL.write_text(draw(lines, moving=False))


if __name__ == "__main__":
    main()
