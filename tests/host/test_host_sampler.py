"""The sampler on this very machine: a busy program under a miner's name is found, and without one nothing is."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from kanaria.core.errors import MissingExtra
from kanaria.core.facts import Knowledge
from kanaria.host import sampler as host_sampler
from kanaria.host.look import observe
from kanaria.host.sampler import HostSample
from tests.running import running


@contextmanager
def _busy(name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that only counts, for at most 20 s, under another name."""
    code = "import time\nend = time.time() + 20\nwhile time.time() < end: pass"
    with running(subprocess.Popen([name, "-c", code, *arguments], executable=sys.executable)) as busy:
        deadline = time.monotonic() + 10
        while psutil.Process(busy.pid).cpu_times().user < 0.05 and time.monotonic() < deadline:
            time.sleep(0.05)
        yield busy


@pytest.mark.slow
def test_a_busy_program_called_xmrig_is_found_with_its_load(facts: Knowledge) -> None:
    with _busy("xmrig") as busy:
        found, checked = observe(facts, history=lambda _start, _end: None)
    kinds = {one.source: one for one in found}
    one = kinds[f"process {busy.pid}"]
    assert one.kind == "miner_process"
    assert "XMRig" in one.statement.en
    assert "マイニングプログラムです" in one.statement.ja
    load = re.search(r"It uses (\d+) % of one core", one.statement.en)
    assert load is not None
    assert int(load[1]) > 0  # it shares the core with whatever else runs
    assert checked == ("load now", "processes", "connections")


@pytest.mark.slow
def test_arguments_give_a_renamed_miner_away(facts: Knowledge) -> None:
    with _busy("backup-job", "-o", "stratum+tcp://pool.example:3333", "-u", "x") as busy:
        found, _checked = observe(facts, history=lambda _start, _end: None)
    assert f"process {busy.pid}" in {one.source for one in found if one.kind == "miner_process"}


@pytest.mark.slow
def test_a_busy_program_of_another_name_is_no_miner(facts: Knowledge) -> None:
    with _busy("compiler") as busy:
        found, _checked = observe(facts, history=lambda _start, _end: None)
    assert f"process {busy.pid}" not in {one.source for one in found}


@pytest.fixture(scope="module")
def here() -> Iterator[tuple[HostSample, int]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            yield host_sampler.sample(0.2), port


def test_a_sample_has_this_process_and_its_sockets(here: tuple[HostSample, int]) -> None:
    seen, port = here
    own = next(process for process in seen.processes if process.pid == psutil.Process().pid)
    assert any("pytest" in part or "python" in part for part in own.command)
    assert own.executable
    assert not own.deleted
    listening = [found for found in seen.sockets if found.listening and found.local_port == port]
    assert [found.pid for found in listening] == [own.pid]
    assert [found.local_port for found in seen.sockets if found.remote_port == port]
    assert 0 <= seen.cpu_percent <= 100


def test_without_psutil_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, facts: Knowledge) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(MissingExtra, match=r"install .*psutil"):
        observe(facts)


def test_what_could_not_be_seen_is_said(sample: object, facts: Knowledge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kanaria.host.look._is_root", lambda: False)
    seen = sample(unseen={"programs": 12, "owners of connections": 3})  # type: ignore[operator]
    found, _checked = observe(facts, look=lambda: seen, history=lambda _start, _end: None)
    assert [one.kind for one in found] == ["nothing", "unseen"]
    assert "3 owners of connections, 12 program files of processes" in found[1].statement.en
    assert "12件" in found[1].statement.ja
