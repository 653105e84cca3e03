"""The half of the program that looks at amounts: bytes, duration, and what a device does in an hour.

In come the batch's rows, the choices as judged and the history of amounts; out go bits by measure and the deltas that
learning appends. Amounts are compared in steps of a factor of two, per service and level.
"""

from __future__ import annotations

import ibis

from kanaria.baseline.expressions import Table, Value, bucket, growth, measure_key, scale, sum_of, tie, to_bits, union
from kanaria.baseline.shape import (
    FIRST_RATE,
    INBOUND,
    LEAST_SHARE,
    MEASURES,
    NETWORK_SUBJECT,
    PEAKS,
    PRIOR,
    QUANTITIES,
    RATES,
    STEPS,
)

_ID, _F = "int64", "float64"


def measure(rows: Table, judged: Table, hourly: Table) -> Table:
    """What is to be graded: flow quantities by service, and what each device did in its hour so far (service 0)."""
    active = judged.filter(judged.device_last.isnull() | (judged.hour > judged.device_last))
    now = per_hour(rows, active)
    wanted = ("actor", "hour", *RATES)
    so_far = now.select(*wanted).union(hourly.select(*wanted), distinct=False)
    sums = so_far.group_by("actor", "hour").agg(**{name: so_far[name].sum() for name in RATES})
    sums = sums.inner_join(now.select("actor", "grp", "hour"), ["actor", "hour"])
    rates = [
        sums.select(
            "actor", "grp", "hour", service=ibis.literal(0, _ID),
            quantity=ibis.literal(FIRST_RATE + number, _ID), bucket=bucket((sums[name] + 1.0).log2()),
        )
        for number, name in enumerate(RATES)
    ]  # fmt: skip
    plain = [_keyed(part, number) for number, part in enumerate(_flow_parts(rows))]
    return union([*plain, *(_keyed(part, FIRST_RATE + number) for number, part in enumerate(rates))])


def _keyed(part: Table, number: int) -> Table:
    key = measure_key(part.actor, part.service, part.hour, number, part.bucket)
    return part.mutate(key=key).select(*MEASURES)


def look_up_tails(measures: Table, quantities: Table) -> Table:
    """For each (subject, quantity, bucket): weight at or above the bucket, all weight, and the highest bucket met."""
    keys = [measures.select("quantity", "bucket", subject=subject) for subject in _subjects(measures).values()]
    wanted = union(keys).distinct()
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
    table = measures.mutate(now=scale(measures.hour, half_life))
    for level, subject in _subjects(measures).items():
        table = _with_tail(table.mutate(**{f"{level}_subject": subject}), tails, level)
    p: Value = (table.network_above.fill_null(0.0) + 1.0) / (table.network_all.fill_null(0.0) + 1.0)
    for level in ("peers", "device"):
        above, total = table[f"{level}_above"].fill_null(0.0), table[f"{level}_all"].fill_null(0.0)
        share = ibis.greatest(PRIOR / (total + PRIOR), LEAST_SHARE)
        p = (1.0 - share) * above / ibis.greatest(total, 1e-300) + share * p
    top = ibis.coalesce(table.device_top, table.peers_top, table.network_top, table.bucket)
    beyond = ibis.greatest(table.bucket - top, 0).cast(_F)
    return table.mutate(bits=to_bits(p) + beyond).select(*STEPS["graded"])


def _subjects(measures: Table) -> dict[str, Value]:
    """Whose history a measure is compared with, by level: the device's, its peers', everybody's, for that service."""
    return {
        "device": tie(measures.actor, measures.service),
        "peers": tie(measures.grp, measures.service),
        "network": tie(ibis.literal(NETWORK_SUBJECT, _ID), measures.service),
    }


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
    return joined.mutate(**found).select(*table.columns, *found)


def with_volume(rows: Table, graded: Table) -> Table:
    """Adds the most surprising of a flow's quantities."""
    for number, name in enumerate(QUANTITIES):
        part = graded.filter(graded.quantity == number)
        other = part.select(g_key=part.key, **{f"{name}_bits": part.bits})
        match = measure_key(rows.actor, rows.service, rows.hour, number, bucket(rows[name])) == other.g_key
        rows = rows.left_join(other, match).select(*rows.columns, f"{name}_bits")
    measured = [rows[f"{name}_bits"] for name in QUANTITIES]
    most = ibis.greatest(*(bits.fill_null(0.0) for bits in measured))
    some = ibis.coalesce(*measured).notnull()
    # The largest of several looks surprising by chance: take off log2 of how many were looked at (Bonferroni).
    return rows.mutate(volume_bits=ibis.ifelse(some, ibis.greatest(most - _LOG2_QUANTITIES, 0.0), ibis.null(_F)))


def with_rates(rows: Table, graded: Table) -> Table:
    """Adds how surprising this hour of the device is so far."""
    rates = graded.filter(graded.quantity >= FIRST_RATE)
    best = rates.group_by(r_actor=rates.actor, r_hour=rates.hour).agg(r_bits=rates.bits.max())
    out = rows.left_join(best, (rows.actor == best.r_actor) & (rows.hour == best.r_hour))
    return out.mutate(rate_bits=ibis.greatest(out.r_bits - _LOG2_RATES, 0.0)).select(*rows.columns, "rate_bits")


def per_hour(rows: Table, active: Table) -> Table:
    """What each device did in each hour of the batch, as increments."""
    per_row = rows.group_by("actor", "grp", "hour").agg(
        connections=rows.connection.sum().cast(_F),
        failed=rows.failed.sum().cast(_F),
        sent=rows.sent.sum().cast(_F),
        **{name: rows[name].max() for name in PEAKS},
    )
    ends = active.filter(active.kind.isin((0, INBOUND)))
    peers = ends.group_by(e_actor=ends.actor, e_hour=ends.hour).agg(
        remotes=(ends.kind == 0).cast(_F).sum(), sources=(ends.kind == INBOUND).cast(_F).sum()
    )
    both = per_row.left_join(peers, (per_row.actor == peers.e_actor) & (per_row.hour == peers.e_hour))
    return both.select(
        "actor", "grp", "hour",
        **{name: both[name].fill_null(0.0) for name in RATES}, **{name: both[name] for name in PEAKS},
    )  # fmt: skip


def flow_keys(rows: Table) -> Table:
    """A batch's flow quantities in long form, each once."""
    return union(_flow_parts(rows))


def _flow_parts(rows: Table) -> list[Table]:
    parts = []
    for number, name in enumerate(QUANTITIES):
        kept = rows.filter(rows[name].notnull() & rows.service.notnull())
        parts.append(
            kept.select(
                "actor", "grp", "service", "hour",
                quantity=ibis.literal(number, _ID), bucket=bucket(kept[name]),
            ).distinct()
        )  # fmt: skip
    return parts


def flow_quantities(flows: Table, half_life: float) -> Table:
    """Each (service, quantity, bucket) once per active hour and device, for the three levels."""
    once = flows.distinct()
    parts = [
        once.select(
            subject=tie(subject, once.service),
            quantity=once.quantity,
            bucket=once.bucket,
            weight=growth(once.hour, half_life),
        )
        for subject in (once.actor, once.grp, ibis.literal(NETWORK_SUBJECT, _ID))
    ]
    return sum_of(union(parts), "subject", "quantity", "bucket")


_LOG2_QUANTITIES = 1.585
_LOG2_RATES = 2.322
