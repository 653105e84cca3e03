"""Which side of a connection is ours: every combination of home, strange and unknown ends."""

from __future__ import annotations

import pytest

from kanaria.core.direction import orient
from kanaria.core.distinct import Distinct
from kanaria.core.network import HomeNetworks
from kanaria.core.schema import from_rows

HOME, OTHER, FAR = "192.168.1.9", "192.168.1.10", "203.0.113.5"


@pytest.mark.parametrize(
    ("src", "dst", "direction", "device", "remote"),
    [
        (HOME, OTHER, "internal", OTHER, HOME),
        (HOME, FAR, "outbound", HOME, FAR),
        (HOME, None, "internal", None, HOME),
        (FAR, HOME, "inbound", HOME, FAR),
        (FAR, "203.0.113.6", "external", "203.0.113.6", FAR),
        (FAR, None, "inbound", None, FAR),
        ("no address", HOME, "inbound", HOME, "no address"),
        (None, HOME, None, HOME, None),
        (None, None, None, None, None),
    ],
)
def test_direction_device_and_remote(
    src: str | None, dst: str | None, direction: str | None, device: str | None, remote: str | None
) -> None:
    rows: list[dict[str, object]] = [{"src_ip": src, "dst_ip": dst}, {"src_ip": HOME, "dst_ip": FAR}]
    table = from_rows("connection", rows)
    for ends in (None, (Distinct(table["src_ip"]), Distinct(table["dst_ip"]))):
        first = orient(table, HomeNetworks(), ends).to_pylist()[0]
        assert (first["direction"], first["device"], first["remote"]) == (direction, device, remote)


def test_what_a_sensor_said_stays() -> None:
    said = {"src_ip": HOME, "dst_ip": FAR, "device": "router", "direction": None}
    first = orient(from_rows("connection", [said]), HomeNetworks()).to_pylist()[0]
    assert (first["direction"], first["device"], first["remote"]) == ("outbound", "router", FAR)
