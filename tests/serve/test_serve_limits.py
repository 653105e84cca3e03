"""What a service cannot remember for want of room is said by it, as a report says it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.serve.serving import run, serving

LINE = '203.0.113.9 - - [21/Jun/2026:07:00:0{at} +0000] "GET /{at} HTTP/1.1" 200 5 "-" "-"\n'


@pytest.mark.slow
def test_status_and_log_say_what_the_limits_forgot(tmp_path: Path) -> None:
    names = ("one", "two", "three")
    (tmp_path / "kanaria.toml").write_text(
        'store = "store"\nlanguage = "ja"\n[serve]\nlisten = "off"\n[limits]\nsources = 1\n'
        + "".join(f'[[sources]]\nkind = "file"\npath = "{name}.log"\n' for name in names)
    )
    for name in names:
        (tmp_path / f"{name}.log").write_text("".join(LINE.format(at=at) for at in range(5)))
    with serving(tmp_path) as service:
        service.wait_for(lambda: "limits.sources" in service.log)
        shown = run(tmp_path, "status", "--config", "kanaria.toml").stdout
        assert "  注意: 記憶できる数を超えた2件の入力" in shown
        found = json.loads(run(tmp_path, "status", "--config", "kanaria.toml", "--format", "json").stdout)
        assert [note["en"][:38] for note in found["notes"]] == ["2 inputs are more than is remembered: "]
        assert service.end() == 0
        assert service.log.count("memory is full") == 1
