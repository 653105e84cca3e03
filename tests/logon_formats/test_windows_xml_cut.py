"""Exports of Windows events as XML that are cut anywhere: what is missing is counted, what is whole is read."""

from __future__ import annotations

import pytest

from kanaria.core.stream import ReadContext
from kanaria.formats import registry
from kanaria.formats.logons.windows_xml import WindowsXml
from kanaria.formats.unknown import UNKNOWN
from tests.reading_formats import BytesStream, read_all

EVENTS = [WindowsXml.example.replace("198.51.100.7", f"198.51.100.{place}") for place in range(3)]
EXPORTS = {
    "with a root": f"<?xml version='1.0' encoding='utf-8'?><Events>{''.join(EVENTS)}</Events>",
    "with a root, line by line": "<Events>\n" + "\n".join(EVENTS) + "\n</Events>\n",
    "without a root": "".join(EVENTS),
}


def read(data: str) -> tuple[int, int]:
    """Logons read, and records that were not."""
    stream = BytesStream(data.encode())
    found = read_all(registry.detect(stream) or UNKNOWN, data.encode(), context=ReadContext(year=2026))
    return len(found.rows_of("logon")), sum(batch.unread for batch in found.batches)


@pytest.mark.parametrize("name", EXPORTS)
def test_a_whole_export_is_read(name: str) -> None:
    assert read(EXPORTS[name]) == (len(EVENTS), 0)


@pytest.mark.parametrize("name", EXPORTS)
def test_a_cut_export_is_not_whole(name: str) -> None:
    whole = EXPORTS[name].rstrip()
    ends = {place for place in range(len(whole)) if whole[:place].rstrip().endswith("</Event>")}
    cuts = {*range(EVENTS[0].index("Channel"), len(whole), 7), *(end + more for end in ends for more in range(9))}
    for cut in sorted(cut for cut in cuts if cut < len(whole)):
        logons, unread = read(whole[:cut])
        assert logons == whole[:cut].count("</Event>")
        assert unread or (name == "without a root" and cut in ends), cut
