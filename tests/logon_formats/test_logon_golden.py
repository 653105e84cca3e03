"""Every logon format against its golden pair: a raw sample in, the whole normalised output out.

``KANARIA_REBASELINE=1`` writes the outputs anew; review the difference. The samples are also read damaged in the ways
files are damaged on their way, and with bytes changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.core import schema
from kanaria.core.network import HomeNetworks
from kanaria.core.stream import Format, ReadContext
from kanaria.formats import registry
from kanaria.formats.auth_log import AuthLog
from kanaria.formats.journald import JournaldJson
from kanaria.formats.logons.evtx_file import Evtx
from kanaria.formats.logons.samba import SambaLog
from kanaria.formats.logons.windows_csv import WindowsCsv
from kanaria.formats.logons.windows_json import WindowsJson
from kanaria.formats.logons.windows_text import WindowsText
from kanaria.formats.logons.windows_xml import WindowsXml
from tests.reading_formats import broken_promises

GOLDEN = Path(__file__).parent / "golden"
CONTEXT = ReadContext(home=HomeNetworks.parse(["192.0.2.0/24", "2001:db8::/64"]), year=2026)
PAIRS: list[tuple[Format, str]] = [
    (AuthLog(), "auth.log"),
    (JournaldJson(), "journald.json"),
    (SambaLog(), "samba.log"),
    (SambaLog(), "samba.json"),
    (WindowsXml(), "windows.xml"),
    (WindowsXml(), "wevtutil-utf16.xml"),
    (WindowsJson(), "windows.json"),
    (WindowsJson(), "get-winevent-utf16.json"),
    (WindowsCsv(), "eventviewer-ja.csv"),
    (WindowsCsv(), "eventviewer-ja-cp932.csv"),
    (WindowsCsv(), "eventviewer-en.csv"),
    (WindowsCsv(), "export-csv.csv"),
    (WindowsCsv(), "evtxecmd.csv"),
    (WindowsText(), "wevtutil-ja.txt"),
    (WindowsText(), "wevtutil-ja-cp932.txt"),
    (WindowsText(), "wevtutil-en.txt"),
]
EACH = pytest.mark.parametrize(("known", "sample"), PAIRS, ids=[sample for _known, sample in PAIRS])
BYTES = pytest.mark.parametrize(("known", "sample"), [pair for pair in PAIRS if "utf16" not in pair[1]])
FORMATS: list[Format] = [*{type(known): known for known, _sample in PAIRS}.values(), Evtx()]
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
Read = Callable[..., Any]


def _output(everything: Any) -> dict[str, object]:
    def plain(value: object) -> object:
        if isinstance(value, datetime):
            return value.isoformat()
        return value.decode("latin-1") if isinstance(value, bytes) else value

    tables = {
        name: [{key: plain(value) for key, value in row.items()} for row in everything.rows_of(name)]
        for name in sorted(everything.tables)
    }
    rejects = [{"row": reject.row, "reason": reject.reason} for reject in everything.rejects]
    return {"rows": everything.rows, "tables": tables, "rejects": rejects}


@EACH
def test_golden_pair(read: Read, known: Format, sample: str) -> None:
    output = _output(read(known, (GOLDEN / sample).read_bytes(), sample, CONTEXT))
    expected = GOLDEN / f"{sample}.expected.json"
    if os.environ.get("KANARIA_REBASELINE"):
        expected.write_text(json.dumps(output, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert output == json.loads(expected.read_text(encoding="utf-8"))


@EACH
def test_recognised_by_content_alone(known: Format, sample: str) -> None:
    data = (GOLDEN / sample).read_bytes()
    scores = {other.name: other.sniff(data, "input") for other in registry.all_formats()}
    assert max(scores, key=lambda name: scores[name]) == known.name


@EACH
def test_tables_follow_the_schema(read: Read, known: Format, sample: str) -> None:
    everything = read(known, (GOLDEN / sample).read_bytes(), sample, CONTEXT)
    assert everything.tables
    for name, table in everything.tables.items():
        assert name in known.tables
        assert table.schema.equals(schema.TABLES[name].arrow)
        assert len(set(table["event_id"].to_pylist())) == table.num_rows


def test_the_same_events_mean_the_same_in_every_encoding_and_shape(read: Read) -> None:
    outputs = [
        _output(read(WindowsCsv(), (GOLDEN / sample).read_bytes(), "same.csv", CONTEXT))
        for sample in ("eventviewer-ja.csv", "eventviewer-ja-cp932.csv")
    ]
    assert outputs[0] == outputs[1]
    facts = ("user", "domain", "success", "src_ip", "src_port", "logon_type", "reason", "event_code", "channel")
    samples = (
        (WindowsXml(), "windows.xml"), (WindowsJson(), "windows.json"), (WindowsJson(), "get-winevent-utf16.json"),
        (WindowsCsv(), "eventviewer-ja.csv"), (WindowsCsv(), "export-csv.csv"), (WindowsCsv(), "evtxecmd.csv"),
    )  # fmt: skip
    found = [read(known, (GOLDEN / s).read_bytes(), s, CONTEXT).rows_of("logon")[0] for known, s in samples]
    first = {key: found[0][key] for key in facts}
    assert [{key: row[key] for key in facts} for row in found] == [first] * len(samples)


@pytest.mark.parametrize("kind", ["CRLF", "no last line end", "blank line at the end"])
@BYTES
def test_damage_of_transport_changes_nothing(read: Read, known: Format, sample: str, kind: str) -> None:
    data = (GOLDEN / sample).read_bytes()
    damaged = {
        "CRLF": data.replace(b"\n", b"\r\n"),
        "no last line end": data.rstrip(b"\n"),
        "blank line at the end": data + b"\n",
    }[kind]
    assert known.sniff(damaged, "input") > 0
    assert (
        _output(read(known, damaged, sample, CONTEXT))["tables"]
        == _output(read(known, data, sample, CONTEXT))["tables"]
    )


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
@QUICK
@given(data=st.binary(max_size=400))
def test_any_bytes_give_rows_or_rejects(known: Format, data: bytes) -> None:
    assert broken_promises(known, data, CONTEXT) == []


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
@QUICK
@given(data=st.text(max_size=300), encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-be"]))
def test_any_text_gives_rows_or_rejects(known: Format, data: str, encoding: str) -> None:
    assert broken_promises(known, data.encode(encoding, "surrogatepass"), CONTEXT) == []


@EACH
@QUICK
@given(data=st.data())
def test_a_sample_with_bytes_changed_gives_rows_or_rejects(known: Format, sample: str, data: st.DataObject) -> None:
    raw = bytearray((GOLDEN / sample).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    assert broken_promises(known, bytes(raw), CONTEXT) == []


_KEYS = ("Event", "System", "EventData", "UserData", "EventID", "Channel", "winlog", "event_data", "win", "data", "Id",
         "LogName", "Properties", "TimeCreated", "TargetUserName", "IpAddress", "Data", "#text")  # fmt: skip
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["4625", "Security"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(document=st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=6))
def test_any_json_object_gives_rows_or_rejects(document: dict[str, object]) -> None:
    assert broken_promises(WindowsJson(), json.dumps(document).encode(), CONTEXT) == []


@settings(max_examples=60, deadline=None)
@given(
    entry=st.dictionaries(
        st.sampled_from(["__REALTIME_TIMESTAMP", "_HOSTNAME", "SYSLOG_IDENTIFIER", "_PID", "MESSAGE"]), _VALUES
    )
)
def test_any_journal_entry_gives_rows_or_rejects(entry: dict[str, object]) -> None:
    assert broken_promises(JournaldJson(), json.dumps(entry).encode(), CONTEXT) == []
