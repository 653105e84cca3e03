"""A store that is a file: every command says that it is no folder, and blames no other process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import Kanaria


@pytest.mark.parametrize(
    "command",
    [
        ("incident", "list"), ("incident", "show", "i-0123"), ("incident", "export", "i-0123"), ("ask", "i-0123", "who?"),
        ("incident", "set", "i-0123", "closed", "--why", "x"), ("analyze", "a.log"), ("baseline", "learn", "a.log"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("store", ["file", "file/below"])
def test_it_is_said(kanaria: Kanaria, tmp_path: Path, command: tuple[str, ...], store: str) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "a.log").write_text(
        '203.0.113.5 - - [21/Jun/2026:07:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/8"\n'
    )
    done = kanaria(*command, "--store", store)
    assert done.status == 2 and f"{store}: expected a folder to keep incidents in" in done.err
    assert "hangs" not in done.err
    assert (tmp_path / "file").read_text() == "no folder"
