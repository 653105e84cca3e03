"""Kept incidents: two runs of one process into one store, and what ``kanaria incident`` shows of them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kanaria.report import plots_style
from tests.app.running import Kanaria
from tests.programs import japanese_font

DAY = datetime(2026, 3, 2, tzinfo=UTC)
SERVER, MINER_HOST, POOL = "192.168.1.53", "192.168.1.20", "203.0.113.44"


def logon(time: datetime, source: str, *, success: bool) -> str:
    """A line of an SSH server's log."""
    word = "Accepted" if success else "Failed"
    return f"{time:%Y-%m-%dT%H:%M:%S}+00:00 gate sshd[7]: {word} password for root from {source} port 40000 ssh2"


def flow(time: datetime, n: int, source: str, target: str, port: int, seconds: float = 2.0, size: int = 900) -> str:
    """A line of Zeek's conn.log in JSON."""
    row = {
        "ts": time.timestamp(), "uid": f"C{n}", "id.orig_h": source, "id.orig_p": 30000 + n % 30000, "id.resp_h": target,
        "id.resp_p": port, "proto": "tcp", "duration": seconds, "orig_bytes": size, "resp_bytes": size,
        "orig_ip_bytes": size, "resp_ip_bytes": size, "orig_pkts": 9, "resp_pkts": 9, "conn_state": "SF", "local_orig": True,
    }  # fmt: skip
    return json.dumps(row)


def guessing(start: datetime, source: str) -> Iterator[str]:
    """Forty failures and a success: somebody came in."""
    for n in range(40):
        yield logon(start + timedelta(seconds=7 * n), source, success=False)
    yield logon(start + timedelta(minutes=6), source, success=True)


@pytest.fixture
def filled(kanaria: Kanaria, tmp_path: Path) -> Path:
    """A store with two incidents, of two runs in one process, the later with traffic around it."""
    store = tmp_path / "store"
    for day, source in ((0, "203.0.113.9"), (6, "203.0.113.9")):
        start = DAY + timedelta(days=day, hours=1)
        (tmp_path / f"auth{day}.log").write_text("\n".join(guessing(start, source)) + "\n")
    hours = [DAY + timedelta(hours=n) for n in range(24 * 7)]
    flows = [flow(time, n, SERVER, "192.168.1.1", 53, size=4_000) for n, time in enumerate(hours)]
    (tmp_path / "conn.log").write_text("\n".join(flows) + "\n")
    assert kanaria("analyze", "--store", str(store), "auth0.log", "-o", "first.txt").status == 1
    done = kanaria("analyze", "--store", str(store), "auth6.log", "conn.log", "--format", "json", "-o", "second.json")
    assert (done.status, done.err) == (1, "")
    return store


def test_two_runs_of_one_process_share_a_store(kanaria: Kanaria, filled: Path, tmp_path: Path) -> None:
    listed = kanaria("incident", "list", "--store", str(filled)).out.splitlines()
    assert len(listed) == 2
    second = json.loads((tmp_path / "second.json").read_text())["incidents"][0]
    (similar,) = second["similar"]
    assert similar["id"] == listed[1].split()[0], "the run of the week before"
    assert {"kind": "remote", "value": "203.0.113.9"} in similar["shared"]
    assert {"model", "account", "technique"} <= {shared["kind"] for shared in similar["shared"]}
    assert [day["day"] for day in second["daily_counts"]] == [f"2026-03-0{n}" for n in range(2, 9)]
    assert [bool(day["counts"]) for day in second["daily_counts"]] == [True, *[False] * 5, True]


def test_times_and_states_are_in_the_readers_zone_and_language(kanaria: Kanaria, filled: Path, tmp_path: Path) -> None:
    """An hour without a zone is taken for one's own, which it was not."""
    (tmp_path / "kanaria.toml").write_text('timezone = "Asia/Tokyo"\n')
    asked = ("--store", str(filled), "--config", "kanaria.toml")
    first = kanaria("incident", "list", *asked).out.splitlines()[0]
    assert "  2026-03-08 10:06:00 +09:00  " in first
    ident = first.split()[0]
    assert kanaria("incident", "set", ident, "contained", *asked, "--why", "x", "--who", "me").status == 0
    shown = kanaria("incident", "show", ident, *asked, "--lang", "ja").out.splitlines()[-1]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+09:00  me: 未対応 → 封じ込め済み \(x\)", shown)


def test_an_id_that_names_none_or_several_is_refused_in_the_readers_words(kanaria: Kanaria, filled: Path) -> None:
    for ident, why in (
        ("i-nope", "(kanaria incident listで確認できます)"),
        ("i-", "(複数のIDがこの文字列で始まります。"),
    ):
        said = kanaria("incident", "show", ident, "--store", str(filled), "--lang", "ja")
        assert said.status == 2 and f"実際: '{ident}'{why}" in said.err, said.err


def test_a_reason_that_somebody_gives_cannot_write_to_the_terminal(kanaria: Kanaria, filled: Path) -> None:
    shown = kanaria("incident", "list", "--store", str(filled)).out.split()[0]
    why = "\x1b]0;title\x07\x1b[31m\r\nwith \u202e"
    assert kanaria("incident", "set", shown, "acknowledged", "--store", str(filled), "--why", why).status == 0
    last = kanaria("incident", "show", shown, "--store", str(filled)).out.splitlines()[-1]
    assert last.endswith("open → acknowledged (\\x1b]0;title\\x07\\x1b[31m\\x0d\\x0awith \\u202e)")


def test_show_draws_a_sheet(kanaria: Kanaria, filled: Path, tmp_path: Path) -> None:
    ident = kanaria("incident", "list", "--store", str(filled)).out.split()[0]
    done = kanaria("incident", "show", ident, "--store", str(filled), "--plot", "--lang", "ja")
    assert done.status == 0
    assert ElementTree.fromstring(done.out).tag.endswith("svg")  # noqa: S314  (our own text)
    done = kanaria("incident", "show", ident, "--store", str(filled), "--plot", "--theme", "dark", "-o", "sheet.png")
    assert (done.status, done.out) == (0, "")
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_a_sheet_in_english_says_that_no_font_has_japanese(
    kanaria: Kanaria, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ident = kanaria("incident", "list", "--store", str(filled)).out.split()[0]
    show = ("incident", "show", ident, "--store", str(filled), "--plot", "-o", "sheet.png", "--lang")
    monkeypatch.setattr(plots_style, "japanese_font", lambda: None)
    done = kanaria(*show, "ja")
    assert (done.status, done.out) == (0, "") and "日本語フォントがインストールされていません" in done.err
    assert kanaria(*show, "en").err == ""
    monkeypatch.undo()
    japanese_font()
    assert kanaria(*show, "ja").err == ""


def test_show_says_what_it_cannot_draw(kanaria: Kanaria, filled: Path) -> None:
    ident = kanaria("incident", "list", "--store", str(filled)).out.split()[0]
    wrong = kanaria("incident", "show", ident, "--store", str(filled), "--plot", "-o", "sheet.pdf")
    assert wrong.status == 2 and ".svg or .png" in wrong.err
    unused = kanaria("incident", "show", ident, "--store", str(filled), "-o", "report.txt")
    assert unused.status == 2 and "--plot" in unused.err


def test_text_and_json_tell_the_same_incident(kanaria: Kanaria, filled: Path) -> None:
    ident = kanaria("incident", "list", "--store", str(filled)).out.split()[0]
    shown = json.loads(kanaria("incident", "show", ident, "--store", str(filled), "--format", "json").out)
    assert shown["id"] == ident and shown["state"] == "open"
    text = kanaria("incident", "show", ident, "--store", str(filled), "--lang", "ja").out
    assert shown["report"]["ja"]["verdict"]["text"] in text


def test_a_host_that_stops_writing_into_the_common_log_is_told(kanaria: Kanaria, tmp_path: Path) -> None:
    lines = [
        (DAY + timedelta(minutes=20 * n, seconds=len(host)), host)
        for host in ("gate", "web", "mail", "files")
        for n in range(72 * 3)
        if host != "gate" or n < 36 * 3
    ]
    text = "".join(
        f"{time:%Y-%m-%dT%H:%M:%S}+00:00 {host} sshd[7]: Accepted publickey for backup from 192.168.1.9 port 4000 ssh2\n"
        for time, host in sorted(lines)
    )
    (tmp_path / "remote.log").write_text(text)
    told = kanaria("analyze", "remote.log", "--format", "json").incident
    (found,) = [finding for finding in told["findings"] if finding["rule"] == "log_source_silent"]
    assert found["device"] == "gate" and "3 others go on" in found["why"]["en"] and "3台" in found["why"]["ja"]
    assert found["time"].startswith("2026-03-03T11:40")


def test_a_host_whose_own_file_ends_while_the_others_go_on_is_told(kanaria: Kanaria, tmp_path: Path) -> None:
    for host, end in (("gate", 108), ("web", 216), ("mail", 216), ("files", 216)):
        times = [DAY + timedelta(minutes=20 * n, seconds=len(host)) for n in range(end)]
        folder = tmp_path / "remote" / host
        folder.mkdir(parents=True)
        text = "".join(
            f"{time:%Y-%m-%dT%H:%M:%S}+00:00 {host} sshd[7]: Accepted publickey for backup from 192.168.1.9 port 4000 ssh2\n"
            for time in times
        )
        (folder / "auth.log").write_text(text)
        os.utime(folder / "auth.log", (times[-1].timestamp(), times[-1].timestamp()))
    told = kanaria("analyze", "remote", "--format", "json").incident
    (found,) = [finding for finding in told["findings"] if finding["rule"] == "log_source_silent"]
    assert found["device"] == "gate" and "3 others go on" in found["why"]["en"]
    assert (told["evidence"][0]["source"], told["evidence"][0]["line"]) == ("remote/gate/auth.log", 108)
    os.utime(tmp_path / "remote" / "gate" / "auth.log")  # a copy, or a file that was cut
    assert kanaria("analyze", "remote", "--format", "json").document["incidents"] == []


@pytest.mark.parametrize("kind", ["markdown", "html", "json", "ocsf", "stix", "navigator", "misp", "csv", "iocs"])
def test_a_kept_incident_is_exported_like_one_just_found(kanaria: Kanaria, tmp_path: Path, kind: str) -> None:
    (tmp_path / "auth.log").write_text("\n".join(guessing(DAY, "203.0.113.9")) + "\n")
    found = kanaria("analyze", "auth.log", "--store", "store", "--format", kind, "--lang", "ja").out
    ident = kanaria("incident", "list", "--store", "store").out.split()[0]
    exported = kanaria("incident", "export", ident, "--store", "store", "--format", kind, "--lang", "ja")
    assert (exported.status, exported.err) == (0, "")
    if kind in {"csv", "iocs", "navigator"}:
        assert exported.out == found
    assert "203.0.113" in exported.out or kind == "navigator"
    assert "今回の解析で初めて" not in exported.out or kind == "json"
