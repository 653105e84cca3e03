"""What a service cannot remember for want of room, and what it lets go for its age, is said by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kanaria.store.incidents import IncidentStore
from tests.serve.serving import run, serving
from tests.store.test_retention import BEGAN, incident

LINE = '203.0.113.9 - - [21/Jun/2026:07:00:0{at} +0000] "GET /{at} HTTP/1.1" 200 5 "-" "-"\n'


@pytest.mark.slow
def test_status_and_log_say_what_was_forgotten_and_what_was_let_go(tmp_path: Path) -> None:
    names = ("one", "two", "three")
    (tmp_path / "kanaria.toml").write_text(
        'store = "store"\nlanguage = "ja"\n[serve]\nlisten = "off"\nkeep_days = 30\n[limits]\nsources = 1\n'
        + "".join(f'[[sources]]\nkind = "file"\npath = "{name}.log"\n' for name in names)
    )
    for name in names:
        (tmp_path / f"{name}.log").write_text("".join(LINE.format(at=at) for at in range(5)))
    with IncidentStore(tmp_path / "store") as store:
        store.save([incident(1), incident(2)], BEGAN)
        store.mark_told(["i-0001", "i-0002"], BEGAN)
        store.decide("i-0001", "closed", who="a", why="b", now=BEGAN)
    with serving(tmp_path) as service:
        service.wait_for(lambda: "limits.sources" in service.log)
        shown = run(tmp_path, "status", "--config", "kanaria.toml").stdout
        assert " MB、起動後に古いもの1件を削除" in shown
        assert "  注意: 記憶できる数を超えた2件の入力" in shown
        found = json.loads(run(tmp_path, "status", "--config", "kanaria.toml", "--format", "json").stdout)
        assert [note["en"][:38] for note in found["notes"]] == ["2 inputs are more than is remembered: "]
        assert service.end() == 0
        assert service.log.count("memory is full") == 1
        assert "removed old incidents incidents=1 " in service.log
    with IncidentStore(tmp_path / "store") as store:
        assert [kept.id for kept in store.all()] == ["i-0002"]
