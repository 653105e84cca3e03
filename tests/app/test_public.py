"""``import kanaria``: what is promised is there, typed, and does what the command does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kanaria
from tests.app.test_cli_incident import DAY, guessing
from tests.app.test_what_teaches import STRANGER, write


def test_everything_promised_is_there_and_in_the_stub() -> None:
    stub = (Path(kanaria.__file__).parent / "__init__.pyi").read_text()
    declared = set(re.findall(r" as (\w+)$", stub, re.M)) | {"__version__"}
    assert declared == set(kanaria.__all__)
    assert all(getattr(kanaria, name) is not None for name in kanaria.__all__)
    with pytest.raises(AttributeError):
        _ = kanaria.analyze  # type: ignore[attr-defined]


def test_files_are_analysed_kept_and_rendered(tmp_path: Path) -> None:
    write(tmp_path / "auth.log", list(guessing(DAY, STRANGER)))
    found = [kanaria.analyse(tmp_path / "auth.log", store=tmp_path / "s") for _ in range(2)]
    kinds = [[incident.alert.kind for incident in one.incidents if incident.alert] for one in found]
    assert kinds == [["new"], ["known"]]
    assert found[0].incidents[0].severity == "high"
    assert "SSH logon after password guessing" in kanaria.render(found[0], "markdown")
    with pytest.raises(kanaria.SourceError):
        kanaria.analyse(tmp_path / "missing.log")


def test_a_line_is_explained() -> None:
    line = r'"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n" 400 4076 "-" "-"'
    (incident,) = kanaria.explain(line).incidents
    assert incident.messages[0].method == "mining.subscribe"
