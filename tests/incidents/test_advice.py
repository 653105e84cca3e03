"""What is advised, when, and in which order."""

from __future__ import annotations

import subprocess
from typing import Any, get_args

import pytest

from kanaria.core.types import HYPOTHESES, Hypothesis, Outcome, OutcomeValue
from kanaria.incidents.advice import OPTIONAL, recommendations
from kanaria.incidents.advice_web import QUIETER, answered
from kanaria.incidents.case import Case
from kanaria.incidents.weighing import evidence
from tests.incidents.building import DEVICE, STRANGER, around, case, facts, finding, message, request

PROOF = evidence(facts(), "exploit_payload", request(1))
WEB = case(finding(evidence=(PROOF,), cves=("CVE-2021-44228",)), messages=[message()], records=[request(1, status=400)])
NETWORK = case(
    finding("monero_mining", device=DEVICE, table="connection", stage="impact", values={"direction": "outbound"})
)


def advised(told: Case, top: Hypothesis, value: OutcomeValue, **more: Any) -> list[str]:
    result = Outcome(value=value, bits=0.0, because=("e-1",))
    return [item.id for item in recommendations(told, around(**more), top, result)]


@pytest.mark.parametrize("top", ["internet_wide_scanner", "misdirected_miner", "benign"])
@pytest.mark.parametrize("value", ["failed", "no_sign_of_success"])
def test_nothing_is_the_first_advice_for_noise(top: Hypothesis, value: OutcomeValue) -> None:
    assert advised(WEB, top, value)[0] == "none"


@pytest.mark.parametrize(
    "top", ["internet_wide_scanner", "misdirected_miner", "benign", "exploitation_attempt", "compromised_device"]
)
@pytest.mark.parametrize("value", ["possible", "confirmed"])
def test_nothing_is_never_advised_where_it_may_have_worked(top: Hypothesis, value: OutcomeValue) -> None:
    assert "none" not in advised(WEB, top, value)


def test_authorised_mining_needs_nothing() -> None:
    assert advised(NETWORK, "authorised_mining", "confirmed") == ["none"]


def test_a_quieter_log_only_for_refused_noise_in_web_logs() -> None:
    assert "quieter_log" in advised(WEB, "internet_wide_scanner", "failed")
    assert "quieter_log" not in advised(WEB, "internet_wide_scanner", "no_sign_of_success")
    assert "quieter_log" not in advised(WEB, "exploitation_attempt", "failed")
    assert "quieter_log" not in advised(NETWORK, "internet_wide_scanner", "failed")


def test_the_filter_for_logs_of_web_servers_is_offered_for_no_other_log() -> None:
    """A mail server's line was refused too; it has no status, and no filter for Apache's logs finds it."""
    mail = case(finding(), messages=[message()], records=[request(1)])
    assert "quieter_log" not in advised(mail, "internet_wide_scanner", "failed")
    served = case(finding(), messages=[message()], records=[request(1, status=200)])
    assert "quieter_log" not in advised(served, "internet_wide_scanner", "failed")


def test_a_program_that_a_line_names_is_no_pool_to_block() -> None:
    named = case(
        finding("mining_program_set_to_start", device="vps", table="process", stage="impact", severity="high",
                values={"mining.named": "moneroocean_miner.service (MoneroOcean set-up)", "direction": "outbound"},
                remote=None),
    )  # fmt: skip
    result = Outcome(value="possible", bits=3.0, because=())
    (isolate,) = [r for r in recommendations(named, around(), "compromised_device", result) if r.id == "isolate"]
    assert "block its connections to the pool" in isolate.text.en and "moneroocean" not in isolate.text.en
    assert "プールへの接続を遮断" in isolate.text.ja and "moneroocean" not in isolate.text.ja


def test_what_an_answer_shows_is_not_told_to_be_absent() -> None:
    """An answer that fits the product: nobody is told that the attempt cannot work without it."""
    there = case(
        finding(evidence=(PROOF,), cves=("CVE-2021-3129",), event_ids=(1,)),
        records=[request(1, status=500, method="POST", url="/_ignition/execute-solution")],
    )
    absent = case(
        finding(evidence=(PROOF,), cves=("CVE-2021-3129",), event_ids=(1,)),
        records=[request(1, status=200, method="POST", url="/")],
    )
    for told, runs in ((there, True), (absent, False)):
        result = Outcome(value="possible", bits=3.0, because=())
        advice = recommendations(told, around(), "exploitation_attempt", result)
        (update,) = [item.text for item in advice if item.id.startswith("update")]
        assert ("seems to run here" in update.en, "cannot work" in update.en) == (runs, not runs)
        assert ("動いているとみられます" in update.ja, "成立しません" in update.ja) == (runs, not runs)


def test_paths_stand_in_a_list_of_the_readers_language() -> None:
    records = [
        request(number, status=500, method="POST", url=url)
        for number, url in enumerate(("/_next/flight", "/_react/flight"), 1)
    ]
    result = Outcome(value="possible", bits=3.0, because=())
    items = recommendations(case(finding(), records=records), around(), "internet_wide_scanner", result)
    (text,) = [item.text for item in items if "/_react/flight" in item.text.en]
    assert "/_next/flight, /_react/flight" in text.en and "/_next/flight、/_react/flight" in text.ja


def test_look_at_the_host_unless_somebody_did() -> None:
    assert "check_host" in advised(WEB, "exploitation_attempt", "possible")
    assert "check_host" not in advised(WEB, "exploitation_attempt", "possible", host_checked=("processes",))
    assert "check_host" not in advised(WEB, "exploitation_attempt", "failed")
    assert "check_host" not in advised(NETWORK, "compromised_device", "possible")


def test_update_what_an_attempt_was_seen_for_and_nothing_else() -> None:
    assert "update_CVE-2021-44228" in advised(WEB, "exploitation_attempt", "no_sign_of_success")
    unknown = case(finding(cves=("CVE-1999-0001",)))
    assert not [name for name in advised(unknown, "exploitation_attempt", "failed") if name.startswith("update")]


def test_the_advice_to_update_names_product_and_fix_and_cites_the_attempt() -> None:
    result = Outcome(value="possible", bits=0.0, because=())
    (update,) = [r for r in recommendations(WEB, around(), "exploitation_attempt", result) if r.id.startswith("update")]
    known = facts().vulnerabilities["CVE-2021-44228"]
    assert known.product in update.text.en
    assert known.product in update.text.ja
    assert known.affected in update.text.en
    assert update.evidence == (PROOF.id,)


def test_after_a_possible_break_in_search_and_after_a_sure_one_isolate() -> None:
    assert "search_leftovers" in advised(WEB, "exploitation_attempt", "possible")
    assert "isolate" not in advised(WEB, "exploitation_attempt", "possible")
    assert {"search_leftovers", "isolate"} <= set(advised(WEB, "exploitation_attempt", "confirmed"))
    assert "search_leftovers" not in advised(WEB, "exploitation_attempt", "failed")


def test_a_compromised_device_is_isolated_first_and_rebuilt_last() -> None:
    ids = advised(NETWORK, "compromised_device", "confirmed")
    assert ids[0] == "isolate"
    assert ids[-1] == "rebuild"
    assert "allow_if_yours" in ids


def test_isolation_names_the_device_and_defangs_the_pool() -> None:
    result = Outcome(value="confirmed", bits=9.0, because=())
    text = recommendations(NETWORK, around(), "compromised_device", result)[0].text
    for words in (text.en, text.ja):
        assert DEVICE in words
        assert "203.0.113[.]9" in words
        assert STRANGER not in words


@pytest.mark.parametrize(("table", "name"), [("rdp", "RDP"), ("smb", "SMB")])
def test_open_doors_are_named(table: str, name: str) -> None:
    result = Outcome(value="possible", bits=3.0, because=())
    found = recommendations(case(finding(table=table, device=DEVICE)), around(), "compromised_device", result)
    (door,) = [item for item in found if item.id == f"close_{table}"]
    assert name in door.text.en
    assert name in door.text.ja


def test_advice_is_ordered_by_effort_each_once_in_both_languages() -> None:
    for top in HYPOTHESES:
        for value in get_args(OutcomeValue):
            found = recommendations(WEB, around(), top, Outcome(value=value, bits=0.0, because=()))
            efforts = [item.effort for item in found]
            assert efforts == sorted(efforts)
            assert len({item.id for item in found}) == len(found)
            assert all(item.text.en and not item.text.ja.isascii() for item in found)


def test_what_a_miner_needs_is_not_advised_where_nothing_mines() -> None:
    logon = case(finding("ssh_success_after_brute_force", device=DEVICE, table="logon", stage="initial_access"))
    assert "allow_if_yours" not in advised(logon, "compromised_device", "confirmed")
    (isolate,) = [
        item.text
        for item in recommendations(
            logon, around(), "compromised_device", Outcome(value="confirmed", bits=9, because=())
        )
        if item.id == "isolate"
    ]
    assert isolate.en == f"Take {DEVICE} off the network now; keep it running for evidence."
    assert isolate.ja == f"{DEVICE}を今すぐネットワークから切り離してください。証拠保全のため電源は切らないでください。"
    assert "isolate" not in advised(logon, "compromised_device", "possible")
    assert {"isolate", "allow_if_yours"} <= set(advised(NETWORK, "compromised_device", "possible"))


def every_case() -> dict[str, Case]:
    """Kinds of cases that differ in what may be advised."""
    served = {"method": "GET", "url": "/wd/hub/session?x=1", "status": 200}
    guess = evidence(facts(), "login_guessing", request(1))
    return {
        "refused message": case(finding(evidence=(PROOF,)), messages=[message()], records=[request(1, status=400)]),
        "answered": case(finding("web_probe", evidence=(PROOF,)), records=[request(1, **served)]),
        "known hole": WEB,
        "unknown hole": case(finding(cves=("CVE-1999-0001",), evidence=(PROOF,)), records=[request(1, **served)]),
        "mining": NETWORK,
        "remote desktop": case(finding(table="rdp", device=DEVICE, stage="initial_access")),
        "guessing": case(finding(table="logon", device=DEVICE, evidence=(guess,))),
        "guessing from inside": case(
            finding("login_guessing_inside", table="logon", device=DEVICE, remote="192.0.2.77", evidence=(guess,))
        ),
        "bare": case(finding(seconds=None, remote=None)),
    }


JUDGEMENTS = [
    (name, top, value) for name in every_case() for top in HYPOTHESES for value in get_args(OutcomeValue)
]  # fmt: skip
URGENT = {"isolate", "search_leftovers", "rebuild", "find_entrance"}


@pytest.mark.parametrize(("name", "top", "value"), JUDGEMENTS)
def test_a_report_has_one_voice(name: str, top: Hypothesis, value: OutcomeValue) -> None:
    """Verdict, outcome and advice: nothing to do and something to do never stand side by side, and nothing is overdone."""
    ids = advised(every_case()[name], top, value)
    assert ids, "every verdict says what to do"
    if "none" in ids:
        assert set(ids) <= {"none", *OPTIONAL}
        assert value in {"failed", "no_sign_of_success"} or top == "authorised_mining"
    harmless = value in {"failed", "no_sign_of_success"} and top != "compromised_device"
    if harmless or top in {"authorised_mining", "benign"}:
        assert not URGENT & set(ids), "nobody takes a machine apart for what did not work"
    if value in {"failed", "no_sign_of_success"} and top in {"internet_wide_scanner", "misdirected_miner", "benign"}:
        assert "check_host" not in ids, "the Internet's noise comes every day"
    if top == "compromised_device":
        assert {"isolate", "make_sure", "find_entrance", "look_at_guesser"} & set(ids)


def test_a_door_that_was_found_is_named_and_its_owner_sent_to_it() -> None:
    found = recommendations(
        every_case()["answered"], around(), "internet_wide_scanner", Outcome(value="possible", bits=3.0, because=())
    )
    assert [item.id for item in found] == ["answer_selenium", "check_host"]
    assert "/wd/hub/session" in found[0].text.en
    assert "x=1" not in found[0].text.en
    assert "/wd/hub/session" in found[0].text.ja


@pytest.mark.parametrize(
    ("status", "found"), [(101, True), (200, True), (302, True), (500, True), (404, False), (444, False), (None, False)]
)
def test_an_answer_is_anything_but_a_refusal(status: int | None, found: bool) -> None:
    assert answered(request(1, status=status)) is found


REFUSED_LINES = (
    r'203.0.113.9 - - [21/Jun/2026:16:41:07 +0900] "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n" 400 4076 "-" "-"',
    r'203.0.113.9 - - [21/Jun/2026:16:41:07 +0900] "{\x22id\x22:1,\x22method\x22:\x22login\x22}" 400 157 "-" "-"',
    r'"{\"params\": [\"miner1\", \"password\"], \"id\": 2, \"method\": \"mining.authorize\"}\n" 400 4076 "-" "-"',
)
KEPT_LINES = (
    r'203.0.113.9 - - [21/Jun/2026:16:41:07 +0900] "{\"id\":1,\"method\":\"login\"}\n" 200 4076 "-" "-"',
    r'203.0.113.9 - - [21/Jun/2026:16:41:07 +0900] "{\" 400 1 \"}" 200 4076 "-" "-"',
    r'203.0.113.9 - - [21/Jun/2026:16:41:07 +0900] "GET /?cmd=wget HTTP/1.1" 200 9 "-" "{x\" 400 "',
    r'203.0.113.9 - - [21/Jun/2026:16:41:07 +0900] "GET / HTTP/1.1" 400 9 "{" 400 "-"',
)


def test_the_filter_for_a_quieter_mail_leaves_out_what_was_refused_and_hides_nothing_else() -> None:
    """A line must not be able to leave itself out: what a request or an agent says about 400 is not the status."""
    done = subprocess.run(
        ["/bin/sh", "-c", QUIETER], input="\n".join((*REFUSED_LINES, *KEPT_LINES)) + "\n", capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout.splitlines() == list(KEPT_LINES)


def test_holes_of_one_product_are_one_piece_of_advice() -> None:
    """Two vulnerabilities of one program are one update, not two tasks."""
    proof = evidence(facts(), "exploit_payload", request(1))
    told = case(finding("log4shell", cves=("CVE-2021-44228", "CVE-2021-45046", "CVE-2012-1823"), evidence=(proof,)))
    result = Outcome(value="no_sign_of_success", bits=0.0, because=())
    updates = [r for r in recommendations(told, around(), "exploitation_attempt", result) if r.id.startswith("update")]
    assert [item.id for item in updates] == ["update_CVE-2021-44228", "update_CVE-2012-1823"]
    assert "CVE-2021-44228 (affected" in updates[0].text.en and "CVE-2021-45046 (affected" in updates[0].text.en
    assert "CVE-2021-44228(影響を受ける版" in updates[0].text.ja and "CGI版のPHP" in updates[1].text.ja


def test_advice_names_the_program_its_account_and_what_started_it() -> None:
    values = {"process": "/tmp/.x/kworker", "user": "www-data", "parent": "/usr/sbin/apache2"}
    ran = finding("miner_program_started", device=DEVICE, table="process", stage="impact", values=values)
    named = finding(
        "mining_program_named_in_log", device=DEVICE, table="process", stage="execution", values={"process": "dockerd"}
    )
    result = Outcome(value="possible", bits=3.0, because=())
    found = {item.id: item.text for item in recommendations(case(ran, named), around(), "compromised_device", result)}
    for words in (found["look_at_program"].en, found["look_at_program"].ja):
        assert {"/tmp/.x/kworker", "www-data", "/usr/sbin/apache2", DEVICE} <= {
            part for part in (*values.values(), DEVICE) if part in words
        }
        assert "dockerd" not in words
    assert "look_at_program" not in advised(case(named), "compromised_device", "possible")
