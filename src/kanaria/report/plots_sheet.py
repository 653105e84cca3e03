"""All pictures of an incident on one sheet, each under its caption, for a ticket, a mail or the printer.

Takes the incident's ``Picture`` values and a heading; returns SVG text or PNG bytes of one figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kanaria.core.errors import ConfigError
from kanaria.core.types import Analysis, Incident, Language, Text
from kanaria.report import plots_style
from kanaria.report.plots import Picture, pictures
from kanaria.report.plots_style import WIDTH, Style, ThemeName, style

# Inches: room for the heading, for a caption and below a picture.
HEADING, CAPTION, GAP = 0.55, 0.28, 0.14
LEFT = 0.015
HEADING_COLUMNS = 96


def sheet(
    incident: Incident, analysis: Analysis, language: Language, *, png: bool = False, theme: ThemeName = "light"
) -> bytes:
    """One figure with every picture there is something to draw for.

    Raises MissingExtra without matplotlib, ConfigError when there is nothing to draw.
    """
    chosen = style(language, theme)
    drawn = list(pictures(incident, analysis, chosen.language))
    if not drawn:
        raise ConfigError(
            path="incident", key=incident.id, expected="findings with times, or numbers over time", got="neither",
            cause="the records of this incident carry no time",
        )  # fmt: skip
    heights = [_height(picture, chosen) for picture in drawn]

    def draw(figure: Any, style: Style) -> None:
        _draw(figure, style, incident.title, drawn, heights)

    return plots_style.png(draw, chosen) if png else plots_style.svg(draw, chosen).encode("utf-8")


class _Panel:
    """A part of the sheet that a picture may take for a figure of its own."""

    def __init__(self, part: Any, height: float) -> None:
        self._part = part
        self._height = height

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)

    def set_size_inches(self, _width: float, _height: float) -> None:
        """The size was settled when the sheet was laid out."""

    def get_size_inches(self) -> tuple[float, float]:
        return WIDTH, self._height


def _height(picture: Picture, chosen: Style) -> float:
    """How tall a picture wants to be, found by drawing it once."""
    heights: list[float] = []

    def measure(figure: Any, style: Style) -> None:
        picture.draw(figure, style)
        heights.append(float(figure.get_size_inches()[1]))

    plots_style.svg(measure, chosen)
    return heights[0]


def _draw(figure: Any, chosen: Style, title: Text, drawn: Sequence[Picture], heights: Sequence[float]) -> None:
    total = HEADING + sum(CAPTION + height + GAP for height in heights)
    figure.set_size_inches(WIDTH, total)
    top = total - HEADING * 0.6
    figure.text(LEFT, top / total, chosen.to(title, HEADING_COLUMNS), fontsize=12, weight="bold", va="center")
    ratios = [HEADING, *(part for height in heights for part in (CAPTION, height, GAP))]
    rows = figure.add_gridspec(len(ratios), 1, height_ratios=ratios, hspace=0, left=0, right=1, bottom=0, top=1)
    top = total - HEADING
    for number, (picture, height) in enumerate(zip(drawn, heights, strict=True)):
        caption = chosen.safe(picture.caption, HEADING_COLUMNS)
        figure.text(LEFT, (top - CAPTION / 2) / total, caption, fontsize=9, color=chosen.theme.soft, va="center")
        panel = figure.add_subfigure(rows[2 + 3 * number, 0], facecolor=chosen.theme.paper)
        picture.draw(_Panel(panel, height), chosen)
        top -= CAPTION + height + GAP
