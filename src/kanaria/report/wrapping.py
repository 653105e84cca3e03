"""Text cut into lines of at most so many display columns, for a terminal.

Latin text breaks at spaces; Japanese between characters, but as Japanese typography has it (JIS X 4051): no closing
mark or small kana begins a line, no opening bracket ends one, a number stays with its unit, a word in katakana whole.
A command between backticks stays on one line, to be copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kanaria.core.late_regex import late_regex
from kanaria.core.text import hide_links, width

_NOT_FIRST = "、。，．)）」』】〉》〕！？・ー…‥々〜,.)]:;%ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
_NOT_LAST = "「『【〈《（〔([×÷約第"
_TOKENS = late_regex(r" +|`[^`]{1,70}`|[ァ-ヺー]+|[^\s\u1100-\U0003ffff]+|.", re.DOTALL)
# A longer run in katakana is no single word any more; it may also take no more than a quarter of a narrow line.
LONGEST_WORD = 12


def wrap(text: str, columns: int, first: str = "", rest: str = "") -> Iterator[str]:
    """The text in lines, without links; ``first`` and ``rest`` stand at the beginning of the first line and of all
    others."""
    text = hide_links(text)
    line, indent = first, first
    for word in _words(text, max(1, min(LONGEST_WORD, columns // 4))):
        if width(line) + width(word.rstrip()) > columns and line != indent:
            yield line
            line = indent = rest
            word = word.lstrip()
        line += word
    yield line


def _words(text: str, longest: int) -> Iterator[str]:
    """Pieces that may be separated, spaces at their ends."""
    piece = ""
    for token in _pieces(text, longest):
        if piece and not _together(piece, token):
            yield piece
            piece = ""
        piece += token
    if piece:
        yield piece


def _pieces(text: str, longest: int) -> Iterator[str]:
    for token in _TOKENS.findall(text):
        if len(token) > longest and width(token[0]) == 2:
            yield from token
        else:
            yield token


def _together(piece: str, token: str) -> bool:
    """Whether no line may end between the two."""
    last, first = piece[-1], token[0]
    if first == " ":
        return True
    if last == " ":
        return token in ("%", "%.", "%,", "%;")  # "72.5 %" is one thing
    if first in _NOT_FIRST:
        return True
    if last in _NOT_LAST:
        return first not in _NOT_LAST
    wide = width(last) == 2, width(first) == 2
    return not any(wide) or (last.isdigit() and not wide[0])
