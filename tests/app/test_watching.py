"""Mining is told of while its connection is open, rarely, and counts once: on packets as they come, and on real ones."""

from __future__ import annotations

import io
import itertools
import os
import re
import signal
import struct
import subprocess
import threading
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from kanaria.app.run.engine import Engine
from kanaria.app.run.pipeline import analyse
from kanaria.app.run.setup import prepare
from kanaria.core.types import Analysis, Finding
from kanaria.formats.packets import capture
from kanaria.lab import netns
from kanaria.lab.lookalikes import LOOKALIKES
from kanaria.lab.mining import Plan, conversation
from kanaria.lab.scenario import EPOCH, Conversation, Host, write_pcap
from kanaria.sources import open_inputs
from tests import live_mining
from tests.app.test_cli_live import process
from tests.running import PATIENCE

MINER, POOL = Host("miner", "192.168.1.20"), Host("pool", "203.0.113.50")
Told = list[tuple[timedelta, Finding]]


class AsItComes(io.RawIOBase):
    """A capture that comes as from an interface: one packet at a time, or all that came within a second."""

    def __init__(self, data: bytes, *, seconds: bool) -> None:
        self._rest, self._seconds = memoryview(data), seconds

    def readable(self) -> bool:
        return True

    def readinto(self, into: object) -> int:
        size = 24 if bytes(self._rest[:4]) == b"\xd4\xc3\xb2\xa1" else self._packet(0)
        while self._seconds and size and size + 16 <= len(self._rest) and self._rest[size:][:4] == self._rest[:4]:
            size += self._packet(size)
        memoryview(into)[:size] = self._rest[:size]  # type: ignore[arg-type]
        self._rest = self._rest[size:]
        return size

    def _packet(self, at: int) -> int:
        """Bytes of the record there, whose first four are the second it came in."""
        return 16 + int(struct.unpack_from("<I", self._rest, at + 8)[0]) if at + 16 <= len(self._rest) else 0


class Interface:
    """What such a capture is to a reader."""

    name = "lab0"
    path: Path | None = None
    size: int | None = None

    def __init__(self, data: bytes, *, seconds: bool) -> None:
        self._data, self._seconds = data, seconds

    def head(self) -> bytes:
        return self._data[:1000]

    def open(self) -> BinaryIO:
        return AsItComes(self._data, seconds=self._seconds)  # type: ignore[return-value]


def watched(
    monkeypatch: pytest.MonkeyPatch, path: Path, *, watch: bool = True, seconds: bool = False
) -> tuple[Told, Analysis]:
    """What is told while the capture in a file comes in packet by packet or by ``seconds``, and the analysis at its
    end."""
    monkeypatch.setattr(capture, "LIVE_WAIT", 0.0)
    told: Told = []
    setup = prepare(on_alert=(lambda finding, now: told.append((now - EPOCH, finding))) if watch else None)
    with Engine(setup) as engine:
        return told, analyse([Interface(path.read_bytes(), seconds=seconds)], engine)


def mined(folder: Path, seconds: float, *, ended: bool = False, dialect: str = "kawpow") -> Path:
    plan = Plan(dialect=dialect, wrapping="tls", seconds=seconds, share_seconds=20, seed=1)
    write_pcap([conversation(plan, MINER, POOL, 443, ended=ended)], folder / "open.pcap")
    return folder / "open.pcap"


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told, Analysis]:
    """A quarter of an hour of a miner, watched packet by packet once for all who ask."""
    path = mined(tmp_path_factory.mktemp("quarter"), 900)
    with pytest.MonkeyPatch.context() as patch:
        return path, *watched(patch, path)


def test_a_miner_is_told_of_at_once_and_then_ever_more_rarely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told, analysis = watched(monkeypatch, mined(tmp_path, 10_000))
    first, *again = [when for when, _ in told]
    assert first < timedelta(minutes=2)
    since = [when - first for when in again]
    assert 3 <= len(since) <= 5
    assert since[0] >= timedelta(minutes=10)
    assert all(later >= 2 * earlier for earlier, later in itertools.pairwise(since))
    assert {finding.rule for _, finding in told} == {"traffic_shaped_like_mining"}
    (incident,) = analysis.incidents
    assert incident.devices == (MINER.address,)


def test_the_alert_comes_when_the_bits_suffice(quarter: tuple[Path, Told, Analysis]) -> None:
    _, told, analysis = quarter
    when = told[0][0].total_seconds()
    (final,) = {f.why.en for i in analysis.incidents for f in i.findings if f.rule == told[0][1].rule}
    said = re.search(r"plain after (\d+) (s|min) and (\d+) messages", final)
    assert said, final
    unit = 60 if said[2] == "min" else 1
    # The first look with enough bits is at most a quarter more messages after the very message that made them enough.
    assert (int(said[1]) - 1) * unit <= when <= (int(said[1]) + 0.5) * unit * 1.5
    assert int(said[3]) <= 60


def test_watching_changes_nothing_in_the_analysis(
    quarter: tuple[Path, Told, Analysis], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, told, analysis = quarter
    _, unwatched = watched(monkeypatch, path, watch=False)
    assert told
    assert analysis == unwatched
    assert [f.values["count"] for i in analysis.incidents for f in i.findings if f.table == "connection"] == ["1"]


def test_a_clear_text_login_is_told_of_with_the_first_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(dialect="cryptonote", seconds=120, share_seconds=5)
    write_pcap([conversation(plan, MINER, POOL, 3333, ended=False)], tmp_path / "open.pcap")
    told, _ = watched(monkeypatch, tmp_path / "open.pcap")
    assert told[0][0] <= timedelta(seconds=10)
    assert "cryptonote" in told[0][1].why.en


def test_a_dashboard_is_not_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talks = [
        Conversation(
            client=MINER, server=POOL, server_port=443, client_port=40_000 + number, ended=False,
            messages=tuple(LOOKALIKES[name][1](np.random.default_rng(3), 900.0)),
        )
        for number, name in enumerate(sorted(name for name, (kind, _) in LOOKALIKES.items() if kind == "tcp"))
    ]  # fmt: skip
    write_pcap(talks, tmp_path / "open.pcap")
    told, analysis = watched(monkeypatch, tmp_path / "open.pcap", seconds=True)
    assert told == []
    assert analysis.incidents == ()


@pytest.mark.parametrize("ended", [True, False])
def test_a_file_that_stops_in_the_middle_of_a_connection_is_judged(tmp_path: Path, ended: bool) -> None:
    with Engine(prepare()) as engine:
        analysis = analyse(open_inputs([str(mined(tmp_path, 900, ended=ended))]), engine)
    assert "traffic_shaped_like_mining" in {f.rule for i in analysis.incidents for f in i.findings}


SAID = {
    "en": ("still open: Suspicious: traffic shaped like mining", r"and (\d+) messages"),
    "ja": ("通信中: 要確認:マイニングに似た通信", r"メッセージ (\d+) ?通"),
}


@pytest.mark.slow
@pytest.mark.privileged
def test_a_miner_that_never_leaves_is_told_of_while_it_mines(tmp_path: Path) -> None:
    """Real packets inside TLS between namespaces; ten of the miner's seconds pass in one."""
    if reason := netns.available():
        pytest.skip(reason)
    how = ["--dialect", "kawpow", "--tls", str(tmp_path), "--speed", "10"]
    with netns.pair(f"knopen{os.getpid()}") as pair, live_mining.pool(pair, 4443, *how), ExitStack() as listening:
        running = {
            language: listening.enter_context(
                process(tmp_path, "--interface", "lab0", "--lang", language, inside=pair.client)
            )
            for language in SAID
        }
        miner = live_mining.miner(pair, 4443, *how, "--seconds", "60000", "--share-seconds", "30")
        try:
            lines = {language: first_line(kanaria) for language, kanaria in running.items()}
            assert miner.poll() is None
            for kanaria in running.values():
                os.kill(kanaria.pid, signal.SIGINT)
            done = {language: kanaria.communicate(timeout=PATIENCE) for language, kanaria in running.items()}
        finally:
            miner.kill()
            miner.communicate()
    for language, (begin, messages) in SAID.items():
        assert begin in lines[language]
        assert netns.SERVER_ADDRESS in lines[language]
        needed = re.search(messages, lines[language])
        assert needed
        assert int(needed[1]) <= 60
        out, err = done[language]
        # found in the report too, and told of only once
        assert (running[language].returncode, err.decode().count("\n")) == (1, 1)
        assert netns.CLIENT_ADDRESS in out.decode()


def first_line(kanaria: subprocess.Popen[bytes]) -> str:
    """What is said next, with patience."""
    assert kanaria.stderr is not None
    limit = threading.Timer(PATIENCE, kanaria.kill)
    limit.start()
    line = kanaria.stderr.readline().decode()
    limit.cancel()
    return line


def test_time_told_is_the_captures_own(quarter: tuple[Path, Told, Analysis]) -> None:
    _, told, _ = quarter
    assert isinstance(told[0][0], timedelta)
    assert timedelta(0) < told[0][0] < timedelta(seconds=900)
    assert all(isinstance(finding.time, datetime) and finding.time <= EPOCH + when for when, finding in told)
