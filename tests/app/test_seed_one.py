"""The six strange lines of a home server's log: in every form they may come, the same answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.running import Kanaria

# The request lines as the server received them; the owner published them in an alert mail.
WALLET = "45JymPWP1DeQxxMZNJv9w2bTQ2WJDAmw18wUSryDQa3RPrympJPoUSVcFEDv3bhiMJGWaCD4a3KrFCorJHCMqXJUKApSKDV"
ALGORITHMS = '["cn/1","cn/2","cn/r","cn/fast","cn/half","cn/xao","cn/rto","cn/rwz","cn/zls","cn/double","rx/0","rx/wow","rx/loki","rx/arq","rx/sfx","rx/keva"]'
REQUESTS = (
    '{"method":"login","params":{"login":"' + WALLET + '","pass":"xxoo","agent":"xmr-stak-cpu/1.3.0-1.5.0"},"id":1}\n',
    '{"id":1,"method":"mining.subscribe","params":[]}\n',
    '{"params": ["miner1", "password"], "id": 2, "method": "mining.authorize"}\n',
    '{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"blue1","pass":"x","agent":"Windows NT 6.1; Win64; x64"}}\n',
    '{"params": ["miner1", "bf", "00000001", "504e86ed", "b2957c02"], "id": 4, "method": "mining.submit"}\n',
    '{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"x","pass":"null","agent":"XMRig/5.13.1","algo":'
    + ALGORITHMS
    + "}}\n",
)


def apache(request: str) -> str:
    return request.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def nginx(request: str) -> str:
    return request.replace("\\", "\\x5C").replace('"', "\\x22").replace("\n", "")


def fragment(request: str, number: int) -> str:
    return f'"{apache(request)}" 400 4076 "-" "-"'


def apache_line(request: str, number: int) -> str:
    return f'203.0.113.188 - - [21/Jun/2026:16:41:{number:02} +0900] "{apache(request)}" 400 4076 "-" "-"'


def nginx_line(request: str, number: int) -> str:
    return f'203.0.113.188 - - [21/Jun/2026:16:41:{number:02} +0900] "{nginx(request)}" 400 157 "-" "-"'


def json_line(request: str, number: int) -> str:
    entry = {
        "time_iso8601": f"2026-06-21T16:41:{number:02}+09:00",
        "remote_addr": "203.0.113.188",
        "request": request.rstrip("\n"),
    }
    return json.dumps({**entry, "status": "400", "body_bytes_sent": "157", "http_referer": "", "http_user_agent": ""})


def syslog_line(request: str, number: int) -> str:
    return f"Jun 21 16:41:{number:02} web1 nginx: {nginx_line(request, number)}"


WRITERS: dict[str, Callable[[str, int], str]] = {
    "fragment": fragment,
    "apache": apache_line,
    "nginx": nginx_line,
    "json": json_line,
    "syslog": syslog_line,
}


@pytest.fixture(params=sorted(WRITERS))
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"{request.param}.log"
    path.write_text("".join(f"{WRITERS[request.param](line, n)}\n" for n, line in enumerate(REQUESTS)))
    return path


def test_the_answer_is_the_same_however_the_lines_were_written(log: Path, kanaria: Kanaria) -> None:
    done = kanaria("analyze", str(log), "--format", "json")
    assert (done.status, done.err) == (0, ""), "a probe that failed asks nobody for anything"
    assert [(i["rows"], i["rejected"]) for i in done.document["inputs"]] == [(6, 0)]
    incident = done.incident
    assert [m["dialect"] for m in incident["messages"]] == [
        "cryptonote", "stratum_v1", "stratum_v1", "cryptonote", "stratum_v1", "cryptonote",
    ]  # fmt: skip
    assert incident["hypotheses"][0]["name"] == "internet_wide_scanner"
    assert incident["hypotheses"][0]["probability"] >= 0.9
    assert incident["outcome"]["value"] == "failed"
    assert incident["severity"] == "informational"
    assert incident["recommendations"][0]["id"] == "none"


def test_messages_are_read_to_the_last_field(log: Path, kanaria: Kanaria) -> None:
    incident = kanaria("analyze", str(log), "--format", "json").incident
    first, submit, last = (incident["messages"][n] for n in (0, 4, 5))
    assert (first["wallet"], first["wallet_valid"], first["password"]) == (WALLET, True, "xxoo")
    assert first["agent"] == "xmr-stak-cpu/1.3.0-1.5.0"
    assert (submit["worker"], submit["job_id"], submit["nonce"]) == ("miner1", "bf", "b2957c02")
    assert submit["sample"].startswith("documentation")
    assert last["algorithms"] == json.loads(ALGORITHMS)
    evidence = {e["id"]: e["line"] for e in incident["evidence"]}
    assert [evidence[message["evidence"]] for message in incident["messages"]] == [1, 2, 3, 4, 5, 6]


def test_vulnerabilities_are_context_only_and_scored_by_scorer(log: Path, kanaria: Kanaria) -> None:
    incident = kanaria("analyze", str(log), "--format", "json").incident
    assert {v["relation"] for v in incident["vulnerabilities"]} == {"context"}
    scores = {(v["cve"], s["scorer"]): s["score"] for v in incident["vulnerabilities"] for s in v["scores"]}
    assert scores["CVE-2023-22527", "NVD"] == 9.8
    assert scores["CVE-2023-22527", "Atlassian"] == 10.0
    kev = {v["cve"]: v["kev"] for v in incident["vulnerabilities"]}
    assert kev["CVE-2023-22527"] == "2024-01-24"


@pytest.mark.parametrize(
    ("language", "verdict", "advice"),
    [("en", "failed", "Nothing needs to be done"), ("ja", "失敗", "対応は必要ありません")],
)
def test_the_verdict_answers_the_reader_first(
    log: Path, kanaria: Kanaria, language: str, verdict: str, advice: str
) -> None:
    first = kanaria("analyze", str(log), "--lang", language).out.split("\n\n")[0].replace("\n", "")
    assert verdict in first
    assert advice in first


def test_same_input_gives_the_same_document(log: Path, kanaria: Kanaria) -> None:
    assert len({kanaria("analyze", str(log), "--format", "json").out for _ in range(2)}) == 1


def test_one_line_can_be_explained_from_the_command_line_and_from_standard_input(kanaria: Kanaria) -> None:
    line = fragment(REQUESTS[1], 0)
    given, piped = kanaria("explain", line), kanaria("explain", text=line + "\n")
    assert given.status == piped.status == 1
    assert "mining.subscribe" in given.out
    assert given.out.replace("line:", "-:").split() == piped.out.split()
