"""Quiet hours and maintenance windows of a running service: what is held back, what is not, and until when."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.serve.serving import Serving, Sink, serving, sink
from tests.serve.test_serve import PROBES
from tests.serve.wrong_clock import WrongClock

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
                service.wait_for(lambda: phone.at("/except") and phone.at("/day"))
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


def weekly(phone: Sink, end: datetime) -> str:
    """Two hours that end then, on their own weekday for one machine, and on the next weekday for all."""
    begin = end - timedelta(hours=2)
    hours = f"{begin:%H:%M}-{end:%H:%M}"
    days = [f"{begin + timedelta(days=more):%a}".lower() for more in (0, 1)]
    return (
        'store = "store"\nlanguage = "en"\n[serve]\nlisten = "off"\n'
        '[[sources]]\nkind = "file"\npath = "dnsmasq.log"\nformat = "dnsmasq"\n'
        f'[[maintenance]]\nhours = "{hours}"\ndays = ["{days[0]}"]\ndevices = ["10.0.0.5"]\n'
        f'[[maintenance]]\nhours = "{hours}"\ndays = ["{days[1]}"]\n'
    ) + CHANNEL.format(url=phone.url("/phone"), name="phone")


def asked(folder: Path, device: str, now: datetime) -> None:
    with (folder / "dnsmasq.log").open("a") as log:
        log.write(f"{now:%b %e %H:%M:%S} dnsmasq[71]: query[A] pool.supportxmr.com from {device}\n")


def asked_about(folder: Path) -> bool:
    """Whether messages about both machines were written."""
    return waiting(folder) == 2


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "UTC"])
def test_windows_that_come_every_week_hold_what_is_of_their_machines_until_they_end(tmp_path: Path, zone: str) -> None:
    """The clock of the service is put so that a window of its own zone ends soon after it began to watch."""
    for seconds in (20, 40, 120):
        folder = tmp_path / str(seconds)
        folder.mkdir()
        (folder / "dnsmasq.log").touch()
        clock, machine = WrongClock(folder), datetime.now(ZoneInfo(zone))
        end = (machine + timedelta(seconds=seconds + 60)).replace(second=0, microsecond=0)
        ahead = timedelta(seconds=int((end - machine).total_seconds()) - seconds)
        clock.set(int(ahead.total_seconds()))
        with sink() as phone:
            (folder / "kanaria.toml").write_text(weekly(phone, end))
            with serving(folder, TZ=zone, **clock.environment) as service:
                for device in ("10.0.0.5", "10.0.0.6"):
                    asked(folder, device, datetime.now(ZoneInfo(zone)) + ahead)
                service.wait_for(partial(asked_about, folder))
                if datetime.now(ZoneInfo(zone)) + ahead >= end - timedelta(seconds=5):
                    continue  # a busy machine: the service began too late
                service.wait_for(lambda: phone.received)
                early = datetime.now(ZoneInfo(zone)) + ahead < end
                service.wait_for(lambda: len(phone.received) == 2)
                late = datetime.now(ZoneInfo(zone)) + ahead >= end
                assert service.end() == 0
        first, second = (item.content for item in phone.received)
        assert (early, late) == (True, True)
        assert "10.0.0.6" in first["title"] and "maintenance window" not in first["message"]
        assert "10.0.0.5" in second["title"] and "maintenance window" in second["message"]
        return
    pytest.fail("the service took too long to start")
