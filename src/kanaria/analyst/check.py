"""Accepts a sentence of a model only if it says what its facts say, in their words.

Comes in: a sentence, the facts it cites, the language. Goes out: reasons against it; none means accepted. The check
does not try to understand. It compares from both sides: every figure, name and content word of the sentence has to
be in the facts, and every figure and most words of the facts in the sentence; negation, hedging, units and the first
one who acts have to agree. What it refuses wrongly costs a nicer wording, never the truth.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from kanaria.analyst.facts import Fact
from kanaria.analyst.vocabulary import (
    ENGLISH,
    HEDGES,
    HEDGES_JA,
    MORPHEMES,
    NEGATIONS,
    NEGATIONS_JA,
    NEUTRAL_JA,
    ROLES,
)
from kanaria.core.text import printable
from kanaria.core.types import Language

# A sentence longer than its facts by more than a clause adds something; 400 characters are what people read at once.
LONGEST, LONGER = 400, 60
COVERED = 0.6
"""Share of the facts' content words a sentence has to keep, so that nothing is left out by it."""
_TOKEN = re.compile(r"[A-Za-z0-9_.:\[\]/@%×+~#$=\\&?*^-]+")
_WORD = re.compile(r"[A-Za-z]+")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_QUOTED = re.compile(r"\"([^\"]{3,})\"|“([^”]{3,})”|「([^」]{3,})」|『([^』]{3,})』")
_LINK = re.compile(r"://|\]\(|!\[|<|>|www\.|`|javascript:|data:|hxxp", re.IGNORECASE)
_JAPANESE = re.compile(r"[぀-ヿ一-鿿々〆]")
_KANJI = re.compile(r"[一-鿿々]+")
_KATAKANA = re.compile(r"[ァ-ヺー]+")
_HIRAGANA = re.compile(r"[ぁ-ゖ]+")
_POLITE = re.compile(r"(?:です|ます|ました|ません|でした|ください)(?:\([^()]*\))?。$")
_SUFFIX = re.compile(r"(?:'s|ing|ied|ies|ed|es|s|d|e|y|ly)$")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\[?\.\]?\d+|[0-9a-f]+\[?:\]?[0-9a-f:]*::?")
_PARTICLE = re.compile(r"\s*(から|まで|へ|は|が|も|を|に|で|と|の)")
_PREPOSITIONS = frozenset({"by", "to", "from", "on", "at", "with", "into", "of", "for", "against"})
_BREAKS = re.compile(r"[.!?]\s+[A-Z]|。(?=.)")


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
    facts = " ".join(fact.text for fact in cited)
    yield from _quotes(text, cited)
    yield from _tokens(text, facts)
    if language == "ja":
        yield from _words_ja(text, " ".join(fact.own for fact in cited))
    else:
        yield from _words_en(text, " ".join(fact.own for fact in cited))
    yield from _polarity(text, cited, language)
    yield from _subject(text, cited, language)


def _quotes(text: str, cited: Sequence[Fact]) -> Iterator[str]:
    known = [fact.text for fact in cited] + [quote for fact in cited for quote in fact.quotes]
    for found in _QUOTED.finditer(text):
        quoted = next(group for group in found.groups() if group)
        if not any(quoted in whole for whole in known):
            yield f"“{quoted[:40]}” is no quote from the evidence"


def _tokens(text: str, facts: str) -> Iterator[str]:
    """Figures, addresses, names: the same ones on both sides, as often at most, each with its unit."""
    said, known = Counter(_hard(text)), Counter(_hard(facts))
    yield from (f"{token} is not in the facts" for token in said - known if token not in known)
    yield from (f"it leaves out {token}" for token in known - said if token not in said)
    units, known_units = set(_units(text)), set(_units(facts))
    yield from (f"{number} {unit} is not what the facts count" for number, unit in sorted(units - known_units))


def _hard(text: str) -> Iterator[str]:
    for found in _TOKEN.finditer(text):
        token = found[0].strip(".:,?")
        if any(letter.isdigit() for letter in token) or re.search(r"[A-Za-z][._:/@\\][A-Za-z]|\[\.\]", token):
            yield token


def _units(text: str) -> Iterator[tuple[str, str]]:
    """Each number with what stands right behind it, and with what stands before it."""
    for found in _NUMBER.finditer(text):
        after = re.match(r"\s*([A-Za-z]+|%|[一-鿿]{1,2}|[ァ-ヺー]+|[ぁ-ゖ])?", text[found.end() :])
        before = re.search(r"([A-Za-z]+|[一-鿿ァ-ヺー]+[はがをにで]?)?\s*[\"'(（]?$", text[: found.start()])
        yield found[0], f"{(before and before[1]) or ''}|{(after and after[1]) or ''}".casefold()


def _words_en(text: str, own: str) -> Iterator[str]:
    known = {_stem(word) for word in _plain_words(own)}
    said = [_stem(word) for word in _plain_words(text)]
    neutral = {_stem(word) for word in ENGLISH}
    strange = [word for word in said if word not in known and word not in neutral]
    if strange:
        yield "words that are not in the facts: " + ", ".join(dict.fromkeys(strange))
    wanted = known - neutral
    if wanted and len(wanted & set(said)) < COVERED * len(wanted):
        yield "it leaves out what the facts say"


def _plain_words(text: str) -> list[str]:
    """Words outside figures and names. Negations are words like others and are compared beside that."""
    plain = _TOKEN.sub(lambda found: " " if next(_hard(found[0]), None) else found[0], _without_quotes(text))
    return [word.casefold() for word in _WORD.findall(plain)]


def _stem(word: str) -> str:
    word = word.casefold()
    while len(word) > 3 and (shorter := _SUFFIX.sub("", word)) != word and len(shorter) > 2:
        word = shorter
    return word


def _words_ja(text: str, own: str) -> Iterator[str]:
    plain = _without_quotes(text)
    strange = [run for run in _KANJI.findall(plain) if not _kanji_known(run, own)]
    strange += [run for run in _KATAKANA.findall(plain) if run not in set(_KATAKANA.findall(own)) | NEUTRAL_JA]
    latin = {word.casefold() for word in _WORD.findall(own)}
    strange += [word for word in _plain_words(plain) if word not in latin]
    known = set(_HIRAGANA.findall(own))
    strange += [run for run in _HIRAGANA.findall(plain) if not _composed(run, known)]
    if strange:
        yield "words that are not in the facts: " + ", ".join(dict.fromkeys(strange))
    wanted = {*_KANJI.findall(own), *_KATAKANA.findall(own)} - NEUTRAL_JA
    if wanted and sum(word in text for word in wanted) < COVERED * len(wanted):
        yield "it leaves out what the facts say"


def _kanji_known(run: str, own: str) -> bool:
    return run in own or run in NEUTRAL_JA


def _composed(run: str, known: set[str]) -> bool:
    """Whether the hiragana is made of grammar and of runs that the facts have."""
    reached = {0}
    parts = MORPHEMES | known
    for start in range(len(run)):
        if start in reached:
            reached |= {end for end in range(start + 1, len(run) + 1) if run[start:end] in parts}
    return len(run) in reached


def _polarity(text: str, cited: Sequence[Fact], language: Language) -> Iterator[str]:
    """As many negations as the facts have, of the same words; hedged where they are, certain where they are."""
    negations, hedges = (NEGATIONS_JA, HEDGES_JA) if language == "ja" else (NEGATIONS, HEDGES)
    facts = " ".join(fact.text for fact in cited)
    if Counter(_negated(text, negations, language)) != Counter(_negated(facts, negations, language)):
        yield "it denies something else than the facts do"
    if Counter(map(str.casefold, hedges.findall(text))) != Counter(map(str.casefold, hedges.findall(facts))):
        yield "it is more or less certain than the facts"
    if len(_BREAKS.findall(text)) > len(_BREAKS.findall(facts)) + len(cited) - 1:
        yield "it is more than one sentence"


def _negated(text: str, negations: re.Pattern[str], language: Language) -> Iterator[str]:
    for found in negations.finditer(text):
        if language == "ja":
            before = re.findall(r"[一-鿿々ァ-ヺー]+", text[: found.start()])
            yield before[-1] if before else ""
        else:
            after = [word for word in map(str.casefold, _WORD.findall(text[found.end() :])) if word not in ENGLISH]
            yield _stem(after[0]) if after else ""


def _subject(text: str, cited: Sequence[Fact], language: Language) -> Iterator[str]:
    """Who acts on whom: those who can act come in the order of the fact, each as subject, aim or origin as there."""
    said = list(_actors(text, language))
    known = [list(_actors(fact.text, language)) for fact in cited]
    parts = {pair for actors in known for pair in actors}
    yield from (f"in the facts it is not “{name} {part}”" for name, part in said if (name, part) not in parts)
    names = list(dict.fromkeys(name for name, _part in said))
    for actors in known:
        order = list(dict.fromkeys(name for name, _part in actors))
        if [name for name in names if name in order] != [name for name in order if name in names]:
            yield "it turns around who did what"


def _actors(text: str, language: Language) -> Iterator[tuple[str, str]]:
    """Words for who can act and addresses, with the particle behind them or the preposition before them."""
    found = [(match.start(), match.end(), match[1]) for match in ROLES[language].finditer(text)]
    found += [(m.start(), m.end(), m[0]) for m in _TOKEN.finditer(text) if _ADDRESS.search(m[0])]
    for start, end, name in sorted(found):
        if language == "ja":
            particle = _PARTICLE.match(text[end:])
            yield name, {"が": "は", "も": "は"}.get(particle[1], particle[1]) if particle else ""
        else:
            before = [word for word in map(str.casefold, _WORD.findall(text[:start])[-3:]) if word in _PREPOSITIONS]
            yield name.casefold().strip(".,:;"), before[-1] if before else ""


def _without_quotes(text: str) -> str:
    return _QUOTED.sub(" ", text)
