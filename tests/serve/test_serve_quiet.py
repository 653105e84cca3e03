"""Quiet hours and maintenance windows of a running service: what is held back, what is not, and until when."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.serve.serving import Serving, Sink, serving, sink
from tests.serve.test_serve import PROBES

CHANNEL = '[[notify]]\nurl = "{url}"\nname = "{name}"\nseverity = "informational"\ndigest = "none"\n'


def settings(phone: Sink, now: datetime, end: datetime) -> str:
    """Maintenance until ``end``, and channels that are quiet now, quiet now except for anything, and quiet later."""
    night = f'quiet = "{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=1):%H:%M}"\n'
    later = f'quiet = "{now + timedelta(hours=2):%H:%M}-{now + timedelta(hours=3):%H:%M}"\n'
    hours = {"/night": night, "/except": night + 'quiet_severity = "informational"\n', "/day": later}
    return (
        'store = "store"\nlanguage = "ja"\n[serve]\nlisten = "off"\n[[sources]]\nkind = "file"\npath = "access.log"\n'
        f'[[maintenance]]\nbegin = "{now.isoformat()}"\nend = "{end.isoformat()}"\n'
        + "".join(CHANNEL.format(url=phone.url(path), name=path[1:]) + quiet for path, quiet in hours.items())
    )


def probed(folder: Path, service: Serving, end: datetime) -> bool:
    """Whether probes were judged while the maintenance went on; a busy machine may start the service too late."""
    (folder / "access.log").write_text("\n".join(PROBES) + "\n")
    service.wait_for(lambda: (folder / "store" / "outbox.sqlite").exists() and waiting(folder) == 3)
    return datetime.now().astimezone() < end


def waiting(folder: Path) -> int:
    from kanaria.store.outbox import Outbox

    outbox = Outbox(folder / "store")
    try:
        return sum(outbox.counts().values())
    finally:
        outbox.close()


@pytest.mark.slow
def test_news_waits_for_the_end_of_maintenance_and_rings_where_it_is_not_quiet(tmp_path: Path) -> None:
    for seconds in (15, 40, 120):
        folder = tmp_path / str(seconds)
        folder.mkdir()
        (folder / "access.log").touch()
        now = datetime.now().astimezone()
        end = now + timedelta(seconds=seconds)
        with sink() as phone:
            (folder / "kanaria.toml").write_text(settings(phone, now, end))
            with serving(folder) as service:
                if not probed(folder, service, end):
                    continue
                assert not phone.received
                service.wait_for(lambda: phone.at("/except") and phone.at("/day"), seconds + 60)
                assert datetime.now().astimezone() >= end
                time.sleep(2.0)  # the senders look every second
                assert service.end() == 0
        assert {item.path for item in phone.received} == {"/except", "/day"}
        assert len(phone.received) == 2
        assert all(
            "メンテナンスが終わるまで、通知を保留していました。" in item.content["message"] for item in phone.received
        )
        return
    pytest.fail("the service took too long to start")
