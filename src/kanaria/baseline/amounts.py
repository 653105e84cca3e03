"""The half of the program that looks at amounts: bytes, duration, and what a device does in an hour.

In come the batch's rows, the choices as judged and the history of amounts; out go bits by measure and the deltas that
learning appends. Amounts are compared in steps of a factor of two, per service and level.
"""

from __future__ import annotations

import ibis

from kanaria.baseline.expressions import (
    Table,
    Value,
    beside,
    bucket,
    growth,
    measure_key,
    scale,
    sum_of,
    tie,
    to_bits,
    union,
)
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


def amounts(rows: Table) -> Table:
    """A batch's flow quantities by service, each once."""
    return union([_amount(rows, number, name) for number, name in enumerate(QUANTITIES)])


def _amount(rows: Table, number: int, name: str) -> Table:
    kept = rows.filter(rows[name].notnull() & rows.service.notnull())
    step = bucket(kept[name])
    key = measure_key(kept.actor, kept.service, kept.hour, number, step)
    named = {"key": key, "quantity": ibis.literal(number, _ID), "bucket": step}
    return kept.select("actor", "grp", "service", "hour", **named).select(*MEASURES).distinct()


def so_far(hours: Table, hourly: Table) -> Table:
    """What each device of the batch has done in its hours, with what was known of them before."""
    both = hours.select("actor", "hour", *RATES).union(hourly.select("actor", "hour", *RATES), distinct=False)
    sums = both.group_by("actor", "hour").agg(**{name: both[name].sum() for name in RATES})
    return sums.inner_join(hours.select("actor", "grp", "hour"), ["actor", "hour"]).select(*STEPS["so_far"])


def measures(amounts: Table, so_far: Table) -> Table:
    """What is to be graded: flow quantities by service, and what each device did in its hour so far (service 0)."""
    return union([amounts, *(_rate(so_far, FIRST_RATE + number, name) for number, name in enumerate(RATES))])


def _rate(so_far: Table, number: int, name: str) -> Table:
    service, step = ibis.literal(0, _ID), bucket((so_far[name] + 1.0).log2())
    key = measure_key(so_far.actor, service, so_far.hour, number, step)
    named = {"key": key, "service": service, "quantity": ibis.literal(number, _ID), "bucket": step}
    return so_far.select("actor", "grp", "hour", **named).select(*MEASURES)


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

    Beyond anything met by the device or its peers, each doubling costs one more bit: sizes and durations on networks
    are heavy-tailed with an exponent near 1 (Crovella and Bestavros, 1997).
    """
    parts = [_tail(measures, tails, level, subject) for level, subject in _subjects(measures).items()]
    joined = beside(measures, *parts)
    now = scale(joined.hour, half_life)

    def weight(name: str) -> Value:
        return joined[name].fill_null(0.0) * now

    p: Value = (weight("network_above") + 1.0) / (weight("network_all") + 1.0)
    for level in ("peers", "device"):
        above, total = weight(f"{level}_above"), weight(f"{level}_all")
        share = ibis.greatest(PRIOR / (total + PRIOR), LEAST_SHARE)
        p = (1.0 - share) * above / ibis.greatest(total, 1e-300) + share * p
    # What the peers' share of p has paid for already is not charged again as beyond the device's own largest.
    device, peers = (
        ibis.coalesce(joined.device_top, joined.peers_top),
        ibis.coalesce(joined.peers_top, joined.device_top),
    )
    top = ibis.coalesce(ibis.greatest(device, peers), joined.network_top, joined.bucket)
    beyond = ibis.greatest(joined.bucket - top, 0).cast(_F)
    return joined.select(*MEASURES, bits=to_bits(p) + beyond).select(*STEPS["graded"])


def _subjects(measures: Table) -> dict[str, Value]:
    """Whose history a measure is compared with, by level: the device's, its peers', everybody's, for that service."""
    return {
        "device": tie(measures.actor, measures.service),
        "peers": tie(measures.grp, measures.service),
        "network": tie(ibis.literal(NETWORK_SUBJECT, _ID), measures.service),
    }


def _tail(measures: Table, tails: Table, level: str, subject: Value) -> tuple[Table, list[Value]]:
    """What one level knows of an amount, and how to find a measure's."""
    other = tails.select(
        **{
            f"{level}_subject": tails.subject, f"{level}_quantity": tails.quantity, f"{level}_bucket": tails.bucket,
            f"{level}_above": tails.above, f"{level}_all": tails["all"], f"{level}_top": tails.top,
        }
    )  # fmt: skip
    return other, [
        subject == other[f"{level}_subject"],
        measures.quantity == other[f"{level}_quantity"],
        measures.bucket == other[f"{level}_bucket"],
    ]


def volumes_of(rows: Table, graded: Table) -> list[tuple[Table, list[Value]]]:
    """The surprise of each of a flow's quantities, and how to find a row's."""
    parts = []
    for number, name in enumerate(QUANTITIES):
        part = graded.filter(graded.quantity == number)
        other = part.select(**{f"{name}_key": part.key, f"{name}_graded": part.bits})
        key = measure_key(rows.actor, rows.service, rows.hour, number, bucket(rows[name]))
        parts.append((other, [key == other[f"{name}_key"]]))
    return parts


def volume(joined: Table) -> Value:
    """The most surprising of a flow's quantities."""
    measured = [joined[f"{name}_graded"] for name in QUANTITIES]
    most = ibis.greatest(*(bits.fill_null(0.0) for bits in measured))
    some = ibis.coalesce(*measured).notnull()
    # The largest of several looks surprising by chance: take off log2 of how many were looked at (Bonferroni).
    return ibis.ifelse(some, ibis.greatest(most - _LOG2_QUANTITIES, 0.0), ibis.null(_F))


def rates_of(rows: Table, graded: Table) -> tuple[Table, list[Value]]:
    """The most surprising thing about a device's hour so far, and how to find a row's."""
    rates = graded.filter(graded.quantity >= FIRST_RATE)
    best = rates.group_by(r_actor=rates.actor, r_hour=rates.hour).agg(rate_graded=rates.bits.max())
    return best, [rows.actor == best.r_actor, rows.hour == best.r_hour]


def rate(joined: Table) -> Value:
    """How surprising this hour of the device is so far."""
    return ibis.greatest(joined.rate_graded - _LOG2_RATES, 0.0)


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
