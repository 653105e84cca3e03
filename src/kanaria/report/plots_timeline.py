"""The timeline of an incident as a picture: a lane per stage, time to the right, a labelled marker per model.

Draws an ``Incident`` on a figure. Findings of one model on one device are one marker at the first of
them, with a bar to the last and a tick for each; labels move to rows of their own rather than overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

from kanaria.core.plural import fill
from kanaria.core.types import SEVERITIES, Finding, Incident, Severity, Stage, Text
from kanaria.core.values import dataclass
from kanaria.report.plots_style import MARKERS, WIDTH, Style, time_axis
from kanaria.report.plots_words import LABELS, LANES

# More than this is no picture any more; the list in the report has all of them.
EVENTS_SHOWN = 24
REMOTES_SHOWN = 3
TITLE_COLUMNS = 52
REMOTES_COLUMNS = 60
ROW_INCHES = 0.42
MARGIN_INCHES = 0.88
LEFT, SPAN = 0.14, 0.84  # of the figure's width: stage names, then the axis
STAGE_ORDER: tuple[Stage | None, ...] = (*get_args(Stage), None)
SHORTEST = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Event:
    """What one marker shows."""

    stage: Stage | None
    title: Text
    severity: Severity
    times: tuple[datetime, ...]
    last: datetime
    remotes: tuple[str, ...]

    @property
    def first(self) -> datetime:
        return self.times[0]


@dataclass(frozen=True, kw_only=True)
class Placed:
    """An event with its row (0 is the top), the moment its label starts at, and whether the label grows leftwards."""

    event: Event
    row: int
    anchor: datetime
    grows_left: bool


def events(findings: Sequence[Finding]) -> list[Event]:
    """One event per model and device, in order of time; findings without a time are no part of a timeline."""
    groups: dict[tuple[str, str | None], list[Finding]] = {}
    for finding in sorted((f for f in findings if f.time), key=lambda f: (f.time, f.rule, f.id)):
        groups.setdefault((finding.rule, finding.device), []).append(finding)
    made = [_event(group) for group in groups.values()]
    worst = sorted(made, key=lambda event: (-SEVERITIES.index(event.severity), event.first))[:EVENTS_SHOWN]
    return sorted(worst, key=lambda event: (event.first, event.title.en))


def _event(group: list[Finding]) -> Event:
    times = tuple(f.time for f in group if f.time)
    return Event(
        stage=group[0].stage,
        title=group[0].title,
        severity=max((f.severity for f in group), key=SEVERITIES.index),
        times=times,
        last=max([*times, *(f.until for f in group if f.until)]),
        remotes=tuple(dict.fromkeys(f.remote for f in group if f.remote)),
    )


def drawable(incident: Incident) -> bool:
    """A timeline needs two moments or two models: one dot shows nothing that a date does not say."""
    timed = [finding for finding in incident.findings if finding.time]
    return len({finding.rule for finding in timed}) > 1 or len({finding.time for finding in timed}) > 1


def draw(figure: Any, style: Style, incident: Incident) -> None:
    """The picture; its height follows the number of rows."""
    shown = events(incident.findings)
    first, last = _window(shown)
    lanes = [stage for stage in STAGE_ORDER if any(event.stage == stage for event in shown)]
    axes = figure.add_axes((LEFT, 0.2, SPAN, 0.75))
    axes.set_xlim(first, last)
    placed, heights = _place(figure, axes, style, shown, lanes)
    rows = sum(heights)
    inches = rows * ROW_INCHES + MARGIN_INCHES
    figure.set_size_inches(WIDTH, inches)
    axes.set_position((LEFT, (MARGIN_INCHES - 0.1) / inches, SPAN, rows * ROW_INCHES / inches))
    axes.set_ylim(rows, 0)
    _lanes(axes, style, lanes, heights)
    for item in placed:
        _mark(axes, style, item)
    time_axis(axes)
    axes.grid(axis="x", zorder=0, alpha=0.5)
    axes.tick_params(length=0)
    _legend(figure, style, shown, len({(f.rule, f.device) for f in incident.findings if f.time}) - len(shown))


def _window(shown: Sequence[Event]) -> tuple[datetime, datetime]:
    first, last = min(event.first for event in shown), max(event.last for event in shown)
    margin = max((last - first) * 0.03, SHORTEST / 2)
    return first - margin, last + margin


def _place(
    figure: Any, axes: Any, style: Style, shown: Sequence[Event], lanes: Sequence[Stage | None]
) -> tuple[list[Placed], list[int]]:
    """First row of its lane in which the marker and its label are free, by measuring the label."""
    placed: list[Placed] = []
    heights: list[int] = []
    for lane in lanes:
        taken: list[list[tuple[float, float]]] = []
        for event in (event for event in shown if event.stage == lane):
            anchor, left, span = _extent(figure, axes, style, event)
            row = next((n for n, spans in enumerate(taken) if _free(span, spans)), len(taken))
            if row == len(taken):
                taken.append([])
            taken[row].append(span)
            placed.append(Placed(event=event, row=sum(heights) + row, anchor=anchor, grows_left=left))
        heights.append(len(taken))
    return placed, heights


def _free(span: tuple[float, float], others: Sequence[tuple[float, float]]) -> bool:
    return all(span[1] < start or end < span[0] for start, end in others)


def _extent(figure: Any, axes: Any, style: Style, event: Event) -> tuple[datetime, bool, tuple[float, float]]:
    """Where the label starts and whether it grows leftwards; begin and end of both in shares of the axis.

    A label stands after the bar where there is room, else before the marker, else over the bar.
    """
    from matplotlib import dates

    low, high = axes.get_xlim()
    start, end = ((dates.date2num(moment) - low) / (high - low) for moment in (event.first, event.last))
    renderer = figure.canvas.get_renderer()
    pixels = figure.get_size_inches()[0] * figure.dpi * SPAN
    measured = [figure.text(0, 0, text, fontsize=size) for text, size in _words(style, event)]
    wide = max(text.get_window_extent(renderer).width for text in measured) / pixels + 0.03
    for text in measured:
        text.remove()
    if end + wide <= 1:
        return event.last, False, (start - 0.01, end + wide)
    if start - wide >= 0:
        return event.first, True, (start - wide, end + 0.01)
    return event.first, False, (start - 0.01, max(end + 0.01, start + wide))


def _words(style: Style, event: Event) -> list[tuple[str, float]]:
    """The two lines of a label with their sizes: the model and how often; who was on the other side."""
    times = f"  ×{len(event.times)}" if len(event.times) > 1 else ""
    others = len(event.remotes) - REMOTES_SHOWN
    more = f" +{others}" if others > 0 else ""
    return [
        (style.to(event.title, TITLE_COLUMNS) + times, 8.5),
        (style.safe(", ".join(event.remotes[:REMOTES_SHOWN]), REMOTES_COLUMNS) + more, 7),
    ]


def _lanes(axes: Any, style: Style, lanes: Sequence[Stage | None], heights: Sequence[int]) -> None:
    starts = [sum(heights[:index]) for index in range(len(heights))]
    for index, (start, height) in enumerate(zip(starts, heights, strict=True)):
        if index % 2 == 0:
            axes.axhspan(start, start + height, color=style.theme.band, linewidth=0, zorder=0)
    axes.set_yticks([start + height / 2 for start, height in zip(starts, heights, strict=True)])
    axes.set_yticklabels([style.to(LANES[lane or "other"]) for lane in lanes], color=style.theme.ink)
    axes.spines["left"].set_visible(False)


def _mark(axes: Any, style: Style, item: Placed) -> None:
    event, centre = item.event, item.row + 0.5
    colour = style.theme.severities[event.severity]
    axes.plot([event.first, event.last], [centre, centre], color=colour, linewidth=1.6, alpha=0.55, zorder=2)
    axes.plot(event.times, [centre] * len(event.times), "|", color=colour, markersize=5, alpha=0.8, zorder=2)
    axes.plot([event.first], [centre], MARKERS[event.severity], color=colour, markersize=7, zorder=3)
    (title, title_size), (remotes, remotes_size) = _words(style, event)
    side = -8 if item.grows_left else 8
    align = "right" if item.grows_left else "left"
    for text, size, lift, ink in (
        (title, title_size, 3 if remotes else -3, style.theme.ink),
        (remotes, remotes_size, -9, style.theme.soft),
    ):
        axes.annotate(
            text, (item.anchor, centre), xytext=(side, lift), textcoords="offset points",
            ha=align, fontsize=size, color=ink, zorder=4, annotation_clip=False,
        )  # fmt: skip


def _legend(figure: Any, style: Style, shown: Sequence[Event], left_out: int) -> None:
    from matplotlib.lines import Line2D

    used = [severity for severity in SEVERITIES if any(event.severity == severity for event in shown)]
    handles = [
        Line2D([], [], marker=MARKERS[s], color=style.theme.severities[s], linestyle="", label=style.to(LABELS[s]))
        for s in used
    ]
    figure.legend(handles=handles, loc="lower left", ncols=len(handles), fontsize=8, bbox_to_anchor=(LEFT - 0.01, 0.0))
    if left_out > 0:
        words = fill(style.to(LABELS["left_out"]), count=left_out)
        figure.text(0.98, 0.03, words, ha="right", fontsize=8, color=style.theme.soft)
