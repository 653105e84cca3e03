"""From "how surprising" to "how rare": conformal p-values per role and feature, exponential beyond the data.

What is ranked is the most surprising row of a device's hour, in each feature and in their sum, against the hours of
devices of the same role (Mondrian conformal prediction: Vovk, 2005). A busy device has many chances to surprise in an
hour; its hours are compared with busy hours, so it alarms no more often than a quiet one. Beyond the top tenth the
excesses are taken as exponential (the Gumbel case of Pickands, Balkema and de Haan), or p could never fall below one in
the hours seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from kanaria.baseline.shape import BINS_PER_BIT, CALIBRATION_BINS

Counts = np.ndarray[tuple[int], np.dtype[np.float64]]

TAIL_SHARE = 0.1
TAIL_HOURS = 25.0
"""The tail is fitted to the most surprising 25 hours, or to the upper tenth while there are fewer than 250: nearer to
the extremes the fit says more about them. This, the worth of other roles and the margin below were chosen together on
five seeds of the synthetic office; what they give on ten others is in docs/explanation/baseline.md."""
ROLE_WORTH = 10.0
"""Hours of other roles that a role's own figures are mixed with: a device seen for a day outweighs them."""
MARGIN = 0.5
"""Share of the alert budget that the threshold is set to. Half of it, because a budget of seven is kept in a week by
chance only if fewer are expected; 3.0 came on average of the five offices, of 3.5 expected."""
LEAST_SLOPE = 0.5
"""Bits of excess within which the rarity of one feature falls to 1/e at most: below the width of a bin nothing can be
measured."""
SUM_SLOPE = 1 / math.log(2)
"""The same for the sum of all features: of independent surprises, a bit more is half as likely and not less. A week of
hours is often fitted steeper; that took ordinary sums for rare ones (twice the false alarms on five offices)."""


def p_values(hours: Mapping[int, Counts], least_slope: float = LEAST_SLOPE) -> dict[int, Counts]:
    """For each group the share of hours with a peak in that bin or above, dense over all bins; key 0 is all groups.

    ``hours`` maps a group to decayed counts of device hours by bin of peak surprise. However steep the tail, b bits of
    surprise are not made rarer than 2**-b: the bits themselves claim no more.
    """
    everyone = np.sum(list(hours.values()), axis=0) if hours else np.zeros(CALIBRATION_BINS)
    common = _tail(everyone, None, least_slope)
    tails = {0: common} | {group: _tail(counts, common, least_slope) for group, counts in hours.items()}
    claimed = 2.0 ** (-np.arange(CALIBRATION_BINS) / BINS_PER_BIT)
    return {group: np.maximum(p, claimed) for group, p in tails.items()}


def _tail(counts: Counts, wider: Counts | None, least_slope: float) -> Counts:
    """Conformal rank inside the data, exponential beyond the fitted threshold, mixed with the wider group."""
    total = float(counts.sum())
    above = np.cumsum(counts[::-1])[::-1]
    rank = (above + 1.0) / (total + 1.0)
    own = rank
    if total > 0:
        # The first bin with at most the tail share above it; the fit needs something above.
        wanted = min(TAIL_SHARE * total, TAIL_HOURS)
        start = int(np.argmax(above <= wanted)) if above[-1] <= wanted else len(above) - 1
        start = max(start - 1, 0)
        excess = (np.arange(len(counts)) - start).clip(0) / BINS_PER_BIT
        weight = float(counts[start:].sum())
        mean = float((counts * excess).sum() / weight) if weight else 0.0
        slope = max(mean, least_slope)
        fitted = (weight + 1.0) / (total + 1.0) * np.exp(-excess / slope)
        own = np.where(excess > 0, np.where(counts_beyond(counts), fitted, rank), rank)
        own = np.minimum.accumulate(own)
    if wider is None:
        return own
    # In logarithms: added up, a role that is never surprised would still be granted a share of what others do.
    trust = total / (total + ROLE_WORTH)
    mixed: Counts = np.exp(trust * np.log(own) + (1.0 - trust) * np.log(wider))
    return mixed


def counts_beyond(counts: Counts) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Where fewer than ten hours lie at or above a bin: there the rank is too coarse and the fit takes over."""
    return np.cumsum(counts[::-1])[::-1] < 10.0
