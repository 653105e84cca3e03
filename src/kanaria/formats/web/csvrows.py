"""Web requests in CSV with a header: exports of SIEMs, of Kibana and Grafana, of security plug-ins.

In: lines, of which an early one names the columns. Out: rows by the names that JSON logs have (``jsonrow.KEYS``); a
column that carries a whole log line is for the caller. A cell that spans lines is none of ours.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping

from kanaria.core.late_regex import late_regex
from kanaria.formats.web.jsonrow import kind_of, web_row
from kanaria.formats.web.values import Row

_NAME = late_regex(r"[@_A-Za-z][\w @./-]{0,60}")
_LONGEST = 65_536
_LOOKED_AT = 5
"""Lines among which a header is looked for: exports begin with it, some after a title or a ``sep=`` line."""


class CsvState:
    """The columns a header named, once there was one."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self._delimiter = ","
        self._seen = 0

    def header(self, line: bytes) -> bool:
        """Take note of a header; whether the line is one."""
        if self._seen >= _LOOKED_AT or self.names:
            return False
        self._seen += 1
        if line[:1] in (b"{", b"[", b"#") or not 8 < len(line) < 4096:
            return False
        text = line.decode("utf-8", "replace").strip()
        for delimiter in (",", ";", "\t"):
            names = _cells(text, delimiter)
            if len(names) >= 3 and all(_NAME.fullmatch(name) for name in names) and _tells_requests(names):
                self.names, self._delimiter = tuple(names), delimiter
                return True
        return False

    def row(self, line: bytes, aliases: Mapping[str, str]) -> Row | None:
        """The row of a data line, or None when there is no header, or the line has other columns."""
        if not self.names or len(line) > _LONGEST:
            return None
        cells = _cells(line.decode("utf-8", "surrogateescape"), self._delimiter)
        if len(cells) != len(self.names):
            return None
        return web_row(dict(zip(self.names, cells, strict=True)), aliases)


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([text], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _tells_requests(names: list[str]) -> bool:
    kinds = {kind_of(name, {})[0] for name in names}
    return bool(kinds & {"path", "request"}) and len(kinds & {"client", "status", "method", "time"}) >= 2
