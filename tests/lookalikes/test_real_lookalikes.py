"""Real servers and clients that do what miners do (stay, say little, are answered and pushed to) are not taken for them.

Everything talks at once between two network namespaces, for half a minute and until everybody has said enough to be
judged, is captured, and goes through ``analyze``.
Keepalives, polls and readings come about once a second there; with times stretched back to what is usual elsewhere, and
looked at while still open, the connections must stay just as quiet.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from kanaria import knowledge
from kanaria.app.run.engine import Engine
from kanaria.app.run.pipeline import analyse
from kanaria.app.run.setup import prepare
from kanaria.core.stream import ReadContext
from kanaria.core.types import Analysis
from kanaria.formats.packets.capture import PcapFormat
from kanaria.lab import netns
from kanaria.mining import grammar
from kanaria.sources import open_inputs
from tests.lookalikes.talkers import SECONDS, TALKERS, packages, talking
from tests.programs import programs
from tests.running import until

pytestmark = [pytest.mark.slow, pytest.mark.privileged]

STRETCHED = (1, 5, 30, 60)
"""How many seconds a second of the capture stands for: what came every second comes every 5, every 30, every minute."""


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of everybody, and longer where clients start slowly; who says too little then fails its own test."""
    if reason := netns.available():
        pytest.skip(reason)
    programs(packages())
    folder = tmp_path_factory.mktemp("talk")
    path = tmp_path_factory.mktemp("capture") / "everybody.pcap"
    with netns.pair(f"kntalk{os.getpid()}") as pair, netns.capture(pair, path), talking(pair, folder):
        time.sleep(SECONDS)
        with contextlib.suppress(AssertionError):
            until(lambda: not quiet(read(path)), every=5.0)
    return path


def read(capture: Path) -> pa.Table:
    """Connections, of a capture that may still be written."""
    (stream,) = open_inputs([str(capture)])
    batches = [batch.tables for batch in PcapFormat().read(stream, ReadContext())]
    return pa.concat_tables([tables["connection"] for tables in batches if "connection" in tables])


def quiet(connections: pa.Table) -> dict[int, list[int]]:
    """Messages of each connection, by port, where none has as many as are needed to judge it."""
    ports = [item for talker in TALKERS.values() if not talker.missing for item in talker.ports.items()]
    found = {port: (messages(of(port, connections)), least) for port, least in ports}
    return {port: said for port, (said, least) in found.items() if max(said, default=0) < least}


def of(port: int, connections: pa.Table) -> pa.Table:
    return connections.filter(pc.equal(connections["dst_port"], port))


def messages(connections: pa.Table) -> list[int]:
    said: list[int] = pc.add(connections["src_messages"], connections["dst_messages"]).to_pylist()
    return said


@pytest.fixture(scope="module")
def connections(capture: Path) -> pa.Table:
    return read(capture)


@pytest.fixture(scope="module")
def analysis(capture: Path) -> Iterator[Analysis]:
    with Engine(prepare()) as engine:
        yield analyse(open_inputs([str(capture)]), engine)


def stretched(connections: pa.Table, times: int) -> pa.Table:
    """The same connections, slower."""
    lists = connections["messages"].combine_chunks()
    said = lists.flatten()
    parts = [said.field("from_client"), said.field("length"), pc.multiply(said.field("time"), times)]
    slow = pa.ListArray.from_arrays(
        lists.offsets, pa.StructArray.from_arrays(parts, fields=list(lists.type.value_type)), type=lists.type
    )
    for name, column in (("messages", slow), ("duration_us", pc.multiply(connections["duration_us"], times))):
        connections = connections.set_column(connections.schema.get_field_index(name), name, column)
    return connections


def accused(connections: pa.Table, times: int = 1) -> list[str]:
    """What is said of each connection that is judged to be mining, with what was judged."""
    judged = grammar.read(stretched(connections, times), knowledge.load())
    return [
        f"port {row['dst_port']}, {times} s a second: {row['mining.grammar_bits']:.1f} bits, "
        f"{ {name: row[name] for name in grammar.COLUMNS[1:3]} }, of {row['messages']}"
        for row in judged.to_pylist()
        if (row["mining.grammar_bits"] or 0.0) >= grammar.ALERT
    ]


@pytest.mark.parametrize("name", TALKERS)
def test_real_programs_are_not_miners(name: str, connections: pa.Table) -> None:
    if missing := TALKERS[name].missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    silent = quiet(connections)
    for port, least in TALKERS[name].ports.items():
        assert port not in silent, f"port {port}: {silent[port]} messages, {least} are needed to judge it"
        assert [told for times in STRETCHED for told in accused(of(port, connections), times)] == []


@pytest.mark.parametrize("seconds", [4, 8, 15])
def test_nor_are_they_while_they_are_open(seconds: int, connections: pa.Table) -> None:
    lists = [
        [one for one in said or () if one["time"] <= seconds * 1_000_000]
        for said in connections["messages"].to_pylist()
    ]
    at = connections.schema.get_field_index("messages")
    early = connections.set_column(at, "messages", pa.array(lists, connections.schema.field(at).type))
    assert accused(early) == []


def test_the_whole_analysis_finds_no_mining(analysis: Analysis) -> None:
    found = [finding for incident in analysis.incidents for finding in incident.findings]
    assert [(finding.rule, finding.why.en, finding.values) for finding in found] == []
    (known,) = analysis.inputs
    assert known.rows > 1000
