"""Indicators out of plain text: lists, mails and copied tables, defanged in any of the usual ways.

Takes text; returns candidates with type, value and the words beside them. ``203.0.113[.]5``, ``hxxp://…``, ``(dot)``,
``[:]`` and full-width forms are understood. A live value counts only where a line begins with it: links in prose are
references, not indicators; a defanged value counts anywhere, because nobody defangs a reference.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterator

from kanaria.core.late_regex import late_regex
from kanaria.core.network import parse_address
from kanaria.core.values import dataclass

# Stand-ins (private use, so never in a value) that remember where a dot, colon or slash had been hidden.
_DOT, _COLON, _AT, _SLASH = "\ue000", "\ue001", "\ue002", "\ue003"
_MARKS = {_DOT: ".", _COLON: ":", _AT: "@", _SLASH: "://"}
_HIDDEN = (
    (late_regex(r"\s?[\[({<]\s*:\s*//\s*[\])}>]\s?"), _SLASH),
    (late_regex(r"\s?[\[({<]\s*(?:\.|dot|ドット)\s*[\])}>]\s?", re.IGNORECASE), _DOT),
    (late_regex(r"\[\.|\.\]|\\\."), _DOT),
    (late_regex(r"\s?[\[({<]\s*(?::|colon)\s*[\])}>]\s?", re.IGNORECASE), _COLON),
    (late_regex(r"\s?[\[({<]\s*(?:@|at)\s*[\])}>]\s?", re.IGNORECASE), _AT),
    # The ideographic full stop that a Japanese keyboard types for a dot; between letters it ends no sentence.
    (late_regex(r"(?<=[0-9A-Za-z])[。｡](?=[0-9A-Za-z])"), _DOT),
)
_HIDDEN_SCHEME = late_regex(r"\b(?:h(?:xx|XX|\*\*|tt)[pP]([sS]?)|f[xX][pP])(?=:|\ue001|\ue003)")
_SEPARATORS = late_regex(r"[\s,;\"'`<>|(){}\[\]、「」『』【】]+|(?<![0-9A-Za-z])。|。(?![0-9A-Za-z])")
_BULLET = late_regex(r"^\s*(?:[-*•・‣]\s+|\d{1,3}[.)]\s+)")
_COMMENT = late_regex(r"^\s*(?:#|;|//)\s?")
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME = late_regex(rf"(?:{_LABEL}\.)+(?!-)(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{2,59}})", re.IGNORECASE)
_URL = late_regex(r"(?:https?|ftp|wss?|stratum\+(?:tcp|ssl))://[^\s]+", re.IGNORECASE)
HASH = late_regex(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")  # MD5, SHA-1, SHA-256
# Endings of file names that are top level domains too, or look like one: alone they name a file.
_FILE_ENDINGS = frozenset(
    (
        "sh py pl zip js php html htm exe dll txt json yaml yml conf cfg log md csv xml gz tar bin so jar ps1 bat elf"
        " service"
    ).split()
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A value as it is compared (lower case names, canonical addresses), and the words beside it."""

    type: str
    value: str
    comment: str | None = None


def refang(text: str) -> str:
    """The text with every hidden dot, colon, at sign and scheme restored, in half-width characters."""
    return _plain(_marked(text))


def classify(text: str) -> Candidate | None:
    """What one value is: an address (with or without port), a URL or a name; None for anything else."""
    value = text.strip().rstrip(".,!?")
    if HASH.fullmatch(value):
        return Candidate(type="hash", value=value.lower())
    if "://" not in value:
        value = value.lstrip(".*").rstrip("/*")
        value = value if value.endswith("::") else value.rstrip(":")
    if _URL.fullmatch(value):
        scheme, rest = value.split("://", 1)
        host, slash, path = rest.partition("/")
        return Candidate(type="url", value=f"{scheme.lower()}://{host.lower()}{slash}{path}")
    address = _address(value)
    if address:
        return Candidate(type=f"ipv{address.version}", value=str(address))
    name = value.lower()
    head, colon, port = name.rpartition(":")
    name = head if colon and port.isdigit() else name
    if len(name) <= 253 and _NAME.fullmatch(name):
        return Candidate(type="domain", value=name)
    return None


def candidates(text: str) -> Iterator[Candidate]:
    """Every indicator of a text with its comment, once per line it stands on.

    The comment is the rest of its line; else the nearest ``#`` line above; else the first other line below a group of
    values, as in tables copied out of a page.
    """
    heading: str | None = None
    group: list[Candidate] = []
    for raw in text.splitlines():
        line = _marked(raw)
        if not line.strip():
            continue
        commented = _COMMENT.match(line)
        values, rest = _of_line(line[commented.end() :] if commented else line, only_hidden=bool(commented))
        if values:
            given = rest or heading
            group += [Candidate(type=c.type, value=c.value, comment=given) for c in values]
            continue
        below = _plain(line).strip() if not commented else None
        yield from (_with(candidate, below) for candidate in group)
        group = []
        heading = _plain(line[commented.end() :]).strip() or None if commented else None
    yield from group


def _with(candidate: Candidate, comment: str | None) -> Candidate:
    return candidate if candidate.comment else Candidate(type=candidate.type, value=candidate.value, comment=comment)


def _of_line(line: str, *, only_hidden: bool) -> tuple[list[Candidate], str | None]:
    """The values of a line and its remaining words. Live values count only at the front, before the first word."""
    body = _BULLET.sub("", line)
    values: list[Candidate] = []
    rest = body
    front = not only_hidden
    for token in filter(None, _SEPARATORS.split(body)):
        hidden = any(mark in token for mark in _MARKS) or bool(re.match(r"h(?:xx|\*\*)p|fxp", token, re.IGNORECASE))
        candidate = classify(_plain(token)) if hidden or front else None
        if (
            candidate
            and candidate.type == "domain"
            and not hidden
            and candidate.value.rsplit(".", 1)[1] in _FILE_ENDINGS
        ):
            candidate = None
        if candidate:
            values.append(candidate)
            rest = rest.replace(token, " ", 1)
        else:
            front = False
    words = re.sub(r"\s+", " ", _plain(rest)).strip(" \t,;:#-–—|/()[]<>、。「」\"'")
    return values, words or None


def _marked(text: str) -> str:
    """Half-width text in which hidden characters are stand-ins."""
    marked = unicodedata.normalize("NFKC", "".join(char for char in text if char not in _MARKS))
    for pattern, mark in _HIDDEN:
        marked = pattern.sub(mark, marked)
    return _HIDDEN_SCHEME.sub(_scheme, marked)


def _scheme(match: re.Match[str]) -> str:
    """``hxxps`` stays recognisable as hidden until ``_plain``; here only spelling variants become one."""
    text = match[0]
    if text.lower().startswith("http"):
        return text
    return "fxp" if text.lower().startswith("fxp") else "hxxp" + (match[1] or "").lower()


def _plain(text: str) -> str:
    plain = "".join(_MARKS.get(char, char) for char in text)
    return re.sub(r"\bhxxp(?=s?:)", "http", re.sub(r"\bfxp(?=:)", "ftp", plain))


def _address(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address of ``203.0.113.5``, ``203.0.113.5:3333``, ``2001:db8::1`` or ``[2001:db8::1]:443``."""
    bare = value[1:].partition("]")[0] if value.startswith("[") else value
    head, colon, port = bare.rpartition(":")
    if colon and port.isdigit() and head.count(".") == 3:
        bare = head
    return parse_address(bare) if "%" not in bare else None
