"""Runs with one store are one run: whatever the records are divided into, read twice, renamed, or killed."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kanaria.lab.mining import Plan, conversation
from kanaria.lab.scenario import Host, write_pcap
from kanaria.store.alone import alone
from kanaria.store.incidents import IncidentStore
from tests.app.running import Done, Kanaria
from tests.app.test_cli_incident import DAY, MINER_HOST, POOL, guessing, logon
from tests.running import unconfigured

SOURCE = "203.0.113.9"


def story() -> list[str]:
    """Two days of a gate's log: guessing and a logon, ordinary logons, the same source again a day later."""
    ordinary = [logon(DAY + timedelta(hours=n), "192.168.1.9", success=True) for n in range(40)]
    again = [logon(DAY + timedelta(hours=26, seconds=5 * n), SOURCE, success=False) for n in range(25)]
    return sorted([*guessing(DAY + timedelta(minutes=30), SOURCE), *ordinary, *again], key=lambda line: line[:25])


def mined(path: Path, begin: float, seconds: float = 900) -> str:
    """A capture of a miner that talks to its pool in the clear, ``begin`` seconds into the story."""
    miner, pool = Host("miner", MINER_HOST), Host("pool", POOL)
    talk = conversation(Plan(dialect="cryptonote", seconds=seconds), miner, pool, 3333)
    write_pcap([talk], path, epoch=DAY + timedelta(seconds=begin))
    return path.name


def told(store: Path) -> Any:
    """What a store holds that must not depend on how the records came: incidents, findings, counts, times."""
    with IncidentStore(store) as kept:
        return sorted(
            (
                incident.id, incident.state, incident.document["severity"], incident.document["first_seen"],
                incident.document["last_seen"], incident.document["title"]["en"],
                tuple(
                    sorted((f["id"], f["rule"], f["time"], f["until"], f["values"]["count"])
                    for f in incident.document["findings"])
                ),
            )
            for incident in kept.all()
        )  # fmt: skip


def runs(kanaria: Kanaria, store: str, *inputs: Sequence[str]) -> list[Done]:
    """One run after the other over these inputs, each a success."""
    done = [kanaria("analyze", "--store", store, *names, "--format", "json") for names in inputs]
    assert all(one.status in {0, 1} for one in done), [one.err for one in done]
    return done


def kinds(done: Sequence[Done]) -> list[list[str]]:
    return [[incident["alert"]["kind"] for incident in one.document["incidents"]] for one in done]


@pytest.fixture
def parts(tmp_path: Path) -> Callable[[Sequence[str], Sequence[int]], list[str]]:
    """Writes lines into as many files as there are cuts and one more; returns their names."""

    def write(lines: Sequence[str], cuts: Sequence[int]) -> list[str]:
        edges = [0, *sorted(cuts), len(lines)]
        names = []
        for number, (low, high) in enumerate(itertools.pairwise(edges)):
            if high > low:
                names.append(f"gate-{number}.log")
                (tmp_path / names[-1]).write_text("".join(f"{line}\n" for line in lines[low:high]))
        return names

    return write


def test_guessing_in_one_run_and_the_logon_in_the_next(
    kanaria: Kanaria, tmp_path: Path, parts: Callable[..., list[str]]
) -> None:
    lines = list(guessing(DAY, SOURCE))
    first, second = parts(lines, [40])
    apart = runs(kanaria, "apart", [first], [second])
    assert kinds(apart) == [["new"], ["escalated"]]
    (incident,) = apart[1].document["incidents"]
    assert {finding["rule"] for finding in incident["findings"]} == {"ssh_brute_force", "ssh_success_after_brute_force"}
    begun = {finding["rule"]: finding["since"] for finding in incident["findings"]}
    assert begun["ssh_brute_force"] == incident["first_seen"] == DAY.isoformat()
    assert [reason["en"] for reason in incident["alert"]["because"]] == [
        "severity informational → high",
        "new finding: SSH logon after password guessing",
    ]
    runs(kanaria, "whole", [first, second])
    assert told(tmp_path / "apart") == told(tmp_path / "whole")


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, len(story())), min_size=1, max_size=3), again=st.booleans())
@example(cuts=[2], again=False)  # nothing is found in the first run, and the guessing began in it
def test_however_the_records_are_divided_into_runs(
    kanaria: Kanaria, tmp_path: Path, parts: Callable[..., list[str]], cuts: list[int], again: bool
) -> None:
    names = parts(story(), cuts)
    stores = [tempfile.mkdtemp(dir=tmp_path) for _ in range(2)]
    inputs = [names[: n + 1] if again else [name] for n, name in enumerate(names)]
    runs(kanaria, stores[0], *inputs)
    runs(kanaria, stores[1], names)
    assert told(Path(stores[0])) == told(Path(stores[1]))


def test_the_same_run_again_changes_nothing(kanaria: Kanaria, tmp_path: Path, parts: Callable[..., list[str]]) -> None:
    (name,) = parts(story(), [])
    (first,) = runs(kanaria, "store", [name])
    with IncidentStore(tmp_path / "store") as store:
        before, incidents = store.state(), [(i.id, i.document["findings"]) for i in store.all()]
    (again,) = runs(kanaria, "store", [name])
    assert (kinds([first]), kinds([again])) == ([["new"]], [["known"]])
    with IncidentStore(tmp_path / "store") as store:
        after = store.state()
        assert [(i.id, i.document["findings"]) for i in store.all()] == incidents
    assert {name: part for name, part in after.items() if name != "sources"} == {
        name: part for name, part in before.items() if name != "sources"
    }


def test_a_log_that_grows_and_is_rotated_is_read_once(kanaria: Kanaria, tmp_path: Path) -> None:
    lines = [f"{line}\n" for line in story()]
    log = tmp_path / "auth.log"
    log.write_text("".join(lines[:30]))
    runs(kanaria, "rotated", ["auth.log"])
    log.write_text("".join(lines[:50]))
    runs(kanaria, "rotated", ["auth.log"])
    (tmp_path / "auth.log.1").write_text("".join(lines[:60]))
    log.write_text("".join(lines[60:]))
    done = runs(kanaria, "rotated", ["auth.log.1", "auth.log"])
    (tmp_path / "auth.log").write_text("".join(lines))
    whole = runs(kanaria, "whole", ["auth.log"])

    def counts(one: Done) -> list[tuple[str, str]]:
        return [(f["rule"], f["values"]["count"]) for i in one.document["incidents"] for f in i["findings"]]

    assert counts(done[-1]) == counts(whole[-1])


def test_what_goes_on_is_told_once_and_again_after_a_day(kanaria: Kanaria, tmp_path: Path) -> None:
    names = [mined(tmp_path / f"{n}.pcap", begin) for n, begin in enumerate((0, 3_600, 90_000, 93_600))]
    done = runs(kanaria, "store", *([name] for name in names))
    assert kinds(done) == [["new"], ["repeated"], ["reminder"], ["repeated"]]
    (incident,) = done[-1].document["incidents"]
    assert incident["alert"]["runs"] == 4 and not incident["alert"]["tell"]
    assert [f["values"]["count"] for f in incident["findings"] if f["rule"] == "crypto_currency_mining_activity"] == [
        "4"
    ]
    ident, shown = incident["id"], kanaria("incident", "list", "--store", "store").out
    assert f"{ident}  open" in shown and "(seen 4 times, in 4 runs)" in shown
    (tmp_path / "kanaria.yaml").write_text("realert_hours: 0.5\n")
    more = runs(kanaria, "store", ["--config", "kanaria.yaml", mined(tmp_path / "5.pcap", 97_200)])
    assert kinds(more) == [["reminder"]]


def test_the_terminal_tells_what_goes_on_in_a_line(kanaria: Kanaria, tmp_path: Path) -> None:
    names = [mined(tmp_path / f"{n}.pcap", begin) for n, begin in enumerate((0, 3_600))]
    assert "New: no earlier run had found it." in kanaria("analyze", "--store", "s", names[0]).out
    again = kanaria("analyze", "--store", "s", names[1]).out
    assert again.startswith("Nothing new since the last run") and len(again.splitlines()) < 10
    assert "seen 2 times, last 2026-03-02 01:00 UTC" in " ".join(again.split())
    japanese = kanaria("analyze", "--store", "s", names[1], "--lang", "ja").out
    assert japanese.startswith("前回の解析から新しいものはありません。") and "2回検知" in japanese


def test_the_cost_is_that_of_all_runs_and_no_hour_counts_twice(kanaria: Kanaria, tmp_path: Path) -> None:
    names = [mined(tmp_path / f"{n}.pcap", begin) for n, begin in enumerate((0, 3_600, 7_200))]
    apart = runs(kanaria, "apart", [names[0]], names[:2], [names[2]], [names[0]])
    whole = runs(kanaria, "whole", names)

    def cost(one: Done) -> tuple[float, float, float]:
        (incident,) = one.document["incidents"]
        estimate = incident["impact"]["estimate"]
        return estimate["inputs"][0]["value"], estimate["core_hours"], estimate["cost"]

    assert cost(apart[-1]) == cost(apart[-2]) == cost(whole[0])
    assert cost(apart[0])[0] == pytest.approx(cost(whole[0])[0] / 3, rel=0.02)


def test_a_rule_that_changed_begins_anew_and_the_report_says_so(
    kanaria: Kanaria, tmp_path: Path, parts: Callable[..., list[str]]
) -> None:
    first, second = parts(list(guessing(DAY, SOURCE)), [30])
    runs(kanaria, "store", [first])
    rules = tmp_path / "rules"
    rules.mkdir()
    for name in ("ssh_failures_from_one_source.yml", "ssh_logon_failed.yml"):
        text = (files("kanaria") / "rules" / "logon" / name).read_text("utf-8")
        (rules / name).write_text(text.replace("gte: 10", "gte: 9"))
    (tmp_path / "kanaria.yaml").write_text("rules: [rules]\n")
    (done,) = runs(kanaria, "store", ["--config", "kanaria.yaml", second])
    notes = " ".join(note["en"] for note in done.document["notes"])
    assert "Rules that changed since the last run begin anew" in notes
    assert "ssh_failures_from_one_source, ssh_success_after_brute_force" in notes and "ssh_brute_force" not in notes


CHILD = """
import os, signal, sqlite3, sys
left, connect = int(sys.argv.pop(1)), sqlite3.connect

class Doomed:
    def __init__(self, database): self._database = database
    def __getattr__(self, name): return getattr(self._database, name)
    def execute(self, *arguments):
        global left
        left -= 1
        if left == 0: os.kill(os.getpid(), signal.SIGKILL)
        return self._database.execute(*arguments)

sqlite3.connect = lambda *arguments, **more: Doomed(connect(*arguments, **more))
from kanaria.app.commands.main import main
main()
"""


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(statements=st.integers(12, 70))
def test_a_run_that_is_killed_has_not_been_or_has_been_whole(
    kanaria: Kanaria, tmp_path: Path, parts: Callable[..., list[str]], statements: int
) -> None:
    first, second = parts(list(guessing(DAY, SOURCE)), [25])
    killed, whole = Path(tempfile.mkdtemp(dir=tmp_path)), tmp_path / "undisturbed"
    if not whole.exists():
        runs(kanaria, str(whole), [first], [second])
    runs(kanaria, str(killed), [first])
    command = [sys.executable, "-c", CHILD, str(statements), "analyze", "--store", str(killed), second, "-o", "out.txt"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, env=unconfigured(tmp_path), check=False)
    assert ended.returncode in {-signal.SIGKILL, 1}, ended.stderr
    runs(kanaria, str(killed), [second])
    assert told(killed) == told(whole)


def test_two_runs_at_once_do_not_lose_each_others_state(
    kanaria: Kanaria, tmp_path: Path, parts: Callable[..., list[str]]
) -> None:
    (name,) = parts(list(guessing(DAY, SOURCE)), [])
    with alone(tmp_path / "store"):
        second = kanaria("analyze", "--store", "store", name)
    assert second.status == 2 and "another run is using it" in second.err
    assert kanaria("analyze", "--store", "store", name).status == 1
