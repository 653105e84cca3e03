"""Fits the weights and tests them on sources they were not fitted on: sources come in, ``Held`` results go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection import variants
from benchmarks.detection.fit import Fitted, Floats, fit
from benchmarks.detection.samples import Connection, Source, table
from kanaria.mining import grammar, grammar_signs

Ints = NDArray[np.int64]

POWER = 0.3
"""A source of n connections counts as n**0.3: the largest is not the only teacher, the smallest is not ignored.
Held-out recall at 0.1 % false positives moved by less than two points between 0 and 0.6."""

FALSE_SHARE = 0.001
"""The share of benign connections that may be taken for mining: the target the thresholds are set for."""

LEVELS = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005)
"""False positive shares at which bits are measured; below the last there are too few benign connections to count."""

ALERT = 7.0
"""Bits at which the rules alert. The sum is shifted so that ``FALSE_SHARE`` of benign connections reach them; what was
measured there is more (log2 of recall over share, 9 to 10 bits), so the bits claim less than they could."""

LEAST_RECALL = 0.3
"""A level that finds fewer miners than this says nothing about the bits of a usual miner."""

AGAINST = {"sequence": grammar_signs.SEQUENCE_AGAINST, "flow": grammar_signs.FLOW_AGAINST}


@dataclass(frozen=True)
class Seen:
    """The connections of a list that can be judged (``which``) and how plainly each sign shows in them."""

    which: Ints
    signs: Mapping[str, Floats]


@dataclass(frozen=True)
class Held:
    """One source, scored by weights fitted on all sources of other families."""

    source: Source
    fitted: Fitted
    which: Ints
    scores: Floats

    @property
    def mining(self) -> NDArray[np.bool_]:
        return self.source.mining[self.which]


def see(connections: Sequence[Connection], kind: str) -> Seen:
    """The signs of a detector (``sequence`` or ``flow``) over connections."""
    rows = table(connections, messages=kind == "sequence")
    seconds, datagrams = grammar.seconds_of(rows), grammar.datagrams_of(rows)
    other = grammar.other_protocol(rows)
    if kind == "sequence":
        which, seen = grammar.sequences(rows["messages"], datagrams)
        rate = grammar.rate_of(rows, seconds)
        shown = grammar_signs.of_sequence(seen, seconds[which], rate[which], datagrams[which], other[which])
        return Seen(which, shown)
    which, volume = grammar.flows(rows, seconds, datagrams, other)
    return Seen(which, grammar_signs.of_flow(volume))


def watch(held: Held, threshold: float) -> tuple[Floats, Ints]:
    """For each connection of a source the seconds and messages after which somebody who watched it was told of mining;
    NaN and 0 where nobody was."""
    rows = table(held.source.connections, messages=True)
    datagrams, other = grammar.datagrams_of(rows), grammar.other_protocol(rows)

    def judge(signs: Mapping[str, Floats]) -> Floats:
        return held.fitted.score(signs)

    return grammar.first_plain(rows, datagrams, other, judge, threshold)


@dataclass(frozen=True)
class Lesson:
    """A source prepared for fitting."""

    source: Source
    seen: Seen
    mining: NDArray[np.bool_]
    weight: Floats


def lesson(source: Source, kind: str) -> Lesson:
    """Every look at every connection; the looks of one connection share one vote, the source's votes are damped."""
    groups = variants.training(source.connections) if kind == "sequence" else [[one] for one in source.connections]
    flat = [look for group in groups for look in group]
    vote = np.array([1 / len(group) for group in groups for _ in group])
    seen = see(flat, kind)
    mining = np.array([one.mining for one in flat], dtype=np.bool_)[seen.which]
    weight = vote[seen.which]
    for value in (True, False):
        side = mining == value
        if side.any():
            weight[side] *= weight[side].sum() ** POWER / weight[side].sum()
    return Lesson(source, seen, mining, weight)


def learn(lessons: Sequence[Lesson], kind: str) -> Fitted:
    """Weights from all given lessons."""
    names = lessons[0].seen.signs.keys()
    return fit(
        {name: np.concatenate([one.seen.signs[name] for one in lessons]) for name in names},
        np.concatenate([one.mining for one in lessons]),
        np.concatenate([one.weight for one in lessons]),
        AGAINST[kind],
    )


def leave_one_out(lessons: Sequence[Lesson], kind: str) -> list[Held]:
    """Each source scored by what all sources of other families teach."""
    results = []
    for one in lessons:
        fitted = learn([other for other in lessons if other.source.family != one.source.family], kind)
        seen = see(one.source.connections, kind)
        results.append(Held(one.source, fitted, seen.which, fitted.score(seen.signs)))
    return results


def threshold(held: Sequence[Held]) -> float:
    """The lowest score that at most ``FALSE_SHARE`` of all benign connections reach, judged or not."""
    benign = np.concatenate([one.scores[~one.mining] for one in held])
    total = sum(int((~one.source.mining).sum()) for one in held)
    return float(np.nextafter(np.sort(benign)[::-1][int(total * FALSE_SHARE)], np.inf))


def calibrate(held: Sequence[Held]) -> tuple[float, float]:
    """Slope and shift that turn held-out scores into bits that were measured.

    At a score that a share f of the judged benign connections exceeds and a share r of the miners, exceeding it is
    worth log2(r/f) bits. A line is laid through those points for ``LEVELS``; sources have votes as in fitting.
    """
    benign = np.concatenate([one.scores[~one.mining] for one in held])
    miners = np.concatenate([one.scores[one.mining] for one in held])
    vote = np.concatenate([np.full(one.mining.sum(), max(one.mining.sum(), 1) ** (POWER - 1.0)) for one in held])
    points = []
    for level in LEVELS:
        score = float(np.quantile(benign, 1 - level))
        recall = float(vote[miners > score].sum() / vote.sum())
        if recall > LEAST_RECALL:
            points.append((score, np.log2(recall / level)))
    scores, bits = np.array(points).T
    slope, shift = np.polyfit(scores, bits, 1)
    return float(slope), float(shift)


def pinned(held: Sequence[Held]) -> tuple[float, float]:
    """``calibrate`` with the shift that puts the threshold at ``ALERT``, unless that claimed more than was measured."""
    slope, _ = calibrate(held)
    reached = threshold(held)
    miners = np.concatenate([one.scores[one.mining] for one in held])
    measured = float(np.log2(max((miners >= reached).mean(), FALSE_SHARE) / FALSE_SHARE))
    return slope, min(ALERT, measured) - slope * reached
