"""Real servers and clients that do what miners do (stay, say little, are answered and pushed to) are not taken for them.

Everything talks at once between two network namespaces for half a minute, is captured, and goes through ``analyze``.
Keepalives, polls and readings come about once a second there; with times stretched back to what is usual elsewhere, and
looked at while still open, the connections must stay just as quiet.
"""

from __future__ import annotations

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

pytestmark = [pytest.mark.slow, pytest.mark.privileged]

STRETCHED = (1, 5, 30, 60)
"""How many seconds a second of the capture stands for: what came every second comes every 5, every 30, every minute."""


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of everybody."""
    if reason := netns.available():
        pytest.skip(reason)
    programs(packages())
    folder = tmp_path_factory.mktemp("talk")
    path = tmp_path_factory.mktemp("capture") / "everybody.pcap"
    with netns.pair(f"kntalk{os.getpid()}") as pair, netns.capture(pair, path), talking(pair, folder):
        time.sleep(SECONDS)
    return path


@pytest.fixture(scope="module")
def connections(capture: Path) -> pa.Table:
    (stream,) = open_inputs([str(capture)])
    batches = [batch.tables for batch in PcapFormat().read(stream, ReadContext())]
    return pa.concat_tables([tables["connection"] for tables in batches if "connection" in tables])


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


@pytest.mark.parametrize("name", TALKERS)
def test_real_programs_are_not_miners(name: str, connections: pa.Table) -> None:
    if missing := TALKERS[name].missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    facts = knowledge.load()
    for port, least in TALKERS[name].ports.items():
        talk = connections.filter(pc.equal(connections["dst_port"], port))
        said = pc.add(talk["src_messages"], talk["dst_messages"])
        assert (pc.max(said).as_py() or 0) >= least, f"port {port}: {said.to_pylist()} messages"
        for times in STRETCHED:
            judged = grammar.read(stretched(talk, times), facts)
            assert (pc.max(judged["mining.grammar_bits"]).as_py() or 0.0) < grammar.ALERT, (port, times)


@pytest.mark.parametrize("seconds", [4, 8, 15])
def test_nor_are_they_while_they_are_open(seconds: int, connections: pa.Table) -> None:
    facts = knowledge.load()
    lists = [
        [one for one in said or () if one["time"] <= seconds * 1_000_000]
        for said in connections["messages"].to_pylist()
    ]
    at = connections.schema.get_field_index("messages")
    early = connections.set_column(at, "messages", pa.array(lists, connections.schema.field(at).type))
    judged = grammar.read(early, facts)
    assert (pc.max(judged["mining.grammar_bits"]).as_py() or 0.0) < grammar.ALERT


def test_the_whole_analysis_finds_no_mining(analysis: Analysis) -> None:
    assert [finding.rule for incident in analysis.incidents for finding in incident.findings] == []
    (read,) = analysis.inputs
    assert read.rows > 1000
