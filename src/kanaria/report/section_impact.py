"""The report's section about impact: what the host showed, and what mining cost, estimated in the open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kanaria.core.glossary import about_mining
from kanaria.core.text import cut, printable
from kanaria.core.types import Claim, CostEstimate, EstimateInput
from kanaria.report.phrases import PHRASES, phrase
from kanaria.report.sections import Subject

SOURCE_COLUMNS = 160


def impact(subject: Subject) -> Iterator[Claim]:
    """What it cost, as far as anybody looked."""
    incident = subject.incident
    top = incident.hypotheses[0].name
    if (
        incident.outcome.value == "failed"
        and top in {"internet_wide_scanner", "misdirected_miner"}
        and incident.messages
    ):
        yield subject.say("impact_none_expected", *incident.outcome.because)
    if not incident.impact.checked:
        yield subject.say("impact_not_checked")
    else:
        yield subject.say("impact_checked", checked=_checked(subject, incident.impact.checked))
        for statement in incident.impact.statements:
            yield Claim(text=subject.to(statement), evidence=())
    if incident.impact.estimate is not None:
        yield from _estimate(subject, incident.impact.estimate)
    if top == "compromised_device" and _mined(subject):
        yield from _published(subject)


def _estimate(subject: Subject, made: CostEstimate) -> Iterator[Claim]:
    """The result, the way to it, and who says each number."""
    by_name = {item.name: item for item in made.inputs}
    numbers = {name: _number(item.value) for name, item in by_name.items() if name != "price_per_kwh"}
    price = _money(subject, by_name["price_per_kwh"].value, made.currency)
    yield subject.say(
        "impact_estimate", *made.evidence,
        core_hours=_number(made.core_hours), kwh=_number(made.kwh),
        cost=_money(subject, made.cost, made.currency), price_per_kwh=price,
        **numbers,
    )  # fmt: skip
    yield subject.say("impact_month", cost=_money(subject, made.cost_per_month, made.currency))
    sentences = [_input(subject, item) for item in made.inputs]
    inputs = "。".join([*sentences, ""]) if subject.language == "ja" else "; ".join(sentences)
    yield subject.say("impact_inputs", *made.evidence, inputs=inputs)


def _input(subject: Subject, item: EstimateInput) -> str:
    name = phrase(f"input_{item.name}", subject.language)
    if item.origin == "observed":
        return name + phrase(f"input_observed_{item.name}", subject.language)
    if item.origin == "configured":
        return name + phrase("input_configured", subject.language, source=_shown(item.source))
    figure = subject.facts.figures.get(f"assumed_{item.name}")
    why = subject.to(figure.text).rstrip("。") if figure else ""
    return name + phrase("input_assumed", subject.language, why=why, source=_shown(item.source))


def _published(subject: Subject) -> Iterator[Claim]:
    """What others found it to cost in a cloud, with their name on it."""
    figures = subject.facts.figures
    rate, paid, mined = (figures.get(name) for name in ("victim_cost_per_dollar", "victim_cost_total", "mined_total"))
    if rate and paid and mined:
        values = {"rate": f"{rate.value:g}", "paid": f"{paid.value:,.0f}", "mined": f"{mined.value:,.0f}"}
        yield subject.say("impact_published", source=rate.provenance.source, **values)


def _checked(subject: Subject, names: Sequence[str]) -> str:
    """What was looked at on the machine; names nobody has words for stay as they are."""
    names_of = (phrase(f"checked_{name}", subject.language) if f"checked_{name}" in PHRASES else name for name in names)
    return ("、" if subject.language == "ja" else ", ").join(names_of)


def _money(subject: Subject, amount: float, currency: str) -> str:
    """An amount as people say it: whole yen, or tenths of few."""
    if currency != "JPY":
        return phrase("money", subject.language, amount=_number(amount), currency=_shown(currency))
    return phrase("money_jpy", subject.language, amount=f"{amount:,.0f}" if amount >= 10 else f"{amount:.1f}")


def _mined(subject: Subject) -> bool:
    return bool(subject.incident.messages) or any(about_mining(finding) for finding in subject.incident.findings)


def _number(value: float) -> str:
    """As few digits as say it; thousands apart."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _shown(text: str) -> str:
    return cut(printable(text), SOURCE_COLUMNS)
