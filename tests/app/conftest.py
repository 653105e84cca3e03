"""The command line as a user runs it: inside this process (fast), or in a process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.running import Done, Kanaria
from tests.running import unconfigured


@pytest.fixture
def kanaria(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kanaria:
    """Runs ``kanaria`` with arguments in this process; ``text`` is standard input. Settings of the user and of the machine
    are unseen."""

    def run(*arguments: str, text: str | bytes = "", **environment: str) -> Done:
        from kanaria.app import config_file
        from kanaria.app.commands.main import main

        monkeypatch.setattr(config_file, "MACHINE", tmp_path / "machine.toml")
        for name in [name for name in os.environ if name.startswith(("XDG_", "LC_", "KANARIA"))]:
            monkeypatch.delenv(name)
        for name, value in {"HOME": str(tmp_path), "LANG": "C.UTF-8", **environment}.items():
            monkeypatch.setenv(name, value)
        data = text.encode() if isinstance(text, str) else text
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["kanaria", *arguments])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as stop:
                main()
        return Done(status=int(stop.value.code or 0), out=_text(out), err=_text(err))

    return run


@pytest.fixture
def kanaria_process(tmp_path: Path) -> Kanaria:
    """The same in a process of its own: for start-up, signals, and what only a real process shows."""

    def run(*arguments: str, text: str | bytes = "", **environment: str) -> Done:
        command = [sys.executable, "-m", "kanaria", *arguments]
        data = text.encode() if isinstance(text, str) else text
        done = subprocess.run(
            command,
            input=data,
            capture_output=True,
            timeout=900,
            env=unconfigured(tmp_path, **environment),
            cwd=tmp_path,
            check=False,
        )
        return Done(status=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    return run


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
