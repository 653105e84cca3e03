"""What correlations remember, as JSON values and back: groups of events, waiting rows, and which rules made them.

A state belongs to rules: each is kept under a fingerprint of what decides which events it holds, its own detection and
that of every rule it refers to. A rule with another fingerprint starts empty; changed words change nothing. Bounded: a
correlation keeps its newest events (``limits.correlation_events``), whatever the number of its groups.
"""

from __future__ import annotations

import base64
import json
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

import pyarrow as pa

from kanaria.core.conversion import made, plain
from kanaria.core.ids import content_id
from kanaria.detect.model import Rule
from kanaria.detect.windows import Group

Groups = Mapping[tuple[str, ...], Group]

VERSION = 1
"""Of the form of the state; another one is not read."""


def dump(
    order: Sequence[Rule],
    rules: Mapping[str, Rule],
    groups: Mapping[str, Groups],
    pending: Mapping[str, Sequence[pa.Table]],
    most: int,
) -> dict[str, Any]:
    """The state of correlations (``order``, every one after those it refers to) as JSON values: of each the ``most``
    newest events."""
    return {
        "version": VERSION,
        "rules": fingerprints(order, rules),
        "groups": {name: plain(newest(by_key, most)) for name, by_key in groups.items()},
        "pending": {name: _packed(tables) for name, tables in pending.items()},
    }


def beyond(groups: Mapping[str, Groups], most: int) -> int:
    """How many events are more than correlations keep."""
    held = (sum(len(group.events) for group in by_key.values()) for by_key in groups.values())
    return sum(max(0, count - most) for count in held)


def compare(
    state: Mapping[str, Any], order: Sequence[Rule], rules: Mapping[str, Rule]
) -> tuple[Collection[str], tuple[str, ...]]:
    """The correlations that go on from the state, and those it remembers something of but that are others now."""
    then = state["rules"] if state.get("version") == VERSION else {}
    now = fingerprints(order, rules)
    held = [name for name, remembered in state.get("groups", {}).items() if remembered]
    changed = tuple(name for name in held if name in now and then.get(name) != now[name])
    return frozenset(name for name in now if then.get(name) == now[name]), changed


def groups(kept: Sequence[Any]) -> dict[tuple[str, ...], Group]:
    """The groups of one correlation."""
    return dict(made(list[tuple[tuple[str, ...], Group]], kept))


def pending(state: Mapping[str, Any], used: Collection[str]) -> dict[str, list[pa.Table]]:
    """The rows that wait for their time, of rules that some correlation still refers to."""
    return {name: [_unpacked(text)] for name, text in state["pending"].items() if name in used}


def fingerprints(order: Sequence[Rule], rules: Mapping[str, Rule]) -> dict[str, str]:
    """What decides which events each correlation holds, as a short text."""
    made: dict[str, str] = {}
    for rule in order:
        referred = rule.correlation.rules if rule.correlation else ()
        parts = [made.get(name) or fingerprint(rules.get(name)) for name in referred]
        made[rule.id] = content_id("r", [fingerprint(rule), *parts])
    return made


def fingerprint(rule: Rule | None) -> str:
    """What decides which records it matches, as a short text."""
    if rule is None:
        return ""
    decisive = plain([rule.table, rule.matcher, rule.correlation])
    return content_id("r", [json.dumps(decisive, sort_keys=True)])


def newest(by_key: Groups, most: int) -> list[tuple[tuple[str, ...], Group]]:
    """The groups, sorted; together they keep no more than the newest events."""
    total = sum(len(group.events) for group in by_key.values())
    ordered = sorted(by_key.items())
    if total <= most:
        return ordered
    times = sorted(event.time for group in by_key.values() for event in group.events)
    since = times[total - most]
    cut = [(key, _since(group, since)) for key, group in ordered]
    return [(key, group) for key, group in cut if group.events]


def _since(group: Group, time: int) -> Group:
    first = bisect_left(group.events, time, key=lambda event: event.time)
    return replace(group, events=group.events[first:])


def _packed(tables: Sequence[pa.Table]) -> str:
    sink = BytesIO()
    table = pa.concat_tables(tables, promote_options="permissive")
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return base64.b64encode(sink.getvalue()).decode()


def _unpacked(text: str) -> pa.Table:
    return pa.ipc.open_stream(BytesIO(base64.b64decode(text))).read_all()
