"""The facts themselves: what reports rest on is complete, consistent, and agrees with the public records."""

from __future__ import annotations

import json
import math
import os
import re
from datetime import date
from pathlib import Path

import pytest

from kanaria.core.facts import Knowledge, Provenance
from kanaria.core.types import HYPOTHESES
from kanaria.incidents.weighing import evidence, seen_from_all_sides
from kanaria.knowledge.build import FAMILIES

CVSS31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def provenances(facts: Knowledge) -> list[Provenance]:
    groups = (
        facts.vulnerabilities.values(), facts.pools, facts.coins.values(), facts.agents, facts.samples,
        facts.techniques.values(), facts.weights.values(), facts.figures.values(), facts.algorithms.values(),
        facts.networks, facts.shared_hosts.values(),
    )  # fmt: skip
    scores = [score.provenance for known in facts.vulnerabilities.values() for score in known.scores]
    return [fact.provenance for group in groups for fact in group] + scores


def test_every_fact_has_a_source_and_a_day_that_has_been(facts: Knowledge) -> None:
    found = provenances(facts)
    assert len(found) > 500
    assert all(p.source and date(2026, 1, 1) <= p.date <= date(2026, 12, 31) for p in found)


def test_there_are_enough_of_each(facts: Knowledge) -> None:
    assert len(facts.vulnerabilities) >= 40
    assert len(facts.pools) >= 80
    assert len(facts.techniques) >= 45
    assert len(facts.agents) >= 30


def test_the_confluence_scores_are_those_of_their_scorers(facts: Knowledge) -> None:
    known = facts.vulnerabilities["CVE-2023-22527"]
    scores = {score.scorer: (score.version, score.score, score.vector) for score in known.scores}
    assert scores == {
        "NVD": ("3.1", 9.8, CVSS31),
        "Atlassian": ("3.0", 10.0, "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"),
    }
    assert (known.kev_date, known.affected) == (date(2024, 1, 24), "8.0.0 to 8.5.3")
    older = facts.vulnerabilities["CVE-2021-26084"]
    assert older.kev_date == date(2021, 11, 3)
    assert {score.score for score in older.scores} == {9.8}


def base_score(vector: str) -> float:
    """The CVSS 3.x base score of a vector, by the formula of the specification, section 7.1."""
    metrics = dict(part.split(":") for part in vector.split("/")[1:])
    changed = metrics["S"] == "C"
    impact_of = {"H": 0.56, "L": 0.22, "N": 0.0}
    iss = 1 - math.prod(1 - impact_of[metrics[name]] for name in "CIA")
    impact = 7.52 * (iss - 0.029) - 3.25 * (iss - 0.02) ** 15 if changed else 6.42 * iss
    privileges = {"N": 0.85, "L": 0.68 if changed else 0.62, "H": 0.5 if changed else 0.27}[metrics["PR"]]
    exploitability = (
        8.22
        * {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}[metrics["AV"]]
        * {"L": 0.77, "H": 0.44}[metrics["AC"]]
        * privileges
        * {"N": 0.85, "R": 0.62}[metrics["UI"]]
    )
    total = min((1.08 if changed else 1) * (impact + exploitability), 10)
    return math.ceil(round(total * 100_000) / 10_000) / 10 if impact > 0 else 0.0


UNSCORED = {"CVE-2018-1000049", "CVE-2022-42889", "CVE-2024-37032"}
"""No score of theirs was at hand to check, and none is said."""


def base_score_2(vector: str) -> float:
    """The CVSS 2.0 base score, by the formula of its guide, section 3.2.1."""
    metrics = dict(part.split(":") for part in vector.split("/"))
    harm = {"N": 0.0, "P": 0.275, "C": 0.660}
    impact = 10.41 * (1 - math.prod(1 - harm[metrics[name]] for name in "CIA"))
    reach = {"L": 0.395, "A": 0.646, "N": 1.0}[metrics["AV"]]
    ease = {"H": 0.35, "M": 0.61, "L": 0.71}[metrics["AC"]] * {"M": 0.45, "S": 0.56, "N": 0.704}[metrics["Au"]]
    return round((0.6 * impact + 0.4 * 20 * reach * ease - 1.5) * (1.176 if impact else 0.0), 1)


def test_every_score_is_what_its_vector_computes(facts: Knowledge) -> None:
    for known in facts.vulnerabilities.values():
        assert known.scores or known.cve in UNSCORED, known.cve
        for score in known.scores:
            assert score.vector is not None
            computed = base_score_2 if score.version == "2.0" else base_score
            assert computed(score.vector) == score.score, (known.cve, score)


def test_no_scorer_speaks_twice_about_one_vulnerability(facts: Knowledge) -> None:
    for known in facts.vulnerabilities.values():
        scorers = [(score.scorer, score.version) for score in known.scores]
        assert len(scorers) == len(set(scorers)), known.cve


def test_no_vulnerability_is_in_kev_before_it_was_published(facts: Knowledge) -> None:
    for known in facts.vulnerabilities.values():
        assert known.kev_date is None or known.kev_date.year >= max(2021, int(known.cve[4:8]))


def test_no_two_operators_claim_one_domain(facts: Knowledge) -> None:
    domains = [domain for pool in facts.pools for domain in pool.domains]
    assert len(domains) == len(set(domains))


def test_no_pool_is_a_shared_host(facts: Knowledge) -> None:
    shared = set(facts.shared_hosts)
    assert {"mooo.com", "aws.amazon.com"} <= shared
    assert not shared & {domain for pool in facts.pools for domain in pool.domains}


def test_coins_of_pools_and_algorithms_agree(facts: Knowledge) -> None:
    for coin in facts.coins.values():
        for algorithm in coin.algorithms:
            assert coin.symbol in facts.algorithms[algorithm].coins
    assert facts.algorithms["rx/wow"].coins == ("WOW",)
    assert len(facts.algorithms["rx/0"].coins) > 1, "several coins use RandomX: the algorithm does not tell which"


def test_the_algorithms_an_old_xmrig_offers_are_known(facts: Knowledge) -> None:
    offered = (
        "cn/1 cn/2 cn/r cn/fast cn/half cn/xao cn/rto cn/rwz cn/zls cn/double rx/0 rx/wow rx/loki rx/arq rx/sfx rx/keva"
    )
    assert set(offered.split()) <= set(facts.algorithms)


def test_the_documentation_sample_is_explained_as_a_job_id(facts: Knowledge) -> None:
    sample = next(sample for sample in facts.samples if (sample.kind, sample.value) == ("job_id", "bf"))
    assert sample.name.startswith("documentation")
    assert "job id" in sample.meaning.en
    assert "ジョブID" in sample.meaning.ja


def test_techniques_have_current_ids_and_names_in_both_languages(facts: Knowledge) -> None:
    assert facts.techniques["T1496.001"].was == "T1496"
    assert facts.techniques["T1190"].name.en == "Exploit Public-Facing Application"
    for technique in facts.techniques.values():
        assert re.search(r"[ぁ-んァ-ヶ一-龠]|SSH|PowerShell", technique.name.ja), technique.id


def test_priors_exist_for_every_hypothesis(facts: Knowledge) -> None:
    for hypothesis in HYPOTHESES:
        prior = facts.weights[f"prior_{hypothesis}"]
        assert (prior.about, prior.family) == (hypothesis, "prior")


def test_every_family_has_a_cap_and_weights_that_fit_under_it(facts: Knowledge) -> None:
    assert set(facts.caps) == set(FAMILIES)
    # The grammar's entries are terms of one fitted sum, which is capped itself (mining.grammar.LIMIT), not evidence.
    for weight in (w for w in facts.weights.values() if not w.id.startswith("grammar_")):
        assert abs(weight.bits) <= facts.caps[weight.family], weight.id


def test_an_observation_may_speak_for_one_hypothesis_and_against_another(facts: Knowledge) -> None:
    item = evidence(facts, "several_dialects_one_source")
    bits = {side.about: side.bits for side in seen_from_all_sides(facts, item)}
    assert bits["internet_wide_scanner"] > 0 > bits["misdirected_miner"]


def test_a_status_alone_decides_nothing(facts: Knowledge) -> None:
    assert abs(facts.weights["success_2xx_alone"].bits) < 1
    assert facts.weights["client_error_4xx"].bits > facts.weights["refused_unparsable_400"].bits


def test_the_owners_word_outweighs_a_mining_flow(facts: Knowledge) -> None:
    weights = facts.weights
    owner = weights["prior_authorised_mining"].bits + weights["authorised_miner_configured"].bits
    flow = weights["prior_compromised_device"].bits + weights["outbound_mining_flow"].bits
    assert owner > flow + 3


def test_the_cost_estimate_is_cited_and_adds_up(facts: Knowledge) -> None:
    figures = facts.figures
    assert "Sysdig" in figures["victim_cost_per_dollar"].provenance.source
    ratio = figures["victim_cost_total"].value / figures["mined_total"].value
    assert round(ratio) == figures["victim_cost_per_dollar"].value


def data(*parts: str) -> Path:
    root = os.environ.get("KANARIA_DATA")
    if not root:
        pytest.skip("KANARIA_DATA does not name the folder with real data")
    return Path(root).joinpath(*parts)


@pytest.mark.data
def test_kev_dates_are_those_of_the_catalogue(facts: Knowledge) -> None:
    catalogue = json.loads(data("knowledge", "vulnerabilities", "known_exploited_vulnerabilities.json").read_text())
    released = date.fromisoformat(catalogue["dateReleased"][:10])
    added = {entry["cveID"]: date.fromisoformat(entry["dateAdded"]) for entry in catalogue["vulnerabilities"]}
    compared = 0
    for cve, known in facts.vulnerabilities.items():
        if known.kev_date is None or known.kev_date <= released:
            assert added.get(cve) == known.kev_date, cve
            compared += 1
    assert compared >= 40


@pytest.mark.data
def test_scores_are_those_of_the_cve_records(facts: Knowledge) -> None:
    names = {"CISA-ADP": "CISA-ADP", "atlassian": "Atlassian", "oracle": "Oracle", "php": "PHP", "GitHub_M": "GitHub"}
    compared = 0
    for path in sorted(data("knowledge", "vulnerabilities").glob("vulnrichment_*.json")):
        record = json.loads(path.read_text())
        known = facts.vulnerabilities[record["cveMetadata"]["cveId"]]
        ours = {(score.scorer, score.score, score.vector) for score in known.scores}
        for container in (record["containers"]["cna"], *record["containers"].get("adp", [])):
            scorer = names.get(container["providerMetadata"]["shortName"])
            for metric in container.get("metrics", []):
                for kind, cvss in metric.items():
                    if kind.startswith("cvss") and scorer:
                        assert (scorer, cvss["baseScore"], cvss["vectorString"]) in ours, known.cve
                        compared += 1
    assert compared >= 8
