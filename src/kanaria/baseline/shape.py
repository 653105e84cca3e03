"""The shapes and constants of the pattern of life: what its tables hold, how time is weighed, how finely bits are kept.

Shared by the Ibis program and by the code that runs its compiled plans, which must not pay for importing Ibis.

A tie is an actor and a value it had to do with. Its weight counts *active hours*, so a burst buys no normality, and
decays by half every ``half_life`` hours. Weights are kept in forward decay (Cormode et al., ICDE 2009): an hour ``t``
counts ``2 ** ((t - LANDMARK) / half_life)`` for ever, and a reader scales by his own now. So adding two states is a
sum, and no row is ever rewritten because time passed.
"""

from __future__ import annotations

from collections.abc import Mapping

LANDMARK = 438_288
"""2020-01-01 in hours. A float64 holds 1,000 half-lives from here: 38 years at two weeks."""

LARGEST_EXPONENT = 960.0
"""Leaves room for 2**60 observations below the largest float64."""

KINDS = ("endpoint", "network", "service", "name", "account", "agent", "slot")
"""What a row chooses. Inbound choices are kinds of their own (number + ``INBOUND``): others make them."""
INBOUND = 8
NETWORK_SUBJECT = 0
PREFIX = "baseline_"
"""Every table of the program carries this before its name, on whichever engine."""

QUANTITIES = ("up", "down", "duration")
RATES = ("connections", "remotes", "sources", "failed", "sent")
FIRST_RATE = 8
"""Numbers of the rate quantities start here, those of the flow quantities at 0."""

FEATURES: Mapping[str, tuple[str, ...]] = {
    "novelty": ("endpoint", "network", "name", "account", "agent"),
    "service": ("service",),
    "volume": ("volume",),
    "rhythm": ("slot", "rate"),
}
"""Families of surprise: inside one the strongest counts. Each is ranked among what the role's hours hold of it."""
RANKED = (*FEATURES, "together")
"""What calibration keeps apart: each feature, and their sum."""
LOOKS: Mapping[str, float] = {**dict.fromkeys(FEATURES, 20.0), "together": 10 / 8}
"""By how much each p-value is raised for being one of several (weighted Bonferroni: 4 / 20 + 8 / 10 = 1)."""
PEAKS = tuple(f"{name}_peak" for name in RANKED)
CALIBRATION_BINS = 512
BINS_PER_BIT = 2
RANK_STEP = 1 << 40
"""A calibration key is a group's id with rank and bin in the bits from here: one integer to join on."""
MEASURE_STEP = 1 << 16
"""The same for quantity and bucket of a measure."""
HOURS_APART = 1 << 20
HOUR_STEP = 1 << 43
"""The same for the hour of a choice; hours 119 years apart do not occur in one batch."""

PRIOR = 5.0
"""Observations that the next wider level is worth when a narrow one is young (Dirichlet prior of the tail)."""
LEAST_SHARE = 0.3
"""However long its own history, three hours in ten a device is taken to behave like its peers: the levels are nested,
so multiplying their full confidence would count the same history three times (40 bits for an ordinary large download)."""  # noqa: E501

_ID, _F = "int64", "float64"
ROWS: Mapping[str, str] = {
    "row": _ID, "actor": _ID, "grp": _ID, "hour": _ID, "inbound": "boolean", **dict.fromkeys(KINDS, _ID),
    "up": _F, "down": _F, "duration": _F, "connection": _ID, "failed": _ID, "sent": _F, **dict.fromkeys(PEAKS, _F),
}  # fmt: skip
HISTORY: Mapping[str, Mapping[str, str]] = {
    "ties": {"tie": _ID, "subject": _ID, "kind": _ID, "value": _ID, "weight": _F, "last": _ID},
    "totals": {"subject": _ID, "kind": _ID, "weight": _F, "types": _F},
    "quantities": {"subject": _ID, "quantity": _ID, "bucket": _ID, "weight": _F},
    "hourly": {"actor": _ID, "grp": _ID, "hour": _ID, **dict.fromkeys((*RATES, *PEAKS), _F)},
    "flows": {"actor": _ID, "grp": _ID, "service": _ID, "hour": _ID, "quantity": _ID, "bucket": _ID},
    "calibration": {"key": _ID, "p": _F},
}
CLOSED: Mapping[str, Mapping[str, str]] = {"peaks": {"grp": _ID, "rank": _ID, "bin": _ID, "weight": _F}}
"""What only closing hours adds to, and no step of the program reads."""
CHOICES: Mapping[str, str] = {"key": _ID, "actor": _ID, "grp": _ID, "kind": _ID, "value": _ID, "hour": _ID}
MEASURES: Mapping[str, str] = {
    "key": _ID, "actor": _ID, "grp": _ID, "service": _ID, "hour": _ID, "quantity": _ID, "bucket": _ID,
}  # fmt: skip
STEPS: Mapping[str, Mapping[str, str]] = {
    "choices": CHOICES,
    "seen": {"tie": _ID, "weight": _F, "last": _ID},
    "own": {**CHOICES, "weight": _F, "last": _ID},
    "judged": {
        "key": _ID, "kind": _ID, "bits": _F, "device_bits": _F, "peers_bits": _F, "network_bits": _F,
        "device_last": _ID, "network_last": _ID,
    },
    "sums": {"subject": _ID, "kind": _ID, "weight": _F, "types": _F},
    "hours": HISTORY["hourly"],
    "so_far": {"actor": _ID, "grp": _ID, "hour": _ID, **dict.fromkeys(RATES, _F)},
    "amounts": MEASURES,
    "measures": MEASURES,
    "tails": {"subject": _ID, "quantity": _ID, "bucket": _ID, "above": _F, "all": _F, "top": _ID},
    "graded": {**MEASURES, "bits": _F},
    "grown": {
        "actor": _ID, "grp": _ID, "kind": _ID, "value": _ID, "tie": _ID, "weight": _F, "last": _ID, "first": _F,
        "old": _ID,
    },
}  # fmt: skip

SCORED = (
    "row", "actor", "grp", "hour", "endpoint_bits", "endpoint_device", "endpoint_peers", "endpoint_network",
    "network_bits", "service_bits", "name_bits", "account_bits", "agent_bits", "slot_bits", "volume_bits", "rate_bits",
    "new_to_device", "new_to_network", *PEAKS, "p_value",
)  # fmt: skip


def scale_at(hour: int, half_life: float) -> float:
    """``_scale`` outside the program: what turns stored weights into weights as of that hour."""
    exponent = (LANDMARK - hour) / half_life
    return float(2.0 ** max(min(exponent, LARGEST_EXPONENT), -LARGEST_EXPONENT))
