"""Finds what each sign is worth: strengths and labels of many connections come in, bits per sign go out.

A logistic regression in which every sign may only speak in its own direction (signs for mining are never negative,
signs against never positive). Without that, a sign that is accidentally common in one source is turned against its
meaning and the next source pays for it. The coefficients of all signs are found together, so that signs that say the
same thing share their worth instead of counting twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PULL = 0.01
"""Ridge penalty: keeps a sign that separates the training sources perfectly from growing without limit."""

LARGEST = 8.0
"""No single sign may be worth more bits: that would claim it in fewer than one of 256 benign connections."""

SMALLER: Mapping[str, float] = {"blurred": 5.0, "shared_lengths": 3.5}
"""Signs that padding brings about may not outweigh the rest: who pads would be let off."""

STEPS = 4000


@dataclass(frozen=True)
class Fitted:
    """Bits per sign, and where the sum begins: with a prior of one miner among as many benign connections."""

    start: float
    bits: Mapping[str, float]

    def score(self, seen: Mapping[str, Floats]) -> Floats:
        total = np.full(len(next(iter(seen.values()))), self.start)
        for name, strength in seen.items():
            total += self.bits[name] * strength
        return total

    def scaled(self, slope: float, shift: float) -> Fitted:
        """The same judgement with every sum ``s`` turned into ``slope * s + shift``."""
        return Fitted(slope * self.start + shift, {name: slope * bits for name, bits in self.bits.items()})


def fit(seen: Mapping[str, Floats], mining: NDArray[np.bool_], weight: Floats, against: Sequence[str]) -> Fitted:
    """Projected gradient descent (Adam) on the weighted log-loss; ``weight`` says how much each connection counts."""
    names = list(seen)
    x = np.column_stack([seen[name] for name in names] + [np.ones(len(mining))])
    direction = np.array([-1.0 if name in against else 1.0 for name in names])
    share = weight / np.where(mining, weight[mining].sum(), weight[~mining].sum()) / 2
    theta = np.zeros(x.shape[1])
    mean, square = np.zeros_like(theta), np.zeros_like(theta)
    limit = np.array([SMALLER.get(name, LARGEST) for name in names]) * np.log(2)
    for step in range(1, STEPS + 1):
        probability = 1 / (1 + np.exp(-np.clip(x @ theta, -50, 50)))
        gradient = x.T @ (share * (probability - mining)) + PULL * np.r_[theta[:-1], 0.0] / len(names)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        theta -= 0.05 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-9)
        theta[:-1] = direction * np.clip(direction * theta[:-1], 0.0, limit)
        theta[-1] = min(theta[-1], 0.0)  # nothing seen is nothing for mining
    bits = theta / np.log(2)
    return Fitted(float(bits[-1]), dict(zip(names, bits[:-1].tolist(), strict=True)))
