"""Every format reads its own lines; those of others in the same input count as unread, unless they are read, too."""

from __future__ import annotations

import json

import pytest

from kanaria.core.stream import Format, ReadContext
from kanaria.formats import registry
from kanaria.formats.unknown import UNKNOWN
from tests.reading_formats import BytesStream, read_all

COUNT = 30
OTHERS = {
    "web": [f'192.0.2.{n} - - [21/Jul/2025:15:40:00 +0000] "GET /{n} HTTP/1.1" 200 53 "-" "-"' for n in range(COUNT)],
    "syslog": [f"Jul 21 15:40:{n:02} web01 something[{n}]: a strange thing happened" for n in range(COUNT)],
    "json": [json.dumps({"level": "info", "number": n, "note": "nothing"}) for n in range(COUNT)],
}
TEXTS = [
    known
    for known in registry.all_formats()
    if known.example and known.name not in ("pcap", "nfcapd", "netflow", "evtx")
]


@pytest.mark.parametrize("known", TEXTS, ids=lambda known: known.name)
def test_lines_of_others_are_read_or_unread(known: Format) -> None:
    for kind, lines in OTHERS.items():
        data = "\n".join([*[known.example] * COUNT, *lines, ""]).encode()
        found = read_all(registry.detect(BytesStream(data)) or UNKNOWN, data, context=ReadContext(year=2026))
        claimed = found.rows - sum(batch.unread for batch in found.batches)
        own = COUNT * known.example.count("\n") + COUNT
        assert claimed <= own + len(found.tables.get("http", ())), kind
