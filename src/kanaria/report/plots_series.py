"""Pictures of numbers over time: findings per day, surprise, volume against normal, and message lengths.

Each function draws one picture on a figure, from counts or ``Series``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from kanaria.core.types import SEVERITIES, Incident, Series, Severity
from kanaria.report.plots_style import WIDTH, Style, time_axis
from kanaria.report.plots_words import LABELS

Counts = Sequence[tuple[date, Mapping[Severity, int]]]

HEIGHT = 2.7  # inches
PLACE = (0.09, 0.2, 0.89, 0.72)
# Labels of days closer than this overlap at 8 points.
DAY_LABELS = 12
# A picture of a connection shows what happens in its first messages; a sensor keeps no more.
LONGEST_STEM = 400
# Messages longer than four times what nine of ten need leave the picture: they open the conversation, once.
USUAL_SHARE, HIGHEST_STEM = 0.9, 4.0


def draw_counts(figure: Any, style: Style, counts: Counts, around: Incident) -> None:
    """Stacked bars per day, by severity; the days of the incident stand on a band."""
    axes = _axes(figure)
    places = range(len(counts))
    bottoms = [0] * len(counts)
    for severity in SEVERITIES:
        heights = [of.get(severity, 0) for _, of in counts]
        if any(heights):
            axes.bar(
                places, heights, bottom=bottoms, width=0.8, color=style.theme.severities[severity],
                edgecolor=style.theme.paper, linewidth=0.8, label=style.to(LABELS[severity]), zorder=2,
            )  # fmt: skip
            bottoms = [below + height for below, height in zip(bottoms, heights, strict=True)]
    for place, total in zip(places, bottoms, strict=True):
        if total:
            axes.text(place, total, f"{total}", ha="center", va="bottom", fontsize=7, color=style.theme.soft)
    _band(axes, style, counts, around)
    step = -(-len(counts) // DAY_LABELS)
    axes.set_xticks(list(places)[::step])
    axes.set_xticklabels([f"{day:%m-%d}" for day, _ in counts[::step]], fontsize=8)
    axes.set_xlim(-0.6, len(counts) - 0.4)
    axes.set_ylim(0, max(bottoms, default=0) * 1.25 or 1)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_ylabel(style.to(LABELS["findings_per_day"]))
    axes.grid(axis="y", zorder=0, alpha=0.6)
    axes.legend(fontsize=8, loc="upper left", ncols=5, bbox_to_anchor=(0, 1.12))


def _band(axes: Any, style: Style, counts: Counts, around: Incident) -> None:
    if around.first_seen is None or around.last_seen is None:
        return
    days = [day for day, _ in counts]
    inside = [n for n, day in enumerate(days) if around.first_seen.date() <= day <= around.last_seen.date()]
    if not inside:
        return
    axes.axvspan(inside[0] - 0.5, inside[-1] + 0.5, color=style.theme.band, linewidth=0, zorder=0)
    centre = (inside[0] + inside[-1]) / 2
    side = "left" if centre < len(days) * 0.15 else "right" if centre > len(days) * 0.85 else "center"
    place = {"left": inside[0] - 0.5, "right": inside[-1] + 0.5, "center": centre}[side]
    axes.text(
        place, 0.97, style.to(LABELS["this_incident"]), transform=axes.get_xaxis_transform(), ha=side, va="top",
        fontsize=8, color=style.theme.accent,
    )  # fmt: skip


def draw_surprise(figure: Any, style: Style, series: Series, threshold: Series | None, around: Incident) -> None:
    """Bits over time as steps, with what an hour had to reach at that time to be reported; the incident on a band."""
    axes = _axes(figure)
    times, values = _columns(series)
    axes.plot(
        times, values, drawstyle="steps-post", color=style.theme.severities["informational"], linewidth=1.3, zorder=2,
        label=style.to(LABELS["surprise_of_hour"]),
    )  # fmt: skip
    limits = dict(threshold.points) if threshold else dict.fromkeys(times, series.threshold)
    drawn = [(time, limit) for time, limit in sorted(limits.items()) if limit is not None]
    if drawn:
        axes.plot(
            [time for time, _ in drawn], [limit for _, limit in drawn], drawstyle="steps-post", linestyle="--",
            color=style.theme.accent, linewidth=1.2, zorder=1, label=style.to(LABELS["threshold"]),
        )  # fmt: skip
    above = [(time, value) for time, value in series.points if value >= (limits.get(time) or math.inf)]
    if above:
        axes.plot(
            [time for time, _ in above], [value for _, value in above], "^", markersize=5, zorder=3,
            color=style.theme.severities["critical"], label=style.to(LABELS["above_threshold"]),
        )  # fmt: skip
    if around.first_seen and around.last_seen:
        axes.axvspan(around.first_seen, around.last_seen, color=style.theme.band, linewidth=0, zorder=0)
    axes.set_ylim(0, max([*values, *(limit for _, limit in drawn), 1.0]) * 1.3)
    axes.set_ylabel(style.to(LABELS["surprise"]))
    axes.legend(fontsize=8, loc="upper left", ncols=3)
    _finish(axes, style, series)


def draw_volume(figure: Any, style: Style, mining: Series, normal: Series | None) -> None:
    """Volume per hour, over what the device did in the same hours before."""
    from matplotlib import ticker

    axes = _axes(figure)
    highest = max((value for _, value in mining.points), default=0.0)
    if normal is not None and normal.points:
        times, values = _columns(normal)
        axes.fill_between(times, values, step="post", color=style.theme.soft, alpha=0.3, linewidth=0, zorder=1,
                          label=style.to(LABELS["normal"]))  # fmt: skip
        highest = max(highest, *values)
    times, values = _columns(mining)
    colour = style.theme.severities["high"]
    who = style.safe(f"{mining.device} - {mining.remote}" if mining.remote else mining.device, 60)
    axes.plot(times, values, drawstyle="steps-post", color=colour, linewidth=1.5, zorder=2, label=who)
    axes.set_ylim(0, highest * 1.25 or 1)
    axes.yaxis.set_major_formatter(ticker.EngFormatter(sep=""))
    axes.set_ylabel(style.to(LABELS["volume"]))
    axes.legend(fontsize=8, loc="upper left", ncols=2)
    _finish(axes, style, mining)


def draw_messages(figure: Any, style: Style, series: Series) -> None:
    """A stem per message over seconds since the first: upwards from the device, downwards from the other side."""
    axes = _axes(figure)
    points = series.points[:LONGEST_STEM]
    start = points[0][0]
    for sign, name in ((1, "informational"), (-1, "high")):
        chosen = [((time - start).total_seconds(), value) for time, value in points if value * sign > 0]
        colour = style.theme.severities[name]  # type: ignore[index]
        axes.vlines([x for x, _ in chosen], 0, [y for _, y in chosen], color=colour, linewidth=0.9, zorder=2)
        axes.plot([x for x, _ in chosen], [y for _, y in chosen], "o", color=colour, markersize=2.5, zorder=3)
    axes.axhline(0, color=style.theme.line, linewidth=0.8, zorder=1)
    up, down = _reach([value for _, value in points if value > 0]), _reach([-value for _, value in points if value < 0])
    axes.set_ylim(-max(down, up / 2), max(up, down / 2))
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    for place, va, name, key in (
        (1.02, "bottom", "informational", "from_client"),
        (-0.13, "top", "high", "from_server"),
    ):
        axes.text(1, place, style.to(LABELS[key]), transform=axes.transAxes, ha="right", va=va, fontsize=8,
                  color=style.theme.severities[name])  # type: ignore[index]  # fmt: skip
    axes.set_xlabel(style.to(LABELS["seconds"]))
    axes.grid(axis="y", zorder=0, alpha=0.5)
    if series.remote:
        axes.set_title(
            style.safe(f"{series.device} - {series.remote}", 80), fontsize=8.5, loc="left", color=style.theme.soft
        )


def _reach(lengths: Sequence[float]) -> float:
    """How far up to show messages: what nearly all need. A certificate at the start would press the rest flat."""
    if not lengths:
        return 1.0
    usual = sorted(lengths)[int(len(lengths) * USUAL_SHARE)]
    return 1.15 * min(max(lengths), HIGHEST_STEM * usual)


def _axes(figure: Any) -> Any:
    figure.set_size_inches(WIDTH, HEIGHT)
    return figure.add_axes(PLACE)


def _columns(series: Series) -> tuple[list[datetime], list[float]]:
    return [time for time, _ in series.points], [value for _, value in series.points]


def _finish(axes: Any, style: Style, series: Series) -> None:
    time_axis(axes)
    axes.margins(x=0.01)
    axes.grid(axis="y", zorder=0, alpha=0.6)
