"""The pattern of life as one Ibis program: ``score`` and ``absorb``, the same on DuckDB and on Spark.

In come tables: the encoded batch (``ROWS``) and the history (``HISTORY``). Out come rows with bits, and the deltas that
learning appends. Nothing is executed here. Times are ``int64`` hours since 1970, ids are 63-bit integers.
``baseline.compile`` turns it into the SQL that the embedded engine runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add

import ibis

from kanaria.baseline import shape
from kanaria.baseline.amounts import (
    amounts,
    flow_quantities,
    grade,
    look_up_tails,
    measures,
    per_hour,
    rate,
    rates_of,
    so_far,
    volume,
    volumes_of,
)
from kanaria.baseline.expressions import (
    Table,
    Value,
    beside,
    bin_of,
    bucket,
    choice_key,
    growth,
    join,
    scale,
    sum_of,
    tie,
    to_bits,
    union,
)
from kanaria.baseline.shape import (
    CALIBRATION_BINS,
    CHOICES,
    FEATURES,
    FIRST_RATE,
    INBOUND,
    KINDS,
    LOOKS,
    NETWORK_SUBJECT,
    PEAKS,
    RANK_STEP,
    RANKED,
    RATES,
    SCORED,
    STEPS,
)

_ID, _F = "int64", "float64"
_ENDPOINT = ("endpoint_device", "endpoint_peers", "endpoint_network", "new_to_device", "new_to_network")


def tables() -> dict[str, Table]:
    """Unbound tables of every input, by name: what a plan is compiled from."""
    shapes = {"rows": shape.ROWS, **STEPS, **shape.HISTORY}
    return {name: ibis.table(dict(columns), name=f"{shape.PREFIX}{name}") for name, columns in shapes.items()}


def observations(rows: Table) -> Table:
    """Distinct (actor, grp, kind, value, hour) of a batch."""
    return union([_choices(rows, number, name) for number, name in enumerate(KINDS)]).distinct()


def look_up(choices: Table, ties: Table) -> Table:
    """What history holds of a batch's ties on all three levels: (tie, weight, last). The one pass over the history."""
    subjects = (choices.actor, choices.grp, ibis.literal(NETWORK_SUBJECT, _ID))
    keys = union([choices.select(tie=tie(subject, choices.value)) for subject in subjects]).distinct()
    # Every id passes. But only for a filtered side DuckDB 1.5 takes the trouble of a Bloom filter, which sorts out most
    # of ten million ties while they are read: four tenths less processor time.
    keys = keys.filter(keys.tie % 2 < 2)
    matching = ties.inner_join(keys, "tie").select("tie", "weight", "last")
    return matching.group_by("tie").agg(weight=matching.weight.sum(), last=matching["last"].max())


def own_ties(choices: Table, seen: Table) -> Table:
    """Each choice with what its device's own tie held before the batch."""
    own_ties_seen = seen.select(own_tie="tie", weight="weight", last="last")
    joined = beside(choices, (own_ties_seen, [tie(choices.actor, choices.value) == own_ties_seen.own_tie]))
    return joined.select(*CHOICES, "weight", "last")


def active(own: Table) -> Table:
    """The choices that add an active hour to their tie."""
    return own.filter(own["last"].isnull() | (own.hour > own["last"]))


def score(history: Mapping[str, Table], half_life: float) -> dict[str, Table]:
    """The steps of scoring, in order; each is kept under its name and feeds the next. ``scored`` is the result.

    One row per batch row: bits by feature, their sum, and its calibrated p-value. The steps exist because a plan that
    names its parts stays small; as one expression the same program was 1.3 MB of SQL.
    """
    rows = history["rows"]
    step = {name: ibis.table(dict(columns), name=f"{shape.PREFIX}{name}") for name, columns in STEPS.items()}
    return {
        "choices": observations(rows),
        "seen": look_up(step["choices"], history["ties"]),
        "own": own_ties(step["choices"], step["seen"]),
        "sums": totals_of(history["totals"]),
        "judged": judge(step["own"], step["seen"], step["sums"], half_life),
        "hours": per_hour(rows, active(step["own"])),
        "so_far": so_far(step["hours"], history["hourly"]),
        "amounts": amounts(rows),
        "measures": measures(step["amounts"], step["so_far"]),
        "tails": look_up_tails(step["measures"], history["quantities"]),
        "graded": grade(step["measures"], step["tails"], half_life),
        "scored": _scored(rows, step, history["calibration"]),
    }


def _scored(rows: Table, step: Mapping[str, Table], calibration: Table) -> Table:
    parts = [_bits_of(rows, step["judged"], number, name) for number, name in enumerate(KINDS)]
    parts += [*volumes_of(rows, step["graded"]), rates_of(rows, step["graded"])]
    joined = beside(rows, *parts)
    columns = {f"{name}_bits": joined[f"{name}_found"] for name in KINDS}
    columns |= {"volume_bits": volume(joined), "rate_bits": rate(joined)}
    joined = joined.select(*(name for name in rows.columns if name not in PEAKS), *_ENDPOINT, **columns)
    return _with_p(_with_surprise(joined), calibration).select(*SCORED)


def judge(own: Table, seen: Table, totals: Table, half_life: float) -> Table:
    """Surprise of each choice by interpolated back-off, with the three levels apart.

    Witten and Bell's estimate (1991): a context that met T different values in N observations meets another new one
    with probability T / (N + T), and then takes it from the next wider context. Never seen anywhere: one of T + 1.
    """
    subjects = {"device": own.actor, "peers": own.grp, "network": ibis.literal(NETWORK_SUBJECT, _ID)}
    ties = [_tie_of(own, seen, level, subject) for level, subject in subjects.items() if level != "device"]
    every = [_totals_of(own, totals, level, subject) for level, subject in subjects.items()]
    joined = beside(own.rename(device_weight="weight", device_last="last"), *ties, *every)
    now = scale(joined.hour, half_life)
    counted: dict[str, Value] = {}
    for level in subjects:
        counted |= {
            f"{level}_c": joined[f"{level}_weight"].fill_null(0.0) * now,
            f"{level}_n": joined[f"{level}_total"].fill_null(0.0) * now,
            f"{level}_t": joined[f"{level}_types"].fill_null(0.0),
        }
    table = joined.select(*CHOICES, "device_last", "network_last", **counted)
    bits = {f"{level}_bits": _own_bits(table, level) for level in subjects}
    p: Value = 1.0 / (table.network_t + 1.0)
    for level in ("network", "peers", "device"):
        table = table.mutate(**{f"{level}_p": _interpolate(table, level, p)})
        p = table[f"{level}_p"]
    return table.mutate(bits=to_bits(p), **bits).select(*STEPS["judged"])


def absorb(step: Mapping[str, Table], half_life: float) -> dict[str, Table]:
    """What a batch adds to the history, by table, from steps of scoring; everything is appended.

    ``grown`` comes first and is kept under its name: one row per tie that the batch made stronger.
    """
    grown, seen = step["grown"], step["seen"]
    fresh = grown.filter(grown.old.isnull())
    wider = [_wider(fresh, subject) for subject in (fresh.grp, ibis.literal(NETWORK_SUBJECT, _ID))]
    ties = grown.select("tie", "kind", "value", "weight", "last", subject="actor").select(*shape.HISTORY["ties"])
    totals = grown.group_by(subject=grown.actor, kind=grown.kind).agg(
        weight=grown.weight.sum(), types=grown.old.isnull().cast(_F).sum()
    )
    return {
        "grown": _grown(active(step["own"]), half_life),
        "ties": union([ties, *wider]),
        "totals": union([totals, *(_wider_totals(part, seen) for part in wider)]),
        "flows": step["amounts"].select(*shape.HISTORY["flows"]),
        "hourly": step["hours"],
    }


def _grown(active: Table, half_life: float) -> Table:
    weighed = active.mutate(tie=tie(active.actor, active.value), grown=growth(active.hour, half_life))
    return (
        weighed.group_by("actor", "grp", "kind", "value", "tie")
        .agg(weight=weighed.grown.sum(), last=weighed.hour.max(), first=weighed.grown.min(), old=weighed["last"].max())
        .select(*STEPS["grown"])
    )


def close_hours(hourly: Table, flows: Table, half_life: float) -> dict[str, Table]:
    """Finished hours as history: how much each device does in an hour, and the most surprising thing in it."""
    hourly = hourly.group_by("actor", "grp", "hour").agg(
        **{name: hourly[name].sum() for name in RATES}, **{name: hourly[name].max() for name in PEAKS}
    )
    grown = growth(hourly.hour, half_life)
    parts = [flow_quantities(flows, half_life)]
    for number, name in enumerate(RATES):
        for subject in (hourly.actor, hourly.grp, ibis.literal(NETWORK_SUBJECT, _ID)):
            parts.append(
                hourly.select(
                    subject=subject,
                    quantity=ibis.literal(FIRST_RATE + number, _ID),
                    bucket=bucket((hourly[name] + 1.0).log2()),
                    weight=grown,
                )
            )
    peaks = [_peaks(hourly, number, name, half_life) for number, name in enumerate(PEAKS)]
    return {
        "quantities": sum_of(union(parts), "subject", "quantity", "bucket"),
        "peaks": sum_of(union(peaks), "grp", "rank", "bin"),
    }


def _peaks(hourly: Table, number: int, name: str, half_life: float) -> Table:
    """How surprising the most surprising row of each hour was, in one respect."""
    valued = hourly.filter(hourly[name].notnull())
    grown = growth(valued.hour, half_life)
    return valued.select("grp", rank=ibis.literal(number, _ID), bin=bin_of(valued[name]), weight=grown)


def _choices(rows: Table, number: int, name: str) -> Table:
    kept = rows.filter(rows[name].notnull())
    kind = _kind(kept, number, name)
    key = choice_key(kept.actor, kept[name], kept.hour)
    return kept.select("actor", "grp", key=key, kind=kind, value=kept[name], hour=kept.hour).select(*CHOICES)


def _kind(rows: Table, number: int, name: str) -> Value:
    own = ibis.literal(number, _ID)
    return own if name == "slot" else ibis.ifelse(rows.inbound, own + INBOUND, own)


def totals_of(totals: Table) -> Table:
    return totals.group_by("subject", "kind").agg(weight=totals.weight.sum(), types=totals.types.sum())


def _tie_of(own: Table, seen: Table, level: str, subject: Value) -> tuple[Table, list[Value]]:
    """How much a wider level had to do with each value, and when last."""
    level_ties = seen.select(
        **{f"{level}_tie": seen.tie, f"{level}_weight": seen.weight, f"{level}_last": seen["last"]}
    )
    return level_ties, [tie(subject, own.value) == level_ties[f"{level}_tie"]]


def _totals_of(own: Table, totals: Table, level: str, subject: Value) -> tuple[Table, list[Value]]:
    """All weights of a level, and how many values it met."""
    names = {
        "subject": f"{level}_subject",
        "kind": f"{level}_kind",
        "weight": f"{level}_total",
        "types": f"{level}_types",
    }
    level_totals = totals.select(**{new: totals[old] for old, new in names.items()})
    return level_totals, [subject == level_totals[f"{level}_subject"], own.kind == level_totals[f"{level}_kind"]]


def _interpolate(table: Table, level: str, wider: Value) -> Value:
    c, n, t = (table[f"{level}_{part}"] for part in "cnt")
    return ((c + t * wider) / (n + t).nullif(0.0)).fill_null(wider)


def _own_bits(table: Table, level: str) -> Value:
    """Surprise of an endpoint inside one level alone; a new one has the level's whole share for new things."""
    c, n, t = (table[f"{level}_{part}"] for part in "cnt")
    ends = table.kind.isin((0, INBOUND))
    return ibis.ifelse(ends & (n + t > 0), to_bits(ibis.ifelse(c > 0, c, t) / (n + t).nullif(0.0)), ibis.null(_F))


def _bits_of(rows: Table, judged: Table, number: int, name: str) -> tuple[Table, list[Value]]:
    """The surprise of one kind of choice, and how to find a row's."""
    kinds = (number,) if name == "slot" else (number, number + INBOUND)
    part = judged.filter(judged.kind.isin(kinds))
    columns = {f"{name}_key": part.key, f"{name}_found": part.bits}
    if name == "endpoint":
        columns |= {f"endpoint_{level}": part[f"{level}_bits"] for level in ("device", "peers", "network")}
        columns |= {"new_to_device": part.device_last.isnull(), "new_to_network": part.network_last.isnull()}
    other = part.select(**columns)
    return other, [choice_key(rows.actor, rows[name], rows.hour) == other[f"{name}_key"]]


def _with_surprise(rows: Table) -> Table:
    """Features add up; inside one (who is on the other side; when and how often) the strongest counts."""
    strongest = {
        f"{feature}_peak": ibis.greatest(*(rows[f"{name}_bits"].fill_null(0.0) for name in names), 0.0)
        for feature, names in FEATURES.items()
    }
    peaked = rows.mutate(**strongest)
    return peaked.mutate(together_peak=reduce(add, (peaked[name] for name in strongest)))


def _with_p(rows: Table, calibration: Table) -> Table:
    """The rarest of the sum and of each feature alone among the role's hours, corrected for looking so often.

    A weighted Bonferroni bound: the sum may use up eight tenths of the false alarms, each of the four features 1/20.
    """
    ranked = beside(rows, *(_rank(rows, calibration, number, name) for number, name in enumerate(RANKED)))
    looks = [ranked[f"{name}_p"].fill_null(1.0) * factor for name, factor in LOOKS.items()]
    return ranked.select(*rows.columns, p_value=ibis.least(*looks, 1.0))


def _rank(rows: Table, calibration: Table, number: int, name: str) -> tuple[Table, list[Value]]:
    rank_table = calibration.select(**{f"{name}_key": calibration.key, f"{name}_p": calibration.p})
    step = bin_of(rows[f"{name}_peak"]) + number * CALIBRATION_BINS
    return rank_table, [rows.grp ^ (step * RANK_STEP) == rank_table[f"{name}_key"]]


def _wider(fresh: Table, subject: Value) -> Table:
    """A wider level counts devices: each that takes up a value adds one, weighed by when (Kneser and Ney, 1995)."""
    named = fresh.mutate(subject=subject)
    grouped = named.group_by("subject", "kind", "value").agg(weight=named["first"].sum(), last=named["last"].max())
    return grouped.mutate(tie=tie(grouped.subject, grouped.value)).select(
        "tie", "subject", "kind", "value", "weight", "last"
    )


def _wider_totals(part: Table, seen: Table) -> Table:
    matched = join(part, seen, "tie", "tie", {"last": "before"})
    return matched.group_by("subject", "kind").agg(
        weight=matched.weight.sum(), types=matched.before.isnull().cast(_F).sum()
    )
