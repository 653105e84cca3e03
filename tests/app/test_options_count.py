"""Each option of the smaller commands: a command that did not heed it would say or do something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kanaria.report.plots_style import THEMES
from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, flow, guessing

PROBE = r'203.0.113.9 - - [21/Jun/2026:07:01:00 +0000] "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}" 400 0'
ERROR = (
    "2026/01/02 03:04:05 [info] 7#7: *1 client sent invalid method while reading client request line, client: "
    r'203.0.113.7, server: _, request: "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}"'
)
RULE = """\
title: {title}
id: {id}
description:
  en: A page of ours was asked for.
  ja: 自社のページが要求された。
author: test
date: 2026-01-01
logsource: {{category: webserver}}
detection:
  asked: {{cs-uri-stem: {path}}}
  condition: asked
level: medium
tags: [attack.t1190]
"""


def calls(path: Path, client: str, server: str) -> Path:
    """A Zeek log with a program that calls every ten minutes for a day."""
    rows = (flow(DAY.replace(tzinfo=DAY.tzinfo), n, client, server, 8080) for n in range(140))
    lines = []
    for n, row in enumerate(rows):
        lines.append(json.dumps({**json.loads(row), "ts": DAY.timestamp() + 600 * n}))
    path.write_text("\n".join(lines) + "\n")
    return path


class TestExplain:
    def test_a_time_without_a_zone_is_of_the_zone_that_is_named(self, kanaria: Kanaria) -> None:
        seen = kanaria("explain", "--tz", "Asia/Tokyo", "--format", "json", ERROR).incident["first_seen"]
        assert seen == "2026-01-01T18:04:05+00:00"

    def test_a_format_that_is_named_is_not_looked_for(self, kanaria: Kanaria) -> None:
        line = '{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"x","pass":"y","agent":"XMRig/6"}}'
        for name in ("text-payload", "combined"):
            done = kanaria("explain", "--input-format", name, "--format", "json", line)
            if done.out:
                assert [one["format"] for one in done.document["inputs"]] == [name]
            else:
                assert name in done.err

    def test_a_story_is_told_in_paragraphs(self, kanaria: Kanaria) -> None:
        report, story = kanaria("explain", PROBE).out, kanaria("explain", "--style", "story", PROBE).out
        assert story != report
        assert story.strip().splitlines()[-1] not in report

    def test_full_tells_more_than_fits_a_screen(self, kanaria: Kanaria) -> None:
        assert len(kanaria("explain", "--full", PROBE).out) > 1.5 * len(kanaria("explain", PROBE).out)

    def test_settings_that_are_named_count(self, kanaria: Kanaria, tmp_path: Path) -> None:
        (tmp_path / "ja.toml").write_text('language = "ja"\n')
        assert "これは何か" in kanaria("explain", "--config", "ja.toml", "--full", PROBE).out


def test_the_demo_is_shown_as_asked(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "k.toml").write_text('[allowed]\ndevices = ["192.168.10.53"]\n')
    done = kanaria("demo", "--style", "story", "--lang", "ja", "-o", "demo.txt", "--config", "k.toml")
    assert (done.status, done.out) == (0, "")
    told = (tmp_path / "demo.txt").read_text()
    assert "所有者が許可しているマイニング" in told and "何があったか" not in told


class TestInventory:
    """``devices``, ``beacons`` and ``baseline`` know whose the addresses are."""

    @pytest.fixture(autouse=True)
    def log(self, tmp_path: Path) -> None:
        calls(tmp_path / "conn.log", "198.51.100.20", "203.0.113.7")
        (tmp_path / "home.toml").write_text('home = ["198.51.100.0/24"]\n[devices]\ncritical = ["198.51.100.20"]\n')

    @pytest.mark.parametrize("given", [("--home", "198.51.100.0/24"), ("--config", "home.toml")])
    def test_devices_are_those_of_the_networks_that_are_named(self, kanaria: Kanaria, given: tuple[str, str]) -> None:
        (device,) = json.loads(kanaria("devices", "conn.log", "--format", "json", *given).out)["devices"]
        assert (device["address"], device["critical"]) == ("198.51.100.20", given[0] == "--config")
        other = json.loads(kanaria("devices", "conn.log", "--format", "json", "--home", "203.0.113.0/24").out)
        assert [one["address"] for one in other["devices"]] == ["203.0.113.7"]

    def test_devices_are_listed_in_the_language_that_is_named(self, kanaria: Kanaria) -> None:
        assert "まで観測" in kanaria("devices", "conn.log", "--home", "198.51.100.0/24", "--lang", "ja").out

    @pytest.mark.parametrize("given", [("--home", "198.51.100.0/24"), ("--config", "home.toml")])
    def test_what_is_learned_is_of_the_networks_that_are_named(self, kanaria: Kanaria, given: tuple[str, str]) -> None:
        learned = kanaria("baseline", "learn", "conn.log", "--store", "kept", "--lang", "ja", *given)
        assert learned.status == 0 and "学習" in learned.out
        shown = kanaria("baseline", "show", "198.51.100.20", "--store", "kept")
        assert "203.0.113.7" in shown.out, shown.out
        assert "学習" in kanaria("baseline", "show", "--store", "kept", "--lang", "ja").out

    def test_a_record_is_explained_by_what_was_learned_before(self, kanaria: Kanaria, tmp_path: Path) -> None:
        """Of the networks that are named, in the language that is named."""
        home = ("--home", "198.51.100.0/24")
        calls(tmp_path / "later.log", "198.51.100.20", "203.0.113.7")
        kanaria("baseline", "learn", "conn.log", "--store", "kept", *home)
        explain = ("baseline", "explain", "later.log:1", "later.log")
        plain, learned = kanaria(*explain, *home), kanaria(*explain, *home, "--store", "kept")
        assert plain.out.startswith("198.51.100.20 → 203.0.113.7:8080")
        assert plain.out != learned.out
        assert kanaria(*explain, *home, "--lang", "ja").out != plain.out
        assert "Not scored" in plain.out, "nothing was learned before the first record"
        scored = kanaria(*explain, "--config", "home.toml", "--store", "kept").out
        assert scored == learned.out and "Not scored" not in scored
        assert "Not scored" in kanaria(*explain, "--home", "192.0.2.0/24", "--store", "kept").out


class TestRules:
    """Every command about rules takes rules of the user's."""

    @pytest.fixture(autouse=True)
    def rules(self, tmp_path: Path) -> None:
        page = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-rule.md"
        text = page.read_text().partition("```yaml file=my-rules/intranet_logon.yml\n")[2].partition("```")[0]
        (tmp_path / "own.yml").write_text(text)
        (tmp_path / "broken.yml").write_text(text.replace("{severity: low, ", "{severity: high, "))
        (tmp_path / "access.log").write_text(
            '203.0.113.7 - - [21/Jun/2026:07:00:00 +0000] "GET / HTTP/1.1" 200 9 "-" "Mozilla/5.0"\n'
            '203.0.113.7 - - [21/Jun/2026:07:01:00 +0000] "GET /intranet/logon.html HTTP/1.1" 404 9 "-" "Mozilla/5.0"\n'
        )

    def test_they_are_listed_in_the_language_that_is_named(self, kanaria: Kanaria) -> None:
        listed = kanaria("rules", "list", "--rules", "own.yml", "--lang", "ja").out
        assert "社内ログオンページへの外部からのアクセス" in listed
        assert "intranet_logon_from_outside" not in kanaria("rules", "list").out

    def test_their_tests_are_run(self, kanaria: Kanaria) -> None:
        done = kanaria("rules", "test", "--rules", "broken.yml")
        assert done.status == 1
        assert "intranet_logon_from_outside: hit: expected" in done.out

    def test_they_are_converted(self, kanaria: Kanaria) -> None:
        done = kanaria("rules", "convert", "intranet_logon_from_outside", "--rules", "own.yml", "--to", "clickhouse")
        assert done.status == 0
        assert "/intranet/logon" in done.out
        assert done.out != kanaria("rules", "convert", "intranet_logon_from_outside", "--rules", "own.yml").out

    def test_they_are_explained_for_the_record_that_is_named(self, kanaria: Kanaria) -> None:
        explain = ("rules", "explain", "intranet_logon_from_outside", "access.log", "--rules", "own.yml")
        first, second = kanaria(*explain), kanaria(*explain, "--row", "2")
        assert (first.status, second.status) == (0, 0)
        assert first.out != second.out and "/intranet/logon.html" in second.out
        assert kanaria(*explain, "--row", "2", "--lang", "ja").out != second.out

    def test_they_are_counted_among_those_that_run(self, kanaria: Kanaria) -> None:
        own, bundled = (kanaria("rules", "coverage", *more).out for more in (("--rules", "own.yml"), ()))
        assert own != bundled


class TestKnowledge:
    def test_facts_are_listed_in_the_language_that_is_named(self, kanaria: Kanaria) -> None:
        assert "マイニングプール" in kanaria("knowledge", "list", "pools", "--lang", "ja").out

    def test_what_is_imported_into_a_folder_is_known_where_settings_name_it(
        self, kanaria: Kanaria, tmp_path: Path
    ) -> None:
        (tmp_path / "list.txt").write_text("203.0.113[.]77\n")
        (tmp_path / "k.toml").write_text('knowledge = "facts"\n')
        done = kanaria("knowledge", "import", "list.txt", "--source", "a friend", "--folder", "facts")
        assert (done.status, done.out) == (0, "1 indicator taken, 1 ipv4\n")
        (tmp_path / "conn.log").write_text(flow(DAY, 1, "192.168.1.20", "203.0.113.77", 443) + "\n")
        known = kanaria("analyze", "conn.log", "--config", "k.toml", "--format", "json").incident
        assert "a friend" in json.dumps(known, ensure_ascii=False)
        assert kanaria("analyze", "conn.log", "--format", "json").document["incidents"] == []

    def test_pool_lists_are_kept_in_the_folder_that_is_named(self, kanaria: Kanaria, tmp_path: Path) -> None:
        (tmp_path / "pools.txt").write_text("xmr.new-pool.example\n")
        (tmp_path / "k.toml").write_text('knowledge = "facts"\n')
        done = kanaria("knowledge", "update", "--pools", "pools.txt", "--folder", "facts")
        assert done.status == 0 and done.out.startswith("1 pool name taken"), done.out + done.err
        line = "Jun 21 07:00:00 dnsmasq[7]: query[A] xmr.new-pool.example from 192.168.1.20\n"
        (tmp_path / "dns.log").write_text(line)
        known = kanaria("analyze", "dns.log", "--config", "k.toml", "--format", "json").document["incidents"]
        assert known and not kanaria("analyze", "dns.log", "--format", "json").document["incidents"]


def test_parts_are_left_out_of_the_laboratory_and_another_seed_makes_another_capture(
    kanaria: Kanaria, tmp_path: Path
) -> None:
    def made(*options: str) -> bytes:
        done = kanaria("lab", "dns-server", "case.pcap", *options)
        assert done.status == 0, done.err
        return (tmp_path / "case.pcap").read_bytes()

    quiet = ("--without", "rdp", "--without", "smb", "--without", "mining")
    whole, without, other = made(), made(*quiet), made(*quiet, "--seed", "8")
    assert b"Cookie: mstshash=" in whole and b"Cookie: mstshash=" not in without
    assert len(without) < len(whole)
    assert other != without == made(*quiet)


class TestIncident:
    @pytest.fixture
    def ident(self, kanaria: Kanaria, tmp_path: Path) -> str:
        (tmp_path / "auth.log").write_text("\n".join(guessing(DAY, "203.0.113.9")) + "\n")
        assert kanaria("analyze", "auth.log", "--store", "store", "-o", "out.txt").status == 1
        return kanaria("incident", "list", "--store", "store").out.split()[0]

    def test_decisions_are_kept_with_name_and_reason_and_asked_by_state(self, kanaria: Kanaria, ident: str) -> None:
        store = ("--store", "store")
        assert ident in kanaria("incident", "list", "--state", "open", *store).out
        done = kanaria(
            "incident", "set", ident, "contained", "--why", "cable", "--who", "Hanako", "--lang", "ja", *store
        )
        assert (done.status, "封じ込め" in done.out) == (0, True), done.out
        assert ident not in kanaria("incident", "list", "--state", "open", *store).out
        both = kanaria("incident", "list", "--state", "open", "--state", "contained", *store)
        assert ident in both.out
        shown = kanaria("incident", "show", ident, *store).out
        assert "Hanako: open → contained (cable)" in shown
        assert len(kanaria("incident", "show", ident, "--full", *store).out) > 1.5 * len(shown)

    def test_it_is_exported_to_the_file_that_is_named(self, kanaria: Kanaria, ident: str, tmp_path: Path) -> None:
        done = kanaria("incident", "export", ident, "--store", "store", "--format", "csv", "-o", "one.csv")
        assert (done.status, done.out) == (0, "")
        assert ident in (tmp_path / "one.csv").read_text()

    def test_a_plot_has_the_theme_that_is_named(self, kanaria: Kanaria, ident: str) -> None:
        drawn = kanaria("incident", "show", ident, "--store", "store", "--plot", "--theme", "dark").out
        assert THEMES["dark"].paper in drawn and THEMES["light"].paper not in drawn


class TestUnit:
    """``install-service`` and ``uninstall-service``."""

    @pytest.fixture(autouse=True)
    def settings(self, tmp_path: Path) -> None:
        (tmp_path / "kanaria.toml").write_text('[[sources]]\nkind = "journal"\n')

    def test_the_unit_has_the_limits_that_are_named_and_is_only_shown(self, kanaria: Kanaria, tmp_path: Path) -> None:
        show = ("install-service", "--config", "kanaria.toml", "--root", "root", "--print")
        lines = kanaria(*show, "--memory", "700M", "--cpu", "50%").out.splitlines()
        assert {"MemoryHigh=700M", "CPUQuota=50%"} <= set(lines)
        assert {"MemoryHigh=2G", "CPUQuota=150%"} <= set(kanaria(*show).out.splitlines())
        assert not (tmp_path / "root").exists()

    def test_nothing_to_take_away_is_said_in_the_language_that_is_named(self, kanaria: Kanaria) -> None:
        english, japanese = (kanaria("uninstall-service", "--root", "root", "--lang", name) for name in ("en", "ja"))
        assert (english.out + english.err) != (japanese.out + japanese.err) != ""


def test_restoring_puts_aside_what_was_there_and_says_so_in_the_language_that_is_named(
    kanaria: Kanaria, tmp_path: Path
) -> None:
    (tmp_path / "k.toml").write_text('store = "kept"\n')
    (tmp_path / "auth.log").write_text("\n".join(guessing(DAY, "203.0.113.9")) + "\n")
    kanaria("analyze", "auth.log", "--store", "kept", "-o", "out.txt")
    assert kanaria("backup", "kept.tar.gz", "--config", "k.toml").status == 0
    done = kanaria("restore", "kept.tar.gz", "--config", "k.toml", "--set-aside", "--lang", "ja")
    assert (done.status, "退避先: " in done.out) == (0, True), done.err
