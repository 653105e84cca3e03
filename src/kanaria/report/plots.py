"""The pictures of an incident: which can be drawn from what is known, each as SVG or PNG, for light and dark paper.

Takes an ``Incident``, the run around it, and a language; returns ``Picture`` values; drawing happens when one is asked
for its SVG or PNG. ``embedded`` gives what the HTML report shows, or nothing and the reason.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from kanaria.core.types import Analysis, Incident, Language, Series, Text
from kanaria.core.values import dataclass
from kanaria.report import plots_series, plots_style, plots_timeline
from kanaria.report.plots_style import Style, ThemeName, available, style
from kanaria.report.plots_words import CAPTIONS, NO_FONT, no_library
from kanaria.report.reading import series_of
from kanaria.report.similar import counts_around

# Drawing takes half a second an incident; the analysis lists the worst first.
INCIDENTS_PICTURED = 5
# Pictures of single connections: the first few tell what the rest repeat.
CONNECTIONS_SHOWN = 2
# Counts over one day say nothing that the timeline does not.
LEAST_DAYS = 3


@dataclass(frozen=True)
class Picture:
    """One picture. ``id`` is stable: timeline, counts, surprise, volume, messages; a number follows further ones."""

    id: str
    caption: str
    draw: Callable[[Any, Style], None]
    language: Language

    def svg(self, theme: ThemeName = "light") -> str:
        """SVG text; the same for the same incident. Raises MissingExtra without matplotlib."""
        return plots_style.svg(self.draw, style(self.language, theme))

    def png(self, theme: ThemeName = "light") -> bytes:
        """PNG bytes. Raises MissingExtra without matplotlib."""
        return plots_style.png(self.draw, style(self.language, theme))


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """A picture as the HTML report holds it: data addresses for both kinds of paper."""

    id: str
    caption: str
    light: str
    dark: str


def pictures(incident: Incident, analysis: Analysis, language: Language) -> Iterator[Picture]:
    """Every picture there is something to draw for, in the order a reader wants them."""
    if plots_timeline.drawable(incident):
        yield _picture("timeline", language, partial(_timeline, incident))
    counts = counts_around(incident, analysis)
    if len(counts) >= LEAST_DAYS:
        yield _picture("counts", language, partial(_counts, counts, incident))
    about = series_of(analysis, incident)
    for number, series in enumerate(s for s in about if s.kind == "surprise"):
        threshold = next((s for s in about if s.kind == "threshold" and s.device == series.device), None)
        yield _picture("surprise", language, partial(_surprise, series, threshold, incident), number)
    for number, series in enumerate([s for s in about if s.kind == "volume"][:CONNECTIONS_SHOWN]):
        normal = next((s for s in about if s.kind == "normal" and s.device == series.device), None)
        yield _picture("volume", language, partial(_volume, series, normal), number)
    for number, series in enumerate([s for s in about if s.kind == "messages"][:CONNECTIONS_SHOWN]):
        yield _picture("messages", language, partial(_messages, series), number)


def embedded(analysis: Analysis, language: Language) -> dict[str, tuple[Embedded, ...]]:
    """The pictures for an HTML page by incident id, of the worst incidents; none when matplotlib is missing."""
    if not available():
        return {}
    chosen = ((item, list(pictures(item, analysis, language))) for item in analysis.incidents if worth_drawing(item))
    drawable = (pair for pair in chosen if pair[1])
    return {
        item.id: tuple(_embedded(made) for made in drawn)
        for item, drawn in itertools.islice(drawable, INCIDENTS_PICTURED)
    }


def _embedded(made: Picture) -> Embedded:
    text = made.svg("light")
    return Embedded(id=made.id, caption=made.caption, light=_address(text), dark=_address(plots_style.darkened(text)))


def worth_drawing(incident: Incident) -> bool:
    """More than the background noise of the Internet."""
    return incident.severity != "informational"


def note(analysis: Analysis, language: Language) -> Text | None:
    """What a reader should know about the pictures: that they are missing, or that their labels are English."""
    if not any(worth_drawing(item) for item in analysis.incidents):
        return None
    if not available():
        return no_library()
    return no_font(language)


def no_font(language: Language) -> Text | None:
    """That pictures have English labels although another language was asked for. Raises MissingExtra."""
    return NO_FONT if style(language).language != language else None


def _address(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode("utf-8")).decode("ascii")


def _picture(kind: str, language: Language, draw: Callable[[Any, Style], None], number: int = 0) -> Picture:
    return Picture(f"{kind}{number + 1}" if number else kind, CAPTIONS[kind].to(language), draw, language)


def _timeline(incident: Incident, figure: Any, chosen: Style) -> None:
    plots_timeline.draw(figure, chosen, incident)


def _counts(counts: plots_series.Counts, incident: Incident, figure: Any, chosen: Style) -> None:
    plots_series.draw_counts(figure, chosen, counts, incident)


def _surprise(series: Series, threshold: Series | None, incident: Incident, figure: Any, chosen: Style) -> None:
    plots_series.draw_surprise(figure, chosen, series, threshold, incident)


def _volume(series: Series, normal: Series | None, figure: Any, chosen: Style) -> None:
    plots_series.draw_volume(figure, chosen, series, normal)


def _messages(series: Series, figure: Any, chosen: Style) -> None:
    plots_series.draw_messages(figure, chosen, series)
