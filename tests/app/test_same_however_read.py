"""The same bytes give the same incidents, ids included: in one run, in several, in any pieces, or followed live."""

from __future__ import annotations

import io
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.app.run.engine import Engine
from kanaria.app.run.pipeline import analyse
from kanaria.app.run.setup import Setup, prepare
from kanaria.memory.read_sources import Placed
from kanaria.sources import open_inputs
from kanaria.store.incidents import IncidentStore
from tests.app.test_cli_incident import DAY, SERVER, flow, guessing
from tests.app.test_one_story import POOL, request, web_attack

LATENESS = timedelta(seconds=2)
FORMATS = {"access.log": "combined", "auth.log": "auth-log", "conn.log": "zeek-json", "ssl.log": "zeek-json"}
Logs = dict[str, list[tuple[datetime, str]]]


def story() -> Logs:
    """An attack in a web log, a guessed password, and a device that asks for a pool, all within two hours."""
    web = [(DAY + timedelta(seconds=min(10 * n, 605)), line) for n, line in enumerate(web_attack())]
    web += [(DAY + timedelta(minutes=12 * n), request("198.18.0.3", 720 * n)) for n in range(1, 10)]
    logons = [
        (datetime.fromisoformat(line[:25]), line) for line in guessing(DAY + timedelta(minutes=20), "203.0.113.9")
    ]
    flows = [DAY + timedelta(minutes=3 * n) for n in range(40)]
    hellos = [DAY + timedelta(minutes=50, seconds=40 * n) for n in range(60)]
    return {
        "access.log": sorted(web),
        "auth.log": logons,
        "conn.log": [(time, flow(time, n, SERVER, "192.168.1.1", 53)) for n, time in enumerate(flows)],
        "ssl.log": [(time, hello(time, n)) for n, time in enumerate(hellos)],
    }


def hello(time: datetime, number: int) -> str:
    row = {
        "ts": time.timestamp(), "uid": f"S{number}", "id.orig_h": SERVER, "id.orig_p": 40000 + number,
        "id.resp_h": POOL, "id.resp_p": 443, "version": "TLSv12", "server_name": "xmr.pool.minergate.com",
        "established": True,
    }  # fmt: skip
    return json.dumps(row)


@dataclass
class Piece:
    """Lines of a followed file, as a stream."""

    name: str
    data: bytes
    format_name: str
    placed: Placed
    path: Path | None = None
    size: int | None = None

    def head(self) -> bytes:
        return self.data

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


def told(store: Path) -> Any:
    """What is kept, without what says when somebody was told."""
    with IncidentStore(store) as kept:
        return sorted(
            (
                one.id, one.document["severity"], one.document["outcome"]["value"], one.document["first_seen"],
                one.document["last_seen"],
                tuple(sorted((f["id"], f["rule"], f["time"], f["until"], f["values"]["count"])
                             for f in one.document["findings"])),
            )
            for one in kept.all()
        )  # fmt: skip


@pytest.fixture(scope="module")
def setup() -> Setup:
    return prepare()


@pytest.fixture(scope="module")
def whole(setup: Setup, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return in_runs(setup, tmp_path_factory.mktemp("whole"), [])


def stored(setup: Setup, store: Path) -> Setup:
    from dataclasses import replace

    return replace(setup, store=store)


def in_runs(setup: Setup, folder: Path, cuts: Sequence[datetime]) -> Any:
    """Every run reads the logs from the beginning up to its cut, as those who analyze a folder every hour do."""
    logs = story()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for end in [*sorted(cuts), datetime.max.replace(tzinfo=DAY.tzinfo)]:
            for name, lines in logs.items():
                Path(name).write_text("".join(f"{line}\n" for time, line in lines if time <= end))
            given_names = [name for name in logs if Path(name).stat().st_size]
            with Engine(stored(setup, folder / "s")) as engine:
                engine.mark_notified(engine.commit(analyse(open_inputs(given_names), engine)))
        return told(folder / "s")


def pieces(logs: Logs, seconds: Sequence[int], behind: str) -> Iterator[list[Piece]]:
    """What arrives from moment to moment; one log is always as late as is allowed."""
    lines = sorted(
        (time + (LATENESS if name == behind else timedelta(0)), number, name, line)
        for name, known in logs.items()
        for number, (time, line) in enumerate(known)
    )
    edges = itertools.cycle(seconds)
    until = DAY
    while lines:
        until += timedelta(seconds=next(edges))
        arrived = [item for item in lines if item[0] <= until]
        lines = lines[len(arrived) :]
        made = []
        for name in logs:
            own = [(number, line) for _time, number, of, line in arrived if of == name]
            if own:
                data = "".join(f"{line}\n" for _number, line in own).encode()
                made.append(Piece(name, data, FORMATS[name], Placed(identity="", before=own[0][0])))
        if made:
            yield made


def live(setup: Setup, store: Path, seconds: Sequence[int], behind: str, announced: set[str] | None = None) -> Any:
    """``announced``: what is urgent is told ahead, and the ids under which it is are added."""
    with Engine(stored(setup, store), lateness=LATENESS) as engine:
        late = 0
        for arrived in pieces(story(), seconds, behind):
            if announced is None:
                judged = engine.step(engine.read(arrived))
            else:
                ahead = engine.announce(engine.read(arrived))
                ids = engine.commit(ahead, checkpoint=False) if ahead.changed else []
                engine.mark_notified(ids)
                announced.update(ids)
                judged = engine.step()
            late += judged.late
            if judged.changed:
                engine.mark_notified(engine.commit(judged, checkpoint=False))
        judged = engine.drain()
        engine.mark_notified(engine.commit(judged))
    assert late == 0
    return told(store)


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 7_200), min_size=1, max_size=1))
def test_in_any_number_of_runs(setup: Setup, whole: Any, cuts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert in_runs(setup, Path(folder), [DAY + timedelta(seconds=cut) for cut in cuts]) == whole


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.lists(st.integers(600, 1_800), min_size=1, max_size=3), behind=st.sampled_from([*FORMATS, "none"]))
def test_followed_live_in_any_pieces(setup: Setup, whole: Any, seconds: list[int], behind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert live(setup, Path(folder) / "s", seconds, behind) == whole


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.lists(st.integers(600, 1_800), min_size=1, max_size=3), behind=st.sampled_from([*FORMATS, "none"]))
def test_followed_live_and_told_ahead(setup: Setup, whole: Any, seconds: list[int], behind: str) -> None:
    announced: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        assert live(setup, Path(folder) / "s", seconds, behind, announced) == whole
    assert announced, "the attack and the miner are grave, and plain by themselves"
    assert announced <= {incident[0] for incident in whole}


def test_again_the_same(setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures included: what threads do first must not show."""
    from kanaria.report.document import document

    monkeypatch.chdir(tmp_path)
    for name, lines in story().items():
        Path(name).write_text("".join(f"{line}\n" for _time, line in lines))
    seen = []
    for _ in range(2):
        with Engine(setup) as engine:
            seen.append(json.dumps(document(analyse(open_inputs(["."]), engine), setup.facts)))
    assert seen[0] == seen[1]
