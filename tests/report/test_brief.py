"""The answer on one screen: complete, short, grounded, the same in both languages, and first of all about what was not read."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from kanaria.core.rule_tags import STORY_RDP, STORY_SMB
from kanaria.core.text import width
from kanaria.core.types import (
    HYPOTHESES,
    LANGUAGES,
    SEVERITIES,
    Analysis,
    Hypothesis,
    Incident,
    InputSummary,
    Language,
    Recommendation,
    Severity,
    Text,
)
from kanaria.report import html, markdown, text, text_brief
from kanaria.report.brief import brief, headline
from kanaria.report.sections import probability
from kanaria.report.write import write_nothing_found
from tests.incidents.building import facts
from tests.report import report_samples as samples
from tests.report.test_write_incidents import INCIDENTS

SCREEN = 36
"""Lines: 24 are the height of the oldest terminals; a window of today has more, and Japanese takes a third more room."""


def parts(incident: Incident, language: Language = "en") -> dict[str, str]:
    made = brief(incident, samples.analysis(incident), facts(), language)
    return {section.id: " ".join(claim.text for claim in section.claims) for section in made}


@pytest.mark.parametrize("name", INCIDENTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_incident_fits_one_screen(name: str, language: Language) -> None:
    shown = text_brief.render(samples.analysis(INCIDENTS[name]), facts(), language, columns=100)
    assert len(shown.splitlines()) <= SCREEN
    assert len(shown) < len(text.render(samples.analysis(INCIDENTS[name]), facts(), language, columns=100))


@pytest.mark.parametrize("name", INCIDENTS)
def test_every_claim_stands_on_evidence_and_both_languages_tell_the_same(name: str) -> None:
    incident = INCIDENTS[name]
    known = {item.id for item in incident.evidence}
    english, japanese = (brief(incident, samples.analysis(incident), facts(), language) for language in LANGUAGES)
    assert [(s.id, len(s.claims)) for s in english] == [(s.id, len(s.claims)) for s in japanese]
    for one, other in zip(english, japanese, strict=True):
        for claim, said in zip(one.claims, other.claims, strict=True):
            assert claim.evidence == said.evidence
            assert set(claim.evidence) <= known
            assert not re.search(r"\{[a-z_]*\}", claim.text + said.text)


@pytest.mark.parametrize("top", HYPOTHESES)
@pytest.mark.parametrize("value", ["failed", "no_sign_of_success", "possible", "confirmed"])
@pytest.mark.parametrize("name", ["dns server", "fragment"])
def test_every_judgement_answers_whether_it_is_an_attack_or_stray(top: Hypothesis, value: str, name: str) -> None:
    base = INCIDENTS[name]
    told = replace(base, hypotheses=(replace(base.hypotheses[0], name=top), base.hypotheses[1]),
                   outcome=replace(base.outcome, value=value))  # type: ignore[arg-type]  # fmt: skip
    answer = parts(told)
    assert answer["aimed"]
    assert ("worked" in answer) is (top not in {"authorised_mining", "benign"})


def test_the_owner_of_a_home_server_reads_that_it_was_neither_aimed_nor_stray() -> None:
    answer = parts(INCIDENTS["probe"])
    assert "Not an attack on this server" in answer["aimed"]
    assert re.search(r"gone astray \(probability: [\d.under ]+ %\)", answer["aimed"])
    assert answer["worked"].startswith("It failed.")
    assert "contacts a mining pool itself" in answer["again"]
    assert all(word in answer["terms"] for word in ("Stratum", "pool", "wallet"))
    assert headline(INCIDENTS["probe"], "en").endswith("Nothing needs to be done.")


def test_a_vulnerability_is_explained_in_a_sentence() -> None:
    answer = parts(INCIDENTS["exploit"])
    assert facts().vulnerabilities["CVE-2021-44228"].summary.en.rstrip(".") in answer["cve"]
    assert "CVE-1999-0001: an attempt was seen" in answer["cve"]


@pytest.mark.parametrize(
    ("share", "said"),
    [(1.0, "over 99.9 %"), (0.9991, "over 99.9 %"), (0.999, "99.9 %"), (0.5, "50.0 %"), (0.0004, "under 0.1 %")],
)
def test_nothing_is_ever_quite_certain(share: float, said: str) -> None:
    assert probability(share, "en") == said
    assert "100" not in probability(share, "ja")


def test_the_page_is_as_uncertain_as_the_text() -> None:
    sure = replace(
        samples.dns_server(), hypotheses=tuple(
            replace(score, probability=p) for score, p in zip(samples.dns_server().hypotheses, (1.0, 0.0), strict=True)
        ),
    )  # fmt: skip
    page = html.render(samples.analysis(sure), facts(), "en")
    assert "over 99.9 %" in page
    assert "100.0 %" not in page


def twenty() -> list[Incident]:
    return [
        samples.incident(
            (samples.finding("web_probe", 60.0 * day, f"203.0.113.{day}", None, "informational"),),
            id_=f"i-{day}", severity="informational", title=Text(en="Scan: failed", ja="スキャン: 失敗"),
        )
        for day in range(1, 21)
    ]  # fmt: skip


def test_twenty_alike_incidents_are_one_line() -> None:
    shown = text_brief.render(samples.analysis(samples.dns_server(), *twenty()), facts(), "en", columns=200)
    (alike,) = [line for line in shown.splitlines() if "Scan: failed" in line]
    assert alike == "  - 20 × [informational] Scan: failed (203.0.113[.]1, 203.0.113[.]2, 203.0.113[.]3 and 17 others)"
    assert "Other incidents (20):" in shown


def test_alike_incidents_alone_are_told_once() -> None:
    shown = text_brief.render(samples.analysis(*twenty()), facts(), "ja", columns=200)
    assert "同じ内容のインシデントが20件あり" in shown
    assert len(shown.splitlines()) <= SCREEN


def test_alike_machines_are_one_line_though_each_title_names_one() -> None:
    many = [
        replace(samples.dns_server(), id=f"i-{n}", devices=(f"192.0.2.{n}",), title=Text(en=f"Mining (192.0.2.{n})", ja=f"採掘(192.0.2.{n})"))
        for n in range(1, 9)
    ]  # fmt: skip
    other = samples.incident((samples.finding("rdp", 9.0, "198.51.100.7"),), id_="i-x")
    (line,) = text_brief.alike([*many, other])[:1]
    assert len(line) == 8
    shown = text_brief.render(samples.analysis(other, *many), facts(), "en", columns=200)
    assert "  - 8 × [critical] Compromised device mining coins: confirmed (192.0.2[.]1, 192.0.2[.]2" in shown


def unread(*inputs: tuple[int, int, str | None], incidents: tuple[Incident, ...] = ()) -> Analysis:
    summaries = tuple(
        InputSummary(path=f"a{n}.log", format=known, rows=rows, rejected=rejected, unread=rejected)
        for n, (rows, rejected, known) in enumerate(inputs)
    )
    return replace(samples.analysis(*incidents), inputs=summaries)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_not_read_is_the_first_thing_said(language: Language) -> None:
    for found in ((), (samples.dns_server(),)):
        run = unread((14, 11, "combined"), incidents=found)
        for shown in (
            text_brief.render(run, facts(), language),
            text.render(run, facts(), language),
            markdown.render(run, facts(), language).split("\n", 2)[2],
            html.render(run, facts(), language).split("</header>")[1],
        ):
            assert re.search(r"7[89][.\d]*", shown.replace("\\", "").split("。")[0].split(" and ")[0]), shown[:200]


def test_an_input_in_no_known_format_is_named_before_anything_else() -> None:
    said = write_nothing_found(unread((1, 1, None), (1, 0, "combined")), "en").text
    assert said.startswith("50 % of the records could not be read (1 of 2), and nothing is claimed of them.")
    assert "Inputs in no known format: 1 (a0.log)." in said
    assert said.endswith("Nothing of mining was found in the other 1 record.")


def test_of_records_that_were_all_unread_nothing_is_said() -> None:
    assert "Nothing of mining" not in write_nothing_found(unread((5, 5, "combined")), "en").text


@pytest.mark.parametrize("columns", [40, 60, 100])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_short_answer_fits_the_terminal(columns: int, language: Language) -> None:
    for incident in INCIDENTS.values():
        shown = text_brief.render(samples.analysis(incident), facts(), language, columns=columns)
        wide = [line for line in shown.splitlines() if width(line) > columns and not re.search(r"\S{20}", line)]
        assert [line for line in wide if width(line.rstrip("、。)」%")) > columns] == []


@pytest.mark.parametrize("severity", SEVERITIES)
def test_steps_leave_out_nothing_that_somebody_should_look_at(severity: Severity) -> None:
    """Beside steps that have sentences of their own, what has but a title is told when it is no small thing."""
    made = samples.incident((
        samples.finding("anomalous_rdp", 0, "203.0.113.9", severity="medium", tags=(STORY_RDP,)),
        samples.finding("odd", 60, None, severity=severity, title=Text(en="Something odd", ja="何かおかしなこと"), tags=()),
        samples.finding("anomalous_smb", 120, "203.0.113.8", severity="medium", tags=(STORY_SMB,)),
    ))  # fmt: skip
    what = brief(made, samples.analysis(made), facts(), "en")[0]
    said = [claim.text for claim in what.claims]
    assert "Remote Desktop" in said[0] and "file sharing" in said[-1]
    assert any("Something odd" in text for text in said) is (severity not in {"informational", "low"})
    alone = samples.incident(made.findings[:2])
    assert "Something odd" in brief(alone, samples.analysis(alone), facts(), "en")[0].claims[0].text


def test_a_command_is_code_in_a_page_and_no_markup_comes_with_it() -> None:
    advice = Recommendation(id="x", effort=1, evidence=(), text=Text(en='Run `rm <b>a</b>` and `b"c`.', ja="`rm`"))
    incident = replace(samples.dns_server(), recommendations=(advice,))
    page = html.render(samples.analysis(incident), facts(), "en")
    assert "Run <code>rm &lt;b&gt;a&lt;/b&gt;</code> and <code>b&#34;c</code>." in page
