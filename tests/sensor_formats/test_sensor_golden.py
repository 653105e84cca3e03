"""Every sensor log format against its golden pair: a raw sample in, the whole normalised output out.

``KANARIA_REBASELINE=1`` writes the outputs anew; review the difference. The samples are also read damaged in the ways
files are damaged on their way, and as prefixes of themselves.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core import schema
from kanaria.core.network import HomeNetworks
from kanaria.core.stream import Format, ReadContext
from kanaria.formats import registry
from kanaria.formats.cisco_asa import CiscoAsa
from kanaria.formats.dns_servers import BindQueryLog, DnsmasqLog, UnboundLog, WindowsDnsLog
from kanaria.formats.firewall import Conntrack, NetfilterLog, PfFilterLog
from kanaria.formats.netflow_csv import FlowCsv
from kanaria.formats.netflow_datagrams import NetflowDatagrams
from kanaria.formats.netflow_text import NfdumpText
from kanaria.formats.suricata import SuricataEve
from kanaria.formats.tcpdump_text import TcpdumpText
from kanaria.formats.zeek import ZeekJson, ZeekTsv
from tests.reading_formats import broken_promises

GOLDEN = Path(__file__).parent / "golden"
HOME = HomeNetworks.parse(["192.0.2.0/24", "2001:db8::/64"])
CONTEXT = ReadContext(home=HOME, year=2026)
PAIRS: list[tuple[Format, str]] = [
    (ZeekTsv(), "zeek.log"),
    (ZeekJson(), "zeek-json.log"),
    (SuricataEve(), "suricata.eve.json"),
    (FlowCsv(), "flow-csv.csv"),
    (FlowCsv(), "argus.binetflow"),
    (FlowCsv(), "ipfixprobe.csv"),
    (NfdumpText(), "nfdump.txt"),
    (BindQueryLog(), "bind.log"),
    (UnboundLog(), "unbound.log"),
    (DnsmasqLog(), "dnsmasq.log"),
    (WindowsDnsLog(), "windows-dns.log"),
    (NetfilterLog(), "netfilter.log"),
    (PfFilterLog(), "filterlog.log"),
    (Conntrack(), "conntrack.log"),
    (CiscoAsa(), "cisco-asa.log"),
    (FlowCsv(), "aws-vpc-header.txt"),
    (TcpdumpText(), "tcpdump.txt"),
]
IDS = [sample for _known, sample in PAIRS]
FORMATS = [*(known for known, _sample in PAIRS), NetflowDatagrams()]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _output(everything: object) -> dict[str, object]:
    tables = {
        name: [{key: _plain(value) for key, value in row.items()} for row in everything.rows_of(name)]  # type: ignore[attr-defined]
        for name in sorted(everything.tables)  # type: ignore[attr-defined]
    }
    rejects = [{"row": reject.row, "reason": reject.reason} for reject in everything.rejects]  # type: ignore[attr-defined]
    return {"rows": everything.rows, "tables": tables, "rejects": rejects}  # type: ignore[attr-defined]


@pytest.mark.parametrize(("known", "sample"), PAIRS, ids=IDS)
def test_golden_pair(read: Callable[..., object], known: Format, sample: str) -> None:
    output = _output(read(known, (GOLDEN / sample).read_bytes(), sample, CONTEXT))
    expected = GOLDEN / f"{sample}.expected.json"
    if os.environ.get("KANARIA_REBASELINE"):
        expected.write_text(json.dumps(output, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert output == json.loads(expected.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("known", "sample"), PAIRS, ids=IDS)
def test_recognised_by_content_alone(known: Format, sample: str) -> None:
    data = (GOLDEN / sample).read_bytes()
    scores = {other.name: other.sniff(data, "input") for other in registry.all_formats()}
    assert max(scores, key=lambda name: scores[name]) == known.name


@pytest.mark.parametrize(("known", "sample"), PAIRS, ids=IDS)
def test_every_table_follows_the_schema_and_ids_are_unique(
    read: Callable[..., object], known: Format, sample: str
) -> None:
    everything = read(known, (GOLDEN / sample).read_bytes(), sample, CONTEXT)
    assert everything.tables  # type: ignore[attr-defined]
    for name, table in everything.tables.items():  # type: ignore[attr-defined]
        assert name in known.tables
        assert table.schema.equals(schema.TABLES[name].arrow)
        ids = table["event_id"].to_pylist()
        assert len(set(ids)) == len(ids)
        assert [event - line for event, line in zip(ids, table["line"].to_pylist(), strict=True)] == [
            ids[0] - table["line"][0].as_py()
        ] * len(ids)


def _damage(data: bytes) -> dict[str, bytes]:
    return {
        "CRLF": data.replace(b"\n", b"\r\n"),
        "byte order mark": b"\xef\xbb\xbf" + data,
        "no last line end": data.rstrip(b"\n"),
        "blank line at the end": data + b"\n",
    }


@pytest.mark.parametrize("kind", ["CRLF", "byte order mark", "no last line end", "blank line at the end"])
@pytest.mark.parametrize(("known", "sample"), PAIRS, ids=IDS)
def test_damage_of_transport_changes_nothing(
    read: Callable[..., object], known: Format, sample: str, kind: str
) -> None:
    data = (GOLDEN / sample).read_bytes()
    damaged = _damage(data)[kind]
    assert known.sniff(damaged, "input") > 0
    assert (
        _output(read(known, damaged, sample, CONTEXT))["tables"]
        == _output(read(known, data, sample, CONTEXT))["tables"]
    )


@pytest.mark.parametrize(("known", "sample"), PAIRS, ids=IDS)
def test_a_cut_file_keeps_its_whole_lines(read: Callable[..., object], known: Format, sample: str) -> None:
    data = (GOLDEN / sample).read_bytes()
    whole = read(known, data, sample, CONTEXT)
    for part in (3, 2):
        cut = read(known, data[: len(data) * (part - 1) // part], sample, CONTEXT)
        assert cut.rows <= whole.rows  # type: ignore[attr-defined]
        assert len(cut.rejects) <= len(whole.rejects) + 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
@settings(max_examples=20, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes_give_rows_or_rejects(known: Format, data: bytes) -> None:
    assert broken_promises(known, data, CONTEXT) == []


@pytest.mark.parametrize(("known", "sample"), PAIRS, ids=IDS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_sample_with_bytes_changed_gives_rows_or_rejects(known: Format, sample: str, data: st.DataObject) -> None:
    raw = bytearray((GOLDEN / sample).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
        if not raw:
            return
    assert broken_promises(known, bytes(raw), CONTEXT) == []
