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
    flow_keys,
    flow_quantities,
    grade,
    look_up_tails,
    measure,
    per_hour,
    with_rates,
    with_volume,
)
from kanaria.baseline.expressions import (
    Table,
    Value,
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


def tables() -> dict[str, Table]:
    """Unbound tables of every input, by name: what a plan is compiled from."""
    shapes = {"rows": shape.ROWS, **STEPS, **shape.HISTORY}
    return {name: ibis.table(dict(columns), name=f"{shape.PREFIX}{name}") for name, columns in shapes.items()}


def observations(rows: Table) -> Table:
    """Distinct (actor, grp, kind, value, hour) of a batch."""
    return union([_choices(rows, number, name) for number, name in enumerate(KINDS)])


def look_up(choices: Table, ties: Table) -> Table:
    """What history holds of a batch's ties on all three levels: (tie, weight, last). The one pass over the history."""
    subjects = (choices.actor, choices.grp, ibis.literal(NETWORK_SUBJECT, _ID))
    keys = union([choices.select(tie=tie(subject, choices.value)) for subject in subjects]).distinct()
    known = ties.inner_join(keys, "tie").select("tie", "weight", "last")
    return known.group_by("tie").agg(weight=known.weight.sum(), last=known["last"].max())


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
        "sums": totals_of(history["totals"]),
        "judged": judge(step["choices"], step["seen"], step["sums"], half_life),
        "measures": measure(rows, step["judged"], history["hourly"]),
        "tails": look_up_tails(step["measures"], history["quantities"]),
        "graded": grade(step["measures"], step["tails"], half_life),
        "scored": _scored(rows, step, history["calibration"]),
    }


def _scored(rows: Table, steps: Mapping[str, Table], calibration: Table) -> Table:
    scored = rows
    for number, name in enumerate(KINDS):
        scored = _with_choice(scored, steps["judged"], number, name)
    scored = with_rates(with_volume(scored, steps["graded"]), steps["graded"])
    return _with_p(_with_surprise(scored), calibration).select(*SCORED)


def judge(choices: Table, seen: Table, totals: Table, half_life: float) -> Table:
    """Surprise of each choice by interpolated back-off, with the three levels apart.

    Witten and Bell's estimate (1991): a context that met T different values in N observations meets another new one
    with probability T / (N + T), and then takes it from the next wider context. Never seen anywhere: one of T + 1.
    """
    now = scale(choices.hour, half_life)
    levels = {"device": choices.actor, "peers": choices.grp, "network": ibis.literal(NETWORK_SUBJECT, _ID)}
    table = choices.mutate(now=now, **{f"{level}_subject": subject for level, subject in levels.items()})
    for level in levels:
        table = _with_level(table, seen, totals, level)
    wide = _interpolate(table, "network", 1.0 / (table.network_t + 1.0))
    peers = _interpolate(table, "peers", wide)
    narrow = _interpolate(table, "device", peers)
    own = {f"{level}_bits": _own_bits(table, level) for level in levels}
    return table.mutate(bits=to_bits(narrow), **own).select(*STEPS["judged"])


def absorb(rows: Table, choices: Table, seen: Table, half_life: float) -> dict[str, Table]:
    """What a batch adds to the history, by table; everything is appended."""
    table = choices.mutate(device_tie=tie(choices.actor, choices.value), grown=growth(choices.hour, half_life))
    table = join(table, seen, "device_tie", "tie", {"weight": "device_c", "last": "device_last"})
    active = table.filter(table.device_last.isnull() | (table.hour > table.device_last))
    ties = active.group_by("actor", "grp", "kind", "value", "device_tie").agg(
        weight=active.grown.sum(), last=active.hour.max(), first=active.grown.min(), old=active.device_last.max()
    )
    fresh = ties.filter(ties.old.isnull())
    wider = [_wider(fresh, subject) for subject in (fresh.grp, ibis.literal(NETWORK_SUBJECT, _ID))]
    own = ties.select(
        tie=ties.device_tie, subject=ties.actor, kind=ties.kind, value=ties.value, weight=ties.weight, last=ties["last"]
    )
    own_totals = ties.group_by(subject=ties.actor, kind=ties.kind).agg(
        weight=ties.weight.sum(), types=ties.old.isnull().cast(_F).sum()
    )
    hours = per_hour(rows, active)
    return {
        "ties": union([own, *wider]),
        "totals": union([own_totals, *(_wider_totals(part, seen) for part in wider)]),
        "flows": flow_keys(rows),
        "hourly": hours,
    }


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
    known = hourly.filter(hourly[name].notnull())
    grown = growth(known.hour, half_life)
    return known.select("grp", rank=ibis.literal(number, _ID), bin=bin_of(known[name]), weight=grown)


def _choices(rows: Table, number: int, name: str) -> Table:
    kept = rows.filter(rows[name].notnull())
    kind = _kind(kept, number, name)
    key = choice_key(kept.actor, kept[name], kept.hour)
    return kept.select("actor", "grp", key=key, kind=kind, value=kept[name], hour=kept.hour).select(*CHOICES).distinct()


def _kind(rows: Table, number: int, name: str) -> Value:
    own = ibis.literal(number, _ID)
    return own if name == "slot" else ibis.ifelse(rows.inbound, own + INBOUND, own)


def totals_of(totals: Table) -> Table:
    return totals.group_by("subject", "kind").agg(weight=totals.weight.sum(), types=totals.types.sum())


def _with_level(table: Table, seen: Table, totals: Table, level: str) -> Table:
    """Adds (c, n, t) of one level: this value's weight, all weights, number of different values; scaled to now."""
    kept = table.columns
    table = table.mutate(**{f"{level}_tie": tie(table[f"{level}_subject"], table.value)})
    table = join(table, seen, f"{level}_tie", "tie", {"weight": f"{level}_w", "last": f"{level}_last"})
    other = totals.select(total_subject=totals.subject, total_kind=totals.kind, total=totals.weight, types=totals.types)
    joined = table.left_join(
        other, (table[f"{level}_subject"] == other.total_subject) & (table.kind == other.total_kind)
    )
    return joined.mutate(
        **{
            f"{level}_c": joined[f"{level}_w"].fill_null(0.0) * joined.now,
            f"{level}_n": joined.total.fill_null(0.0) * joined.now,
            f"{level}_t": joined.types.fill_null(0.0),
        }
    ).select(*kept, f"{level}_last", *(f"{level}_{part}" for part in "cnt"))


def _interpolate(table: Table, level: str, wider: Value) -> Value:
    c, n, t = (table[f"{level}_{part}"] for part in "cnt")
    return ibis.ifelse(n + t > 0, (c + t * wider) / ibis.greatest(n + t, 1e-300), wider)


def _own_bits(table: Table, level: str) -> Value:
    """Surprise inside one level alone; something new there has the level's whole share for new things."""
    c, n, t = (table[f"{level}_{part}"] for part in "cnt")
    share = ibis.ifelse(c > 0, c, t) / ibis.greatest(n + t, 1e-300)
    return ibis.ifelse(n + t > 0, to_bits(share), ibis.null(_F))


def _with_choice(rows: Table, judged: Table, number: int, name: str) -> Table:
    kinds = (number,) if name == "slot" else (number, number + INBOUND)
    part = judged.filter(judged.kind.isin(kinds))
    columns = {f"{name}_bits": part.bits}
    if name == "endpoint":
        columns |= {f"endpoint_{level}": part[f"{level}_bits"] for level in ("device", "peers", "network")}
        columns |= {"new_to_device": part.device_last.isnull(), "new_to_network": part.network_last.isnull()}
    other = part.select(j_key=part.key, **columns)
    match = choice_key(rows.actor, rows[name], rows.hour) == other.j_key
    return rows.left_join(other, match).select(*rows.columns, *columns)


def _with_surprise(rows: Table) -> Table:
    """Features add up; inside one (who is on the other side; when and how often) the strongest counts."""
    strongest = {
        f"{feature}_peak": ibis.greatest(*(rows[f"{name}_bits"].fill_null(0.0) for name in names), 0.0)
        for feature, names in FEATURES.items()
    }
    found = rows.mutate(**strongest)
    return found.mutate(together_peak=reduce(add, (found[name] for name in strongest)))


def _with_p(rows: Table, calibration: Table) -> Table:
    """The rarest of the sum and of each feature alone among the role's hours, corrected for looking so often.

    A weighted Bonferroni bound: the sum may use up nine tenths of the false alarms, each of the four features 1/40.
    """
    for name in RANKED:
        rows = _with_rank(rows, calibration, name)
    looks = [rows[f"{name}_p"] * factor for name, factor in LOOKS.items()]
    return rows.mutate(p_value=ibis.least(*looks, 1.0))


def _with_rank(rows: Table, calibration: Table, name: str) -> Table:
    number = RANKED.index(name) * CALIBRATION_BINS
    keyed = rows.mutate(own_key=rows.grp ^ ((bin_of(rows[f"{name}_peak"]) + number) * RANK_STEP))
    known = calibration.select(rank_key=calibration.key, rank_p=calibration.p)
    ranked = keyed.left_join(known, keyed.own_key == known.rank_key)
    found = ranked.select(*rows.columns, "rank_p")
    return found.mutate(**{f"{name}_p": found.rank_p.fill_null(1.0)}).select(*rows.columns, f"{name}_p")


def _wider(fresh: Table, subject: Value) -> Table:
    """A wider level counts devices: each that takes up a value adds one, weighed by when (Kneser and Ney, 1995)."""
    named = fresh.mutate(subject=subject)
    grouped = named.group_by("subject", "kind", "value").agg(weight=named["first"].sum(), last=named["last"].max())
    return grouped.mutate(tie=tie(grouped.subject, grouped.value)).select(
        "tie", "subject", "kind", "value", "weight", "last"
    )


def _wider_totals(part: Table, seen: Table) -> Table:
    known = join(part, seen, "tie", "tie", {"last": "before"})
    return known.group_by("subject", "kind").agg(weight=known.weight.sum(), types=known.before.isnull().cast(_F).sum())
