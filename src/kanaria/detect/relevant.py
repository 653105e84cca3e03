"""Which waiting rows a correlation has to look at one by one, as a mask for each table.

Nearly every connection of a network is one that could follow an attack, and hardly any follows one. A row becomes a
Python object, 2 kB with all that hangs on it, only where its group can reach the condition at all, or where the row is
remembered for what may come: a million connections took 40 s and 2.3 GB without this.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.values import dataclass
from kanaria.detect.findings import RAW
from kanaria.detect.model import Correlation
from kanaria.detect.windows import MOST_EVENTS, Group

Key = tuple[str, ...]
Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]

LARGEST = 1 << 62
"""Combinations of group values that can be numbered; with more, every row is looked at."""


@dataclass(frozen=True)
class Remembered:
    """Which rows must be there afterwards whatever comes of them: those from ``since`` on (microseconds), of these
    only what a dump of the ``most`` newest events keeps, where that is set."""

    since: float
    most: int | None = None


@dataclass(frozen=True)
class Relevant:
    """The rows to look at, for each rule, and how many are left out only because a dump does not keep them."""

    masks: Mapping[str, Mask]
    beyond: int


def relevant(
    correlation: Correlation,
    due: Mapping[str, pa.Table],
    inner: Mapping[str, Sequence[tuple[Key, int]]],
    groups: Mapping[Key, Group],
    remembered: Remembered,
) -> Relevant | None:
    """The rows of each rule in ``due`` to look at; None for all of them.

    ``inner`` are groups and times of what inner correlations found, ``groups`` what is held already.
    """
    possible = _possible(correlation)
    names = sorted({name for name in correlation.rules if name in due})
    if possible is None or not all(_plain(due[name], correlation.groups[name]) for name in names):
        return None
    numbers = _Numbers(len(correlation.group_by))
    parts = {name: numbers.columns(due[name], correlation.groups[name]) for name in names}
    keys_of = {name: [numbers.key(key) for key, _ in moments] for name, moments in inner.items()}
    held = [(numbers.key(key), group) for key, group in groups.items()]
    if not numbers.fit():
        return None
    codes = {name: numbers.one(part) for name, part in parts.items()}
    arrived = {
        **codes,
        **{name: np.array(list(map(numbers.one_key, keys)), np.int64) for name, keys in keys_of.items()},
    }
    times = {name: due[name]["time"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy() for name in names}
    moments = {**times, **{name: np.array([time for _, time in pairs], np.int64) for name, pairs in inner.items()}}
    wanted = possible(arrived, moments, {numbers.one_key(key): group for key, group in held})
    waiting = _Rows(
        codes=_joined(codes[name] for name in names),
        times=_joined(times[name] for name in names),
        ids=_joined(due[name]["event_id"].to_numpy() for name in names),
        rules=_joined(np.full(len(codes[name]), place, np.int64) for place, name in enumerate(names)),
    )
    needed = (waiting.codes >= 0) & np.isin(waiting.codes, wanted)
    held_after, kept = waiting.remembered(remembered)
    looked_at = needed | kept
    ends = np.cumsum([len(codes[name]) for name in names])[:-1]
    masks = dict(zip(names, np.split(looked_at, ends), strict=True)) if names else {}
    return Relevant(masks, int(np.count_nonzero(held_after & ~looked_at)))


_Possible = Callable[[Mapping[str, Codes], Mapping[str, Codes], Mapping[int, Group]], Codes]
"""From groups and times of what arrived, by rule, and the groups held before, to those in which the condition may
hold."""


def _possible(correlation: Correlation) -> _Possible | None:
    """None where nothing can be said beforehand."""
    least = correlation.threshold + (1 if correlation.op == "gt" else 0)
    if not correlation.group_by or correlation.clauses is not None or correlation.op not in ("gt", "gte"):
        return None
    if correlation.type in ("event_count", "value_count") and least > 0:
        return lambda arrived, times, held: _frequent(arrived, times, held, math.ceil(least), correlation.span)
    if correlation.type in ("temporal", "temporal_ordered") and least >= len(set(correlation.rules)):
        return lambda arrived, times, held: _complete(correlation.rules, arrived, held)
    return None


def _frequent(
    arrived: Mapping[str, Codes], times: Mapping[str, Codes], held: Mapping[int, Group], least: int, span: int
) -> Codes:
    """Groups with as many events in one span as there have to be distinct ones; of those held already, all."""
    codes, moments = _joined(arrived.values()), _joined(times[name] for name in arrived)
    order = np.lexsort((moments, codes))
    codes, moments = codes[order], moments[order]
    first, last = slice(0, max(len(codes) - least + 1, 0)), slice(least - 1, None)
    frequent = _some(codes[last], (codes[first] == codes[last]) & (moments[last] - moments[first] <= span))
    return np.union1d(frequent, np.array(sorted(held), np.int64))


def _complete(rules: Sequence[str], arrived: Mapping[str, Codes], held: Mapping[int, Group]) -> Codes:
    """Groups in which every rule has matched something."""
    touched = set(np.unique(_joined(arrived.values())).tolist()) & held.keys()
    before: dict[str, list[int]] = {name: [] for name in rules}
    for key in touched:
        for name in {event.rule for event in held[key].events} & before.keys():
            before[name].append(key)
    complete = np.unique(_joined(arrived.values()))
    for name in rules:
        own = _joined([arrived.get(name, _NONE), np.array(before[name], np.int64)])
        complete = _some(complete, np.isin(complete, own))
    return complete


_NONE: Codes = np.empty(0, np.int64)


def _joined(parts: Iterable[Codes]) -> Codes:
    return np.concatenate([_NONE, *parts])


def _some(codes: Codes, mask: Mask) -> Codes:
    return codes[mask]


@dataclass(frozen=True)
class _Rows:
    """The waiting rows of all rules of a correlation: group, time, event id and the place of the rule's name."""

    codes: Codes
    times: Codes
    ids: Codes
    rules: Codes

    def remembered(self, wanted: Remembered) -> tuple[Mask, Mask]:
        """Of the rows from a time on, those that groups have room for, and of these what is kept."""
        rows = np.flatnonzero((self.codes >= 0) & (self.times >= wanted.since))
        if wanted.most is None:
            return (self._mask(rows),) * 2
        held = self._newest_of_groups(rows)
        # As a dump does: events as old as the oldest it keeps are kept as well.
        oldest = np.sort(self.times[held])[-wanted.most :][:1]
        return self._mask(held), self._mask(held[self.times[held] >= oldest] if len(oldest) else held)

    def _newest_of_groups(self, rows: Codes) -> Codes:
        """Of each group its last ``MOST_EVENTS``, in the order in which a group holds them: one more of the same time
        would take the place of a row of another group, which a dump keeps."""
        rows = rows[np.lexsort([part[rows] for part in (self.rules, self.ids, self.times, self.codes)])]
        codes = self.codes[rows]
        return rows[np.searchsorted(codes, codes, side="right") - np.arange(len(codes)) <= MOST_EVENTS]

    def _mask(self, rows: Codes) -> Mask:
        mask = np.zeros(len(self.codes), np.bool_)
        mask[rows] = True
        return mask


def _plain(table: pa.Table, columns: Sequence[str]) -> bool:
    """Whether the values of a group are texts and numbers as they stand."""
    kinds = [table.schema.field(name).type for name in columns if name in table.column_names]
    simple = all(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind) for kind in kinds
    )
    return simple and not set(columns) & set(RAW)


class _Numbers:
    """Numbers for the values of groups, as Sigma compares them: texts without case."""

    def __init__(self, width: int) -> None:
        self._known: list[dict[str, int]] = [{} for _ in range(width)]

    def columns(self, table: pa.Table, names: Sequence[str]) -> list[Codes]:
        """The number of each row's value, by column; -1 where there is none."""
        return [self._column(place, table, name) for place, name in enumerate(names)]

    def _column(self, place: int, table: pa.Table, name: str) -> Codes:
        if name not in table.column_names:
            return np.full(len(table), -1, np.int64)
        encoded = table[name].combine_chunks().dictionary_encode()
        values = [self._number(place, str(value).lower()) for value in encoded.dictionary.to_pylist()]
        indices = encoded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
        codes: Codes = np.array([*values, -1], np.int64).take(indices)
        return codes

    def key(self, key: Key) -> tuple[int, ...]:
        return tuple(self._number(place, value) for place, value in enumerate(key))

    def _number(self, place: int, value: str) -> int:
        return self._known[place].setdefault(value, len(self._known[place]))

    def fit(self) -> bool:
        """Whether all combinations have a number. Asked when all values are known."""
        size = 1
        for values in self._known:
            size *= len(values) + 1
        return size < LARGEST

    def one(self, columns: Sequence[Codes]) -> Codes:
        """One number for each row; negative where a value is missing."""
        numbers = np.zeros(len(columns[0]) if columns else 0, np.int64)
        missing = np.zeros(len(numbers), bool)
        for values, codes in zip(self._known, columns, strict=True):
            numbers, missing = numbers * (len(values) + 1) + codes, missing | (codes < 0)
        numbers[missing] = -1
        return numbers

    def one_key(self, key: Sequence[int]) -> int:
        code = 0
        for values, number in zip(self._known, key, strict=True):
            code = code * (len(values) + 1) + number
        return code
