"""The scoreboard of logs that people brought: what is read of each, and what is said about it.

The logs themselves are not in the repository; where ``KANARIA_DATA`` names the folder that has them, every one is read
in this process. A row of the table is one case: format, records and how many of them are unread; the top hypothesis,
severity and outcome of the worst incident; the exit status of ``kanaria analyze``. What the answer has to say in words
stands below the table.
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
01-npm-zhttpd-ifs               web-layout    1       0      internet_wide_scanner  informational  no_sign_of_success  0
03-safeline-prefix-host         learned       3       0      internet_wide_scanner  informational  failed              0
04-claymore-miner-file          jsonrpc       1       0      exploitation_attempt   medium         no_sign_of_success  1
05-xmrig-api-own-log            web-layout    2       0      nothing                nothing        nothing             0
06-pool-operator-own-log        none          5       5      nothing                nothing        nothing             3
08-geth-node-log                none          3       3      exploitation_attempt   low            failed              3
10-dokku-morgan-phpcgi          combined      2       0      exploitation_attempt   medium         no_sign_of_success  1
11-vhost-trailing-file          combined      7       0      exploitation_attempt   low            no_sign_of_success  0
13-caddy-docker-mozi-500        caddy-json    1       0      internet_wide_scanner  informational  no_sign_of_success  0
14-caddy-ziti-remote            caddy-json    1       0      nothing                nothing        nothing             0
15-forum-html-escaped           combined      1       0      internet_wide_scanner  informational  failed              0
17-squid-proxy-combined         combined      1       0      compromised_device     high           possible            1
19-debian-mirror                combined      5       0      nothing                nothing        nothing             0
20-blog-tutorial-benign         combined      8       0      nothing                nothing        nothing             0
22-authlog-sshd-mining          auth-log      4       0      internet_wide_scanner  informational  failed              0
23-postfix-mining               auth-log      3       0      internet_wide_scanner  informational  failed              0
25-pg-copy-program              none          2       2      compromised_device     high           possible            1
27-qiita-react2shell-access     combined      9       0      internet_wide_scanner  medium         possible            1
30-ingress-json-query           nginx-json    1       0      exploitation_attempt   low            no_sign_of_success  0
31-grep-prefix-mining           combined      3       0      internet_wide_scanner  informational  failed              0
33-wazuh-alerts-json            wrapped       1       0      exploitation_attempt   low            no_sign_of_success  0
34-xwiki-24893-miner            combined      2       0      exploitation_attempt   high           possible            1
35-args-param-cradle            combined      1       0      exploitation_attempt   high           possible            1
37-mixed-syslog-cron            auth-log      8       0      compromised_device     high           possible            1
38-misdirected-miner            combined      400     0      misdirected_miner      informational  failed              0
40-lemonduck-check              combined      2       0      internet_wide_scanner  informational  failed              0
41-mining-probe-200-nodejs      combined      6       0      internet_wide_scanner  medium         possible            1
43-claymore-on-port80           combined      2       0      exploitation_attempt   low            failed              0
44-docker-socket-proxy-jenkins  haproxy       4       0      benign                 informational  no_sign_of_success  0
47-shellshock-wow1              combined      3       0      exploitation_attempt   medium         no_sign_of_success  1
48-jaws-escaped-slash           combined      1       0      internet_wide_scanner  informational  no_sign_of_success  0
50-log4j-wazuh-obfuscated       combined      2       0      exploitation_attempt   medium         no_sign_of_success  1
51-ignition-miner               combined      3       0      internet_wide_scanner  medium         possible            1
52-proxmox-libwww               combined      1       0      nothing                nothing        nothing             0
54-selenium-open-200            combined      3       0      internet_wide_scanner  medium         possible            1
56-gin-ollama                   web-layout    2       0      exploitation_attempt   low            no_sign_of_success  0
59-csv-siem                     web-csv       1       0      exploitation_attempt   low            no_sign_of_success  0
61-kubectl-prefix               combined      1       0      exploitation_attempt   low            no_sign_of_success  0
64-struts-redirect-cve          combined      1       0      exploitation_attempt   low            no_sign_of_success  0
65-modsec-audit-json            web-json      1       0      exploitation_attempt   low            no_sign_of_success  0
67-kibana-export                web-json      1       0      exploitation_attempt   low            no_sign_of_success  0
68-nginx-leading-time           learned       1       0      exploitation_attempt   low            no_sign_of_success  0
70-npm-hub                      web-layout    14      0      internet_wide_scanner  informational  failed              0
71-found-200                    combined      3       0      internet_wide_scanner  medium         possible            1
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


# What was asked for in words: each is in the short English answer, and nothing of the second column is.
WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "01-npm-zhttpd-ifs": (("routers and cameras", "Nothing needs to be done"), ("Look at the server",)),
    "04-claymore-miner-file": (("take over a mining rig", "CVE-2018-1000049"), ()),
    "05-xmrig-api-own-log": (("XMRig's own HTTP interface",), ("[",)),
    "06-pool-operator-own-log": (("mining pool's own software", "no sign of an attack"), ("informational",)),
    "08-geth-node-log": (("rig or node", "does not exist"), ("Nothing in the input says",)),
    "10-dokku-morgan-phpcgi": (("CVE-2012-1823", "2014-06-19"), ()),
    "11-vhost-trailing-file": (("RedTail", "Nothing needs to be done unless you run one of these"), ()),
    "15-forum-html-escaped": (("Nothing needs to be done",), ()),
    "17-squid-proxy-combined": (("Take 192.168.1.20 off the network", "device: 192.168.1.20"), ("block 192.168.1.20",)),
    "22-authlog-sshd-mining": (("refused it because it is not SSH",), ("it sent nothing",)),
    "23-postfix-mining": (("non-SMTP command",), ("web server",)),
    "25-pg-copy-program": (("Find out now whether this was one of yours",), ("sender not recorded",)),
    "27-qiita-react2shell-access": (("CVE-2025-55182", "up to date"), ("let nobody but you reach it",)),
    "34-xwiki-24893-miner": (("CVE-2025-24893",), ("Nothing needs to be done",)),
    "37-mixed-syslog-cron": (("moneroocean_miner.service", "Take vps off the network"), ()),
    "38-misdirected-miner": (("400 mining messages", "somebody's own miner"), ("50 mining messages",)),
    "40-lemonduck-check": (("LemonDuck", "One possible sender among others"), ()),
    "41-mining-probe-200-nodejs": (("XMRig) answers at",), ("Nothing needs to be done",)),
    "44-docker-socket-proxy-jenkins": (("ordinary traffic",), ("An attack",)),
    "47-shellshock-wow1": (("Shellshock",), ()),
    "50-log4j-wazuh-obfuscated": (("Log4Shell", "a status alone says nothing"), ()),
    "51-ignition-miner": (("APP_DEBUG=false", "CVE-2021-3129"), ("Nothing needs to be done",)),
    "54-selenium-open-200": (("Close the Selenium Grid",), ("Nothing needs to be done",)),
    "64-struts-redirect-cve": (("CVE-2013-2251",), ("CVE-2017-5638",)),
    "71-found-200": (
        ("Close the Docker API", "change every password", "XMRig) answers"),
        ("Nothing needs to be done",),
    ),
}


@dataclass(frozen=True)
class Answer:
    """What a run says, in the words of the table."""

    said: dict[str, str]
    remotes: frozenset[str]
    words: dict[str, str]


def _rows() -> list[tuple[str, dict[str, str]]]:
    lines = [line.split() for line in TABLE.strip().splitlines()]
    return [(name, dict(zip(COLUMNS, values, strict=True))) for name, *values in lines]


@cache
def answer(name: str) -> Answer:
    """The answer to one case."""
    from kanaria.app.commands.unattended import ACTION, status_of
    from kanaria.app.run.engine import Engine
    from kanaria.app.run.pipeline import analyse
    from kanaria.app.run.setup import prepare
    from kanaria.core.types import LANGUAGES
    from kanaria.report import text_brief
    from kanaria.sources import open_inputs

    (path,) = CASES.glob(f"{name}*")
    setup = prepare()
    with Engine(setup) as engine:
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
            "status": str(status_of(analysis, ACTION)),
        },
        remotes=frozenset(remote for incident in analysis.incidents for remote in incident.remotes),
        words={
            name: " ".join(text_brief.render(analysis, setup.facts, name, columns=120).split()) for name in LANGUAGES
        },
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


@pytest.mark.skipif(not CASES.is_dir(), reason="KANARIA_DATA names no folder with cases/logs")
@pytest.mark.parametrize("name", sorted(WORDS))
def test_the_answer_says_what_the_sender_of_the_log_asked(name: str) -> None:
    said = answer(name).words
    wanted, unwanted = WORDS[name]
    assert [word for word in wanted if word not in said["en"]] == []
    assert [word for word in unwanted if word in said["en"]] == []


@pytest.mark.skipif(not CASES.is_dir(), reason="KANARIA_DATA names no folder with cases/logs")
@pytest.mark.parametrize(("name", "expected"), _rows(), ids=[name for name, _expected in _rows()])
def test_no_answer_contradicts_itself(name: str, expected: dict[str, str]) -> None:
    """One voice: nothing to do, or something; an all-clear only for what was read; both languages alike."""
    said = answer(name).words
    for nothing, look, unread in (
        ("Nothing needs to be done.", "Look at the server", "could not be read"),
        ("対応は必要ありません。", "サーバ自体を確認", "読み取れず"),
    ):
        language = "en" if nothing.isascii() else "ja"
        assert not (nothing in said[language] and look in said[language])
        assert (unread in said[language][:120]) == (expected["unread"] != "0")
