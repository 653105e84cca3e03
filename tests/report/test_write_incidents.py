"""The writer over every kind of incident: nothing ungrounded, both languages alike, numbers only from facts."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.text import width
from kanaria.core.types import HYPOTHESES, LANGUAGES, Claim, Hypothesis, Incident, Language, Report, Text
from kanaria.incidents.judge import judge
from kanaria.incidents.weighing import evidence
from kanaria.report import text
from kanaria.report.view import incident_views
from kanaria.report.write import ungrounded, write, write_nothing_found
from tests.incidents.building import DEVICE, around, case, facts, finding, message, record, request
from tests.report import report_samples as samples


def judged() -> dict[str, Incident]:
    """Incidents as the judge makes them."""
    exploit = evidence(facts(), "exploit_payload", request(1))
    probe = [message(1, wallet="blue1", agent="Windows NT 6.1; Win64; x64"), message(2, dialect="bitcoin")]
    mined = record(3, 60, "connection", device=DEVICE, values={"direction": "outbound"})
    return {
        "probe": judge(
            case(
                finding(event_ids=(1, 2)), messages=probe, records=[request(1, status=400), request(2, 5, status=400)]
            ),
            around(),
        ),
        "exploit": judge(
            case(
                finding("log4shell", evidence=(exploit,), cves=("CVE-2021-44228", "CVE-1999-0001"), severity="high"),
                records=[request(1, status=200, method="GET", url="/")],
            ),
            around(),
        ),
        "miner": judge(
            case(
                finding("monero_mining", 60, device=DEVICE, table="connection", event_ids=(3,)),
                messages=[message(3, direction="server", fields={"accepted": "true"})],
                records=[mined],
            ),
            around(),
        ),
        "timeless": judge(case(finding(seconds=None, remote=None), records=[request(1, None, remote="")]), around()),
    }


INCIDENTS = {
    **judged(),
    "dns server": samples.dns_server(),
    "scanner": samples.scanner(),
    "fragment": samples.fragment(),
}


def written(incident: Incident, language: Language) -> Report:
    return write(incident, samples.analysis(incident), facts(), language)


def claims(report: Report) -> list[Claim]:
    return [report.verdict, *(claim for section in report.sections for claim in section.claims)]


@pytest.mark.parametrize("name", INCIDENTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_claim_stands_on_evidence_the_incident_has(name: str, language: Language) -> None:
    assert ungrounded(written(INCIDENTS[name], language), INCIDENTS[name]) == ()


@pytest.mark.parametrize("name", INCIDENTS)
def test_both_languages_say_the_same_things_from_the_same_evidence(name: str) -> None:
    english, japanese = (written(INCIDENTS[name], language) for language in LANGUAGES)
    assert [(s.id, len(s.claims)) for s in english.sections] == [(s.id, len(s.claims)) for s in japanese.sections]
    for one, other in zip(claims(english), claims(japanese), strict=True):
        assert one.evidence == other.evidence


@pytest.mark.parametrize("name", INCIDENTS)
def test_numbers_are_the_same_in_both_languages(name: str) -> None:
    """A number told in one language only would come from nowhere; English writes one and two as words."""
    for one, other in zip(*(claims(written(INCIDENTS[name], language)) for language in LANGUAGES), strict=True):
        numbers = [sorted(set(re.findall(r"\d+(?:[.,:]\d+)*", claim.text)) - {"1", "2"}) for claim in (one, other)]
        assert numbers[0] == numbers[1], (one.text, other.text)


@pytest.mark.parametrize("name", INCIDENTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_facts_give_the_same_text(name: str, language: Language) -> None:
    assert written(INCIDENTS[name], language) == written(INCIDENTS[name], language)


@pytest.mark.parametrize("top", HYPOTHESES)
@pytest.mark.parametrize("value", ["failed", "no_sign_of_success", "possible", "confirmed"])
def test_every_judgement_can_be_written(top: Hypothesis, value: str) -> None:
    base = samples.dns_server()
    told = replace(base, hypotheses=(replace(base.hypotheses[0], name=top), base.hypotheses[1]),
                   outcome=replace(base.outcome, value=value))  # type: ignore[arg-type]  # fmt: skip
    for language in LANGUAGES:
        report = written(told, language)
        assert ungrounded(report, told) == ()
        assert all(claim.text and "{" not in claim.text for claim in claims(report))


def test_a_claim_with_foreign_evidence_is_found() -> None:
    report = written(samples.scanner(), "en")
    forged = replace(report, verdict=Claim(text="all is well", evidence=("e-invented",)))
    assert ungrounded(forged, samples.scanner()) == ("all is well",)


def test_nothing_found_says_how_much_was_read() -> None:
    read = replace(samples.analysis(), inputs=(replace(samples.analysis().inputs[0], rows=1_234_567),))
    assert "1,234,567 records of 1 input" in write_nothing_found(read, "en").text
    assert "1,234,567件" in write_nothing_found(read, "ja").text


NOT_FIRST = "、。」ー"


@settings(max_examples=150, deadline=None)
@given(st.text("漢字かなカナ「、。」ー", max_size=200), st.integers(20, 100))
def test_japanese_is_wrapped_between_characters_and_never_before_punctuation(words: str, columns: int) -> None:
    lines = list(text.wrap(words, columns))
    assert "".join(lines) == words
    hanging = max((len(run) for run in re.findall(f"[{NOT_FIRST}]+", words)), default=0)
    assert all(width(line) <= columns + 2 * hanging for line in lines)
    assert not any(line[0] in NOT_FIRST for line in lines[1:])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("abc", min_size=1, max_size=10), max_size=60), st.integers(20, 100))
def test_latin_is_wrapped_at_spaces_within_the_width(words: list[str], columns: int) -> None:
    lines = list(text.wrap(" ".join(words), columns, "  - ", "    "))
    assert all(width(line.rstrip()) <= columns for line in lines)
    assert " ".join(" ".join(lines).split()) == " ".join(["-", *words])


@pytest.mark.parametrize("columns", [40, 60, 100])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_fits_the_terminal(columns: int, language: Language) -> None:
    shown = text.render(samples.analysis(INCIDENTS["miner"]), facts(), language, columns=columns)
    prose = [line for line in shown.splitlines() if "> " not in line and "kanaria" not in line and "CVSS" not in line]
    assert len(prose) > 15
    too_wide = [line for line in prose if width(line) > columns + 2 and " " in line.strip()[2:]]
    assert [line for line in too_wide if not re.search(r"\S{20}", line)] == []


@pytest.mark.parametrize("end", ["", ". Then", " of them"])
def test_a_percentage_is_not_torn_from_its_sign(end: str) -> None:
    for columns in range(20, 40):
        lines = list(text.wrap("a word " * 12 + f"probability: 72.5 %{end}", columns))
        assert any("72.5 %" in line for line in lines)


@pytest.mark.parametrize(
    "words", ["+21.1ビットです", "サーバーのログ", "(確率99.9%)ですが", "7.6%ほど", "キャッシュ、ッ"]
)
def test_words_numbers_and_brackets_stay_together(words: str) -> None:
    """JIS X 4051: a word in katakana and a number with its unit are not torn, no bracket ends a line."""
    for columns in range(20, 40):
        lines = list(text.wrap("これは" * 12 + words + "それは" * 6, columns))
        assert "".join(lines) == "これは" * 12 + words + "それは" * 6
        assert not any(re.search(r"[(\d]$|^[ッーャュョ、。%)]", line) for line in lines)
        assert not any(re.search("[ァ-ヶー]$", a) and re.match("[ァ-ヶー]", b) for a, b in itertools.pairwise(lines))


def test_a_command_between_backticks_stays_on_one_line() -> None:
    command = "`grep -vE '^a b' access.log | mail -s Kanaria admin`"
    for columns in range(60, 100):
        assert any(
            command in line for line in text.wrap(f"メールの手前に {command} を入れると除外できます。" * 2, columns)
        )


def test_an_opening_bracket_never_ends_a_line() -> None:
    words = "検知したモデル:" + "".join(f"「モデル{n}」" for n in range(40))
    for columns in range(40, 60):
        lines = list(text.wrap(words, columns))
        assert not any(line.endswith("「") for line in lines)
        assert "".join(lines) == words


def test_what_several_models_rest_on_is_one_piece_of_evidence_to_a_reader() -> None:
    seen = samples.evidence("e-1", event_id=7)
    findings = tuple(
        samples.finding(rule, evidence=(replace(seen, id=f"e-{rule}"), replace(seen, id=f"o-{rule}", about="outcome")))
        for rule in ("monero_mining", "crypto_currency_mining_activity")
    )
    story = samples.incident(findings)
    (view,) = incident_views(samples.analysis(story), facts(), "en")
    (item,) = view.evidence
    assert item.ids == (
        "e-monero_mining", "o-monero_mining", "e-crypto_currency_mining_activity", "o-crypto_currency_mining_activity",
    )  # fmt: skip
    assert item.bits == "+9.0 bits for: Compromised device mining coins; +9.0 bits for: success"
    (detected,) = [section for section in view.report.sections if section.id == "findings"]
    assert [view.numbers(claim) for claim in detected.claims] == [(1,), (1,)]


@pytest.mark.parametrize(
    ("quote", "shown"),
    [
        (
            r"\x03\x00\x00+&\xe0\x00\x00Cookie: mstshash=administr\x0d\x0a\x01\x00",
            "binary data; legible in it: Cookie: mstshash=administr",
        ),
        (r"\x16\x03\x01\x02\x00\x01\x00\x01\xfcab\xff", ""),
        (r"{\x22id\x22:1,\x22method\x22:\x22mining.subscribe\x22}\x0a", None),
        ("ログイン失敗: 管理者", None),
        ("", None),
    ],
)
def test_binary_data_is_quoted_as_far_as_it_can_be_read(quote: str, shown: str | None) -> None:
    story = samples.dns_server()
    items = [replace(story.evidence[0], quote=quote), *story.evidence[1:]]
    (view,) = incident_views(samples.analysis(replace(story, evidence=tuple(items))), facts(), "en")
    assert view.evidence[0].quote == (quote if shown is None else shown)


def test_a_long_quote_stands_at_the_first_evidence_that_has_it() -> None:
    story, long = samples.dns_server(), "GET /" + "a" * 300
    items = [replace(item, quote=long) for item in story.evidence[:2]]
    (view,) = incident_views(samples.analysis(replace(story, evidence=tuple(items))), facts(), "ja")
    assert [item.quote for item in view.evidence[:2]] == [long, "(引用は[1]と同じ)"]


def test_alike_incidents_share_a_line_with_how_often_and_who() -> None:
    """An exposed server meets a hundred scanners a day; the one thing that differs must not drown among them."""
    remotes = ("203.0.113.9", "203.0.113.10", "203.0.113.11", "203.0.113.12")
    same = [
        samples.incident(
            (samples.finding("web_probe", 60.0 * day, remote, None, "informational"),),
            id_=f"i-{day}", severity="informational", title=Text(en="Scan: failed", ja="スキャン: 失敗"),
        )
        for day, remote in enumerate(remotes)
    ]  # fmt: skip
    other = samples.incident(
        (samples.finding("rdp", 9.0, "198.51.100.7"),), id_="i-9", title=Text(en="Guessing", ja="推測")
    )
    shown = text.render(samples.analysis(samples.dns_server(), *same, other), facts(), "en", columns=200)
    (alike,) = [line for line in shown.splitlines() if "Scan: failed" in line]
    assert alike == (
        "  - 4 × [informational] Scan: failed (203.0.113.9, 203.0.113.10, 203.0.113.11 and 1 other): Monero mining"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_techniques_of_attack_are_named_with_the_evidence_for_each(language: Language) -> None:
    incident = samples.dns_server()
    made = write(incident, samples.analysis(incident), facts(), language)
    (told,) = [section for section in made.sections if section.id == "techniques"]
    assert [claim.text.split()[0] for claim in told.claims] == list(incident.techniques)
    hijacking = next(claim for claim in told.claims if claim.text.startswith("T1496.001 "))
    mining = {e.id for f in incident.findings if "T1496.001" in f.techniques for e in f.evidence}
    assert len(hijacking.text) > len("T1496.001 ") and set(hijacking.evidence) == mining
    bare = samples.fragment()
    assert not [
        one for one in write(bare, samples.analysis(bare), facts(), language).sections if one.id == "techniques"
    ]
