"""Help and complaints of the command line in Japanese. In: Click's English; out: lines for the terminal."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from functools import cache

import click

from kanaria.core.japanese import in_japanese
from kanaria.core.late_regex import late_regex
from kanaria.core.text import width
from kanaria.core.words import Language
from kanaria.report.wrapping import wrap

# What Click adds to the help of an option: "Output.  [default: text; required]".
_EXTRAS = late_regex(r"(?P<said>.*?)(?:  )?\[(?P<extras>[^\]]+)\]", re.DOTALL)
_EXAMPLE = "Example: "
_CUT = "..."


@contextlib.contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Click writes its help in that language inside the block."""
    before = click.Context.formatter_class
    click.Context.formatter_class = JapaneseFormatter if language == "ja" else before
    try:
        yield
    finally:
        click.Context.formatter_class = before


class JapaneseFormatter(click.HelpFormatter):
    """Writes what Click would write in English; lines end where Japanese typography lets them."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, "使い方: ")

    def write_heading(self, heading: str) -> None:
        super().write_heading(in_japanese(heading))

    def write_text(self, text: str) -> None:
        margin = " " * self.current_indent
        paragraphs = [in_help(paragraph) for paragraph in text.split("\n\n")]
        self.write(
            "\n\n".join("\n".join(map(str.rstrip, wrap(one, self.width, margin, margin))) for one in paragraphs) + "\n"
        )

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        rows = list(rows)
        first = min(max((width(name) for name, _ in rows), default=0), col_max) + col_spacing
        margin = " " * (self.current_indent + first)
        for name, description in rows:
            begin = " " * self.current_indent + name
            if width(name) > first - col_spacing:
                self.write(begin + "\n")
                begin = margin
            begin += " " * (len(margin) - width(begin))
            self.write("\n".join(map(str.rstrip, wrap(in_help(description), self.width, begin, margin))) + "\n")


def in_help(text: str) -> str:
    """One paragraph of help in Japanese, with what Click adds to it."""
    english_text = " ".join(text.split())
    if english_text.startswith(_EXAMPLE):
        return f"例: {english_text.removeprefix(_EXAMPLE)}"
    words = _help()
    if english_text in words:
        return words[english_text]
    if english_text.endswith(_CUT):  # Click cuts what it says of a command to one line
        whole = [japanese for english, japanese in words.items() if english.startswith(english_text.removesuffix(_CUT))]
        return whole[0].partition("。")[0] + "。" if whole else english_text
    match = _EXTRAS.fullmatch(english_text)
    if match:
        extras = "; ".join(in_japanese(one) for one in match["extras"].split("; "))
        return " ".join(filter(None, (match["said"] and in_help(match["said"]), f"[{extras}]")))
    short = next(
        (japanese for english, japanese in words.items() if english.split(".")[0] == english_text.rstrip(".")), None
    )
    return short or in_japanese(english_text)


@cache
def _help() -> dict[str, str]:
    from kanaria.app.commands.japanese.help_words import HELP

    return HELP


def complaint(error: click.ClickException, language: Language) -> str:
    """What is wrong with the command line, below how it is used."""
    message = error.format_message()
    context = error.ctx if isinstance(error, click.UsageError) else None
    lines = []
    if context is not None:
        lines.append(context.get_usage())
        if context.help_option_names:
            page = f"{context.command_path} {context.help_option_names[-1]}"
            lines.append(_in_language(f"Try '{page}' for help.", language))
        lines.append("")
    return "\n".join([*lines, _in_language(f"Error: {message}", language)])


def _in_language(message: str, language: Language) -> str:
    return in_japanese(message) if language == "ja" else message
