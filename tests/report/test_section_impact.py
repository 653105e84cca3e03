"""The section about impact: formula, inputs and sources, in both languages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kanaria import knowledge
from kanaria.core.types import CostEstimate, EstimateInput, Impact, Incident, Language
from kanaria.report.write import ungrounded, write
from tests.report.report_samples import analysis, dns_server, scanner

INPUTS = (
    EstimateInput(name="hours", value=12.5, unit="h", origin="observed", source="mining connections"),
    EstimateInput(name="cores", value=8, unit="cores", origin="configured", source="impact.cores"),
    EstimateInput(name="watts_per_core", value=3.5, unit="W", origin="assumed", source="a study\x1b[31m of 2024"),
    EstimateInput(name="price_per_kwh", value=31, unit="JPY/kWh", origin="assumed", source="somebody"),
)


def mined() -> Incident:
    story = dns_server()
    made = CostEstimate(
        inputs=INPUTS, core_hours=100, kwh=0.35, cost=10.9, cost_per_month=637, currency="JPY",
        evidence=(story.evidence[0].id,),
    )  # fmt: skip
    return replace(story, impact=Impact(checked=(), statements=(), estimate=made))


def section(story: Incident, language: Language) -> list[str]:
    told = write(story, analysis(story), knowledge.load(), language)
    assert ungrounded(told, story) == ()
    (found,) = [part for part in told.sections if part.id == "impact"]
    return [claim.text for claim in found.claims]


def test_the_way_to_the_result_is_shown() -> None:
    told = section(mined(), "en")
    assert told[1] == (
        "Estimate, not a measurement: 12.5 h of mining × 8 cores = 100 core-hours; × 3.5 W per core ÷ 1,000 = 0.35 kWh; "
        "× 31 JPY per kWh = 11 JPY."
    )
    assert told[2] == "If it went on like this for a month: about 637 JPY for power alone."
    assert told[3] == (
        "Inputs of the estimate: hours as seen in mining connections; cores as set (impact.cores); watts per core assumed: "
        "what one virtual core of a cloud provider draws at full load, on average (a study\\x1b[31m of 2024); price assumed: "
        "the price that estimates for appliances in Japan use, tax included (somebody)."
    )


def test_in_japanese_too() -> None:
    told = section(mined(), "ja")
    assert told[1].startswith("推定です") and "12.5時間 × 8コア = 100コア時間" in told[1] and "約11円" in told[1]
    assert "コア数は設定値です(impact.cores)。" in told[3] and told[3].endswith("(somebody)。")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_published_figure_comes_with_its_source_and_only_for_a_miner(language: Language) -> None:
    published = section(mined(), language)[-1]
    assert all(word in published for word in ("53", "8,100", "430,000", "Sysdig", "2022"))
    assert not any("Sysdig" in claim for claim in section(scanner(), language))
