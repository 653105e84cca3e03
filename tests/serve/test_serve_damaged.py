"""A service whose store is damaged puts that aside, says so, and watches."""

from __future__ import annotations

from pathlib import Path

from tests.serve.serving import run, serving, sink
from tests.serve.test_serve_acknowledge import ask
from tests.serve.test_serve_disk import SETTINGS


def test_a_damaged_store_does_not_keep_the_service_from_watching(tmp_path: Path) -> None:
    (tmp_path / "dnsmasq.log").touch()
    (tmp_path / "store" / "baseline").mkdir(parents=True)
    broken = ("incidents.sqlite", "outbox.sqlite", "baseline/pattern_of_life.duckdb")
    for name in broken:
        (tmp_path / "store" / name).write_bytes(b"no store" * 1_000)
    with sink() as phone:
        settings = SETTINGS.format(url=phone.url("/")).replace("1000000000000", "1")
        (tmp_path / "kanaria.toml").write_text(settings)
        with serving(tmp_path) as service:
            service.wait_for(lambda: len(phone.received) == len(broken))
            ask(tmp_path, "10.0.0.7")
            service.wait_for(lambda: len(phone.received) == len(broken) + 1)
            doctor = run(tmp_path, "doctor", "--config", "kanaria.toml", "--lang", "ja")
            assert service.log.count("the store was damaged") == len(broken)
            assert service.end() == 0
    said = [item.content for item in phone.received]
    assert {item["title"] for item in said[:-1]} == {"[高] Kanaria: ストアが壊れていましたが、監視は続けています"}
    assert all(any(Path(name).name in item["message"] for item in said) for name in broken)
    assert "10.0.0.7" in said[-1]["title"]
    assert doctor.returncode == 1 and doctor.stdout.count("set-aside-") == len(broken)
    assert len(list((tmp_path / "store").glob("set-aside-*/*"))) == len(broken)
