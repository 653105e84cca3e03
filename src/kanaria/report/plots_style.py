"""What all pictures share: colours for light and dark paper, fonts that have the language, and deterministic files.

Takes a function that draws on a matplotlib figure; returns SVG text or PNG bytes, the same bytes for the same input.
Needs matplotlib (extra ``plot``). No font is ever fetched: without a Japanese one the labels are English, and
``Style.language`` says so.
"""

from __future__ import annotations

import importlib.util
import io
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal

from kanaria.core.errors import MissingExtra
from kanaria.core.folders import cache_folder
from kanaria.core.text import cut, printable
from kanaria.core.types import Language, Severity, Text
from kanaria.core.unfinished import remove_at_end
from kanaria.core.values import dataclass

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Colours of one kind of paper; the severities are those of the HTML report."""

    paper: str
    ink: str
    soft: str
    line: str
    band: str
    accent: str
    severities: Mapping[Severity, str]


THEMES: Mapping[ThemeName, Theme] = {
    "light": Theme(
        paper="#ffffff", ink="#1d2530", soft="#566273", line="#c4ccd6", band="#f3f5f8", accent="#8a6508",
        severities={"informational": "#2b6cb0", "low": "#2f855a", "medium": "#b7791f", "high": "#c05621", "critical": "#c53030"},
    ),
    "dark": Theme(
        paper="#12161c", ink="#e6e9ee", soft="#9aa6b5", line="#465162", band="#1b212a", accent="#e6b84c",
        severities={"informational": "#63b3ed", "low": "#68d391", "medium": "#ecc94b", "high": "#f6ad55", "critical": "#fc8181"},
    ),
}  # fmt: skip
# Shapes tell severities apart where print has no colour.
MARKERS: Mapping[Severity, str] = {"informational": "o", "low": "s", "medium": "D", "high": "^", "critical": "X"}

# Fonts that have Japanese, best first: what Linux distributions, macOS and Windows bring along.
JAPANESE_FONTS = (
    "Noto Sans CJK JP", "Noto Sans JP", "IPAexGothic", "IPAPGothic", "IPAGothic", "VL PGothic", "TakaoPGothic",
    "Source Han Sans JP", "BIZ UDPGothic", "Hiragino Sans", "Yu Gothic", "Meiryo", "MS Gothic",
)  # fmt: skip
LATIN_FONT = "DejaVu Sans"  # comes with matplotlib
WIDTH = 9.6  # inches; the text column of the HTML report is 8.7
SCREEN_DPI = 150
UNKNOWN = "�"

Draw = Callable[[Any, "Style"], None]


@dataclass(frozen=True)
class Style:
    """How to draw: the theme, the language the fonts can write, and the fonts."""

    theme: Theme
    language: Language
    fonts: tuple[str, ...]

    def to(self, text: Text, columns: int = 200) -> str:
        return self.safe(text.to(self.language), columns)

    def safe(self, text: str, columns: int = 200) -> str:
        """Text on one line that the fonts can show, cut to a display width; log text comes through here."""
        available = _characters(self.fonts)
        return cut("".join(char if ord(char) in available else UNKNOWN for char in printable(text)), columns)


def available() -> bool:
    """Whether pictures can be drawn at all."""
    return importlib.util.find_spec("matplotlib") is not None


def style(language: Language, theme: ThemeName = "light") -> Style:
    """The style for a language; English when Japanese was asked for and no font has it. Raises MissingExtra."""
    if not available():
        raise MissingExtra(package="matplotlib", extra="plot", purpose="drawing pictures")
    if "MPLCONFIGDIR" not in os.environ:
        os.environ["MPLCONFIGDIR"] = _fonts_listed_in()
    japanese = japanese_font() if language == "ja" else None
    if language == "ja" and japanese is None:
        language = "en"
    fonts = (japanese, LATIN_FONT) if japanese else (LATIN_FONT,)
    return Style(theme=THEMES[theme], language=language, fonts=fonts)


@cache
def _fonts_listed_in() -> str:
    """Where the list of fonts is kept: with what else is kept for the user, where there is such a folder or one was
    named; nobody asked to write into a home, so elsewhere it is made anew (0.2 s for 70 fonts)."""
    kept = cache_folder()
    if os.environ.get("XDG_CACHE_HOME") or kept.is_dir():
        return str(kept / "matplotlib")
    folder = tempfile.mkdtemp(prefix="kanaria-fonts-")
    remove_at_end(Path(folder))
    return folder


@cache
def japanese_font() -> str | None:
    """The first installed font that has Japanese, or None."""
    from matplotlib import font_manager

    name = _first_japanese()
    if name is None:  # the list of fonts is kept from run to run: one installed since then is not in it
        listed = {font.fname for font in font_manager.fontManager.ttflist}
        for path in sorted(set(font_manager.findSystemFonts()) - listed):
            with suppress(OSError, RuntimeError):  # what FreeType cannot read
                font_manager.fontManager.addfont(path)
        name = _first_japanese()
    return name


def _first_japanese() -> str | None:
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in JAPANESE_FONTS if name in installed), None)


@cache
def _characters(fonts: tuple[str, ...]) -> frozenset[int]:
    """Code points that at least one of the fonts has."""
    from matplotlib import font_manager

    paths = (font_manager.findfont(font_manager.FontProperties(family=name)) for name in fonts)
    return frozenset(code for path in paths for code in font_manager.get_font(path).get_charmap()) | {ord(UNKNOWN)}


def svg(draw: Draw, chosen: Style) -> str:
    """The picture as SVG without date, program name or random ids; glyphs are paths, so any viewer shows them."""
    return _saved(draw, chosen, "svg").decode("utf-8")


def darkened(text: str) -> str:
    """A picture drawn for light paper as it would have been drawn for dark paper; drawing twice takes twice as long."""
    pairs = dict(zip(_colours(THEMES["light"]), _colours(THEMES["dark"]), strict=True))
    return re.sub("#[0-9a-f]{6}", lambda match: pairs.get(match[0], match[0]), text)


def _colours(theme: Theme) -> list[str]:
    return [theme.paper, theme.ink, theme.soft, theme.line, theme.band, theme.accent, *theme.severities.values()]


def png(draw: Draw, chosen: Style) -> bytes:
    """The picture as PNG at 150 dots per inch."""
    return _saved(draw, chosen, "png")


def _saved(draw: Draw, chosen: Style, kind: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with _settings(chosen):
        figure = Figure(figsize=(WIDTH, 3.0), dpi=SCREEN_DPI)
        FigureCanvasAgg(figure)
        draw(figure, chosen)
        out = io.BytesIO()
        nameless = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
        figure.savefig(out, format=kind, metadata=nameless)
        return out.getvalue()


def _settings(chosen: Style) -> AbstractContextManager[None]:
    """matplotlib's settings for one picture. Dollar signs in log text are dollar signs, not formulas."""
    import matplotlib as mpl

    theme = chosen.theme
    settings: AbstractContextManager[None] = mpl.rc_context({
        "font.family": list(chosen.fonts), "font.size": 9, "text.parse_math": False, "axes.unicode_minus": False,
        "svg.hashsalt": "kanaria", "svg.fonttype": "path", "timezone": "UTC",
        "figure.facecolor": theme.paper, "savefig.facecolor": theme.paper, "axes.facecolor": theme.paper,
        "text.color": theme.ink, "axes.labelcolor": theme.soft, "axes.edgecolor": theme.line,
        "xtick.color": theme.soft, "ytick.color": theme.soft, "grid.color": theme.line, "grid.linewidth": 0.5,
        "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    })  # fmt: skip
    return settings


def time_axis(axes: Any) -> None:
    """Numeric dates, readable in both languages, in UTC."""
    from matplotlib import dates

    locator = dates.AutoDateLocator(minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        dates.ConciseDateFormatter(
            locator,
            formats=["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%H:%M:%S"],
            zero_formats=["", "%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M"],
            offset_formats=["", "", "", "%Y-%m-%d UTC", "%Y-%m-%d UTC", "%Y-%m-%d UTC"],
        )
    )
