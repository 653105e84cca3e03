"""Undo what attackers wrap around a command: hostile text in, plain text out, in bounded time.

Every layer is one linear pass of a regular expression; layers are repeated until nothing changes or ``ROUNDS`` is
reached, and no text grows beyond ``LIMIT`` characters. Text that was hidden (base64, shell quoting) is appended on a
line of its own, so that the original stays readable.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from kanaria.core.late_regex import late_regex

LIMIT = 16_384
"""Longest text looked at, in characters: web servers accept request lines of 8 KiB by default (nginx, Apache)."""
ROUNDS = 6
"""Layers undone. Real payloads nest three (URL in base64 in JNDI); the rest is reserve against deeper wrapping."""
_PIECES = 24
"""Base64 tokens tried per text, so that a line made of thousands of them stays cheap."""
_TOKEN = 4_096
_LOOKUPS = 64

_PERCENT = late_regex(r"%u00([0-9a-fA-F]{2})|%u([0-9a-fA-F]{4})")
_ENTITY = late_regex(r"&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_ESCAPE = late_regex(r"\\+u\{?([0-9a-fA-F]{4})\}?|\\x([0-9a-fA-F]{2})|\\([01][0-7]{2})")
_SIMPLE = late_regex(r"\\([\"'/])")
_CHARS = late_regex(r"(?:chr|toString|fromCharCode|char)\(((?:\d{1,3}\s*,\s*){0,2000}\d{1,3})\)", re.IGNORECASE)
_LOOKUP = late_regex(r"\$\{([^${}]*)\}")
_BASE64 = late_regex(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = late_regex(r"(?<![0-9a-fA-F])(?:[0-7][0-9a-fA-F]){16,}(?![0-9a-fA-F])")
_SPACES = late_regex(r"\$\{IFS[^}]{0,12}\}|\$IFS(?:\$\d)?|\t")
_JOINS = late_regex(r"(['\"])\s{0,4}[+.]?\s{0,4}\1|\$[@*]|\$\{@\}")
_QUOTED = late_regex(
    r"(?<=[a-z/])(['\"])([a-z]{1,12})\1(?=[a-z/]|\b)|(?<![\w=:,(])(['\"])([a-z]{1,12})\3(?=[a-z])", re.I
)
_SLASHED = late_regex(r"(?<=[a-z/])\\(?=[a-z])", re.IGNORECASE)
_BRACES = late_regex(r"\{((?:curl|wget|sh|bash|echo|base64|rm|chmod),[^{}]{1,400})\}", re.IGNORECASE)
_VERBS = late_regex(r"\b(?:curl|wget|bash|sh|fetch|chmod|powershell|python3?|perl|php|busybox|tftp|nohup)\b", re.I)


# The letters of Cyrillic and Greek that fonts draw as Latin ones (Unicode's confusables, single letters).
_LATIN = str.maketrans(
    "аеорсухіјѕԁһӏАВЕКМНОРСТХІЈЅοαρνκτιΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeopcyxijsdhlABEKMHOPCTXIJSoapvktiABEZHIKMNOPTYX"
)
_UNSEEN = dict.fromkeys((0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF, 0xAD))
_MIXED = late_regex(r"[^\W\d_]*[A-Za-z][^\W\d_]*")


@lru_cache(maxsize=512)  # scanners repeat themselves; 512 texts of at most 16 KiB stay below 20 MB
def decode(text: str) -> str:
    """The text with every layer undone; what was hidden inside base64 or shell quoting follows on its own lines."""
    plain = _peel(text[:LIMIT])
    lines = [plain]
    for hidden in (*_hidden(plain), _folded(plain)):
        if hidden not in lines:
            lines.append(hidden)
    for line in list(lines):
        unquoted = _shell(line)
        if unquoted != line and len(_VERBS.findall(unquoted)) >= len(_VERBS.findall(line)) and _VERBS.search(unquoted):
            lines.append(unquoted)
    return "\n".join(lines)[:LIMIT]


def _folded(text: str) -> str:
    """The text with letters that only look Latin as what they look like, in words that have Latin ones too, and without
    what cannot be seen."""
    if text.isascii():
        return text
    return _MIXED.sub(lambda match: match[0].translate(_LATIN), text.translate(_UNSEEN))


def _peel(text: str) -> str:
    for _ in range(ROUNDS):
        before = text
        if " " not in text:
            text = spaced(text)
        text = _lookups(_characters(_escapes(_entities(_percent(text)))))[:LIMIT]
        if text == before:
            break
    return text


def _percent(text: str) -> str:
    """URL-decoding, with ``%uXXXX``."""
    if "%" not in text:
        return text
    text = _PERCENT.sub(lambda match: chr(int(match[1] or match[2], 16)), text)
    return unquote_to_bytes(text).decode("utf-8", "replace") if "%" in text else text


def spaced(text: str) -> str:
    """A query or form with ``+`` as space: not where ``%20`` says that the sender writes spaces differently, and not
    inside base64 that decodes, where it is a digit of the alphabet."""
    if "+" not in text or "%20" in text:
        return text
    kept = {match[0] for match in _BASE64.finditer(text) if "+" in match[0] and _decode_token(match[0])}
    if not kept:
        return text.replace("+", " ")
    return _BASE64.sub(lambda match: match[0] if match[0] in kept else match[0].replace("+", " "), text)


def _entities(text: str) -> str:
    return _ENTITY.sub(_entity, text) if "&" in text else text


def _entity(match: re.Match[str]) -> str:
    if match[3]:
        return _NAMED[match[3]]
    code = int(match[1], 16) if match[1] else int(match[2])
    return chr(code) if code < 0xD800 or 0xE000 <= code <= 0x10FFFF else "\ufffd"


def _escapes(text: str) -> str:
    """JSON, Java and shell escapes: ``\\uXXXX``, ``\\xHH``, three-digit octal, escaped quotes."""
    if "\\" not in text:
        return text
    return _SIMPLE.sub(r"\1", _ESCAPE.sub(_escape, text))


def _escape(match: re.Match[str]) -> str:
    code = int(match[1] or match[2], 16) if match[1] or match[2] else int(match[3], 8)
    return chr(code) if not 0xD800 <= code < 0xE000 else "\ufffd"


def _characters(text: str) -> str:
    """``chr(99)``, ``Character.toString(99)``, ``fromCharCode(99,117)``: numbers to letters."""
    if "(" not in text:
        return text
    return _CHARS.sub(lambda match: "".join(chr(int(n)) for n in match[1].split(",") if int(n) < 256), text)


def _lookups(text: str) -> str:
    """Log4j lookups that only hide letters: ``${lower:j}``, ``${::-j}``, ``${env:X:-j}``, from the inside out."""
    for _ in range(_LOOKUPS):
        resolved = _LOOKUP.sub(_lookup, text)
        if resolved == text:
            break
        text = resolved
    return text


def _lookup(match: re.Match[str]) -> str:
    body = match[1]
    kind, colon, value = body.partition(":")
    if kind.lower() in {"jndi", "ifs"} or not colon:
        return match[0]
    if kind.lower() in {"lower", "upper"}:
        return value.lower() if kind.lower() == "lower" else value.upper()
    if kind.lower() == "base64":
        return _decode_token(value) or match[0]
    if ":-" in body:
        return body.rpartition(":-")[2]
    return value.strip("'") if kind.lower() == "date" and value.startswith("'") else match[0]


def _hidden(text: str, depth: int = 2) -> list[str]:
    """What the base64 tokens of the text say, each peeled in turn; tokens that are no text are left out."""
    texts: list[str] = []
    for match in list(_HEX.finditer(text))[:_PIECES]:
        plain = _readable(bytes.fromhex(match[0][:_TOKEN]))
        if plain:
            texts.append(plain)
    for match in list(_BASE64.finditer(text))[:_PIECES]:
        for plain in _readings(match[0][:_TOKEN]):
            peeled = _peel(plain)
            texts.append(peeled)
            if depth > 1:
                texts.extend(_hidden(peeled, depth - 1))
    return texts


def _readings(token: str) -> list[str]:
    """A token may be base64 itself, or a path one of whose parts is (``/Basic/Command/Base64/KGN1…``)."""
    whole = _decode_token(token)
    if whole:
        return [whole]
    parts = [part for part in token.split("/")[:_PIECES] if len(part) >= 12] if "/" in token else []
    tail = token.lower().partition("base64/")[2]
    if tail:
        parts.append(token[len(token) - len(tail) :])
    return [plain for plain in map(_decode_token, parts) if plain]


def _decode_token(token: str) -> str | None:
    """The printable text that base64 token stands for, or None. A cut token is read as far as it goes."""
    bare = token.rstrip("=").replace("-", "+").replace("_", "/")
    bare = bare[:-1] if len(bare) % 4 == 1 else bare
    if len(bare) < 8:
        return None
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return _readable(data)


def _readable(data: bytes) -> str | None:
    """ASCII text, also when it is UTF-16 as PowerShell's ``-EncodedCommand`` takes it; None for anything else."""
    if len(data) >= 8 and not any(data[1::2]):
        data = data[::2]
    if not data.isascii() or sum((byte < 0x20 and byte not in b"\t\r\n") or byte == 0x7F for byte in data):
        return None
    return data.decode("ascii")


def _shell(text: str) -> str:
    """The line as a shell would read it: field separators as blanks, quotes and backslashes inside words gone."""
    text = _BRACES.sub(lambda match: match[1].replace(",", " "), _SPACES.sub(" ", text))
    return _SLASHED.sub("", _QUOTED.sub(lambda match: match[2] or match[4], _JOINS.sub("", text)))
