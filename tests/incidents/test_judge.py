"""From a case to an incident: severity, title, recommendations and what must hold for every case."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.types import (
    HYPOTHESES,
    SEVERITIES,
    Evidence,
    Finding,
    Hypothesis,
    Outcome,
    OutcomeValue,
    Record,
    StratumMessage,
    Text,
)
from kanaria.incidents.case import Case
from kanaria.incidents.judge import judge, severity, title, worst
from kanaria.incidents.weighing import evidence
from tests.incidents.building import DEVICE, STRANGER, around, at, case, facts, finding, message, record, request

OUTCOMES: tuple[OutcomeValue, ...] = get_args(OutcomeValue)
RANK = {name: number for number, name in enumerate(SEVERITIES)}


def result(value: OutcomeValue) -> Outcome:
    return Outcome(value=value, bits=0.0, because=())


@pytest.mark.parametrize("name", HYPOTHESES)
def test_more_success_is_never_less_severe(name: Hypothesis) -> None:
    ranks = [RANK[severity(case(finding()), around(), name, result(value))] for value in OUTCOMES]
    assert OUTCOMES == ("failed", "no_sign_of_success", "possible", "confirmed")
    assert ranks == sorted(ranks)


def test_what_people_are_told_at_once() -> None:
    told = {
        (name, value): severity(case(finding()), around(), name, result(value))
        for name in HYPOTHESES
        for value in OUTCOMES
    }
    assert {key for key, level in told.items() if level == "critical"} == {
        ("exploitation_attempt", "confirmed"),
        ("compromised_device", "confirmed"),
    }
    assert told["internet_wide_scanner", "failed"] == told["misdirected_miner", "failed"] == "informational"
    assert {told["authorised_mining", value] for value in OUTCOMES} == {"informational"}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("compromised_device", "possible", "critical"),
        ("exploitation_attempt", "possible", "critical"),
        ("compromised_device", "no_sign_of_success", "medium"),
        ("internet_wide_scanner", "confirmed", "high"),
    ],
)
def test_a_critical_device_raises_what_concerns_it(name: Hypothesis, value: OutcomeValue, expected: str) -> None:
    known = around(critical_devices=frozenset({DEVICE}))
    assert severity(case(finding(device=DEVICE)), known, name, result(value)) == expected


def test_titles_say_what_and_whether() -> None:
    told = case(finding(device=DEVICE), messages=[message()])
    assert title(told, "compromised_device", result("confirmed")).en.startswith("Compromised device")
    assert DEVICE in title(told, "compromised_device", result("confirmed")).ja
    assert ":" not in title(told, "benign", result("failed")).en
    assert "scan" in title(case(finding()), "internet_wide_scanner", result("failed")).en.lower()
    assert title(case(finding()), "internet_wide_scanner", result("failed")) != title(
        told, "internet_wide_scanner", result("failed")
    )


def test_an_attack_is_called_by_its_most_serious_model() -> None:
    low, high = finding("scan", severity="low"), finding("log4shell", severity="high")
    assert title(case(low, high), "exploitation_attempt", result("failed")).en.startswith("Title of log4shell")
    assert worst([low, high]) is high
    early, late = finding("a", 0), finding("b", 60)
    assert worst([late, early]) is early


def test_every_title_of_every_judgement_exists_in_both_languages() -> None:
    told = case(finding(device=DEVICE), messages=[message()])
    for name in HYPOTHESES:
        for value in OUTCOMES:
            words = title(told, name, result(value))
            assert words.en.isascii()
            assert not words.ja.isascii()


def test_evidence_is_collected_once_and_every_message_can_be_looked_up() -> None:
    proof = evidence(facts(), "exploit_payload", request(1))
    told = case(
        finding(evidence=(proof, proof)),
        finding("other", evidence=(proof,)),
        messages=[message(2), message(3)],
        records=[request(1), request(2), request(3)],
    )
    items = judge(told, around()).evidence
    assert len({item.id for item in items}) == len(items)
    assert {1, 2, 3} <= {item.event_id for item in items}


texts = st.text(max_size=30)
addresses = st.sampled_from([STRANGER, "198.51.100.7", "2001:db8::9", DEVICE])
seconds = st.none() | st.integers(-100_000, 1_000_000).map(float)
tables = st.sampled_from(["http", "connection", "rdp", "smb", "dns", "tls", "logon", "host"])


@st.composite
def proofs(draw: st.DrawFn, row: Record) -> Evidence:
    weights = sorted(w for w in facts().weights if not w.startswith("prior_") and "." not in w)
    words = draw(st.none() | st.builds(Text, en=texts, ja=texts))
    return evidence(facts(), draw(st.sampled_from(weights)), row, words)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any case that could come out of grouping, and some that could not."""
    rows: list[Record] = []
    findings: list[Finding] = []
    said: list[StratumMessage] = []
    for number in range(draw(st.integers(1, 5))):
        values = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "status": st.sampled_from([0, 101, 200, 302, 400, 404, 444, 500]),
                    "bytes_out": st.integers(0, 10**9),
                    "method": st.sampled_from(["GET", "POST"]),
                    "url": texts,
                    "payload.download_url": texts,
                    "payload.dropped": texts,
                    "direction": st.sampled_from(["inbound", "outbound"]),
                },
            )
        )
        row = record(number, draw(seconds), draw(tables), remote=draw(addresses), device=draw(st.none() | addresses),
                     quote=draw(texts), values=values)  # fmt: skip
        rows.append(row)
        findings.append(
            finding(
                draw(st.sampled_from(["monero_mining", "web_log4shell", "anomalous_smb"])), draw(seconds),
                id=f"f-{number}", severity=draw(st.sampled_from(SEVERITIES)), table=row.table, remote=row.remote,
                device=row.device, event_ids=(number,), evidence=tuple(draw(st.lists(proofs(row), max_size=2))),
                cves=draw(st.sampled_from([(), ("CVE-2021-44228",), ("CVE-1999-0001",)])),
                values=draw(st.dictionaries(st.sampled_from(["sni", "query", "cookie", "user", "direction"]), texts)),
            )
        )  # fmt: skip
        if draw(st.booleans()):
            said.append(
                message(number, dialect=draw(st.sampled_from(["cryptonote", "bitcoin", "unheard-of"])),
                        method=draw(texts), direction=draw(st.sampled_from(["client", "server", "unknown"])),
                        wallet=draw(st.none() | texts), agent=draw(st.none() | texts),
                        wallet_valid=draw(st.none() | st.booleans()))
            )  # fmt: skip
    return case(*findings, messages=said, records=rows)


@settings(max_examples=80, deadline=None)
@given(cases())
def test_whatever_the_case_the_judgement_holds_together(told: Case) -> None:
    incident = judge(told, around())
    known = {item.id for item in incident.evidence}
    cited = [
        incident.outcome.because,
        *(item.evidence for item in incident.recommendations),
        *(item.evidence for item in incident.timeline),
        *(item.evidence for item in incident.vulnerabilities),
    ]
    assert all(set(ids) <= known for ids in cited)
    assert sum(score.probability for score in incident.hypotheses) == pytest.approx(1, abs=0.001)
    assert [score.name for score in incident.hypotheses] == sorted(
        (s.name for s in incident.hypotheses),
        key=lambda name: next(-s.probability for s in incident.hypotheses if s.name == name),
    )
    assert judge(told, around()) == incident
    assert [entry.time for entry in incident.timeline] == sorted(entry.time for entry in incident.timeline)


def test_the_id_follows_the_first_finding_alone() -> None:
    first, second = finding("a"), finding("b", 60)
    assert judge(case(first), around()).id == judge(case(first, second), around()).id
    assert judge(case(replace(first, key="other")), around()).id != judge(case(first), around()).id


def test_what_lasted_says_until_when() -> None:
    short = finding("a", 0, until=at(30))
    long = finding("b", 0, until=at(3_600))
    days = finding("c", 0, until=at(200_000), remote=None)
    told = {entry.what.en: entry.what.ja for entry in judge(case(short, long, days), around()).timeline}
    assert told == {
        f"Title of a ({STRANGER})": f"aの題 ({STRANGER})",
        f"Title of b ({STRANGER}), until 08:00:00": f"bの題 ({STRANGER})、08:00:00まで",
        "Title of c, until 2026-06-23 14:33:20": "cの題、2026-06-23 14:33:20まで",
    }
