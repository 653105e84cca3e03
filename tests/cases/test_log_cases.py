"""The scoreboard of logs that people brought: what is read of each, and what is said about it.

The logs themselves are not in the repository; where ``KANARIA_DATA`` names the folder that has them, every one is read
in this process. A row of the table is one case: format, records and how many of them are unread; the top hypothesis,
severity and outcome of the worst incident; the exit status. ``-`` is not checked (yet): whoever settles a column fills it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

CASES = Path(os.environ.get("KANARIA_DATA", "")) / "cases" / "logs"

# name                          format         records unread hypothesis             severity      outcome            status
TABLE = """
01-npm-zhttpd-ifs               web-layout    1       0      -                     -             -                  -
03-safeline-prefix-host         learned       3       0      -                     -             -                  -
04-claymore-miner-file          jsonrpc       1       0      -                     -             -                  -
05-xmrig-api-own-log            -             2       -      -                     -             -                  -
06-pool-operator-own-log        -             -       -      -                     -             -                  -
08-geth-node-log                -             -       -      -                     -             -                  -
10-dokku-morgan-phpcgi          combined      2       0      -                     -             -                  -
11-vhost-trailing-file          combined      7       0      -                     -             -                  -
13-caddy-docker-mozi-500        caddy-json    1       0      -                     -             -                  -
14-caddy-ziti-remote            caddy-json    1       0      -                     -             -                  -
15-forum-html-escaped           combined      1       0      -                     -             -                  -
17-squid-proxy-combined         combined      1       0      compromised_device    high          possible           1
19-debian-mirror                combined      5       0      -                     -             -                  -
20-blog-tutorial-benign         combined      8       0      -                     -             -                  -
22-authlog-sshd-mining          auth-log      4       0      -                     -             -                  -
23-postfix-mining               auth-log      3       0      -                     -             -                  -
25-pg-copy-program              -             -       -      -                     -             -                  -
27-qiita-react2shell-access     combined      9       0      -                     -             -                  -
30-ingress-json-query           nginx-json    1       0      -                     -             -                  -
31-grep-prefix-mining           combined      3       0      -                     -             -                  -
33-wazuh-alerts-json            wrapped       1       0      -                     -             -                  -
34-xwiki-24893-miner            combined      2       0      -                     -             -                  -
35-args-param-cradle            combined      1       0      -                     -             -                  -
37-mixed-syslog-cron            auth-log      8       0      -                     -             -                  -
38-misdirected-miner            combined      400     0      -                     -             -                  -
40-lemonduck-check              combined      2       0      -                     -             -                  -
41-mining-probe-200-nodejs      combined      6       0      -                     -             -                  -
43-claymore-on-port80           combined      2       0      -                     -             -                  -
44-docker-socket-proxy-jenkins  haproxy       4       0      -                     -             -                  -
47-shellshock-wow1              combined      3       0      -                     -             -                  -
48-jaws-escaped-slash           combined      1       0      -                     -             -                  -
50-log4j-wazuh-obfuscated       combined      2       0      -                     -             -                  -
51-ignition-miner               combined      3       0      -                     -             -                  -
52-proxmox-libwww               combined      1       0      -                     -             -                  -
54-selenium-open-200            combined      3       0      -                     -             -                  -
56-gin-ollama                   web-layout    2       0      -                     -             -                  -
59-csv-siem                     web-csv       1       0      -                     -             -                  -
61-kubectl-prefix               combined      1       0      -                     -             -                  -
64-struts-redirect-cve          combined      1       0      -                     -             -                  -
65-modsec-audit-json            web-json      1       0      -                     -             -                  -
67-kibana-export                web-json      1       0      -                     -             -                  -
68-nginx-leading-time           learned       1       0      -                     -             -                  -
70-npm-hub                      web-layout    14      0      -                     -             -                  -
71-found-200                    combined      3       0      -                     -             -                  -
"""  # fmt: skip
COLUMNS = ("format", "records", "unread", "hypothesis", "severity", "outcome", "status")
# Who sent it, where the case is about that; the address has to be among the other sides of an incident.
SENDERS: dict[str, frozenset[str]] = {
    "03-safeline-prefix-host": frozenset({"198.51.100.115"}),
    "15-forum-html-escaped": frozenset({"198.51.100.7"}),
    "22-authlog-sshd-mining": frozenset({"198.51.100.7"}),
    "23-postfix-mining": frozenset({"198.51.100.7"}),
    "31-grep-prefix-mining": frozenset({"198.51.100.7", "203.0.113.77"}),
    "33-wazuh-alerts-json": frozenset({"198.51.100.7"}),
    "56-gin-ollama": frozenset({"198.51.100.7"}),
    "59-csv-siem": frozenset({"198.51.100.7"}),
    "61-kubectl-prefix": frozenset({"198.51.100.7"}),
    "65-modsec-audit-json": frozenset({"198.51.100.7"}),
    "67-kibana-export": frozenset({"198.51.100.7"}),
    "68-nginx-leading-time": frozenset({"198.51.100.7"}),
}


@dataclass(frozen=True)
class Answer:
    """What a run says, in the words of the table."""

    said: dict[str, str]
    remotes: frozenset[str]


def _rows() -> list[tuple[str, dict[str, str]]]:
    lines = [line.split() for line in TABLE.strip().splitlines()]
    return [(name, dict(zip(COLUMNS, values, strict=True))) for name, *values in lines]


@cache
def answer(name: str) -> Answer:
    """The answer to one case."""
    from kanaria.app.run.engine import Engine
    from kanaria.app.run.pipeline import analyse
    from kanaria.app.run.setup import prepare
    from kanaria.app.run.unattended import status_of
    from kanaria.sources import open_inputs

    (path,) = CASES.glob(f"{name}*")
    with Engine(prepare()) as engine:
        analysis = analyse(open_inputs([str(path)]), engine)
    (read,) = analysis.inputs
    worst = analysis.incidents[0] if analysis.incidents else None
    return Answer(
        said={
            "format": read.format or "none",
            "records": str(read.rows),
            "unread": str(read.unread),
            "hypothesis": worst.hypotheses[0].name if worst else "nothing",
            "severity": worst.severity if worst else "nothing",
            "outcome": worst.outcome.value if worst else "nothing",
            "status": str(status_of(analysis)),
        },
        remotes=frozenset(remote for incident in analysis.incidents for remote in incident.remotes),
    )


@pytest.mark.skipif(not CASES.is_dir(), reason="KANARIA_DATA names no folder with cases/logs")
@pytest.mark.parametrize(("name", "expected"), _rows(), ids=[name for name, _expected in _rows()])
def test_what_is_said_of_a_log_that_people_brought(name: str, expected: dict[str, str]) -> None:
    said = answer(name).said
    assert {key: said[key] for key, value in expected.items() if value != "-"} == {
        key: value for key, value in expected.items() if value != "-"
    }


@pytest.mark.skipif(not CASES.is_dir(), reason="KANARIA_DATA names no folder with cases/logs")
@pytest.mark.parametrize("name", sorted(SENDERS))
def test_who_sent_it_is_who_the_log_names(name: str) -> None:
    assert answer(name).remotes == SENDERS[name]


@pytest.mark.skipif(not CASES.is_dir(), reason="KANARIA_DATA names no folder with cases/logs")
def test_every_case_is_in_the_table() -> None:
    given = {path.stem for path in CASES.glob("*.log")}
    assert {name for name, _expected in _rows()} == given
