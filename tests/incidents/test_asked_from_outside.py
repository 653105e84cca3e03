"""A public address that asks a DNS server for a pool: told of in every resolver's log, and nobody of ours is accused.

Who is behind the address is not known: a stranger's miner or a person that uses an open resolver, a search for such, a
forged sender, or a machine of ours with a public address. What is worth doing is one look, so it is low.
"""

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
def test_a_public_client_is_the_other_side(resolver: str, tmp_path: Path) -> None:
    line = _ASKED[resolver].format(name="pool.supportxmr.com", client="203.0.113.9")
    (incident,) = _incidents(tmp_path, line)
    (finding,) = incident["findings"]
    assert (finding["rule"], finding["remote"]) == ("dns_query_for_mining_pool_from_outside", "203.0.113.9")
    assert "203.0.113.9" not in incident["entities"]["devices"]
    assert_nobody_of_ours_is_accused(incident)


def assert_nobody_of_ours_is_accused(incident: dict[str, Any]) -> None:
    """Low; more likely somebody else's than ours; one thing to look at; in both languages."""
    assert incident["severity"] == "low"
    order = [one["name"] for one in incident["hypotheses"]]
    assert order[0] == "misdirected_miner" and set(order[1:3]) == {"internet_wide_scanner", "benign"}
    assert [one["id"] for one in incident["recommendations"]] == ["look_whose_client"]
    (advice,) = (one["text"] for one in incident["recommendations"])
    assert "203.0.113[.]9 is yours" in advice["en"] and "203.0.113[.]9 が自分のもの" in advice["ja"]
    assert "your own networks only" in advice["en"] or "let only your own networks ask it" in advice["en"]
    told = json.dumps(incident["report"], ensure_ascii=False)
    assert "no machine of yours is suspected" in told and "ご自身の機器が疑われるわけではありません" in told
    assert "A stranger's miner that asks this DNS server" in told and "第三者のマイナー" in told
    assert "compromised" not in json.dumps(incident["title"]).lower()


@pytest.mark.parametrize("resolver", _DATED)
def test_in_a_network_of_public_addresses_it_is_a_device(resolver: str, tmp_path: Path) -> None:
    line = _ASKED[resolver].format(name="pool.supportxmr.com", client="203.0.113.9")
    (incident,) = _incidents(tmp_path, line, "--home", "203.0.113.0/24")
    assert [finding["rule"] for finding in incident["findings"]] == ["dns_query_for_mining_pool"]
    assert incident["severity"] == "medium"


def test_without_a_time_it_is_told_of_too(tmp_path: Path) -> None:
    line = _ASKED["CoreDNS"].format(name="pool.supportxmr.com", client="203.0.113.9")
    (incident,) = _incidents(tmp_path, line)
    assert [finding["rule"] for finding in incident["findings"]] == [
        "dns_query_for_mining_pool_from_outside_without_time"
    ]
    assert_nobody_of_ours_is_accused(incident)


_QUESTION = {
    "_path": "dns", "ts": 1767949200.1, "uid": "C1", "id.orig_h": "203.0.113.9", "id.orig_p": 50000,
    "id.resp_h": "192.168.1.53", "id.resp_p": 53, "proto": "udp", "query": "pool.supportxmr.com", "qtype_name": "A",
    "rcode": 0, "rcode_name": "NOERROR", "RD": True, "RA": True, "answers": ["203.0.113.50"], "rejected": False,
}  # fmt: skip


def _passed_on(after: float, name: str = "pool.supportxmr.com") -> dict[str, object]:
    """The server's own question to another, so many seconds after the first one."""
    return {**_QUESTION, "uid": f"C{after}", "ts": 1767949200.1 + after, "id.orig_h": "192.168.1.53",
            "id.resp_h": "198.51.100.1", "query": name}  # fmt: skip


def _zeek(*records: dict[str, object]) -> str:
    return "\n".join(json.dumps(record) for record in records)


def test_a_server_that_answers_is_named_as_one_that_does(tmp_path: Path) -> None:
    (incident,) = _incidents(tmp_path, _zeek(_QUESTION))
    assert_nobody_of_ours_is_accused(incident)
    assert "192.168.1.53 answers strangers' questions" in incident["recommendations"][0]["text"]["en"]


def test_a_server_that_refuses_has_nothing_to_tell(tmp_path: Path) -> None:
    refused = {**_QUESTION, "rcode": 5, "rcode_name": "REFUSED", "answers": []}
    assert _incidents(tmp_path, _zeek(refused)) == []


def test_a_server_that_passes_a_strangers_question_on_is_not_accused(tmp_path: Path) -> None:
    (incident,) = _incidents(tmp_path, _zeek(_QUESTION, _passed_on(0.02)))
    assert_nobody_of_ours_is_accused(incident)


def test_a_server_that_passes_a_clients_question_on_is_not_accused(tmp_path: Path) -> None:
    asked = {**_QUESTION, "id.orig_h": "192.168.1.20"}
    both = _incidents(tmp_path, _zeek(asked, _passed_on(0.02)))
    accused = {one["entities"]["devices"][0]: (one["severity"], one["hypotheses"][0]["name"]) for one in both}
    assert accused["192.168.1.20"] == ("medium", "compromised_device")
    assert accused["192.168.1.53"] == ("informational", "benign")


@pytest.mark.parametrize(
    "own", [[_passed_on(-0.02)], [_passed_on(30.0)], [_passed_on(0.02), _passed_on(60.0), _passed_on(120.0)]]
)
def test_a_question_of_its_own_is_not_excused_by_a_strangers(tmp_path: Path, own: list[dict[str, object]]) -> None:
    (incident,) = _incidents(tmp_path, _zeek(_QUESTION, *own))
    assert (incident["severity"], incident["hypotheses"][0]["name"]) == ("medium", "compromised_device")
    assert "look_who_asked" in [one["id"] for one in incident["recommendations"]]


@pytest.mark.parametrize("resolver", _ASKED)
def test_another_name_is_nothing(resolver: str, tmp_path: Path) -> None:
    assert _incidents(tmp_path, _ASKED[resolver].format(name="www.example.com", client="203.0.113.9")) == []
