"""Roles, the inventory, and the synthetic office they are seen in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit_baseline import flow, pattern, table

from kanaria.app.commands.main import cli
from kanaria.baseline.devices import Inventory, devices
from kanaria.baseline.roles import CRITICAL, ROLES, Evidence, infer
from kanaria.lab import office


@pytest.mark.parametrize(
    ("clients", "places", "role"),
    [
        ({"udp/53": 40, "tcp/22": 1}, 30, "dns_server"),
        ({"udp/53": 1}, 30, "workstation"),
        ({"tcp/88": 9, "tcp/389": 9, "udp/53": 9}, 5, "domain_controller"),
        ({"tcp/445": 12}, 2, "file_server"),
        ({"tcp/445": 1}, 50, "workstation"),
        ({"tcp/443": 100}, 0, "web_server"),
        ({"tcp/25": 20}, 90, "mail_server"),
        ({"tcp/9100": 1}, 1, "printer"),
        ({"tcp/554": 1}, 1, "camera"),
        ({"tcp/3389": 6}, 0, "rdp_server"),
        ({"udp/67": 10, "udp/53": 10}, 3, "gateway"),
        ({"tcp/4711": 5}, 0, "server"),
        ({}, 3, "iot"),
        ({}, 0, "unknown"),
        ({"tcp/ephemeral": 9}, 0, "unknown"),
    ],
)
def test_roles_follow_what_is_served_and_used(clients: dict[str, int], places: int, role: str) -> None:
    assert infer(Evidence(clients=clients, places=places)) == role
    assert role in ROLES


def test_critical_roles_are_roles() -> None:
    assert set(ROLES) >= CRITICAL


def test_what_answered_to_the_internet_is_named_with_its_problem() -> None:
    # Documentation addresses count as global here: they stand for the Internet.
    inbound = {"src_ip": "192.0.2.77", "dst_ip": "10.0.0.30", "dst_port": 3389, "direction": "inbound"}
    found = devices([{"connection": table("connection", flow(0, **inbound), flow(5, **inbound, service="rdp"))}])
    (device,) = [one for one in found if one.address == "10.0.0.30"]
    (service,) = device.exposed
    assert (service.port, service.outside, service.outside_examples) == (3389, 1, ("192.0.2.77",))
    (problem,) = device.problems
    assert problem.en.startswith("RDP (tcp/3389) answered 1 addresses on the Internet, e.g. 192.0.2.77")
    assert "応答しました" in problem.ja
    assert device.first is not None
    assert device.last is not None
    assert (device.last - device.first).total_seconds() == 5 * 3600


@pytest.mark.parametrize("state", ["S0", "REJ"])
def test_a_port_that_was_only_knocked_at_is_not_offered(state: str) -> None:
    knock = {"src_ip": "192.0.2.77", "dst_ip": "10.0.0.30", "dst_port": 22, "direction": "inbound", "state": state}
    found = devices([{"connection": table("connection", flow(0, **knock, dst_bytes=40))}])
    assert [service for device in found for service in device.services] == []


def test_names_come_from_answers_certificates_and_clients() -> None:
    inventory = Inventory()
    dns = table("dns", flow(0, query="files.corp.example", answers=["10.0.0.20"]))
    smb = table("smb", flow(0, dst_ip="10.0.0.20", dst_port=445, client_name="DESK-7\x1b[2J", answered=True))
    inventory.add({"dns": dns, "smb": smb, "connection": table("connection", flow(0))})
    found = {device.address: device for device in inventory.devices()}
    assert found["10.0.0.20"].names == ("files.corp.example",)
    assert found["10.0.0.5"].names == ("DESK-7\\x1b[2J",)
    assert [service.port for service in found["10.0.0.20"].services] == [445]


def test_configuration_wins_over_inference() -> None:
    tables = [{"connection": table("connection", flow(0))}]
    (device,) = devices(tables, roles={"10.0.0.5": "gateway"})
    assert (device.role, device.critical) == ("gateway", True)
    (device,) = devices(tables, critical=["10.0.0.5"])
    assert (device.role, device.critical) == ("unknown", True)


def test_the_pattern_of_life_shows_role_services_and_configuration() -> None:
    learned = pattern(roles={"10.0.0.53": "dns_server"})
    asks = [flow(h, src_ip=f"10.0.0.{n}", dst_ip="10.0.0.53", dst_port=53, transport="udp", direction="internal")
            for h in range(30) for n in (5, 6, 7)]  # fmt: skip
    own = [flow(h, src_ip="10.0.0.53", dst_ip="192.0.2.53", dst_port=53, transport="udp") for h in range(50)]
    learned.learn({"connection": table("connection", *sorted(asks + own, key=lambda row: row["time"]))})
    learned.learn({"connection": table("connection", flow(74, src_ip="10.0.0.53"))})
    row = learned.score({"connection": table("connection", flow(75, src_ip="10.0.0.53"))})["connection"].to_pylist()[0]
    assert row["device.role"] == "dns_server"
    assert row["device.critical"] is True
    assert row["device.serves"] == "udp/53"


def test_the_office_is_the_same_for_the_same_seed_and_keeps_to_documentation_addresses() -> None:
    one, two = (office.generate(3, days=1, workstations=4, deviations=False) for _ in range(2))
    assert one.tables["connection"].equals(two.tables["connection"])
    sides = set(one.tables["connection"]["src_ip"].to_pylist()) | set(one.tables["connection"]["dst_ip"].to_pylist())
    allowed = ("10.0.", "198.18.", "198.19.", "192.0.2.", "198.51.100.", "203.0.113.")
    assert all(side.startswith(allowed) for side in sides)
    times = one.tables["connection"]["time"].to_pylist()
    assert times == sorted(times)
    assert sum(len(part["connection"]) for part in one.slices(6) if "connection" in part) == len(times)


def test_a_device_seen_for_a_minute_has_no_role_yet() -> None:
    (device,) = devices([{"connection": table("connection", flow(0))}])
    assert (device.address, device.role) == ("10.0.0.5", "unknown")
    (device,) = devices([{"connection": table("connection", flow(0), flow(30))}])
    assert device.role == "iot"


def test_a_service_names_its_users_and_what_its_port_is_for() -> None:
    rows = [flow(0, src_ip=f"10.0.0.{n}", dst_ip="10.0.0.30", dst_port=80, direction="internal") for n in (9, 10, 8)]
    found = devices([{"connection": table("connection", *rows)}])
    (service,) = next(one for one in found if one.address == "10.0.0.30").services
    assert (service.name, service.clients, service.outside) == ("HTTP?", 3, 0)
    assert service.client_examples == ("10.0.0.8", "10.0.0.9", "10.0.0.10")


def test_an_address_that_is_ours_by_its_traffic_is_in_the_inventory(tmp_path: Path) -> None:
    """A rented server has no private address; what is nearly everywhere in its capture is it."""
    server, log = "203.0.113.80", tmp_path / "conn.log"
    rows = [
        {
            "ts": 1_767_225_600 + 60 * n, "uid": f"C{n}", "id.orig_h": f"198.51.100.{n}", "id.orig_p": 40_000,
            "id.resp_h": server, "id.resp_p": 3389, "proto": "tcp", "service": "rdp", "duration": 1.0,
            "orig_bytes": 500, "resp_bytes": 900, "orig_ip_bytes": 700, "resp_ip_bytes": 1100, "conn_state": "SF",
        }
        for n in range(1, 40)
    ]  # fmt: skip
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    shown = CliRunner().invoke(cli, ["devices", str(log), "--lang", "en"]).stdout.splitlines()
    assert shown[0].startswith(server)
    assert shown[1] == (
        "    rdp (tcp/3389), 2026-01-01 00:01 to 2026-01-01 00:39: 39 users, 39 of them from the Internet "
        "(198.51.100.1, 198.51.100.10, 198.51.100.11, …)"
    )
    assert "! RDP (tcp/3389) answered 39 addresses on the Internet" in shown[2]
