"""What a model gets to see of an incident: numbered facts, never free logs.

Takes an incident and the sentences that were written about it without a model; returns ``Fact`` values. A quote from a
log is data: on one line, without control characters and markup, cut, and of records alike only one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kanaria.core.late_regex import late_regex
from kanaria.core.story import Part, Sentence, Story
from kanaria.core.text import cut, printable
from kanaria.core.types import Claim, Evidence, Incident
from kanaria.core.values import dataclass

ASKED: tuple[Part, ...] = ("what", "attack", "outcome", "meaning")
"""Paragraphs a model may write in. Advice is never a model's."""
FIXED: tuple[Part, ...] = ("attack", "outcome", "meaning")
"""Paragraphs whose first sentence is our verdict, and stays as it is."""
# A prompt of a few thousand characters: small models have 4,096 tokens of context, and slow machines read 20 a second.
QUOTES, QUOTE_COLUMNS, SAYS_COLUMNS, QUOTED_FACTS = 2, 160, 900, 6
BINARY = 8
"""More escaped bytes than this in a quote are a packet, which tells a model nothing."""
_MARKUP = str.maketrans({"<": "‹", ">": "›", "`": "'", "|": "¦", "{": "(", "}": ")", "\n": " "})
_ALIKE = late_regex(r"[0-9a-f]{8,}|\d+")
_PIECES = late_regex(r"[()「」;,、。:]+")
# Two words in common are chance, three in a row were copied; of a script without spaces as many as a phrase has.
COPIED_WORDS, COPIED_LETTERS = 3, 8


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A sentence of ours that stands by its evidence; ``own`` is it without what a stranger wrote."""

    id: str
    sentence: Sentence
    own: str
    quotes: tuple[str, ...] = ()
    fixed: bool = False

    @property
    def text(self) -> str:
        return self.sentence.text


def facts_of(incident: Incident, story: Story) -> tuple[Fact, ...]:
    """The facts of one language, in reading order."""
    proofs = {item.id: item for item in incident.evidence}
    foreign = "\n".join(_foreign(incident))
    first = {part: next((s for s in story if s.part == part), None) for part in FIXED}
    made: list[Fact] = []
    quoted = 0
    for sentence in (sentence for sentence in story if sentence.part in ASKED):
        quotes = _quotes(sentence, proofs) if quoted < QUOTED_FACTS else ()
        quoted += bool(quotes)
        made.append(
            Fact(
                id=f"F{len(made) + 1}",
                sentence=sentence,
                own=without_foreign(sentence.text, foreign),
                quotes=quotes,
                fixed=sentence is first.get(sentence.part) or len(sentence.text) > SAYS_COLUMNS,
            )
        )
    return tuple(made)


def claims_as_facts(incident: Incident, claims: Sequence[Claim]) -> tuple[Fact, ...]:
    """Sentences of a report or an answer as facts, without quotes."""
    foreign = "\n".join(_foreign(incident))
    return tuple(
        Fact(
            id=f"F{number}",
            sentence=Sentence(part="what", text=claim.text, evidence=claim.evidence),
            own=without_foreign(claim.text, foreign),
        )
        for number, claim in enumerate(claims, 1)
    )


def harmless(text: str, columns: int = QUOTE_COLUMNS) -> str:
    """Text from a log as data: nothing in it is markup, a control character or a second line."""
    return cut(printable(text).translate(_MARKUP), columns)


def without_foreign(text: str, foreign: str) -> str:
    """Our sentence without the pieces that a stranger also wrote: those are names, and prove no word of ours."""
    kept = text
    for piece in sorted({piece.strip() for piece in _PIECES.split(text)} - {""}, key=len, reverse=True):
        if len(piece) > 2 and piece.casefold() in foreign:
            kept = kept.replace(piece, " ")
    return _without_copied(kept, foreign)


def _without_copied(text: str, foreign: str) -> str:
    words = text.split()
    copied: set[int] = set()
    for start in range(len(words) - COPIED_WORDS + 1):
        if " ".join(words[start : start + COPIED_WORDS]).casefold() in foreign:
            copied.update(range(start, start + COPIED_WORDS))
    kept = " ".join(word for index, word in enumerate(words) if index not in copied)
    if kept.isascii():
        return kept
    hidden = [False] * len(kept)
    for start in range(len(kept) - COPIED_LETTERS + 1):
        if kept[start : start + COPIED_LETTERS].casefold() in foreign:
            hidden[start : start + COPIED_LETTERS] = [True] * COPIED_LETTERS
    return "".join(" " if hide else letter for letter, hide in zip(kept, hidden, strict=True))


def _foreign(incident: Incident) -> Iterator[str]:
    """Everything in the incident that somebody else chose the words of, printable and without case."""
    texts = [item.quote for item in incident.evidence]
    texts += [value for finding in incident.findings for value in finding.values.values()]
    for message in incident.messages:
        texts += [message.method, *message.fields.values()]
        texts += [v for v in (message.agent, message.wallet, message.worker, message.password, message.job_id) if v]
    for text in dict.fromkeys(texts):
        shown = printable(text).casefold()
        yield shown
        if "\\" in shown:
            yield shown.replace("\\", "")


def _quotes(sentence: Sentence, proofs: Mapping[str, Evidence]) -> tuple[str, ...]:
    """Quotes of its evidence, of those alike only the first."""
    quotes: dict[str, str] = {}
    for id_ in sentence.evidence:
        if (item := proofs.get(id_)) and item.quote and item.quote.count("\\x") <= BINARY:
            quote = harmless(item.quote)
            quotes.setdefault(_ALIKE.sub("0", quote), quote)
    return tuple(quotes.values())[:QUOTES]
