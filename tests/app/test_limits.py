"""Limits of what is remembered are settings: what matters most stays, and the report says what was forgotten."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from kanaria.store.incidents import IncidentStore
from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, guessing


def campaign(folder: Path) -> None:
    """Thirty gates where somebody guesses passwords, and one where they get in, each with a log of its own."""
    for number in range(30):
        source = f"203.0.113.{number + 1}"
        start = DAY + timedelta(minutes=20 * number)
        lines = list(guessing(start, source))[: None if number == 3 else -1]
        (folder / f"auth-{number:02}.log").write_text("\n".join(lines).replace(" gate ", f" gate{number} ") + "\n")


def test_what_is_forgotten_is_the_least_severe_and_is_said(kanaria: Kanaria, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    campaign(logs)
    (tmp_path / "k.toml").write_text("[limits]\nfindings = 8\nsources = 5\n")
    done = kanaria("analyze", "logs", "--store", "store", "--config", "k.toml", "--format", "json")
    notes = " ".join(note["en"] for note in done.document["notes"])
    assert "findings are more than is remembered at once" in notes and "(limits.findings)" in notes
    assert "25 inputs are more than is remembered" in notes and "(limits.sources)" in notes
    with IncidentStore(tmp_path / "store") as store:
        state = store.state()
        found = sum(len(kept.document["findings"]) for kept in store.all())
    carried = state["carried"]["content"]["findings"]
    assert found > 8 >= len(carried), "all are kept, few are carried on"
    assert "ssh_success_after_brute_force" in {finding["rule"] for finding in carried}
    assert len(state["sources"]["content"]["sources"]) == 5


def test_as_ever_nothing_is_forgotten(kanaria: Kanaria, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    campaign(logs)
    done = kanaria("analyze", "logs", "--store", "store", "--format", "json")
    assert "limits." not in " ".join(note["en"] for note in done.document["notes"])


def test_a_limit_is_a_whole_number(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "k.toml").write_text("[limits]\nsources = 0.5\n")
    done = kanaria("analyze", "k.toml", "--config", "k.toml")
    assert done.status == 2 and "expected a whole number above 0" in done.err and "k.toml:2" in done.err
