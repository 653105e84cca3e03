"""A request that does not fit its device is told of once, with its reasons; not while learning, and not twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kanaria.app.run.engine import Engine
from kanaria.app.run.pipeline import analyse
from kanaria.app.run.setup import prepare
from kanaria.core.types import Finding
from kanaria.sources import open_inputs
from tests.app.test_web_life import (
    BROWSER,
    DEVICE,
    END,
    FETCHED,
    STRANGE,
    TOOL,
    USUAL,
    Request,
    life_of,
    packets,
    suricata,
    zeek,
)

LEARNED = 11
"""Days: four more than the warm-up, of which the calibration has hours enough."""
AGAIN = [replace(FETCHED, time=FETCHED.time + timedelta(minutes=n)) for n in range(1, 5)]
MODELS = ("unusual_request", "unexplained_anomaly")


def told(path: Path, store: Path | None = None) -> list[Finding]:
    """What the models for the unexplained say of an input."""
    with Engine(prepare(store=store)) as engine:
        analyse(open_inputs([str(path)]), engine)
    return [finding for finding in engine.case.findings.values() if finding.rule in MODELS]


@pytest.mark.parametrize("written", [zeek, suricata])
def test_requests_of_an_hour_are_one_finding_with_its_reasons(
    written: Callable[[Path, list[Request]], Path], tmp_path: Path
) -> None:
    (finding,) = told(written(tmp_path, life_of(LEARNED, USUAL, FETCHED, *AGAIN)))
    assert (finding.rule, finding.device, finding.remote) == ("unusual_request", DEVICE, STRANGE)
    assert (finding.title.en, finding.title.ja) == ("Unusual web request", "普段と異なるWebリクエスト")
    assert (finding.severity, finding.values["count"]) == ("low", "5")
    assert (finding.time, finding.until) == (FETCHED.time, AGAIN[-1].time)
    english, japanese = finding.why.en, finding.why.ja
    assert english.startswith(f'{DEVICE} asked {STRANGE} for files.example.com as "{TOOL}": ')
    assert "Usual programs: Mozilla/ (Example OS ) (50 %), Updater/ (50 %)." in english
    assert "Usual names: example.net (50 %), example.org (50 %)." in english
    values = {name: float(finding.values[f"baseline.{name}"]) for name in ("agent_bits", "name_bits", "endpoint_bits")}
    for part, words in (("agent_bits", "The program"), ("name_bits", "The name"), ("endpoint_bits", "The address")):
        levels = [finding.values[f"baseline.{part}_{level}"] for level in ("device", "peers", "network")]
        assert f"{words}: {finding.values[f'baseline.{part}']} bits ({levels[0]}" in english
        assert all(level in english and level in japanese for level in levels)
        assert values[part] > 5
    assert f"「{TOOL}」として" in japanese
    assert "普段のプログラム: Mozilla/ (Example OS ) (50 %)" in japanese
    assert {evidence.event_id for evidence in finding.evidence} <= set(finding.event_ids)


def test_nothing_is_said_while_there_is_too_little_history(tmp_path: Path) -> None:
    requests = life_of(5, USUAL, FETCHED)
    with Engine(prepare(store=tmp_path / "store")) as engine:
        analyse(open_inputs([str(zeek(tmp_path, requests))]), engine)
        assert engine.memory.learned.life().status().learning
    assert [f for f in engine.case.findings.values() if f.rule in MODELS] == []


def test_what_its_connection_is_told_of_is_not_told_again(tmp_path: Path) -> None:
    """Captures show both: the connection to a strange address speaks for the request in it."""
    found = told(packets(tmp_path, life_of(LEARNED, USUAL, FETCHED)))
    assert {(finding.rule, finding.device) for finding in found} == {("unexplained_anomaly", DEVICE)}


def test_the_program_alone_is_told_of_where_the_connection_is_as_ever(tmp_path: Path) -> None:
    """In captures, too: nothing but what was sent inside is strange."""
    servant = [replace(request, agent=BROWSER) for request in life_of(LEARNED) if request.dst == USUAL.dst]
    found = told(packets(tmp_path, [*servant, USUAL, replace(USUAL, time=END + timedelta(minutes=1), agent=TOOL)]))
    assert {(finding.rule, finding.values["user_agent"]) for finding in found} == {("unusual_request", TOOL)}
