"""Hostile text made printable, cut and measured. Every output format escapes again for its own syntax."""

from __future__ import annotations

import re
import unicodedata

from kanaria.core.late_regex import late_regex

# Bidirectional controls and separators that change how surrounding text is shown (Unicode TR36).
_DANGEROUS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


# Letters that show nothing or a blank though Unicode counts them as letters, marks or symbols: what it calls default
# ignorable (DerivedCoreProperties) without the format characters above, and the blank of Braille.
_INVISIBLE = late_regex(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


_COLOURS = late_regex(r"(?:\x1b|\\x1b|\\u001b|#033|\\033)\[[0-9;]*[A-Za-z]")


def without_colours(text: str) -> str:
    """Text without the colours of terminals, also where a logger has escaped them."""
    return _COLOURS.sub("", text)


def printable(value: bytes | str) -> str:
    """Text without control, format, invisible or unassigned characters: those appear as ``\\xHH`` or ``\\uHHHH``.

    Bytes are read as UTF-8; bytes that are not UTF-8 appear as ``\\xHH``.
    """
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    if text.isascii() and text.isprintable():  # nearly all text, and a hundred times faster
        return text
    if text.isprintable():
        return _INVISIBLE.sub(lambda match: _escape(match[0]), text)
    return "".join(
        _escape(char) if unicodedata.category(char) in _DANGEROUS or _INVISIBLE.match(char) else char for char in text
    )


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file's name that is no UTF-8 (PEP 383)
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def width(text: str) -> int:
    """Columns the text takes on a terminal: East Asian wide and full-width characters take two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def cut(text: str, columns: int) -> str:
    """The text cut by character to at most that many columns, with an ellipsis when something was left out."""
    if width(text) <= columns:
        return text
    kept, used = [], 0
    for char in text:
        used += width(char)
        if used > columns - 1:
            break
        kept.append(char)
    return "".join(kept) + "…"


_URL = late_regex(r"^([A-Za-z][A-Za-z0-9+.-]*:/*)([^/?#]*)(.*)$", re.DOTALL)
_SCHEME = late_regex(r"\b(h)tt(ps?)(?=:/)|\b(f)t(p)(?=:/)", re.IGNORECASE)
_IPV4 = late_regex(r"\d{1,3}(?:\.\d{1,3}){3}")


def defang(value: str) -> str:
    """An address, name or URL that nobody opens by mistake: ``203.0.113[.]5``, ``2001[:]db8::5``, ``hxxp://…``.

    The last dot of an IPv4 address as usual, every dot of a name (``evil.com.example.org`` holds more than one), the
    first colon of an IPv6 address; of a URL scheme and host, and the schemes in the rest.
    """
    if "://" not in value:
        return hide_host(value)
    scheme, host, rest = _URL.fullmatch(value).groups() if _URL.fullmatch(value) else ("", "", value)  # type: ignore[union-attr]
    return f"{hide_scheme(scheme)}{hide_host(host)}{hide_scheme(rest)}"


def hide_host(host: str) -> str:
    """A host, with a port or user name or without, that no program turns into a link."""
    user, at, place = host.rpartition("@")
    name, colon, port = place.rpartition(":")
    if not (colon and port.isdigit() and (":" not in name or name.endswith("]"))):
        name, colon, port = place, "", ""
    if _IPV4.fullmatch(name):
        hidden = "[.]".join(name.rsplit(".", 1))
    elif ":" in name:
        hidden = name.replace(":", "[:]", 1).replace(".", "[.]")
    else:
        hidden = name.replace(".", "[.]")
    return f"{user.replace('.', '[.]')}{at}{hidden}{colon}{port}"


_LINK = late_regex(r"""(?<![A-Za-z0-9])([A-Za-z][A-Za-z0-9+.-]{0,30}://)([A-Za-z0-9._~%!$&*+=:@\[\]-]+)""")
_WWW = late_regex(r"(?<![A-Za-z0-9.])(www)(\.[A-Za-z0-9.\[\]-]*)")
_DOTS = late_regex(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){2})(?:\.|\[\.\])(\d{1,3})(?![\d.])|(?<!\[)\.(?!\]|$)")
"""The last dot of an IPv4 address, hidden or not; else a dot that is not hidden."""


def hide_links(text: str) -> str:
    """A text, as a report says it, in which no program finds a link: of every URL in it the scheme of the web and the
    dots of the host are written as ``defang`` writes them. What is hidden already stays as it is."""
    if "://" not in text and "www." not in text:
        return text
    for pattern in (_LINK, _WWW):
        text = pattern.sub(lambda m: m[1] + _DOTS.sub(_hidden_dot, m[2]), hide_scheme(text))
    return text


def _hidden_dot(found: re.Match[str]) -> str:
    return f"{found[1]}[.]{found[2]}" if found[1] else "[.]"


def hide_scheme(text: str) -> str:
    """``http`` and ``ftp`` before a colon and slash as ``hxxp`` and ``fxp``, wherever they stand."""
    return _SCHEME.sub(lambda m: f"{m[1]}xx{m[2]}" if m[1] else f"{m[3]}x{m[4]}", text)


def decimal(text: str, most: int = 18) -> int | None:
    """The number that ASCII digits write, at most so many of them; None for everything else.

    ``isdigit`` takes ``²`` too, of which ``int`` makes nothing, and ``int`` takes no more than 4,300 digits.
    """
    return int(text) if len(text) <= most and text.isascii() and text.isdigit() else None
