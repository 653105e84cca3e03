"""Turns results into Markdown: held-out scores come in; tables of recall, false positives and delay go out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.detection import variants
from benchmarks.detection.fit import Floats
from benchmarks.detection.samples import Connection
from benchmarks.detection.train import Held, see

MOMENTS = (10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0)
"""Seconds after a connection's beginning at which it is looked at, for the time to detection."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers are set to the right."""
    lines = [" | ".join(head), " | ".join(["---"] + ["---:"] * (len(head) - 1))]
    lines += [" | ".join(str(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def sources(held: Sequence[Held], threshold: float, kind: str) -> str:
    """One row per source, scored by weights that never saw it, and a last row for all of them together."""
    rows = [_row(one, threshold, kind) for one in held]
    return table(
        (
            "source (held out)", "miners", "judged", "found", "recall of judged", "benign", "false", "false share",
            "benign hours", "false per hour", "found after, median", "90 %",
        ),
        rows,
    )  # fmt: skip


def together(held: Sequence[Held], threshold: float) -> str:
    """All real sources as one sentence: what the targets are about."""
    real = [one for one in held if one.source.family != "laboratory"]
    judged = sum(int(one.mining.sum()) for one in real)
    found = sum(int((one.scores[one.mining] >= threshold).sum()) for one in real)
    false = sum(int((one.scores[~one.mining] >= threshold).sum()) for one in real)
    benign = sum(int((~one.source.mining).sum()) for one in real)
    hours = sum(one.source.benign_hours for one in real)
    return (
        f"All real sources: {found:,} of {judged:,} judged miners ({share(found, judged)}), {false} false alarms in "
        f"{benign:,} benign connections ({share(false, benign, 2)}) and {hours:.0f} hours."
    )


def _row(one: Held, threshold: float, kind: str) -> tuple[object, ...]:
    mining = one.source.mining
    found = int((one.scores[one.mining] >= threshold).sum())
    false = int((one.scores[~one.mining] >= threshold).sum())
    benign, hours = int((~mining).sum()), one.source.benign_hours
    delays = time_to_detection(one, threshold, kind)
    return (
        one.source.name,
        int(mining.sum()),
        int(one.mining.sum()),
        found,
        share(found, int(one.mining.sum())),
        benign,
        false,
        share(false, benign, 2),
        f"{hours:.1f}",
        f"{false / hours:.3f}" if hours else "–",
        _seconds(delays, 0.5),
        _seconds(delays, 0.9),
    )


def budget(one: Held, threshold: float, days: float, allowed: float = 1.0) -> str:
    """False alerts a day on one whole network, against the alerts a day an operator wants at most."""
    false = int((one.scores[~one.mining] >= threshold).sum())
    return (
        f"{one.source.name}: {false} false alerts in {days:g} days of a whole network, {false / days:.2f} a day "
        f"against a budget of {allowed:g}."
    )


def share(part: int, whole: int, digits: int = 1) -> str:
    """A percentage, or a dash of nothing."""
    return f"{100 * part / whole:.{digits}f} %" if whole else "–"


def _seconds(delays: Floats, quantile: float) -> str:
    return f"{np.quantile(delays, quantile):.0f} s" if len(delays) else "–"


def time_to_detection(one: Held, threshold: float, kind: str) -> Floats:
    """Seconds from a connection's beginning to the first look that finds it, for those that are ever found."""
    if kind == "flow":
        return np.zeros(0)
    first = np.full(len(one.source.connections), np.inf)
    for moment in MOMENTS:
        waiting = [i for i in np.flatnonzero(one.source.mining & np.isinf(first))]
        looks = [variants.until(one.source.connections[i], moment) for i in waiting]
        if looks:
            seen = see(looks, kind)
            hits = seen.which[one.fitted.score(seen.signs) >= threshold]
            first[[waiting[i] for i in hits]] = moment
    delays: Floats = first[np.isfinite(first)]
    return delays


def found(held: Held, connections: Sequence[Connection], threshold: float) -> tuple[int, int]:
    """How many of other connections the held-out weights judge, and how many of those they find."""
    seen = see(connections, "sequence")
    return len(seen.which), int((held.fitted.score(seen.signs) >= threshold).sum())
