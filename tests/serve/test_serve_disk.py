"""A disk that is full but for a little: the least important goes first, and somebody is told."""

from __future__ import annotations

from pathlib import Path

from tests.serve.serving import run, serving, sink
from tests.serve.test_serve_acknowledge import ask

SETTINGS = """\
store = "store"
language = "ja"
[[sources]]
kind = "file"
path = "dnsmasq.log"
format = "dnsmasq"
[[notify]]
url = "{url}"
severity = "low"
digest = "none"
[serve]
listen = "off"
ocsf = "kanaria.ocsf"
disk_warn_mb = 1000000000000
"""


def test_what_could_not_be_read_goes_first_and_incidents_stay(tmp_path: Path) -> None:
    (tmp_path / "dnsmasq.log").touch()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "rejected.jsonl").write_text("{}\n" * 1000)
    with sink() as phone:
        (tmp_path / "kanaria.toml").write_text(SETTINGS.format(url=phone.url("/")))
        with serving(tmp_path) as service:
            service.wait_for(lambda: phone.received)
            ask(tmp_path, "10.0.0.7")
            service.wait_for(lambda: len(phone.received) == 2)
            assert service.end() == 0
    said, incident = (item.content for item in phone.received)
    assert said["title"] == "[高] Kanaria: ディスクの空きがほとんどないため、保存する内容を減らしました"
    assert not (tmp_path / "store" / "rejected.jsonl").exists()
    assert not (tmp_path / "kanaria.ocsf").exists()
    assert "10.0.0.7" in incident["title"]
    assert "10.0.0.7" in run(tmp_path, "incident", "list", "--store", "store", "--lang", "ja").stdout
