"""Archives in files, read line by line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from mcp_handoff.archives.archive import END, FORMAT, ROW, Line
from mcp_handoff.errors import ValidationFailed
from mcp_handoff.whole_files import require_file, shown

LINE_BYTES = 2**24
"""How long a line may be: several times what the longest row takes."""

_ANOTHER_FORMAT = "for what another tracker exported, give its --format"


class ArchiveFile:
    """A file that holds an archive; each iteration reads it anew, line by line.

    Reading raises ValidationFailed where it is not what `mcp-handoff export` wrote, or not all of
    it.
    """

    def __init__(self, path: Path) -> None:
        """Raises NotFound where there is no file, ValidationFailed for what is none."""
        require_file(path)
        self._name = shown(path)
        self._path = path
        self._size = path.stat().st_size

    @property
    def size(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Line]:
        number = bytes_read = 0
        with self._path.open("rb") as file:
            while text := file.readline(LINE_BYTES):
                number, bytes_read = number + 1, bytes_read + len(text)
                given = self._parse(number, text)
                if number == 1:
                    self._require_format(given.get("mcp_handoff"))
                    continue
                kind = given.pop(ROW, None)
                if kind == END:
                    self._require_end(number, given.get("rows"), file.read(1))
                    return
                fields = {name: value for name, value in given.items() if value is not None}
                yield Line(number, bytes_read, str(kind), fields)
        if number == 0:
            raise ValidationFailed(f"{self._name} is empty.")
        raise ValidationFailed(
            f"{self._name} ends before its last line, after {number} lines; export it again."
        )

    def _parse(self, number: int, text: bytes) -> dict[str, Any]:
        try:
            value: object = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or not text.endswith(b"\n"):
            why = "is not a whole line of JSON"
            what = "export it again" if number > 1 else _ANOTHER_FORMAT
            raise ValidationFailed(f"{self._name}: line {number} {why}; {what}.")
        return cast(dict[str, Any], value)

    def _require_format(self, known: object) -> None:
        if not isinstance(known, int):
            raise ValidationFailed(
                f"{self._name} is not an export of mcp-handoff; {_ANOTHER_FORMAT}."
            )
        if known > FORMAT:
            raise ValidationFailed(
                f"{self._name} was written by a newer mcp-handoff (format {known}, this one knows"
                f" {FORMAT}); update mcp-handoff."
            )

    def _require_end(self, number: int, rows: object, rest: bytes) -> None:
        if rows != number - 2:
            raise ValidationFailed(
                f"{self._name} says at its end that it has {rows} rows, and has {number - 2}."
            )
        if rest:
            raise ValidationFailed(f"{self._name} goes on after its last line.")
