"""The pattern of life as one Ibis program: ``look_up``, ``score`` and ``absorb``, the same on DuckDB and on Spark.

In come tables: the encoded batch (``ROWS``) and the history (``HISTORY``). Out come rows with bits, and the deltas that
learning appends. Nothing is executed here. Times are ``int64`` hours since 1970, ids are 63-bit integers.

A tie is an actor and a value it had to do with. Its weight counts *active hours*, so a burst buys no normality, and
decays by half every ``half_life`` hours. Weights are kept in forward decay (Cormode et al., ICDE 2009): an hour ``t``
counts ``2 ** ((t - LANDMARK) / half_life)`` for ever, and a reader scales by his own now. So adding two states is a
sum, and no row is ever rewritten because time passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import ibis

Table = Any
Value = Any

LANDMARK = 438_288
"""2020-01-01 in hours. A float64 holds 1,000 half-lives from here: 38 years at two weeks."""

LARGEST_EXPONENT = 960.0
"""Leaves room for 2**60 observations below the largest float64."""

KINDS = ("endpoint", "network", "service", "name", "account", "slot")
"""What a row chooses. Inbound choices are kinds of their own (number + ``INBOUND``): others make them."""
INBOUND = 8
NETWORK_SUBJECT = 0
PREFIX = "baseline_"
"""Every table of the program carries this before its name, on whichever engine."""

QUANTITIES = ("up", "down", "duration")
RATES = ("connections", "remotes", "sources", "failed", "sent")
FIRST_RATE = 8
"""Numbers of the rate quantities start here, those of the flow quantities at 0."""

PRIOR = 5.0
"""Observations that the next wider level is worth when a narrow one is young (Dirichlet prior of the tail)."""
LEAST_SHARE = 0.3
"""However long its own history, three hours in ten a device is taken to behave like its peers: the levels are nested,
so multiplying their full confidence would count the same history three times (40 bits for an ordinary large download)."""  # noqa: E501

_ID, _F = "int64", "float64"
ROWS: Mapping[str, str] = {
    "row": _ID, "actor": _ID, "grp": _ID, "hour": _ID, "inbound": "boolean", **dict.fromkeys(KINDS, _ID),
    "up": _F, "down": _F, "duration": _F, "connection": _ID, "failed": _ID, "sent": _F, "peak": _F,
}  # fmt: skip
HISTORY: Mapping[str, Mapping[str, str]] = {
    "ties": {"tie": _ID, "subject": _ID, "kind": _ID, "value": _ID, "weight": _F, "last": _ID},
    "totals": {"subject": _ID, "kind": _ID, "weight": _F, "types": _F},
    "quantities": {"subject": _ID, "quantity": _ID, "bucket": _ID, "weight": _F},
    "hourly": {"actor": _ID, "grp": _ID, "hour": _ID, **dict.fromkeys(RATES, _F), "peak": _F},
    "flows": {"actor": _ID, "grp": _ID, "service": _ID, "hour": _ID, "quantity": _ID, "bucket": _ID},
    "calibration": {"grp": _ID, "bin": _ID, "p": _F},
}
CHOICES: Mapping[str, str] = {"actor": _ID, "grp": _ID, "kind": _ID, "value": _ID, "hour": _ID}
MEASURES: Mapping[str, str] = {
    "actor": _ID, "grp": _ID, "service": _ID, "hour": _ID, "quantity": _ID, "bucket": _ID,
}  # fmt: skip
STEPS: Mapping[str, Mapping[str, str]] = {
    "choices": CHOICES,
    "seen": {"tie": _ID, "weight": _F, "last": _ID},
    "judged": {
        **CHOICES, "bits": _F, "device_bits": _F, "peers_bits": _F, "network_bits": _F,
        "device_last": _ID, "network_last": _ID,
    },
    "sums": {"subject": _ID, "kind": _ID, "weight": _F, "types": _F},
    "measures": MEASURES,
    "tails": {"subject": _ID, "quantity": _ID, "bucket": _ID, "above": _F, "all": _F, "top": _ID},
    "graded": {**MEASURES, "bits": _F},
}  # fmt: skip
CALIBRATION_BINS = 512
BINS_PER_BIT = 2


def tables() -> dict[str, Table]:
    """Unbound tables of every input, by name: what a plan is compiled from."""
    shapes = {"rows": ROWS, **STEPS, **HISTORY}
    return {name: ibis.table(dict(shape), name=f"{PREFIX}{name}") for name, shape in shapes.items()}


def observations(rows: Table) -> Table:
    """Distinct (actor, grp, kind, value, hour) of a batch."""
    return _union([_choices(rows, number, name) for number, name in enumerate(KINDS)]).distinct()


def look_up(choices: Table, ties: Table) -> Table:
    """What history holds of a batch's ties on all three levels: (tie, weight, last). The one pass over the history."""
    subjects = (choices.actor, choices.grp, ibis.literal(NETWORK_SUBJECT, _ID))
    keys = _union([choices.select(tie=_tie(subject, choices.value)) for subject in subjects]).distinct()
    known = ties.inner_join(keys, "tie").select("tie", "weight", "last")
    return known.group_by("tie").agg(weight=known.weight.sum(), last=known["last"].max())


def score(history: Mapping[str, Table], half_life: float) -> dict[str, Table]:
    """The steps of scoring, in order; each is kept under its name and feeds the next. ``scored`` is the result.

    One row per batch row: bits by feature, their sum, and its calibrated p-value. The steps exist because a plan that
    names its parts stays small; as one expression the same program was 1.3 MB of SQL.
    """
    rows = history["rows"]
    step = {name: ibis.table(dict(shape), name=f"{PREFIX}{name}") for name, shape in STEPS.items()}
    return {
        "choices": observations(rows),
        "seen": look_up(step["choices"], history["ties"]),
        "sums": _totals(history["totals"]),
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
    scored = _with_rates(_with_volume(scored, steps["graded"]), steps["graded"])
    return _with_p(_with_surprise(scored), calibration).select(*SCORED)


SCORED = (
    "row", "endpoint_bits", "endpoint_device", "endpoint_peers", "endpoint_network", "network_bits", "service_bits",
    "name_bits", "account_bits", "slot_bits", "volume_bits", "rate_bits", "surprise_bits", "p_value", "new_to_device",
    "new_to_network",
)  # fmt: skip


def judge(choices: Table, seen: Table, totals: Table, half_life: float) -> Table:
    """Surprise of each choice by interpolated back-off, with the three levels apart.

    Witten and Bell's estimate (1991): a context that met T different values in N observations meets another new one
    with probability T / (N + T), and then takes it from the next wider context. Never seen anywhere: one of T + 1.
    """
    now = _scale(choices.hour, half_life)
    levels = {"device": choices.actor, "peers": choices.grp, "network": ibis.literal(NETWORK_SUBJECT, _ID)}
    table = choices.mutate(now=now, **{f"{level}_subject": subject for level, subject in levels.items()})
    for level in levels:
        table = _with_level(table, seen, totals, level)
    wide = _interpolate(table, "network", 1.0 / (table.network_t + 1.0))
    peers = _interpolate(table, "peers", wide)
    narrow = _interpolate(table, "device", peers)
    own = {f"{level}_bits": _own_bits(table, level) for level in levels}
    return table.mutate(bits=_bits(narrow), **own).select(*STEPS["judged"])


def absorb(rows: Table, choices: Table, seen: Table, half_life: float) -> dict[str, Table]:
    """What a batch adds to the history, by table; everything is appended."""
    table = choices.mutate(device_tie=_tie(choices.actor, choices.value), grown=_growth(choices.hour, half_life))
    table = _join(table, seen, "device_tie", "tie", {"weight": "device_c", "last": "device_last"})
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
    hours = _hours(rows, active)
    return {
        "ties": _union([own, *wider]),
        "totals": _union([own_totals, *(_wider_totals(part, seen) for part in wider)]),
        "flows": _flow_keys(rows),
        "hourly": hours,
    }


def close_hours(hourly: Table, flows: Table, half_life: float) -> dict[str, Table]:
    """Finished hours as history: how much each device does in an hour, and the most surprising thing in it."""
    hourly = hourly.group_by("actor", "grp", "hour").agg(
        **{name: hourly[name].sum() for name in RATES}, peak=hourly.peak.max()
    )
    grown = _growth(hourly.hour, half_life)
    parts = [_flow_quantities(flows, half_life)]
    for number, name in enumerate(RATES):
        for subject in (hourly.actor, hourly.grp, ibis.literal(NETWORK_SUBJECT, _ID)):
            parts.append(
                hourly.select(
                    subject=subject,
                    quantity=ibis.literal(FIRST_RATE + number, _ID),
                    bucket=_bucket((hourly[name] + 1.0).log2()),
                    weight=grown,
                )
            )
    peaks = hourly.filter(hourly.peak.notnull())
    calibration = peaks.select(grp=peaks.grp, bin=_bin(peaks.peak), weight=_growth(peaks.hour, half_life))
    return {
        "quantities": _sum(_union(parts), "subject", "quantity", "bucket"),
        "peaks": _sum(calibration, "grp", "bin"),
    }


def compact(history: Mapping[str, Table]) -> dict[str, Table]:
    """The same history in the fewest rows: what appending left behind, added up."""
    ties = history["ties"]
    return {
        "ties": ties.group_by("tie", "subject", "kind", "value").agg(weight=ties.weight.sum(), last=ties["last"].max()),
        "totals": _totals(history["totals"]),
        "quantities": _sum(history["quantities"], "subject", "quantity", "bucket"),
    }


# ---- pieces -----------------------------------------------------------------------------------------------------


def _choices(rows: Table, number: int, name: str) -> Table:
    kept = rows.filter(rows[name].notnull())
    kind = _kind(kept, number, name)
    return kept.select("actor", "grp", kind=kind, value=kept[name], hour=kept.hour).distinct()


def _kind(rows: Table, number: int, name: str) -> Value:
    own = ibis.literal(number, _ID)
    return own if name == "slot" else ibis.ifelse(rows.inbound, own + INBOUND, own)


def _tie(subject: Value, value: Value) -> Value:
    return subject ^ value


def _growth(hour: Value, half_life: float) -> Value:
    """What an hour counts for ever. Clocks that say 1970 or 2106 must not leave what a float64 holds."""
    return ibis.literal(2.0) ** _bounded((hour - LANDMARK).cast(_F) / half_life)


def _scale(hour: Value, half_life: float) -> Value:
    return ibis.literal(2.0) ** _bounded((LANDMARK - hour).cast(_F) / half_life)


def scale_at(hour: int, half_life: float) -> float:
    """``_scale`` outside the program: what turns stored weights into weights as of that hour."""
    exponent = (LANDMARK - hour) / half_life
    return float(2.0 ** max(min(exponent, LARGEST_EXPONENT), -LARGEST_EXPONENT))


def _bounded(exponent: Value) -> Value:
    return ibis.greatest(ibis.least(exponent, LARGEST_EXPONENT), -LARGEST_EXPONENT)


def _bits(p: Value) -> Value:
    return ibis.greatest(-p.log2(), 0.0)


def _union(parts: list[Table]) -> Table:
    return reduce(lambda left, right: left.union(right, distinct=False), parts)


def _sum(table: Table, *keys: str) -> Table:
    return table.group_by(*keys).agg(weight=table.weight.sum())


def _totals(totals: Table) -> Table:
    return totals.group_by("subject", "kind").agg(weight=totals.weight.sum(), types=totals.types.sum())


def _join(left: Table, right: Table, left_key: str, right_key: str, renamed: Mapping[str, str]) -> Table:
    """``left`` with columns of ``right`` under new names, null where there is no match."""
    other = right.select(join_key=right[right_key], **{new: right[old] for old, new in renamed.items()})
    return left.left_join(other, left[left_key] == other.join_key).drop("join_key")


def _with_level(table: Table, seen: Table, totals: Table, level: str) -> Table:
    """Adds (c, n, t) of one level: this value's weight, all weights, number of different values; scaled to now."""
    table = table.mutate(**{f"{level}_tie": _tie(table[f"{level}_subject"], table.value)})
    table = _join(table, seen, f"{level}_tie", "tie", {"weight": f"{level}_w", "last": f"{level}_last"})
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
    ).drop("total_subject", "total_kind", "total", "types", f"{level}_w")


def _interpolate(table: Table, level: str, wider: Value) -> Value:
    c, n, t = (table[f"{level}_{part}"] for part in "cnt")
    return ibis.ifelse(n + t > 0, (c + t * wider) / ibis.greatest(n + t, 1e-300), wider)


def _own_bits(table: Table, level: str) -> Value:
    """Surprise inside one level alone; something new there has the level's whole share for new things."""
    c, n, t = (table[f"{level}_{part}"] for part in "cnt")
    share = ibis.ifelse(c > 0, c, t) / ibis.greatest(n + t, 1e-300)
    return ibis.ifelse(n + t > 0, _bits(share), ibis.null(_F))


def _with_choice(rows: Table, judged: Table, number: int, name: str) -> Table:
    kinds = (number,) if name == "slot" else (number, number + INBOUND)
    part = judged.filter(judged.kind.isin(kinds))
    columns = {f"{name}_bits": part.bits}
    if name == "endpoint":
        columns |= {f"endpoint_{level}": part[f"{level}_bits"] for level in ("device", "peers", "network")}
        columns |= {"new_to_device": part.device_last.isnull(), "new_to_network": part.network_last.isnull()}
    other = part.select(j_actor=part.actor, j_value=part.value, j_hour=part.hour, **columns)
    match = (rows.actor == other.j_actor) & (rows[name] == other.j_value) & (rows.hour == other.j_hour)
    return rows.left_join(other, match).drop("j_actor", "j_value", "j_hour")


def _bucket(log2: Value) -> Value:
    return log2.floor().cast(_ID)


def _bin(bits: Value) -> Value:
    return ibis.least((bits * BINS_PER_BIT).floor().cast(_ID), CALIBRATION_BINS - 1)


def _flow_keys(rows: Table) -> Table:
    """A batch's flow quantities in long form, each once."""
    parts = []
    for number, name in enumerate(QUANTITIES):
        kept = rows.filter(rows[name].notnull() & rows.service.notnull())
        parts.append(
            kept.select(
                "actor", "grp", "service", "hour",
                quantity=ibis.literal(number, _ID), bucket=_bucket(kept[name]),
            )
        )  # fmt: skip
    return _union(parts).distinct()


def _flow_quantities(flows: Table, half_life: float) -> Table:
    """Each (service, quantity, bucket) once per active hour and device, for the three levels."""
    once = flows.distinct()
    parts = [
        once.select(
            subject=_tie(subject, once.service),
            quantity=once.quantity,
            bucket=once.bucket,
            weight=_growth(once.hour, half_life),
        )
        for subject in (once.actor, once.grp, ibis.literal(NETWORK_SUBJECT, _ID))
    ]
    return _sum(_union(parts), "subject", "quantity", "bucket")


def measure(rows: Table, judged: Table, hourly: Table) -> Table:
    """What is to be graded: flow quantities by service, and what each device did in its hour so far (service 0)."""
    active = judged.filter(judged.device_last.isnull() | (judged.hour > judged.device_last))
    now = _hours(rows, active)
    wanted = ("actor", "hour", *RATES)
    so_far = now.select(*wanted).union(hourly.select(*wanted), distinct=False)
    sums = so_far.group_by("actor", "hour").agg(**{name: so_far[name].sum() for name in RATES})
    sums = sums.inner_join(now.select("actor", "grp", "hour"), ["actor", "hour"])
    rates = [
        sums.select(
            "actor", "grp", "hour", service=ibis.literal(0, _ID),
            quantity=ibis.literal(FIRST_RATE + number, _ID), bucket=_bucket((sums[name] + 1.0).log2()),
        )
        for number, name in enumerate(RATES)
    ]  # fmt: skip
    return _union([part.select(*MEASURES) for part in (_flow_keys(rows), *rates)])


def _subjects(measures: Table) -> dict[str, Value]:
    """Whose history a measure is compared with, by level: the device's, its peers', everybody's, for that service."""
    return {
        "device": _tie(measures.actor, measures.service),
        "peers": _tie(measures.grp, measures.service),
        "network": _tie(ibis.literal(NETWORK_SUBJECT, _ID), measures.service),
    }


def look_up_tails(measures: Table, quantities: Table) -> Table:
    """For each (subject, quantity, bucket): weight at or above the bucket, all weight, and the highest bucket met."""
    keys = [measures.select("quantity", "bucket", subject=subject) for subject in _subjects(measures).values()]
    wanted = _union(keys).distinct()
    other = quantities.rename(q_subject="subject", q_quantity="quantity", met="bucket")
    joined = wanted.inner_join(other, (wanted.subject == other.q_subject) & (wanted.quantity == other.q_quantity))
    above = ibis.ifelse(joined.met >= joined.bucket, joined.weight, 0.0)
    return joined.group_by("subject", "quantity", "bucket").agg(
        above=above.sum(), all=joined.weight.sum(), top=joined.met.max()
    )


def grade(measures: Table, tails: Table, half_life: float) -> Table:
    """Upper-tail surprise of each measure, backed off like the choices.

    Beyond anything met, each doubling costs one more bit: sizes and durations on networks are heavy-tailed with an
    exponent near 1 (Crovella and Bestavros, 1997).
    """
    table = measures.mutate(now=_scale(measures.hour, half_life))
    for level, subject in _subjects(measures).items():
        table = _with_tail(table.mutate(**{f"{level}_subject": subject}), tails, level)
    p: Value = (table.network_above.fill_null(0.0) + 1.0) / (table.network_all.fill_null(0.0) + 1.0)
    for level in ("peers", "device"):
        above, total = table[f"{level}_above"].fill_null(0.0), table[f"{level}_all"].fill_null(0.0)
        share = ibis.greatest(PRIOR / (total + PRIOR), LEAST_SHARE)
        p = (1.0 - share) * above / ibis.greatest(total, 1e-300) + share * p
    top = ibis.coalesce(table.device_top, table.peers_top, table.network_top, table.bucket)
    beyond = ibis.greatest(table.bucket - top, 0).cast(_F)
    return table.mutate(bits=_bits(p) + beyond).select(*STEPS["graded"])


def _with_tail(table: Table, tails: Table, level: str) -> Table:
    other = tails.select(
        t_subject=tails.subject, t_quantity=tails.quantity, t_bucket=tails.bucket,
        t_above=tails.above, t_all=tails["all"], t_top=tails.top,
    )  # fmt: skip
    joined = table.left_join(
        other,
        (table[f"{level}_subject"] == other.t_subject)
        & (table.quantity == other.t_quantity)
        & (table.bucket == other.t_bucket),
    )
    found = {
        f"{level}_above": joined.t_above * joined.now,
        f"{level}_all": joined.t_all * joined.now,
        f"{level}_top": joined.t_top,
    }
    return joined.mutate(**found).drop("t_subject", "t_quantity", "t_bucket", "t_above", "t_all", "t_top")


def _with_volume(rows: Table, graded: Table) -> Table:
    """Adds the most surprising of a flow's quantities."""
    for number, name in enumerate(QUANTITIES):
        part = graded.filter(graded.quantity == number)
        other = part.select(
            g_actor=part.actor, g_service=part.service, g_hour=part.hour, g_bucket=part.bucket,
            **{f"{name}_bits": part.bits},
        )  # fmt: skip
        match = (
            (rows.actor == other.g_actor)
            & (rows.service == other.g_service)
            & (rows.hour == other.g_hour)
            & (_bucket(rows[name]) == other.g_bucket)
        )
        rows = rows.left_join(other, match).drop("g_actor", "g_service", "g_hour", "g_bucket")
    measured = [rows[f"{name}_bits"] for name in QUANTITIES]
    most = ibis.greatest(*(bits.fill_null(0.0) for bits in measured))
    some = ibis.coalesce(*measured).notnull()
    # The largest of several looks surprising by chance: take off log2 of how many were looked at (Bonferroni).
    return rows.mutate(volume_bits=ibis.ifelse(some, ibis.greatest(most - _LOG2_QUANTITIES, 0.0), ibis.null(_F)))


def _with_rates(rows: Table, graded: Table) -> Table:
    """Adds how surprising this hour of the device is so far."""
    rates = graded.filter(graded.quantity >= FIRST_RATE)
    best = rates.group_by(r_actor=rates.actor, r_hour=rates.hour).agg(r_bits=rates.bits.max())
    out = rows.left_join(best, (rows.actor == best.r_actor) & (rows.hour == best.r_hour))
    return out.mutate(rate_bits=ibis.greatest(out.r_bits - _LOG2_RATES, 0.0)).drop("r_actor", "r_hour", "r_bits")


_LOG2_QUANTITIES = 1.585
_LOG2_RATES = 2.322


def _hours(rows: Table, active: Table) -> Table:
    """What each device did in each hour of the batch, as increments."""
    per_row = rows.group_by("actor", "grp", "hour").agg(
        connections=rows.connection.sum().cast(_F),
        failed=rows.failed.sum().cast(_F),
        sent=rows.sent.sum().cast(_F),
        peak=rows.peak.max(),
    )
    ends = active.filter(active.kind.isin((0, INBOUND)))
    peers = ends.group_by(e_actor=ends.actor, e_hour=ends.hour).agg(
        remotes=(ends.kind == 0).cast(_F).sum(), sources=(ends.kind == INBOUND).cast(_F).sum()
    )
    both = per_row.left_join(peers, (per_row.actor == peers.e_actor) & (per_row.hour == peers.e_hour))
    return both.select(
        "actor", "grp", "hour",
        **{name: both[name].fill_null(0.0) for name in RATES}, peak=both.peak,
    )  # fmt: skip


def _with_surprise(rows: Table) -> Table:
    """Families add up; inside one (who is on the other side; when and how often) the strongest counts."""
    zero = {f"{name}_bits": rows[f"{name}_bits"].fill_null(0.0) for name in (*KINDS, "volume", "rate")}
    other_side = ibis.greatest(zero["endpoint_bits"], zero["network_bits"], zero["name_bits"], zero["account_bits"])
    rhythm = ibis.greatest(zero["slot_bits"], zero["rate_bits"])
    return rows.mutate(surprise_bits=other_side + zero["service_bits"] + zero["volume_bits"] + rhythm)


def _with_p(rows: Table, calibration: Table) -> Table:
    table = rows.mutate(s_bin=_bin(rows.surprise_bits))
    match = (table.grp == calibration.grp) & (table.s_bin == calibration.bin)
    return table.left_join(calibration, match).mutate(p_value=calibration.p)


def _wider(fresh: Table, subject: Value) -> Table:
    """A wider level counts devices: each that takes up a value adds one, weighed by when (Kneser and Ney, 1995)."""
    named = fresh.mutate(subject=subject)
    grouped = named.group_by("subject", "kind", "value").agg(weight=named["first"].sum(), last=named["last"].max())
    return grouped.mutate(tie=_tie(grouped.subject, grouped.value)).select(
        "tie", "subject", "kind", "value", "weight", "last"
    )


def _wider_totals(part: Table, seen: Table) -> Table:
    known = _join(part, seen, "tie", "tie", {"last": "before"})
    return known.group_by("subject", "kind").agg(weight=known.weight.sum(), types=known.before.isnull().cast(_F).sum())
