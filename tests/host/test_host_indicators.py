"""Programs on imported lists: by the hash of the file that runs, by path or name, and without reading for nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from kanaria.core.facts import Knowledge, KnownIndicator, Provenance
from kanaria.host import miners as host_miners
from kanaria.host.indicators import listed_file, listed_hash
from kanaria.host.sampler import Process
from kanaria.knowledge import read_indicators

PROGRAM = b"\x7fELF a program nobody has seen before"
HASHES = [hashlib.new(name, PROGRAM, usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256")]
Make = Callable[..., Process]


def listing(facts: Knowledge, kind: str, value: str) -> Knowledge:
    said = Provenance(source="JPCERT/CC", date=date(2026, 1, 2))
    return replace(facts, indicators=(KnownIndicator(type=kind, value=value, comment="a miner", provenance=said),))


def running(tmp_path: Path, content: bytes = PROGRAM) -> Path:
    """A ``/proc`` in which process 7 runs that file."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "exe").write_bytes(content)
    return tmp_path


def test_every_kind_of_hash_is_recognised(process: Make, facts: Knowledge, tmp_path: Path) -> None:
    one, proc = replace(process("/opt/app"), pid=7), running(tmp_path)
    for value in HASHES:
        why = listed_hash(one, listing(facts, "hash", value.upper()), proc)
        assert why is not None and value[:20].upper() in why.en and "JPCERT/CC, 2026-01-02" in why.ja
    assert listed_hash(one, listing(facts, "hash", "0" * 64), proc) is None
    assert listed_hash(replace(one, pid=8), listing(facts, "hash", HASHES[0]), proc) is None, "may not be read"
    assert listed_hash(one, listing(facts, "file", "/x/yyyyyy"), proc) is None


def test_a_listed_path_or_name_is_a_suspicion_only(process: Make, facts: Knowledge) -> None:
    one = process("/tmp/.cache/Evil-Miner", "-q", executable="/tmp/.cache/evil-miner")
    known = listing(facts, "file", "evil-miner")
    assert listed_file(one, known) is not None
    judged = host_miners.judge(one, known)
    assert judged is not None and judged[0] is False and "a miner" in judged[1].en
    assert listed_file(process("/usr/bin/bash"), known) is None


def test_hashes_are_imported_from_text_csv_stix_and_misp(facts: Knowledge) -> None:
    digest = HASHES[2]
    pattern = f"[file:hashes.'SHA-256' = '{digest}']"
    stix = json.dumps({"objects": [{"type": "indicator", "pattern": pattern}]})
    attribute = {"type": "sha256", "value": digest.upper(), "to_ids": True}
    misp = json.dumps({"Event": {"info": "x", "Attribute": [attribute]}})
    for text, name in ((f"{digest} a miner", "a.txt"), (f"value\n{digest}\n", "a.csv"), (stix, "a"), (misp, "b")):
        report = read_indicators(text, name, source="s", today=date(2026, 1, 2), knowledge=facts)
        assert [(item.type, item.value) for item in report.indicators] == [("hash", digest)], name
    wrong = read_indicators("value,type\nabc,hash\n", "a.csv", source="s", today=date(2026, 1, 2), knowledge=facts)
    assert wrong.refused == (("abc", "no hash"),)
