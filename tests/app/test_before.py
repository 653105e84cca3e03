"""What was normal before: only what came before, in both languages, and nothing without a day of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa

from kanaria.app.run.conclude import roles
from kanaria.app.run.usual_before import before
from kanaria.core.text import defang
from kanaria.core.types import Incident, Text
from tests.event_rows import events_of
from tests.report.report_samples import POOL, SERVER, START, finding, incident, scanner

Flow = tuple[datetime, str, str, int]
ROLES = {SERVER: Text(en="DNS server", ja="DNSサーバ")}
STORY = incident((finding(),))


def said(flows: list[Flow], about: Incident = STORY) -> list[Text]:
    table = pa.table(
        {
            "time": pa.array([time for time, *_ in flows], pa.timestamp("us", tz="UTC")),
            "src_ip": [source for _, source, _, _ in flows],
            "dst_ip": [target for _, _, target, _ in flows],
            "dst_port": pa.array([port for *_, port in flows], pa.int32()),
            "transport": ["udp" if port == 53 else "tcp" for *_, port in flows],
        }
    )
    return list(before(events_of(connection=table), about, ROLES))


def quiet(days: int) -> list[Flow]:
    """Nine questions and one web request every day."""
    hours = [START - timedelta(days=day, hours=-2) for day in range(1, days + 1)]
    asked = [(time + timedelta(minutes=n), f"192.0.2.{n}", SERVER, 53) for time in hours for n in range(9)]
    return [*asked, *((time, SERVER, "203.0.113.8", 443) for time in hours)]


def test_services_shares_and_who_was_never_met() -> None:
    usual, never = said([*quiet(4), (START, SERVER, POOL, 443), (START, "203.0.113.9", SERVER, 3389)])
    assert usual.en == (
        f"{SERVER} (DNS server) in the 3.9 days before: 10 connections a day; udp/53 served to 9 clients (90 %), "
        "tcp/443 used at 1 address (10 %)."
    )
    assert usual.ja == (
        f"{SERVER}(DNSサーバ)のその前の3.9日間: 1日あたり10件の接続。内訳: udp/53を9個の利用元に提供(90%)、tcp/443を1個の宛先で利用(10%)。"
    )
    assert never.en == f"It had never exchanged anything with {defang(POOL)}."
    assert defang(POOL) in never.ja and "一度も" in never.ja


def test_who_was_met_before_is_not_called_new() -> None:
    assert len(said([*quiet(4), (START - timedelta(days=2), SERVER, POOL, 443)])) == 1


def test_a_device_that_was_not_there() -> None:
    (only,) = said([(START - timedelta(days=3), "192.0.2.7", "192.0.2.8", 53)])
    assert "was not seen" in only.en and "現れていません" in only.ja


def test_without_a_day_before_and_for_noise_nothing_is_said() -> None:
    assert said([(START - timedelta(hours=20), SERVER, POOL, 443)]) == []
    assert said(quiet(4), scanner()) == []
    assert said([]) == []


class Counted(dict[str, str]):
    """Values of a finding, which know how often they were asked for."""

    asked = 0

    def get(self, *wanted: object) -> str:  # type: ignore[override]
        Counted.asked += 1
        return str(super().get("device.role", ""))


def of_devices(names: list[str]) -> Iterator[tuple[str, str]]:
    return ((f"192.0.2.{number}", name) for number, name in enumerate(names))


def test_what_devices_are_is_what_somebody_said_or_a_model_saw_first() -> None:
    seen = [finding(), *(replace(finding(), device=device, values={"device.role": name} if name else {}) for device, name in of_devices(["printer", "", "gateway", "odd", "dns_server"]))]  # fmt: skip
    seen += [replace(seen[1], values={"device.role": "gateway"}), replace(seen[2], values={"device.role": "gateway"})]
    about = replace(STORY, findings=tuple(seen), devices=tuple(f"192.0.2.{n}" for n in range(6)))
    told = {"192.0.2.4": "web_server", "192.0.2.5": "printer", "192.0.2.99": "printer"}
    assert {device: words.en for device, words in roles(about, told).items()} == {
        "192.0.2.0": "printer", "192.0.2.1": "gateway", "192.0.2.2": "gateway", "192.0.2.4": "web server",
        "192.0.2.5": "printer",
    }  # fmt: skip


def test_each_finding_is_asked_once_however_many_devices_there_are() -> None:
    many = [replace(finding(), device=device, values=Counted({"device.role": "printer"})) for device, _ in of_devices([""] * 200)]  # fmt: skip
    about = replace(STORY, findings=tuple(many), devices=tuple(str(one.device) for one in many))
    Counted.asked = 0
    assert len(roles(about, {})) == Counted.asked == 200
