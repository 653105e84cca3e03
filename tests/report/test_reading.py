"""The way back from the document: what was written is what is read, and neighbours from earlier runs count."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kanaria import knowledge
from kanaria.core.types import Analysis, Incident, Language
from kanaria.report.document import document
from kanaria.report.reading import incident_from, kept_analysis, series_from
from kanaria.report.similar import counts_around, similar_to
from kanaria.report.write import write
from tests.report.report_samples import analysis, dns_server, finding, fragment, incident, scanner, series


def kept(run: Analysis, number: int = 0) -> dict[str, Any]:
    """The incident as the store has it: after JSON."""
    made: dict[str, Any] = json.loads(json.dumps(document(run, knowledge.load())))["incidents"][number]
    return made


@pytest.mark.parametrize(
    "story", [dns_server(), scanner(), fragment(), incident((finding(cves=("CVE-2023-22527",), values={"user": "a"}),))]
)
def test_written_and_read_and_written_again_is_the_same(story: Incident) -> None:
    first = kept(analysis(story))
    again = kept(replace(analysis(incident_from(first)), series=series_from(first)))
    for text in ("report", "messages"):  # both cite the numbers of events, which the document does not carry
        first.pop(text), again.pop(text)
    assert again == first


def test_series_survive_the_way_to_the_store_and_back() -> None:
    run = replace(analysis(dns_server()), series=series())
    assert series_from(kept(run)) == series()
    assert kept_analysis(kept(run)).series == series()


def test_noise_carries_no_series_and_no_neighbours() -> None:
    run = replace(analysis(dns_server(), scanner(1), scanner(2)), series=series())
    assert [kept(run, 1)[name] for name in ("similar", "daily_counts", "series")] == [[], [], []]


def test_earlier_incidents_are_neighbours_with_reasons() -> None:
    past = replace(dns_server(), id="i-past", findings=(finding("monero_mining", -60 * 24 * 5),))
    run = replace(analysis(dns_server()), earlier=(past, fragment()))
    (found,) = similar_to(run.incidents[0], run)
    assert found.incident.id == "i-past"
    assert {"model", "technique", "remote", "wallet"} >= {shared.kind for shared in found.shared} > {"technique"}
    (listed,) = kept(run)["similar"]
    assert listed["id"] == "i-past" and listed["score"] == found.score
    assert {"kind": "remote", "value": "198.51.100.38"} in listed["shared"]


def test_what_lives_on_in_this_run_is_no_neighbour_but_counts_once() -> None:
    here = dns_server()
    before = replace(
        here, id="i-older", findings=(*here.findings[:3], finding("incoming_remote_desktop", -60 * 24 * 3))
    )
    run = replace(analysis(here), earlier=(before,))
    assert similar_to(here, run) == ()
    counts = counts_around(here, run)
    assert [day.isoformat() for day, _ in counts] == ["2026-06-05", "2026-06-06", "2026-06-07", "2026-06-08"]
    assert sum(sum(of.values()) for _, of in counts) == len(here.findings) + 1
    assert kept(run)["daily_counts"][0] == {"day": "2026-06-05", "counts": {"high": 1}}


@pytest.mark.parametrize(("language", "words"), [("en", "from an earlier run"), ("ja", "以前の解析で検知")])
def test_the_report_says_that_a_neighbour_is_from_an_earlier_run(language: Language, words: str) -> None:
    past = replace(dns_server(), id="i-past", findings=(finding("monero_mining", -60 * 24 * 5),))
    run = replace(analysis(dns_server()), earlier=(past,))
    told = write(run.incidents[0], run, knowledge.load(), language)
    (section,) = [section for section in told.sections if section.id == "similar"]
    assert words in section.claims[0].text and "i-past" in section.claims[0].text
    assert "2026-06-08" in section.claims[-1].text
