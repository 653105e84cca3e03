r"""How one character may be spelled in a record: expressions for Hyperscan, derived from what the decoders undo.

In: nothing. Out: pieces of expressions. A decoder (``escapes``, ``payload_decode``) turns ``\u006d``, ``%256d``,
``&#109;``, ``\x5Cu006d`` or ``bWV0`` back into letters; who looks for a word before decoding has two ways to meet it:
all its letters stand there as they are, or at least one is spelled, and then one of ``SPELLED`` matches. The property
test in ``tests/mining/test_nomination.py`` holds both ways to the decoders.
"""

from __future__ import annotations

import base64

# Hexadecimal of a letter or a digit, of which methods and members are made.
_LETTER = rb"(?:4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])"
_LETTER_OR_DIGIT = rb"(?:3[0-9]|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])"
# One of the marks escapes begin with (% \ & #), itself escaped. Two of them are everyday sights in URLs and JSON logs
# (& and %): those count only in front of what they would begin.
_HIDDEN_BACKSLASH = rb"(?:%(?:25){0,9}5c|\\x5c|u005c|\\134|&#(?:92|x5c);|#5c|&bsol;)"
_HIDDEN_PERCENT = rb"(?:\\x25|u0025|\\045|&#(?:37|x25);|&percnt;|#25)"
_HIDDEN_AMPERSAND = rb"(?:\\x26|u0026|\\046|%(?:25){0,9}26|&(?:amp|#38|#x26);|#26)"
_HASH = rb"(?:#|\\x23|u0023|\\043|%(?:25){0,9}23|&num;|&#35;|&#x23;)"

SPELLED: tuple[bytes, ...] = (
    rb"%(?:25){0,9}" + _LETTER_OR_DIGIT,
    rb"%(?:25){0,9}u00[2-7]",
    rb"\\u\{?00[2-7]",
    rb"\\x" + _LETTER_OR_DIGIT,
    rb"\\(?:0[67]|1[0-7])[0-7]",
    rb"&#(?:x[0-9a-f]|[0-9]{2})",
    _HIDDEN_AMPERSAND + rb"(?:amp;)*\x5c*" + _HASH,
    rb"&(?:amp;)*\x5c*" + _HASH + rb"(?:x|[0-9]|[%\x5c&])",
    _HIDDEN_BACKSLASH,
    _HIDDEN_PERCENT,
    rb"#(?:[%\x5c&]|" + _LETTER + rb")",
)
r"""At least one letter, digit or mark is written as an escape: ordinary clients do not (RFC 3986 §2.3 for URLs)."""

# What stands between a member's name and its value: signs and digits as they are, or any of their escapes. A letter
# ends it, so that ``"method":"GET"`` of an access log is left in three steps.
_ESCAPED = (
    rb"\\+[a-z]|x[0-9a-f]{2}|u[0-9a-f]{4}|[0-7][a-f]|"
    rb"(?:quot|apos|amp|colon|comma|num|bsol|percnt|tab|newline|nbsp|sp|lbrace|lcub|lbrack|lsqb);"
)
ATOM = rb"(?:[^a-z]|" + _ESCAPED + rb")"
_QUOTE = rb"[\x22'%&#\x5c]"
NAME_VALUE = _QUOTE + ATOM + rb"*"
"""Between a name and the letters of its value: closing quote, colon, blanks, opening quotes, however spelled."""
NAME_ENDS = _QUOTE + rb"(?:[^a-z:]|" + _ESCAPED + rb")*(?::|3a|072|#58;|colon;)"
"""Behind the name of a member: its closing quote and the colon, however spelled."""


def base64_forms(word: bytes) -> tuple[bytes, ...]:
    """The characters that stand for the word in base64 whatever stands before and behind it (three alignments)."""
    forms = []
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + word)
        forms.append(coded[-(-8 * shift // 6) : 8 * (shift + len(word)) // 6])
    return tuple(forms)


def in_base64(word: bytes) -> bytes:
    """An expression for the word in base64, in either alphabet, its slashes escaped or not; case counts."""
    return b"|".join(_either_alphabet(form) for form in base64_forms(word))


def twice_in_base64(word: bytes) -> bytes:
    """The same for base64 of base64."""
    return b"|".join(_either_alphabet(outer) for form in base64_forms(word) for outer in base64_forms(form))


# How the name of a member ends: its quote and what may follow it, a zero byte (UTF-16) and marks of escapes included.
KEY_ENDS = (b'":', b'" ', b'"\t', b'"\n', b'"\r', b'"\0', b'"\\', b'"%', b'"&')
KEY_END_IN_HEXADECIMAL = rb"(?:[2-7][0-9a-f]){3}22(?:3a|20|09|0a|0d|00|5c|25|26)"
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def in_base64_by_bits(word: bytes) -> bytes:
    """The same for a word too short to fill characters: of those it shares with neighbours, the ones its bits allow."""
    return b"|".join(_characters(word, shift) for shift in range(3))


def _characters(word: bytes, shift: int) -> bytes:
    bits: list[int | None] = [None] * (8 * shift)
    bits += [byte >> place & 1 for byte in word for place in range(7, -1, -1)]
    first, groups = 8 * shift // 6, []
    for start in range(6 * first, len(bits), 6):
        wanted = (bits[start : start + 6] + [None] * 6)[:6]
        fits = [c for n, c in enumerate(_ALPHABET) if all(w in (None, n >> 5 - i & 1) for i, w in enumerate(wanted))]
        groups.append(b"[" + bytes(fits) + (b"_-" if fits[-1] in b"+/" else b"") + b"]")
    return b"".join(groups)


def _either_alphabet(form: bytes) -> bytes:
    return form.replace(b"+", b"[+-]").replace(b"/", rb"(?:\\?/|_|%2f)")


def in_hexadecimal(word: bytes) -> bytes:
    """The word in hexadecimal digits, which decoders read in unbroken runs; a letter that is marked is in ``SPELLED``.

    Room for marks between the digits made the whole search an eighth slower (28.6 against 24.8 ms for 24 MB).
    """
    return word.hex().encode()


def in_utf16(word: bytes) -> bytes:
    """The word with a zero byte between its letters."""
    return rb"\x00".join(b"\\x%02x" % byte for byte in word)


ZEROS = rb"(?:\\x00|%00|u0000|\\000|\\0|&#0;).{1,6}(?:\\x00|%00|u0000|\\000|\\0|&#0;)"
"""Two zero bytes a character apart, as logs write them: UTF-16."""
