"""What a service cannot remember for want of room, and what it lets go for its age, is said by it."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from pathlib import Path

import pytest

from kanaria.store.incidents import IncidentStore
from tests.running import free_port
from tests.serve.serving import run, serving
from tests.store.test_retention import BEGAN, incident

LINE = '203.0.113.9 - - [21/Jun/2026:07:00:0{at} +0000] "GET /{at} HTTP/1.1" 200 5 "-" "-"\n'


@pytest.mark.slow
def test_status_and_log_say_what_was_forgotten_and_what_was_let_go(tmp_path: Path) -> None:
    names, port = ("one", "two", "three"), free_port()
    (tmp_path / "kanaria.toml").write_text(
        'store = "store"\nlanguage = "ja"\n[serve]\nlisten = "off"\nkeep_days = 30\n[limits]\nsources = 1\n'
        "places = 1\n"
        + "".join(f'[[sources]]\nkind = "file"\npath = "{name}.log"\n' for name in names)
        + f'[[sources]]\nkind = "syslog"\nprotocol = "udp"\nlisten = "127.0.0.1:{port}"\n'
    )
    for name in names:
        (tmp_path / f"{name}.log").write_text("".join(LINE.format(at=at) for at in range(5)))
    with IncidentStore(tmp_path / "store") as store:
        store.save([incident(1), incident(2)], BEGAN)
        store.mark_told(["i-0001", "i-0002"], BEGAN)
        store.decide("i-0001", "closed", who="a", why="b", now=BEGAN)
    with serving(tmp_path) as service:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
            for program in ("sshd", "cron", "nginx"):
                sender.sendto(f"<34>Nov 28 10:00:01 srv {program}[8]: said".encode(), ("127.0.0.1", port))
        service.wait_for(lambda: "limits.sources" in service.log and "limits.places" in service.log)
        shown = run(tmp_path, "status", "--config", "kanaria.toml").stdout
        assert " MB、起動後に古いもの1件を削除" in shown
        assert "  注意: 記憶できる数を超えた" in shown and "件の入力" in shown
        assert "  注意: 区別できる数を超えた送信元、プログラム、ファイル(新しく現れたもの)の2行は" in shown
        found = json.loads(run(tmp_path, "status", "--config", "kanaria.toml", "--format", "json").stdout)
        assert [note["en"][2:38] for note in found["notes"]] == [
            "inputs are more than is remembered: ", "lines came from more senders, progra",
        ]  # fmt: skip
        assert service.end() == 0
        assert service.log.count("memory is full") == 2
        assert "removed old incidents incidents=1 " in service.log
    with IncidentStore(tmp_path / "store") as store:
        assert [kept.id for kept in store.all()] == ["i-0002"]
