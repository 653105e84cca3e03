"""What is only suspected: cases in which nothing but the shape of traffic speaks of mining.

Takes a case's findings and evidence; returns whether mining was said aloud (content, a pool's name, a process) or only
looks like it. A suspicion has words and advice of its own, is never confirmed and never critical.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kanaria.core.glossary import about_mining
from kanaria.core.text import printable
from kanaria.core.types import Evidence, Finding, Outcome, Severity, Text
from kanaria.incidents.case import Case

HOURS, COIN = "mining_shape_for_hours", "mining_shape_of_coin"
SHAPE = frozenset({"mining_shape", COIN, HOURS})
"""Kinds of evidence that lengths, order and times of messages give."""

PROOF = frozenset({"payload", "name", "host"})
"""Families of evidence that say something aloud. Where, when, how new and what else is on the device (port, timing,
novelty, context) make a shape more suspicious and prove nothing."""


CHAIN = "several_models"
"""The evidence of chains, which count each observation once: what else happened to the device, in the order of a
break-in."""


def only_suspected(items: Iterable[Evidence]) -> bool:
    """Whether the shape of traffic is all that speaks for a compromise, beside what only makes it more suspicious."""
    for_it = [item for item in items if item.about == "compromised_device" and item.bits > 0]
    more = any(item.family in PROOF or item.kind == CHAIN for item in for_it)
    return any(item.kind in SHAPE for item in for_it) and not more


def says_mining(finding: Finding) -> bool:
    """Whether a finding of a mining model rests on more than the shape of traffic."""
    kinds = {item.kind for item in finding.evidence}
    return about_mining(finding) and not (kinds & SHAPE and "outbound_mining_flow" not in kinds)


def unconfirmed(result: Outcome) -> Outcome:
    """The outcome, at most possible: what follows from a shape is no more certain than the shape."""
    return replace(result, value="possible") if result.value == "confirmed" else result


def title(case: Case) -> Text:
    """One line: whose traffic it is, and that it is no more than suspicious."""
    devices = case.blamed or case.devices
    device = printable(devices[0]) if devices else ""
    more = len(devices) - 1
    also_en, also_ja = (f" and {more} more", f"ほか{more}台") if more > 0 else ("", "")
    return Text(
        en=f"Suspicious: traffic{f' of {device}{also_en}' if device else ''} shaped like mining",
        ja=f"要確認:{f'{device}{also_ja}の' if device else ''}マイニングに似た通信",
    )


def severity(items: Iterable[Evidence], *, matters: bool) -> Severity:
    """Somebody should look, nobody has to hurry; sooner where the device ``matters`` or is a server, or where shares of
    a known coin's lengths were answered for hours."""
    every = list(items)
    sooner = matters or any(item.kind == "mining_on_server" for item in every) or _paid_for_hours(every)
    return "high" if sooner else "medium"


def _paid_for_hours(items: Iterable[Evidence]) -> bool:
    """Whether one and the same connection had shares of a known coin's lengths answered for hours."""
    kinds = {(item.kind, item.event_id) for item in items if item.kind in {HOURS, COIN} and item.bits > 0}
    return any((HOURS, event) in kinds and (COIN, event) in kinds for _, event in kinds)
