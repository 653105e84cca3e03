"""Options that name a file to write: whether that can be done is known before any work is."""

from __future__ import annotations

import click


class OutputFile(click.ParamType[str]):
    """A file that can be written, or ``-``. Raises SourceError for what is none, in the words of the writing itself."""

    name = "file"

    def __init__(self, expected: str) -> None:
        self._expected = expected

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from kanaria.app.output import require_writable

        require_writable(value, self._expected)
        return value


OUTPUT_FILE = OutputFile("a place to write the report to")
REJECTS_FILE = OutputFile("a place to write rejected records to")
