"""What every rendering shows, prepared once: incidents with their reports, numbered evidence and shown fields.

Comes in: an ``Analysis``, facts and a language. Goes out: plain values for templates. Nothing is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kanaria.core.facts import Knowledge
from kanaria.core.glossary import HYPOTHESES, SEVERITIES, hypothesis_name, speaks_of_mining
from kanaria.core.text import printable
from kanaria.core.types import Analysis, Claim, Evidence, Incident, Language, Report
from kanaria.report.phrases import phrase
from kanaria.report.write import write


@dataclass(frozen=True, kw_only=True)
class NumberedEvidence:
    """One piece of evidence as the reader sees it: number, place, worth, reason, quote.

    Several models may rest on the same observation: to a reader that is one, with one number.
    """

    number: int
    ids: tuple[str, ...]
    place: str
    bits: str
    because: str
    quote: str


@dataclass(frozen=True, kw_only=True)
class IncidentView:
    """One incident ready to be shown in one language."""

    incident: Incident
    report: Report
    severity: str
    names: Mapping[str, str]
    """What the explanations are called in this incident."""
    evidence: tuple[NumberedEvidence, ...]

    def numbers(self, claim: Claim) -> tuple[int, ...]:
        """Evidence numbers a claim cites, ascending."""
        known = {id_: item.number for item in self.evidence for id_ in item.ids}
        return tuple(sorted({known[e] for e in claim.evidence if e in known}))


def incident_views(analysis: Analysis, facts: Knowledge, language: Language) -> Iterator[IncidentView]:
    """A view per incident. Priors are evidence too, but say nothing to a reader and get no number."""
    for incident in analysis.incidents:
        shown = [item for item in incident.evidence if item.family != "prior"]
        mining = speaks_of_mining(incident.findings, incident.messages)
        names = {name: hypothesis_name(name, mining=mining).to(language) for name in HYPOTHESES}
        yield IncidentView(
            incident=incident,
            report=write(incident, analysis, facts, language),
            severity=SEVERITIES[incident.severity].to(language),
            names=names,
            evidence=tuple(_numbered(same, number, language, names) for number, same in enumerate(_alike(shown), 1)),
        )


def _alike(shown: Iterable[Evidence]) -> list[list[Evidence]]:
    """The evidence with what says the same of the same record for the same explanation put together."""
    groups: dict[object, list[Evidence]] = {}
    for item in shown:
        key = (item.about, item.bits, item.because.en, item.source, item.line, item.time) if item.source else item.id
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def _numbered(same: Sequence[Evidence], number: int, language: Language, names: Mapping[str, str]) -> NumberedEvidence:
    item = next((one for one in same if one.quote), same[0])
    return NumberedEvidence(
        number=number,
        ids=tuple(one.id for one in same),
        place=f"{printable(item.source)}:{item.line}" if item.source else "",
        bits=_worth(item, language, names),
        because=item.because.to(language),
        quote=printable(item.quote),
    )


def _worth(item: Evidence, language: Language, names: Mapping[str, str]) -> str:
    """What the observation is worth and for what: "+6.0 bits for …", "-3.0 bits against …", nothing for a mere quote."""
    if item.about == "outcome":
        about = phrase("worth_success", language)
    elif item.about in names:
        about = names[item.about]
    else:
        return ""
    key = "worth_none" if not item.bits else "worth_for" if item.bits > 0 else "worth_against"
    return phrase(key, language, bits=f"{item.bits:+.1f}", about=about)
