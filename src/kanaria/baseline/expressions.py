"""Small Ibis expressions that the parts of the program share: ties, decay, bits, steps of amounts, joins."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import ibis

from kanaria.baseline.shape import (
    BINS_PER_BIT,
    CALIBRATION_BINS,
    HOUR_STEP,
    HOURS_APART,
    LANDMARK,
    LARGEST_EXPONENT,
    MEASURE_STEP,
)  # fmt: skip

Table = Any
Value = Any
_ID, _F = "int64", "float64"


def tie(subject: Value, value: Value) -> Value:
    return subject ^ value


def choice_key(actor: Value, value: Value, hour: Value) -> Value:
    """One integer for an actor's choice in an hour."""
    return actor ^ value ^ ((hour % HOURS_APART) * HOUR_STEP)


def measure_key(actor: Value, service: Value, hour: Value, number: int, step: Value) -> Value:
    """One integer for a measure of an actor on a service in an hour, at a step of its amount."""
    return choice_key(actor, service, hour) ^ ((step.clip(0, 255) + number * 256) * MEASURE_STEP)


def growth(hour: Value, half_life: float) -> Value:
    """What an hour counts for ever. Clocks that say 1970 or 2106 must not leave what a float64 holds."""
    return ibis.literal(2.0) ** bounded((hour - LANDMARK).cast(_F) / half_life)


def scale(hour: Value, half_life: float) -> Value:
    return ibis.literal(2.0) ** bounded((LANDMARK - hour).cast(_F) / half_life)


def bounded(exponent: Value) -> Value:
    return ibis.greatest(ibis.least(exponent, LARGEST_EXPONENT), -LARGEST_EXPONENT)


SMALLEST = 1e-300


def to_bits(p: Value) -> Value:
    """Bits of a probability. What decades make too small for a number counts as ``SMALLEST``; what they make no number
    (infinity over infinity, which engines order above all others) says nothing: 0 bits. Null stays null."""
    bounded_p = (p > 1.0).ifelse(1.0, (p < SMALLEST).ifelse(SMALLEST, p))
    return ibis.greatest(-bounded_p.log2(), 0.0)


def union(parts: list[Table]) -> Table:
    return reduce(lambda left, right: left.union(right, distinct=False), parts)


def sum_of(table: Table, *keys: str) -> Table:
    return table.group_by(*keys).agg(weight=table.weight.sum())


def join(left: Table, right: Table, left_key: str, right_key: str, renamed: Mapping[str, str]) -> Table:
    """``left`` with columns of ``right`` under new names, null where there is no match."""
    other = right.select(join_key=right[right_key], **{new: right[old] for old, new in renamed.items()})
    return left.left_join(other, left[left_key] == other.join_key).select(*left.columns, *renamed.values())


def beside(left: Table, *parts: tuple[Table, list[Value]]) -> Table:
    """``left`` beside each part where the part's conditions hold, as one flat chain of joins: engines plan nested ones
    slowly. Every column of a part needs a name of its own."""
    chain = left
    for part, conditions in parts:
        chain = chain.left_join(part, conditions)
    return chain


def bucket(log2: Value) -> Value:
    return log2.floor().cast(_ID)


def bin_of(bits: Value) -> Value:
    return ibis.least((bits * BINS_PER_BIT).floor().cast(_ID), CALIBRATION_BINS - 1)
