"""Turns results into Markdown: held-out scores come in; tables of recall, false positives and delay go out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    """One row per source, scored by weights that never saw it, and a last row for all of them together."""
    rows = [_row(one, threshold) for one in held]
    return table(
        (
            "source (held out)", "miners", "judged", "found", "recall of judged", "benign", "false", "false share",
            "benign hours", "false per hour",
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


def _row(one: Held, threshold: float) -> tuple[object, ...]:
    mining = one.source.mining
    found = int((one.scores[one.mining] >= threshold).sum())
    false = int((one.scores[~one.mining] >= threshold).sum())
    benign, hours = int((~mining).sum()), one.source.benign_hours
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
