"""Accepts a sentence of a model only if it says what its facts say, in their words.

Takes a sentence, the facts it cites, the language; returns reasons against it; none means accepted. The check does not
try to understand. Form, language, quotes, figures, negation and hedging are compared one by one, so that a model can be
told what was wrong; then the sentence has to be made of whole clauses of its facts (``clauses``). What it refuses
wrongly costs a nicer wording, never the truth.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from kanaria.analyst.clauses import strange_piece
from kanaria.analyst.facts import Fact
from kanaria.analyst.vocabulary import ADDING_WORDS, ARTICLES, HEDGES, HEDGES_JA, NEGATIONS, NEGATIONS_JA
from kanaria.core.late_regex import late_regex
from kanaria.core.text import printable
from kanaria.core.types import Language

# A sentence longer than its facts by more than a clause adds something; 400 characters are what people read at once.
LONGEST, LONGER = 400, 60
_TOKEN = late_regex(r"[A-Za-z0-9_.:\[\]/@%×+~#$=\\&?*^-]+")
_QUOTED = late_regex(r"\"([^\"]{3,})\"|“([^”]{3,})”|「([^」]{3,})」|『([^』]{3,})』")
_LINK = late_regex(r"://|\]\(|!\[|<|>|www\.|`|javascript:|data:|hxxp", re.IGNORECASE)
_JAPANESE = late_regex(r"[぀-ヿ一-鿿々〆]")
_LETTERS = late_regex(r"[A-Za-z]+|[一-鿿々]+|[ァ-ヺー]+")
_POLITE = late_regex(r"(?:です|ます|ました|ません|でした|ください)(?:\([^()]*\))?。$")
_BREAKS = late_regex(r"[.!?]\s+[A-Z]|。(?=.)")


def reasons_against(text: str, cited: Sequence[Fact], language: Language) -> tuple[str, ...]:
    """Why the sentence is refused; empty when it is accepted."""
    if not cited:
        return ("it cites no fact of this paragraph",)
    form = tuple(_form(text, cited, language))
    return form or tuple(dict.fromkeys(_content(text, cited, language)))


def _form(text: str, cited: Sequence[Fact], language: Language) -> Iterator[str]:
    if printable(text) != text or unicodedata.normalize("NFKC", text) != text:
        yield "it holds characters that are invisible, full-width or look like others"
    if any(letter.isalpha() and not letter.isascii() and not _JAPANESE.match(letter) for letter in text):
        yield "it holds letters of another script"
    if _LINK.search(text):
        yield "it holds a link or markup"
    if len(text) > min(LONGEST, sum(len(fact.text) for fact in cited) + LONGER):
        yield "it is too long"
    if language == "ja":
        if not _POLITE.search(text):
            yield "it does not end as a Japanese sentence in です・ます"
    elif _JAPANESE.search(_without_quotes(text)):
        yield "it is not English"
    elif not text.endswith("."):
        yield "it does not end as a sentence"


def _content(text: str, cited: Sequence[Fact], language: Language) -> Iterator[str]:
    yield from _quotes(text, cited)
    yield from _tokens(text, " ".join(fact.text for fact in cited))
    yield from _polarity(text, cited, language)
    yield from _borrowed(text, " ".join(fact.own for fact in cited))
    piece = strange_piece(text, [fact.text for fact in cited], language)
    if piece:
        yield f"the facts do not say it so, clause by clause: “{piece[:60]}”"


def _quotes(text: str, cited: Sequence[Fact]) -> Iterator[str]:
    sources = [fact.text for fact in cited] + [quote for fact in cited for quote in fact.quotes]
    for match in _QUOTED.finditer(text):
        quoted = next(group for group in match.groups() if group)
        if not any(quoted in whole for whole in sources):
            yield f"“{quoted[:40]}” is no quote from the evidence"


def _tokens(text: str, facts: str) -> Iterator[str]:
    """Figures, addresses, names: the same ones on both sides, as often at most."""
    written, given = Counter(_hard(text)), Counter(_hard(facts))
    yield from (f"{token} is not in the facts" for token in written - given if token not in given)
    yield from (f"it leaves out {token}" for token in given - written if token not in written)


def _hard(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        token = match[0].strip(".:,?")
        if any(letter.isdigit() for letter in token) or re.search(r"[A-Za-z][._:/@\\][A-Za-z]|\[\.\]", token):
            yield token


def _borrowed(text: str, own: str) -> Iterator[str]:
    """Words that a stranger wrote into the log are names in our sentence, and nobody's to rearrange."""
    plain = _TOKEN.sub(lambda match: " " if next(_hard(match[0]), None) else match[0], text)
    own_letters = own.casefold()
    words = [word for word in _LETTERS.findall(plain) if word.casefold() not in ADDING_WORDS | ARTICLES]
    if strange := [word for word in words if word.casefold() not in own_letters]:
        yield "words that are not in the facts: " + ", ".join(dict.fromkeys(strange))


def _polarity(text: str, cited: Sequence[Fact], language: Language) -> Iterator[str]:
    """As many negations as the facts have; hedged where they are, certain where they are; one sentence."""
    negations, hedges = (NEGATIONS_JA, HEDGES_JA) if language == "ja" else (NEGATIONS, HEDGES)
    facts = " ".join(fact.text for fact in cited)
    if len(negations.findall(text)) != len(negations.findall(facts)):
        yield "it denies something else than the facts do"
    if Counter(map(str.casefold, hedges.findall(text))) != Counter(map(str.casefold, hedges.findall(facts))):
        yield "it is more or less certain than the facts"
    if len(_BREAKS.findall(text)) > len(_BREAKS.findall(facts)) + len(cited) - 1:
        yield "it is more than one sentence"


def _without_quotes(text: str) -> str:
    return _QUOTED.sub(" ", text)


__all__ = ["reasons_against"]
