"""Real captures, where they are at hand: long XMRig sessions are found, traffic that resembles mining stays quiet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kanaria.core.facts import Knowledge
from kanaria.core.stream import ReadContext
from kanaria.formats.registry import detect
from kanaria.mining import grammar
from kanaria.sources import open_inputs

ALERT = 7.0


def _folder(name: str) -> Path:
    data = os.environ.get("KANARIA_DATA")
    if not data:
        pytest.skip("KANARIA_DATA does not name the folder of real captures")
    return Path(data) / name


def _bits(folder: Path, facts: Knowledge) -> list[tuple[float, float, str]]:
    """Bits, seconds and file of every judged connection of a folder's captures."""
    judged = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".pcap", ".pcapng", ".cap"}):
        for stream in open_inputs([str(path)]):
            known = detect(stream)
            assert known is not None, path
            for batch in known.read(stream, ReadContext()):
                if "connection" in batch.tables:
                    for row in grammar.read(batch.tables["connection"], facts).to_pylist():
                        if row["mining.grammar_bits"] is not None:
                            judged.append((row["mining.grammar_bits"], row["duration_us"] / 1e6, path.name))
    return judged


@pytest.mark.data
def test_xmrig_sessions_of_ten_minutes_are_found(facts: Knowledge) -> None:
    long = [(bits, name) for bits, seconds, name in _bits(_folder("mining/cj-sniffer-a"), facts) if seconds >= 600]
    assert len(long) >= 30
    missed = [item for item in long if item[0] < ALERT]
    assert len(missed) <= 0.05 * len(long), missed


@pytest.mark.data
@pytest.mark.parametrize("name", ["mining-hard-negatives", "rdp", "ssh", "smb"])
def test_what_resembles_mining_stays_quiet(facts: Knowledge, name: str) -> None:
    assert [item for item in _bits(_folder(name), facts) if item[0] >= ALERT] == []
