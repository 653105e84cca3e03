"""A resolver's client with a public address that asks for a pool: told of in every resolver's log, with both meanings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kanaria.app.commands.main import cli

_ASKED = {
    "dnsmasq": "Jan  5 10:00:00 ns dnsmasq[812]: query[A] {name} from {client}",
    "BIND": "05-Jan-2026 10:00:00.123 queries: info: client @0x7f2a {client}#5353 ({name}): query: {name} IN A +E(0)K (10.0.0.2)",
    "unbound": "Jan 05 10:00:00 unbound[1:0] info: {client} {name}. A IN",
    "CoreDNS": '[INFO] {client}:5353 - 1 "A IN {name}. udp 30 false 512" NOERROR qr,rd,ra 60 0.001s',
}
_DATED = [name for name in _ASKED if name != "CoreDNS"]


def _incidents(folder: Path, line: str, *options: str) -> list[dict[str, Any]]:
    log = folder / "resolver.log"
    log.write_text(line + "\n")
    done = CliRunner().invoke(
        cli, ["analyze", "--lang", "en", "--format", "json", *options, str(log)], standalone_mode=False
    )
    incidents: list[dict[str, Any]] = json.loads(done.stdout)["incidents"]
    return incidents


@pytest.mark.parametrize("resolver", _DATED)
def test_a_public_client_is_a_user_of_the_resolver(resolver: str, tmp_path: Path) -> None:
    line = _ASKED[resolver].format(name="pool.supportxmr.com", client="203.0.113.9")
    (incident,) = _incidents(tmp_path, line)
    (finding,) = incident["findings"]
    assert (finding["rule"], finding["device"]) == ("dns_query_for_mining_pool_from_outside", "203.0.113.9")
    assert finding["remote"] != finding["device"]
    assert incident["severity"] == "low"
    advice = " ".join(one["text"]["en"] for one in incident["recommendations"])
    assert "whether 203.0.113.9 is yours" in advice and "this resolver answers strangers" in advice


@pytest.mark.parametrize("resolver", _DATED)
def test_in_a_network_of_public_addresses_it_is_a_device(resolver: str, tmp_path: Path) -> None:
    line = _ASKED[resolver].format(name="pool.supportxmr.com", client="203.0.113.9")
    (incident,) = _incidents(tmp_path, line, "--home", "203.0.113.0/24")
    assert [finding["rule"] for finding in incident["findings"]] == ["dns_query_for_mining_pool"]
    assert incident["severity"] == "medium"


def test_without_a_time_it_is_told_of_too(tmp_path: Path) -> None:
    line = _ASKED["CoreDNS"].format(name="pool.supportxmr.com", client="203.0.113.9")
    (incident,) = _incidents(tmp_path, line)
    assert [finding["rule"] for finding in incident["findings"]] == ["dns_query_for_mining_pool_without_time"]


@pytest.mark.parametrize("resolver", _ASKED)
def test_another_name_is_nothing(resolver: str, tmp_path: Path) -> None:
    assert _incidents(tmp_path, _ASKED[resolver].format(name="www.example.com", client="203.0.113.9")) == []
