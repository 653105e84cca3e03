"""``kanaria demo``: the two real cases on bundled examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kanaria.core.stream import Stream
from kanaria.sources import text_stream

EXAMPLES = Path(__file__).parents[1] / "examples"


def demo_streams() -> Iterator[Stream]:
    """The bundled examples: a home server's web log with six strange lines, and an Internet-facing DNS server."""
    for path in sorted(EXAMPLES.iterdir()):
        yield text_stream(f"examples/{path.name}", path.read_bytes())
