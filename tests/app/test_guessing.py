"""Password guessing: what it is called, whether it failed, and what is advised, from the log to the report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from kanaria.app.run.logon_questions import guessers, sessions
from kanaria.incidents.case import Guessers, Sessions
from kanaria.incidents.judge import judge
from kanaria.incidents.weighing import evidence
from tests.app.running import Kanaria
from tests.event_rows import events_of
from tests.incidents.building import DEVICE, around, case, facts, finding, record

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
STRANGER = "203.0.113.9"


def line(seconds: float, source: str, *, success: bool = False) -> str:
    word = "Accepted" if success else "Failed"
    time = START + timedelta(seconds=seconds)
    return f"{time:%Y-%m-%dT%H:%M:%S}+00:00 gate sshd[7]: {word} password for root from {source} port 40000 ssh2\n"


def guessed(kanaria: Kanaria, tmp_path: Path, *more: str) -> dict[str, Any]:
    (tmp_path / "auth.log").write_text("".join([line(7 * n, STRANGER) for n in range(60)]) + "".join(more))
    return kanaria("analyze", "auth.log", "--format", "json").incident


def test_guessing_that_was_refused_throughout_failed(kanaria: Kanaria, tmp_path: Path) -> None:
    incident = guessed(kanaria, tmp_path)
    assert incident["title"] == {"en": "Password guessing against gate: failed", "ja": "gateへのパスワード推測: 失敗"}
    assert (incident["outcome"]["value"], incident["severity"]) == ("failed", "informational")
    assert [advice["id"] for advice in incident["recommendations"]] == ["none", "harden_logon"]
    told = {section["id"]: section["claims"] for section in incident["report"]["en"]["sections"]}
    assert "Scanning and password guessing that hits everybody" in told["identification"][0]["text"]
    assert not any("iner" in claim["text"] for part in ("identification", "outcome") for claim in told[part])
    assert "(1) none logged on later" in told["outcome"][1]["text"]


def test_somebody_else_who_logs_on_changes_nothing(kanaria: Kanaria, tmp_path: Path) -> None:
    incident = guessed(kanaria, tmp_path, line(500, "198.51.100.7"), line(510, "198.51.100.7", success=True))
    assert incident["outcome"]["value"] == "failed"


def test_a_logon_after_guessing_is_no_scan(kanaria: Kanaria, tmp_path: Path) -> None:
    incident = guessed(kanaria, tmp_path, line(540, STRANGER, success=True))
    assert incident["title"]["en"] == "Device that may be compromised (gate): success possible"
    assert incident["title"]["ja"] == "乗っ取られた疑いのある機器(gate): 成功した可能性あり"
    assert (incident["hypotheses"][0]["name"], incident["severity"]) == ("compromised_device", "high")
    advised = [advice["id"] for advice in incident["recommendations"]]
    assert advised == ["ask_who_logged_on", "find_entrance", "harden_logon", "rebuild"]
    assert "203.0.113[.]9" in incident["recommendations"][0]["text"]["ja"]
    assert {"type": "account", "value": "root"} in [
        {"type": known["type"], "value": known["value"]} for known in incident["indicators"]
    ]


def test_guessing_from_inside_points_at_the_machine_it_comes_from(kanaria: Kanaria, tmp_path: Path) -> None:
    lines = [line(7 * n, "192.168.1.77").replace("gate", f"host{n % 3}") for n in range(90)]
    (tmp_path / "auth.log").write_text("".join(lines))
    incident = kanaria("analyze", "auth.log", "--format", "json").incident
    advised = [advice["id"] for advice in incident["recommendations"]]
    assert advised[:2] == ["look_at_guesser", "harden_logon"]
    assert "192.168.1.77" in incident["recommendations"][0]["text"]["ja"]


def test_remote_desktop_sessions_that_look_like_a_logon_are_counted() -> None:
    rows = [("inbound", "likely_failure")] * 3 + [
        ("internal", "likely_success"),
        ("outbound", "success"),
        ("inbound", None),
    ]
    table = pa.table(
        {
            "direction": [way for way, _ in rows],
            "result": [result for _, result in rows],
            "device": ["gate"] * len(rows),
        }
    )
    assert sessions(events_of(rdp=table))("gate") == Sessions(attempts=4, logged_on=1)


def test_attempts_that_do_not_look_like_a_logon_speak_against_success() -> None:
    guess = evidence(facts(), "rdp_guessing", record(1))
    one = case(finding("incoming_remote_desktop", table="rdp", device=DEVICE, evidence=(guess,)))
    for logged_on, bits, value in ((0, -4.0, "no_sign_of_success"), (1, 0.0, "no_sign_of_success")):
        known = Sessions(attempts=5_344, logged_on=logged_on)
        told = judge(one, around(sessions=lambda _device, known=known: known))
        assert (told.outcome.value, told.outcome.bits) == (value, bits)
        assert any("5,344" in item.because.ja for item in told.evidence) is not bool(logged_on)


def test_sources_that_fail_and_those_that_get_in_are_counted() -> None:
    rows = [(source, n, False) for source in ("a", "b") for n in range(5)]
    rows += [("b", 9, True), ("c", 0, False), ("c", 1, True), ("d", 0, True), *(("d", n, False) for n in range(1, 7))]
    table = pa.table(
        {
            "src_ip": [source for source, _, _ in rows],
            "time": pa.array([START + timedelta(minutes=n) for _, n, _ in rows], pa.timestamp("us", tz="UTC")),
            "success": [success for _, _, success in rows],
            "device": ["gate"] * len(rows),
        }
    )
    events = events_of(logon=table)
    assert guessers(events)("gate") == Guessers(sources=3, got_in=1), "c mistyped once; d was in before it failed"
    assert guessers(events)("other") == Guessers(sources=0, got_in=0)
