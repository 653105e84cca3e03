"""Fits the weights and tests them on sources they were not fitted on: sources come in, ``Held`` results go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.detection import variants
from benchmarks.detection.fit import Fitted, Floats, fit
from benchmarks.detection.samples import Connection, Source, table
from kanaria.mining import grammar, grammar_signs
from kanaria.mining.grammar_sequence import Exchange

Ints = NDArray[np.int64]

POWER = 0.3
"""A source of n connections counts as n**0.3: the largest is not the only teacher, the smallest is not ignored.
Held-out recall at 0.1 % false positives moved by less than two points between 0 and 0.6."""

FALSE_SHARE = 0.001
"""The share of judged benign connections that may be taken for mining: the target the thresholds are set for."""

LEVELS = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005)
"""False positive shares at which bits are measured; below the last there are too few benign connections to count."""

ALERT = 7.0
"""Bits at which the rules speak of mining. The sum is shifted so that ``FALSE_SHARE`` of the judged benign connections
reach them; what was measured there is more (log2 of recall over share), so the bits claim less than they could."""

VETO = -20.0
"""Bits of signs that are set, as in the weights file; scaling leaves them what they are: far too many to outweigh."""

LEAST_RECALL = 0.3
"""A level that finds fewer miners than this says nothing about the bits of a usual miner."""

BEGINNING = "no_first_job"
"""What is only seen of connections that were not joined in the middle: weights and thresholds are found without it."""

AGAINST = {"sequence": grammar_signs.SEQUENCE_AGAINST, "flow": grammar_signs.FLOW_AGAINST}


@dataclass(frozen=True)
class Seen:
    """The connections of a list that can be judged (``which``) and how plainly each sign shows in them."""

    which: Ints
    signs: Mapping[str, Floats]
    length: Ints


@dataclass(frozen=True)
class Held:
    """One source, scored by weights fitted on all sources of other families."""

    source: Source
    fitted: Fitted
    which: Ints
    scores: Floats
    joined: Floats
    """The same scores, as if nobody had seen how the connections began."""
    length: Ints

    @property
    def mining(self) -> NDArray[np.bool_]:
        return self.source.mining[self.which]


def see(connections: Sequence[Connection], kind: str) -> Seen:
    """The signs of a detector (``sequence`` or ``flow``) over connections."""
    rows = table(connections, messages=kind == "sequence")
    if kind == "sequence":
        known = known_of(connections, rows)
        which, seen = grammar.sequences(rows["messages"], known.datagrams)
        return Seen(which, grammar_signs.of_sequence(seen, known.of(which)), grammar.length_of(seen))
    seconds, datagrams = grammar.seconds_of(rows), grammar.datagrams_of(rows)
    which, volume = grammar.flows(rows, seconds, datagrams, grammar.other_protocol(rows))
    return Seen(which, grammar_signs.of_flow(volume), np.zeros(len(which), dtype=np.int64))


def known_of(connections: Sequence[Connection], rows: pa.Table) -> grammar_signs.FlowFacts:
    """What is known beside the messages; whether bytes can be read, the capture's reader has said."""
    return replace(grammar.known_of(rows), readable=np.array([one.readable for one in connections], dtype=np.bool_))


def watch(held: Held, threshold: float) -> tuple[Floats, Ints]:
    """For each connection of a source the seconds and messages after which somebody who watched it was told of mining;
    NaN and 0 where nobody was."""
    rows = table(held.source.connections, messages=True)

    def judge(seen: Exchange, known: grammar_signs.FlowFacts) -> Floats:
        return held.fitted.score(grammar_signs.of_sequence(seen, known))

    return grammar.first_plain(rows["messages"], known_of(held.source.connections, rows), judge, threshold)


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
    names = [name for name in lessons[0].seen.signs if name not in grammar_signs.FIXED]
    # What a veto decides teaches nothing about the other signs.
    free = [~vetoed(one.seen.signs) for one in lessons]
    fitted = fit(
        {name: np.concatenate([one.seen.signs[name][mask] for one, mask in zip(lessons, free, strict=True)])
         for name in names},
        np.concatenate([one.mining[mask] for one, mask in zip(lessons, free, strict=True)]),
        np.concatenate([one.weight[mask] for one, mask in zip(lessons, free, strict=True)]),
        AGAINST[kind],
    )  # fmt: skip
    fixed = {name: VETO for name in lessons[0].seen.signs if name in grammar_signs.FIXED}
    return Fitted(fitted.start, {**fitted.bits, **fixed})


def vetoed(signs: Mapping[str, Floats]) -> NDArray[np.bool_]:
    """Where a veto decides."""
    mask = np.zeros(len(next(iter(signs.values()))), dtype=np.bool_)
    for name in set(grammar_signs.FIXED) - {BEGINNING}:
        mask |= signs.get(name, np.zeros(len(mask))) > 0
    return mask


def leave_one_out(lessons: Sequence[Lesson], kind: str) -> list[Held]:
    """Each source scored by what all sources of other families teach."""
    results = []
    for one in lessons:
        fitted = learn([other for other in lessons if other.source.family != one.source.family], kind)
        seen = see(one.source.connections, kind)
        joined = fitted.score({name: sign for name, sign in seen.signs.items() if name != BEGINNING})
        results.append(Held(one.source, fitted, seen.which, fitted.score(seen.signs), joined, seen.length))
    return results


def threshold(held: Sequence[Held]) -> float:
    """The lowest score that at most ``FALSE_SHARE`` of the *judged* benign connections reach, look-alikes included.

    Most connections of a network are never judged; counted over all of them the same alarms would look like few. How
    connections began is not asked here, as sensors join many in the middle.
    """
    benign = np.sort(np.concatenate([one.joined[~one.mining] for one in held]))[::-1]
    return float(np.nextafter(benign[int(len(benign) * FALSE_SHARE)], np.inf))


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
    """Slope and shift that put the threshold at ``ALERT``, unless that claimed more than was measured.

    A score is the fit's own log-odds, so one is worth one bit; how many are believed, the lengths of observation say.
    """
    reached = threshold(held)
    miners = np.concatenate([one.scores[one.mining] for one in held])
    benign = sum(int((~one.mining).sum()) for one in held)
    least = max(FALSE_SHARE, 0.5 / (benign + 1))
    measured = float(np.log2(max(float((miners >= reached).mean()), least) / least))
    return 1.0, min(ALERT, measured) - reached
