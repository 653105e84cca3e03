"""What every rendering shows, prepared once: incidents with their reports, numbered evidence and shown fields.

Takes an ``Analysis``, facts and a language; returns plain values for templates. Nothing is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from kanaria.core.facts import Knowledge
from kanaria.core.glossary import HYPOTHESES, SEVERITIES, called
from kanaria.core.late_regex import late_regex
from kanaria.core.story import PARTS, Sentence, Stories, Story, shown
from kanaria.core.text import hide_links, printable
from kanaria.core.types import Analysis, Claim, Evidence, HypothesisScore, Incident, Language, Report, Section
from kanaria.core.values import dataclass
from kanaria.report.brief import brief
from kanaria.report.phrases import phrase, place
from kanaria.report.sections import probability
from kanaria.report.story import story
from kanaria.report.write import write

# Control characters and bytes that are no text, as ``printable`` writes them; line ends and tabs occur in text.
_NOT_TEXT = late_regex(r"\\x(?:[01][0-8bcef]|1[9ad]|7f|[89a-f][0-9a-f])|\\u[0-9a-f]{4}")
# Six letters in a row come by chance once in 14 kB of encrypted bytes, (52 / 256) ** 6; a quote has at most 2 kB.
_WORDS = late_regex(r"(?:[\x20-\x5b\x5d-\x7e])*[A-Za-z]{6}(?:[\x20-\x5b\x5d-\x7e])*")
BINARY_SHARE = 0.3
# A text this long is worth a look elsewhere on the page instead of being repeated.
SHORT_QUOTE = 200


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
    """Of text, the text; of binary data, what is legible in it; what another evidence quotes, that one's number."""


@dataclass(frozen=True, kw_only=True)
class IncidentView:
    """One incident ready to be shown in one language."""

    incident: Incident
    report: Report
    brief: tuple[Section, ...]
    """The answer that fits one screen."""
    severity: str
    names: Mapping[str, str]
    """What the explanations are called in this incident."""
    evidence: tuple[NumberedEvidence, ...]
    story: tuple[tuple[Sentence, ...], ...]
    """By paragraph."""

    def percent(self, score: HypothesisScore) -> str:
        """How probable an explanation is, as the text says it."""
        return probability(score.probability, self.report.language)

    def numbers(self, claim: Claim | Sentence) -> tuple[int, ...]:
        """Evidence numbers a claim cites, ascending."""
        numbers = {id_: item.number for item in self.evidence for id_ in item.ids}
        return tuple(sorted({numbers[e] for e in claim.evidence if e in numbers}))


def incident_views(
    analysis: Analysis, facts: Knowledge, language: Language, stories: Mapping[str, Stories] | None = None
) -> Iterator[IncidentView]:
    """A view per incident; ``stories`` are those by incident that somebody else wrote. Priors are evidence too,
    but say nothing to a reader and get no number."""
    for incident in analysis.incidents:
        shown = [item for item in incident.evidence if item.family != "prior"]
        names = {name: called(name, incident.findings, incident.messages).to(language) for name in HYPOTHESES}
        theirs = (stories or {}).get(incident.id)
        numbered = [_numbered(same, number, language, names) for number, same in enumerate(_alike(shown), 1)]
        yield IncidentView(
            incident=incident,
            report=_without_links(write(incident, analysis, facts, language)),
            brief=_of_sections(brief(incident, analysis, facts, language)),
            severity=SEVERITIES[incident.severity].to(language),
            names=names,
            evidence=tuple(_quoted_once(numbered, language)),
            story=_paragraphs(theirs[language] if theirs else story(incident, analysis, facts, language)),
        )


def _without_links(report: Report) -> Report:
    verdict = replace(report.verdict, text=hide_links(report.verdict.text))
    return replace(report, verdict=verdict, sections=_of_sections(report.sections))


def _of_sections(sections: Iterable[Section]) -> tuple[Section, ...]:
    """The sections as pages and terminals show them: nobody opens an attacker's URL by a click on what he sent."""
    return tuple(
        replace(section, claims=tuple(replace(claim, text=hide_links(claim.text)) for claim in section.claims))
        for section in sections
    )


def _paragraphs(story: Story) -> tuple[tuple[Sentence, ...], ...]:
    """What each sentence reads as, by paragraph."""
    made = (tuple(replace(s, text=hide_links(shown(s))) for s in story if s.part == part) for part in PARTS)
    return tuple(paragraph for paragraph in made if paragraph)


def _quoted_once(items: Iterable[NumberedEvidence], language: Language) -> Iterator[NumberedEvidence]:
    """The evidence, a long text quoted at the first of those that rest on it."""
    first: dict[str, int] = {}
    for item in items:
        number = first.setdefault(item.quote, item.number)
        if len(item.quote) > SHORT_QUOTE and number != item.number:
            yield replace(item, quote=phrase("quoted_at", language, number=number))
        else:
            yield item


def _alike(shown: Iterable[Evidence]) -> list[list[Evidence]]:
    """The evidence with what says the same of the same record put together, whatever it speaks for or against."""
    groups: dict[object, list[Evidence]] = {}
    for item in shown:
        key = (item.because.en, item.source, item.line, item.time) if item.source else item.id
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def _numbered(same: Sequence[Evidence], number: int, language: Language, names: Mapping[str, str]) -> NumberedEvidence:
    item = next((one for one in same if one.quote), same[0])
    worth = (_worth(one, language, names) for one in same)
    return NumberedEvidence(
        number=number,
        ids=tuple(one.id for one in same),
        place=hide_links(place(printable(item.source), item.line, language)) if item.source else "",
        bits=("、" if language == "ja" else "; ").join(dict.fromkeys(filter(None, worth))),
        because=hide_links(item.because.to(language)),
        quote=hide_links(_legible(printable(item.quote), language)),
    )


def _legible(quote: str, language: Language) -> str:
    """A quote for a reader: of binary data only what can be read in it, if anything."""
    escapes = sum(len(escape) for escape in _NOT_TEXT.findall(quote))
    if escapes <= BINARY_SHARE * len(quote):
        return quote
    parts = [part for piece in _NOT_TEXT.split(quote) for part in _WORDS.findall(piece)]
    return phrase("quote_binary", language, parts=" … ".join(parts)) if parts else ""


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
