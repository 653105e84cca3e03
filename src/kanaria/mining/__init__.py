"""What mining looks like: Stratum dialects in the clear, and the grammar of mining under encryption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from kanaria.core.facts import Knowledge
    from kanaria.core.types import StratumMessage
    from kanaria.mining.reading import Reading
    from kanaria.mining.shapes import Direction

__all__ = ["decode", "decode_stream", "reached", "read"]


def reached(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Whom connections and requests through proxies went to; see ``kanaria.mining.reading.reached``."""
    from kanaria.mining import reading

    return reading.reached(tables)


def read(tables: Mapping[str, pa.Table], knowledge: Knowledge) -> Reading:
    """Find the mining messages of a batch; see ``kanaria.mining.reading.read``."""
    from kanaria.mining import reading

    return reading.read(tables, knowledge)


def decode(
    data: bytes | str, *, direction: Direction = "unknown", knowledge: Knowledge | None = None
) -> tuple[StratumMessage, ...]:
    """Every mining message in a log line, body or stream; see ``kanaria.mining.stratum.decode``."""
    from kanaria.mining import stratum

    return stratum.decode(data, direction=direction, knowledge=knowledge)


def decode_stream(client: bytes, server: bytes, *, knowledge: Knowledge | None = None) -> tuple[StratumMessage, ...]:
    """The mining messages of both directions of a flow; see ``kanaria.mining.stratum.decode_stream``."""
    from kanaria.mining import stratum

    return stratum.decode_stream(client, server, knowledge=knowledge)
