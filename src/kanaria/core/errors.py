"""Every error Kanaria raises on purpose, as one tree.

A message says what was expected, what came, and the likely cause. Errors about content carry a place. Errors of other
libraries are translated at the seam where the library is called, with ``raise … from``.
"""

from __future__ import annotations

import reprlib

from kanaria.core.extras import install_command
from kanaria.core.text import cut
from kanaria.core.words import Language, Text

MAY_READ = "run as a user who may read it, often by joining the group adm"


class KanariaError(Exception):
    """Anything a user can cause or fix; the command line prints it without a traceback and exits 2.

    ``parts``, where there are any, are its place, what was expected, what came, and the likely cause.
    """

    parts: tuple[str, str, str, str] | None = None

    def to(self, language: Language) -> str:
        """The message in that language; ``str(error)`` is the English one."""
        from kanaria.core.japanese import in_japanese

        if language == "en":
            return str(self)
        return in_japanese(str(self)) if self.parts is None else _japanese_sentence(*self.parts)

    @property
    def text(self) -> Text:
        """The message in every language."""
        return Text(en=self.to("en"), ja=self.to("ja"))


def sentence_in_japanese(message: str) -> str:
    """The English message of an error, as it is kept, in Japanese; anything else as a quotation."""
    from kanaria.core.japanese import in_japanese, quoted

    place, colon, rest = message.partition(": expected ")
    expected, semicolon, got = rest.partition("; got ")
    if not (colon and semicolon):
        return quoted(message)
    before, cause = (got, "") if in_japanese(got) != got else _apart(got)
    return _japanese_sentence(place, expected, before, cause)


def _apart(text: str) -> tuple[str, str]:
    """What came, and the likely cause in brackets behind it: one that has Japanese, else the last."""
    from kanaria.core.japanese import in_japanese

    inner = text.removesuffix(")")
    starts = [place for place in range(len(inner)) if inner.startswith(" (", place)] if inner != text else []
    translated = (at for at in starts if in_japanese(inner[at + 2 :]) != inner[at + 2 :])
    at = next(translated, starts[-1] if starts else len(text))
    return text[:at], inner[at + 2 :] if starts else ""


def _japanese_sentence(place: str, expected: str, got: str, cause: str) -> str:
    from kanaria.core.japanese import DEEPEST, in_japanese, quoted

    if got[:1] == got[-1:] == "'" and (translated := in_japanese(got[1:-1], deep=DEEPEST)) != got[1:-1]:
        got = translated  # settings are shown as they were written; what stands for one is words of ours
    because = f"({quoted(cause)})" if cause else ""
    return f"{place}: 必要なもの: {in_japanese(expected)}。実際: {quoted(got)}{because}"


def system_words(error: Exception) -> str:
    """What the system says of an error, without Python's number for it and without the file, which the place names."""
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


def in_words(error: KanariaError | OSError, place: str = "") -> Text:
    """What went wrong, in every language; of the system's errors what the system says of ``place``."""
    from kanaria.core.japanese import quoted

    if isinstance(error, KanariaError):
        return error.text
    place = place or str(error.filename or "")
    words, before = system_words(error), f"{place}: " if place else ""
    out, way_out = ("", "") if not isinstance(error, PermissionError) else (f" ({MAY_READ})", f"({quoted(MAY_READ)})")
    return Text(en=f"{before}{words}{out}", ja=f"{before}{quoted(words)}{way_out}")


class ConfigError(KanariaError):
    """A setting is wrong: ``path`` is the file, ``key`` the setting in it, on ``line`` when that is known."""

    def __init__(
        self, *, path: str, key: str, expected: str, got: object, cause: str = "", line: int | None = None
    ) -> None:
        self.path, self.key, self.expected, self.got, self.line = path, key, expected, got, line
        place = path if line is None else f"{path}:{line}"
        self.parts = (f"{place}: {key}" if key else place, expected, _brief(got), cause)
        super().__init__(_sentence(*self.parts))


class RuleError(KanariaError):
    """A detection rule or knowledge file is wrong at ``file:line:column``."""

    def __init__(
        self, *, file: str, line: int | None = None, column: int | None = None, expected: str, got: str, cause: str = ""
    ) -> None:
        self.file, self.line, self.column = file, line, column
        self.expected, self.got, self.cause = expected, got, cause
        place = ":".join(str(part) for part in (file, line, column) if part is not None)
        self.parts = (place, expected, got, cause)
        super().__init__(_sentence(*self.parts))


class RecordError(KanariaError):
    """One record of an input cannot be read. Collected beside the good rows, never fatal."""

    def __init__(self, *, source: str, row: int, reason: str, raw: bytes = b"") -> None:
        self.source, self.row, self.reason, self.raw = source, row, reason, raw
        super().__init__(f"{source}:{row}: {reason}")


class SourceError(KanariaError):
    """An input cannot be opened or went away. ``retry_after`` (seconds) says when trying again makes sense."""

    def __init__(
        self, *, source: str, expected: str, got: str, cause: str = "", retry_after: float | None = None
    ) -> None:
        self.source, self.retry_after = source, retry_after
        self.parts = (source, expected, got, cause)
        super().__init__(_sentence(*self.parts))


class StoreBusy(SourceError):
    """Another process has the store to itself for as long as it runs."""


class MissingExtra(KanariaError):
    """An optional dependency is needed for what was asked."""

    def __init__(self, *, package: str, extra: str, purpose: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"{purpose} needs the package {package}; install it with: {install_command(extra, package)}")


class UngroundedReport(KanariaError):
    """A written report makes claims that no evidence carries."""

    def __init__(self, *, claims: tuple[str, ...]) -> None:
        self.claims = claims
        super().__init__(f"{len(claims)} claims without evidence: " + "; ".join(claims[:3]))


class ActionError(KanariaError):
    """A response action failed; nothing was left half done."""


class ModelError(KanariaError):
    """A language model gave no usable answer. ``final``: asking it again makes no sense."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        self.final = final
        super().__init__(reason)


def _brief(value: object) -> str:
    """What came, shortened: aliases of a YAML file can stand for more than any memory holds."""
    return cut(_REPR.repr(value), 200)


_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother = 2, 160, 160


def _sentence(place: str, expected: str, got: str, cause: str) -> str:
    text = f"{place}: expected {expected}; got {got}"
    return f"{text} ({cause})" if cause else text
