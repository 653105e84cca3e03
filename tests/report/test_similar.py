"""Similar incidents: what is shared and how telling it is; counts per day around an incident."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from kanaria import knowledge
from kanaria.core.types import Incident, Indicator, Language, Text
from kanaria.report.similar import KIND_WEIGHTS, Shared, daily_counts, similar
from kanaria.report.write import ungrounded, write
from tests.report.report_samples import analysis, dns_server, finding, fragment, incident, scanner

COMMENT = Text(en="x", ja="x")


def case(id_: str, *rules: str, remote: str = "203.0.113.1", wallet: str | None = None) -> Incident:
    made = incident(tuple(finding(rule, 0, remote, techniques=()) for rule in rules), id_=id_, indicators=())
    return replace(made, indicators=(Indicator(type="wallet", value=wallet, comment=COMMENT),)) if wallet else made


def test_the_same_story_twice_is_the_same() -> None:
    story = dns_server()
    (found,) = similar(story, (story, replace(story, id="i-other")))
    assert found.incident.id == "i-other" and found.score == 1.0


def test_nothing_shared_is_not_similar() -> None:
    one = case("a", "one")
    assert similar(one, (one, case("b", "two", remote="203.0.113.2"))) == ()
    assert similar(one, (one,)) == ()


def test_a_shared_payout_address_tells_more_than_a_shared_model() -> None:
    mine = case("a", "one", wallet="W")
    by_wallet = case("b", "two", remote="203.0.113.2", wallet="W")
    by_model = case("c", "one", remote="203.0.113.3", wallet="V")
    found = similar(mine, (mine, by_model, by_wallet))
    assert found[0].incident.id == "b"
    assert found[0].shared == (Shared(kind="wallet", value="W"),)


def test_what_everybody_shares_tells_little() -> None:
    crowd = [case(f"c{n}", "common", remote=f"203.0.113.{n}") for n in range(2, 12)]
    pair = [case("a", "common"), case("b", "common")]
    found = {item.incident.id: item.score for item in similar(pair[0], (*pair, *crowd))}
    assert found["b"] > 0.9
    assert all(score < 0.1 for name, score in found.items() if name != "b")


def test_order_of_incidents_changes_nothing() -> None:
    cases = (case("a", "one", "two"), case("b", "two"), case("c", "one", remote="203.0.113.3"))
    assert similar(cases[0], cases) == similar(cases[0], cases[::-1])


def test_scores_lie_between_none_and_all() -> None:
    run = (dns_server(), scanner(1), scanner(2), fragment())
    for one in run:
        for item in similar(one, run):
            assert 0.1 <= item.score <= 1 and item.shared
            assert {shared.kind for shared in item.shared} <= set(KIND_WEIGHTS)


def test_counts_cover_every_day_between() -> None:
    counts = daily_counts((dns_server(), scanner(3)), dns_server())
    assert [day.isoformat() for day, _ in counts] == ["2026-06-08", "2026-06-09", "2026-06-10", "2026-06-11"]
    assert sum(sum(of.values()) for _, of in counts) == len(dns_server().findings) + 1
    assert dict(counts[1][1]) == {}
    assert counts[3][1] == {"informational": 1}


def test_counts_end_with_the_window_and_without_times_there_are_none() -> None:
    far = replace(scanner(3), findings=(finding("x", 60 * 24 * 200),))
    assert len(daily_counts((dns_server(), far), dns_server(), days=5)) == 1
    read = [(date(2026, 1, 1), date(2026, 6, 9)), (date(2026, 8, 1), date(2026, 8, 9))]
    days = [day.isoformat() for day, _ in daily_counts((dns_server(), far), dns_server(), days=5, read=read)]
    assert (days[0], days[-1], len(days)) == ("2026-06-03", "2026-06-09", 7), "what was read, as far as it is near"
    assert daily_counts((fragment(),), fragment()) == ()


@pytest.mark.parametrize(("language", "word"), [("en", "alike"), ("ja", "類似度")])
def test_the_report_names_similar_incidents(language: Language, word: str) -> None:
    story, again = dns_server(), replace(dns_server(), id="i-again", first_seen=datetime(2026, 7, 1, tzinfo=UTC))
    report = write(story, analysis(story, again, scanner()), knowledge.load(), language)
    (section,) = [section for section in report.sections if section.id == "similar"]
    assert word in section.claims[0].text and "i-again" in section.claims[0].text
    assert "2026-07-01" in section.claims[0].text
    assert ungrounded(report, story) == ()


def test_a_single_incident_has_no_such_section() -> None:
    report = write(dns_server(), analysis(dns_server()), knowledge.load(), "en")
    assert "similar" not in {section.id for section in report.sections}
