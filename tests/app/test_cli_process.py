"""What only a process of its own shows: signals, closed and full outputs, other users, terminals, encodings."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.web_log_analysis import measure
from kanaria.core.text import width
from tests.app.running import Kanaria
from tests.running import PATIENCE, running, unconfigured

PROBE = (
    '203.0.113.9 - - [21/Jun/2026:07:01:00 +0000] "{\\x22id\\x22:1,\\x22method\\x22:\\x22login\\x22,\\x22params\\x22:'
    '{\\x22login\\x22:\\x22blue1\\x22,\\x22pass\\x22:\\x22x\\x22,\\x22agent\\x22:\\x22Windows NT 6.1; Win64; x64\\x22}}" '
    '400 157 "-" "-"\n'
)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "kanaria", *arguments]


def clean(folder: Path, **more: str) -> dict[str, str]:
    return unconfigured(folder, **more)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "access.log"
    file.write_text(PROBE)
    return file


def shell(folder: Path, line: str) -> subprocess.CompletedProcess[bytes]:
    script = line.replace("kanaria", f"{sys.executable} -m kanaria", 1)
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=clean(folder), capture_output=True, timeout=PATIENCE, check=False
    )


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("kanaria explain <&-", 2, b"closed standard input"),
        ("kanaria analyze - <&-", 2, b"closed standard input"),
        ("kanaria formats > /dev/full", 2, b"No space left on device"),
        ("kanaria analyze access.log > /dev/full", 2, b"No space left on device"),
        ("kanaria analyze access.log >&-", 0, b""),
    ],
)
def test_outputs_and_inputs_that_do_not_work(tmp_path: Path, log: Path, line: str, status: int, said: bytes) -> None:
    done = shell(tmp_path, line)
    assert done.returncode == status
    assert said in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_reader_that_stops_early_is_no_error(tmp_path: Path) -> None:
    done = shell(tmp_path, "kanaria formats | head -1")
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""


def test_an_encoding_without_japanese_escapes_it(tmp_path: Path, kanaria_process: Kanaria) -> None:
    done = kanaria_process("formats", "--lang", "ja", PYTHONIOENCODING="latin-1")
    assert (done.status, done.err) == (0, "")
    assert "combined" in done.out


def test_interrupted_while_reading(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    started = subprocess.Popen(
        command("analyze", "fifo", "-o", "report.txt"), cwd=tmp_path, env=clean(tmp_path), stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a background shell ignores it
    )  # fmt: skip
    with running(started) as run, fifo.open("wb") as writer:
        writer.write(PROBE.encode())
        writer.flush()
        time.sleep(0.5)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=PATIENCE)
    assert run.returncode == 130
    assert b"interrupted" in said
    assert b"Traceback" not in said
    assert [file.name for file in tmp_path.iterdir() if "report" in file.name] == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_what_belongs_to_another_user_is_said(tmp_path: Path, log: Path) -> None:
    log.chmod(0o600)
    if not (setpriv := shutil.which("setpriv")):
        pytest.skip("setpriv (util-linux) is not installed")
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(folder.stat().st_mode | 0o055)
    nobody = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups"]
    probe = subprocess.run([*nobody, *command("--version")], capture_output=True, cwd=tmp_path, check=False)
    if probe.returncode:
        pytest.skip("another user may not run this interpreter")
    done = subprocess.run(
        [*nobody, *command("analyze", "access.log")],
        cwd=tmp_path,
        env=clean(tmp_path),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"access.log: expected a readable file; got permission denied" in done.stderr


def terminal(folder: Path, columns: int, *arguments: str, **more: str) -> str:
    """What the command writes to a terminal that wide."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {
        key: value
        for key, value in clean(folder, **{"TERM": "xterm", **more}).items()
        if key not in {"COLUMNS", "NO_COLOR"}
    }
    environment |= more
    started = subprocess.Popen(
        command(*arguments), cwd=folder, env=environment, stdout=theirs, stderr=subprocess.DEVNULL
    )
    os.close(theirs)
    written = b""
    with running(started) as run, open(ours, "rb", buffering=0):
        while select.select([ours], [], [], PATIENCE)[0]:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            written += part
        run.wait(PATIENCE)
    return written.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(("more", "colour"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_only_where_it_is_wanted(tmp_path: Path, log: Path, more: dict[str, str], colour: bool) -> None:
    assert ("\x1b[" in terminal(tmp_path, 80, "analyze", "access.log", **more)) is colour


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_narrow_terminal_is_respected(tmp_path: Path, log: Path, language: str) -> None:
    text = terminal(tmp_path, 50, "analyze", "access.log", "--lang", language, NO_COLOR="1")
    prose = [line for line in text.splitlines() if "> " not in line and "http" not in line and "`" not in line]
    assert len(prose) > 20
    assert max(width(line) for line in prose) <= 52, max(prose, key=width)


@pytest.mark.slow
def test_memory_stays_bounded(tmp_path: Path) -> None:
    with (tmp_path / "big.log").open("w") as file:
        line = '203.0.113.{} - - [21/Jun/2026:07:{:02}:{:02} +0000] "GET /page/{} HTTP/1.1" 200 5123 "-" "Mozilla/5.0 (X11; Linux x86_64)"\n'
        for number in range(2_600_000):
            file.write(line.format(number % 250, number // 60_000 % 60, number // 1000 % 60, number % 977))
    assert (tmp_path / "big.log").stat().st_size > 300_000_000
    _, _, megabytes = measure(command("analyze", str(tmp_path / "big.log")))
    assert megabytes < 1000
