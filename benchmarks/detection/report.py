"""Turns results into Markdown: held-out scores come in; tables of recall, false positives and delay go out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import exp, lgamma, log, log1p

import numpy as np

from benchmarks.detection.fit import Floats
from benchmarks.detection.samples import Connection
from benchmarks.detection.train import Held, see, watch


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers are set to the right."""
    lines = [" | ".join(head), " | ".join(["---"] + ["---:"] * (len(head) - 1))]
    lines += [" | ".join(str(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def sources(held: Sequence[Held], threshold: float) -> str:
    """One row per source, scored by weights that never saw it."""
    return table(
        (
            "source (held out)", "miners", "judged", "found", "recall of judged", "95 % interval", "benign", "judged",
            "false", "share of judged", "95 % interval", "judged hours",
        ),
        [_row(one.source.name, [one], threshold) for one in held],
    )  # fmt: skip


def together(name: str, held: Sequence[Held], threshold: float) -> str:
    """Several sources as one sentence: what the targets are about."""
    judged, found, benign, false = _counts(held, threshold)
    hours = sum(_judged_hours(one) for one in held)
    return (
        f"{name}: {found:,} of {judged:,} judged miners ({share(found, judged)}, {interval(found, judged)}), "
        f"{false} false alarms in {benign:,} judged benign connections ({share(false, benign, 2)}, "
        f"{interval(false, benign, 2)}) and {hours:,.0f} hours of them ({per_days(false, hours)})."
    )


def _counts(held: Sequence[Held], threshold: float) -> tuple[int, int, int, int]:
    """Judged miners, those found, judged benign connections, those taken for miners."""
    miners = np.concatenate([one.scores[one.mining] for one in held])
    benign = np.concatenate([one.scores[~one.mining] for one in held])
    return len(miners), int((miners >= threshold).sum()), len(benign), int((benign >= threshold).sum())


def _judged_hours(one: Held) -> float:
    """Hours of the benign connections that were judged."""
    rows = one.which[~one.mining]
    return sum(one.source.connections[int(row)].seconds for row in rows) / 3600


def _row(name: str, held: Sequence[Held], threshold: float) -> tuple[object, ...]:
    judged, found, benign, false = _counts(held, threshold)
    miners = sum(int(one.source.mining.sum()) for one in held)
    others = sum(int((~one.source.mining).sum()) for one in held)
    hours = sum(_judged_hours(one) for one in held)
    return (
        name, miners, judged, found, share(found, judged), interval(found, judged), others, benign, false,
        share(false, benign, 2), interval(false, benign, 1), f"{hours:.1f}",
    )  # fmt: skip


def lengths(held: Sequence[Held], threshold: float) -> list[tuple[int, int, int, int]]:
    """Per length of observation the four counts."""
    chosen = [
        [replace(one, which=one.which[one.length == kind], scores=one.scores[one.length == kind]) for one in held]
        for kind in range(3)
    ]
    return [_counts(part, threshold) for part in chosen]


def likelihood(judged: int, found: int, benign: int, false: int) -> float:
    """Bits that reaching the threshold was measured to be worth; half a false alarm is added to what was seen."""
    return float(np.log2(max(found, 0.5) / max(judged, 1)) - np.log2((false + 0.5) / (benign + 1)))


def interval(part: int, whole: int, digits: int = 1) -> str:
    """Clopper and Pearson's 95 % interval of a share: exact, and never too narrow, however few were counted."""
    if not whole:
        return "–"
    low = _binomial_bound(part, whole, 0.975) if part else 0.0
    high = _binomial_bound(part + 1, whole, 0.025) if part < whole else 1.0
    return f"{100 * low:.{digits}f}–{100 * high:.{digits}f} %"


def _binomial_bound(part: int, whole: int, below: float) -> float:
    """The share at which fewer than ``part`` of ``whole`` are counted with a chance of ``below``, found by halving."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        logs = [
            lgamma(whole + 1) - lgamma(k + 1) - lgamma(whole - k + 1) + k * log(middle) + (whole - k) * log1p(-middle)
            for k in range(part)
        ]
        low, high = (middle, high) if sum(map(exp, logs)) > below else (low, middle)
    return low


def per_days(false: int, hours: float) -> str:
    """Alarms per 1,000 connection-days, and what as many more hours without one would still allow."""
    if not hours:
        return "no hours"
    return (
        f"{24_000 * false / hours:.1f} per 1,000 connection-days, fewer than {24_000 * (false + 3) / hours:.0f} at 95 %"
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


def while_open(held: Sequence[Held], threshold: float) -> str:
    """What somebody is told who looks at every connection while it is open: from which second and message on miners are
    found, and how many benign connections are taken for miners at any look."""
    rows = []
    for one in held:
        seconds, needed = watch(one, threshold)
        told, mining = needed > 0, one.source.mining
        miners, benign = told & mining, told & ~mining
        quantiles = [_quantile(values[miners], q) for values in (seconds, needed.astype(float)) for q in (0.5, 0.9)]
        rows.append(
            (one.source.name, int(mining.sum()), int(miners.sum()), *quantiles, int((~mining).sum()), int(benign.sum()))
        )
    head = (
        "source (held out)",
        "miners",
        "told of",
        "seconds, median",
        "90 %",
        "messages, median",
        "90 %",
        "benign",
        "false",
    )
    return table(head, rows)


def _quantile(values: Floats, quantile: float) -> str:
    return f"{np.quantile(values, quantile):.0f}" if len(values) else "–"


def found(held: Held, connections: Sequence[Connection], threshold: float) -> tuple[int, int]:
    """How many of other connections the held-out weights judge, and how many of those they find."""
    seen = see(connections, "sequence")
    return len(seen.which), int((held.fitted.score(seen.signs) >= threshold).sum())
