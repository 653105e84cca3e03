"""Hostile text made printable, cut and measured. Every output format escapes again for its own syntax."""

from __future__ import annotations

import unicodedata

# Bidirectional controls and separators that change how surrounding text is shown (Unicode TR36).
_DANGEROUS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def printable(value: bytes | str) -> str:
    """Text without control, format or unassigned characters: those appear as ``\\xHH`` or ``\\uHHHH``.

    Bytes are read as UTF-8; bytes that are not UTF-8 appear as ``\\xHH``.
    """
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    if text.isascii() and text.isprintable():  # nearly all text, and a hundred times faster
        return text
    return "".join(_escape(char) if unicodedata.category(char) in _DANGEROUS else char for char in text)


def _escape(char: str) -> str:
    code = ord(char)
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


def defang(value: str) -> str:
    """An address, name or URL that nobody opens by mistake: ``203.0.113[.]5``, ``hxxp://…``."""
    head, dot, tail = value.rpartition(".")
    text = f"{head}[.]{tail}" if dot else value.replace("::", "[::]", 1) if "::" in value else value
    return text.replace("http", "hxxp", 1) if text.startswith("http") else text
