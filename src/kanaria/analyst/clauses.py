"""Whether a sentence is made of whole clauses of its facts: nothing added, nothing left out, nobody exchanged.

Takes a sentence, the texts of its facts, the language; returns the first piece that stands in no fact as it is, or
None. A sentence is cut at its punctuation. Each piece has to stand in a fact word for word (in Japanese letter for
letter); the pieces of a fact have to make it up completely, before those of the next; and where they come in another
order than in the fact, they have to begin and end where a clause of the fact does. Articles, words that only add one
sentence to another, and phrases that only announce what follows do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, permutations

from kanaria.analyst.vocabulary import ADDING, ANNOUNCING, ARTICLES, BEGINS_CLAUSE
from kanaria.core.late_regex import late_regex
from kanaria.core.types import Language
from kanaria.core.values import dataclass

MOST_FACTS = 3
"""Facts that one sentence can tell and still be one."""
_CUTS = {
    "en": late_regex(r"[,;](?=\s|$)|[()—–]|[.!?](?=\s|$)"),
    "ja": late_regex(r"[、。()—–]|[,;](?=\s)"),
}  # fmt: skip
_WORD = late_regex(r"“[^”]*”|\"[^\"]*\"|[^\s:]+(?::[^\s:]+)*|:")
_SPACE = late_regex(r"\s+")
Letters = tuple[str, ...]


@dataclass(frozen=True)
class _Fact:
    """Its words or letters, and the places among them where a clause begins or ends."""

    words: Letters
    bounds: frozenset[int]


def strange_piece(text: str, facts: Sequence[str], language: Language) -> str | None:
    """The first piece of the sentence that is not as in the facts; None when all are."""
    pieces = [piece for piece in _pieces(text, language) if piece]
    parsed = [_fact(fact, language) for fact in facts[:MOST_FACTS]]
    for piece in pieces:
        if not any(_places(piece, fact.words) for fact in parsed):
            return ("" if language == "ja" else " ").join(piece)
    if len(facts) <= MOST_FACTS and any(_tells(pieces, order) for order in permutations(parsed)):
        return None
    return "the order"


def _pieces(text: str, language: Language) -> list[Letters]:
    text = ANNOUNCING[language].sub("", ADDING[language].sub("", text, count=1).lstrip(" ,、"))
    return [_words(piece, language) for piece in _CUTS[language].split(text)]


def _words(piece: str, language: Language) -> Letters:
    piece = ADDING[language].sub(" ", piece.strip())
    if language == "ja":
        return tuple(_SPACE.sub("", piece))
    return tuple(word for word in map(str.casefold, _WORD.findall(piece)) if word not in ARTICLES)


def _fact(text: str, language: Language) -> _Fact:
    words: list[str] = []
    bounds = {0}
    for piece in _pieces(text, language):
        start = len(words)
        words += piece
        inner = (index for index, word in enumerate(piece) if language == "en" and word in BEGINS_CLAUSE)
        topics = (index + 1 for index, letter in enumerate(piece) if language == "ja" and letter == "は")
        bounds |= {len(words), *(start + index for index in inner), *(start + index for index in topics)}
    return _Fact(words=tuple(words), bounds=frozenset(bounds))


def _places(piece: Letters, words: Letters) -> list[int]:
    return [start for start in range(len(words) - len(piece) + 1) if words[start : start + len(piece)] == piece]


def _tells(pieces: Sequence[Letters], facts: Sequence[_Fact]) -> bool:
    """Whether the pieces tell these facts, one after the other, each completely."""
    if not facts:
        return not pieces
    lengths = list(accumulate(map(len, pieces)))
    if len(facts[0].words) not in lengths:
        return False
    taken = lengths.index(len(facts[0].words)) + 1
    return _fits(pieces[:taken], facts[0], (), None) and _tells(pieces[taken:], facts[1:])


def _fits(pieces: Sequence[Letters], fact: _Fact, used: tuple[range, ...], end: int | None) -> bool:
    """Whether the pieces cover the fact, breaking its order only between clauses; the last one ended at ``end``."""
    if not pieces:
        return end in fact.bounds
    for start in _places(pieces[0], fact.words):
        place = range(start, start + len(pieces[0]))
        free = all(place.stop <= other.start or other.stop <= place.start for other in used)
        goes_on = start in fact.bounds and (end is None or end in fact.bounds)
        if free and goes_on and _fits(pieces[1:], fact, (*used, place), place.stop):
            return True
    return False


__all__ = ["strange_piece"]
