"""Correlations over the rows that rules matched. Matching rows in, batch by batch; findings out as time moves on.

Rows wait as Arrow tables until the watermark passes them; then those that may matter (``relevant``) become events of
their groups, in time order, and what an inner correlation finds becomes an event of the outer one in the same pass.
Times are microseconds.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from kanaria.core.facts import Knowledge
from kanaria.core.own_address import together
from kanaria.core.types import Finding, Text
from kanaria.core.values import dataclass
from kanaria.detect import own_addresses, remembered
from kanaria.detect.findings import (
    KEPT_IDS,
    QUOTED_ROWS,
    RAW,
    Seen,
    columns_of_weights,
    evidence_of,
    make,
    placeholders,
    show,
)
from kanaria.detect.model import Correlation, Rule, RuleSet
from kanaria.detect.question import Rows
from kanaria.detect.relevant import Remembered, relevant
from kanaria.detect.windows import Event, Group, Moment, moments

RAW_KEPT = 400
"""Bytes of the raw record kept with an event, for the quote of its evidence."""
MOST_QUOTED = 5
"""Rows quoted when a correlation has many rules; more than five are no longer read."""
ALERT_EVENTS = 8
"""Events of its window an inner finding hands on: the first, and the newest to tell the moments of a long one apart. A
correlation over it sees many moments, so all events show up there; 50 made chains three times as slow."""
INNER = "@rules"
"""In the row of an inner finding: which models it rests on."""
BEGUN = "@begun"
"""And when its first record was."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ALWAYS = ("event_id", "time", "device", "remote", "source", "line")


@dataclass(frozen=True, slots=True)
class _Match:
    """A record or an inner finding before it is put into groups. ``seen_before``: an earlier run has had the record."""

    time: int
    ids: tuple[int, ...]
    row: Mapping[str, Any]
    seen_before: bool = False


class _Due:
    """The rows of one rule whose time has come. They become objects when somebody wants them all, and then once."""

    def __init__(self, table: pa.Table, seen: Seen | None) -> None:
        self._table, self._seen = table, seen
        self._all: list[_Match] | None = None

    def all(self) -> list[_Match]:
        """Every row, in order of time."""
        if self._all is None:
            self._all = _sorted(self._table, self._seen)
        return self._all

    def rows(self, *, with_known: bool) -> pa.Table:
        """The table, without what an earlier run has had if so wanted."""
        if with_known or self._seen is None:
            return self._table
        return self._table.filter(pa.array(~self._seen(self._table["event_id"].to_numpy())))


class Correlator:
    """Keeps what correlations need to remember. ``used`` are the rules whose matches it wants.

    ``seen`` says which records an earlier run has had; ``updates`` asks for the finding of a running occurrence
    whenever it goes on, not only when its measure has doubled; without ``remembers`` nobody will ask for a dump.
    """

    def __init__(
        self,
        ruleset: RuleSet,
        facts: Knowledge | None,
        *,
        seen: Seen | None = None,
        updates: bool = False,
        remembers: bool = True,
    ) -> None:
        self._seen, self._updates, self._remembers = seen, updates, remembers
        self._continued: Collection[str] = frozenset()
        self._rules = {rule.id: rule for rule in ruleset.rules}
        self._order = ruleset.correlations()
        self._silent, self._facts = ruleset.silent(), facts
        self.used = frozenset(name for rule in self._order for name in _correlation(rule).rules)
        words = [text for rule in self._order for text in (rule.title, rule.why)]
        self._words = placeholders(*words)
        self._pending: dict[str, list[pa.Table]] = {}
        self._groups: dict[str, dict[tuple[str, ...], Group]] = {rule.id: {} for rule in self._order}
        self._left_out = 0

    def feed(self, rule_id: str, table: pa.Table, rows: Rows) -> None:
        """Remember the rows a rule matched until their time has come. Rows without a time are no part of a sequence."""
        there = set(table.column_names)
        matched = table.select([name for name in self._wanted(rule_id) if name in there]).take(rows)
        matched = matched.filter(matched["time"].is_valid())
        if matched.num_rows:
            matched = own_addresses.marked(matched, self._group_columns(rule_id))
            self._pending.setdefault(rule_id, []).append(matched)

    def advance(self, closed: int, *, most: int | None = None, involved: set[int] | None = None) -> list[Finding]:
        """Everything that became true up to the time ``closed``, after which nothing earlier is expected.

        With ``most`` nothing else is expected either, apart from a later run that goes on from a dump of so many. With
        ``involved`` nothing is reported; the event ids of all records that what became true rests on are added there.
        """
        due = {name: table for name in list(self._pending) if (table := self._due(name, closed)) is not None}
        alerts: dict[str, list[_Match]] = {}
        findings: list[Finding] = []
        for rule in self._order:
            matches = self._relevant(rule, due, alerts, closed, most)
            made, alerts[rule.id] = self._correlate(rule, matches, closed, involved)
            if rule.id not in self._silent:
                findings += made
        return findings

    def _group_columns(self, rule_id: str) -> frozenset[str]:
        """By which columns a correlation puts the rows of the rule into groups."""
        return frozenset(name for rule in self._order for name in _correlation(rule).groups.get(rule_id, ()))

    def _wanted(self, rule_id: str) -> tuple[str, ...]:
        names = [*_ALWAYS, *self._words]
        for rule in self._order:
            correlation = _correlation(rule)
            names += [*correlation.groups.get(rule_id, ()), *correlation.fields.get(rule_id, ())]
            names += columns_of_weights(rule, self._facts)
        return tuple(dict.fromkeys([*names, "host_name", *RAW]))

    def _due(self, rule_id: str, closed: int) -> _Due | None:
        """The waiting rows whose time has come; the others go on waiting."""
        import pyarrow.compute as pc

        limit = pa.scalar(_EPOCH + timedelta(microseconds=closed), pa.timestamp("us", tz="UTC"))
        now: list[pa.Table] = []
        later: list[pa.Table] = []
        for table in self._pending.pop(rule_id):
            due = pc.less_equal(table["time"], limit)
            now.append(table.filter(due))
            rest = table.filter(pc.invert(due))
            later += [rest] if rest.num_rows else []
        if later:
            self._pending[rule_id] = later
        table = pa.concat_tables(now, promote_options="permissive")
        return _Due(table, self._seen) if table.num_rows else None

    def _relevant(
        self,
        rule: Rule,
        due: Mapping[str, _Due],
        alerts: Mapping[str, Sequence[_Match]],
        closed: int,
        most: int | None,
    ) -> dict[str, Sequence[_Match]]:
        """What a correlation has to look at, by rule."""
        correlation = _correlation(rule)
        with_known = rule.id not in self._continued
        since = closed - 2 * correlation.span if self._remembers or most is None else math.inf
        tables = {name: due[name].rows(with_known=with_known) for name in correlation.rules if name in due}
        inner = {name: _keys(correlation, name, alerts[name]) for name in correlation.rules if name in alerts}
        chosen = relevant(correlation, tables, inner, self._groups[rule.id], Remembered(since, most))
        self._left_out += chosen.beyond if chosen else 0
        matches: dict[str, Sequence[_Match]] = {name: alerts[name] for name in inner}
        for name, table in tables.items():
            matches[name] = (
                _sorted(table.filter(pa.array(chosen.masks[name])), self._seen) if chosen else due[name].all()
            )
        return matches

    def _correlate(
        self, rule: Rule, matches: Mapping[str, Sequence[_Match]], closed: int, involved: set[int] | None
    ) -> tuple[list[Finding], list[_Match]]:
        correlation, groups = _correlation(rule), self._groups[rule.id]
        arrived = _grouped(correlation, matches, with_known=rule.id not in self._continued)
        findings: list[Finding] = []
        alerts: list[_Match] = []
        for key in sorted({*arrived, *(groups if correlation.absence else ())}):
            group = groups.setdefault(key, Group())
            times = group.add(arrived.get(key, []))
            held = moments(group, correlation, times, closed)
            alerts += [self._alert(correlation, moment) for moment in held] if rule.id in self.used else []
            if involved is None:
                findings += self._report(rule, group, held)
            else:
                involved.update(_records(held))
        self._drop_old(groups, closed - 2 * correlation.span)
        return findings, alerts

    @staticmethod
    def _drop_old(groups: dict[tuple[str, ...], Group], before: int) -> None:
        """Late events are welcome for one span, and their windows reach one more back: two are kept."""
        for key, group in list(groups.items()):
            group.drop(before)
            if not group.events:
                del groups[key]

    def _report(self, rule: Rule, group: Group, held: Sequence[Moment]) -> list[Finding]:
        """One finding per occurrence; a running one is repeated, under its id, when its measure has doubled."""
        span = _correlation(rule).span
        occurrences: list[list[Moment]] = []
        last = group.fired
        for moment in held:
            if occurrences and last is not None and moment.time - last <= span:
                occurrences[-1].append(moment)
            else:
                occurrences.append([moment])
            last = moment.time
        return [finding for part in occurrences if (finding := self._occurrence(rule, group, part)) is not None]

    def _occurrence(self, rule: Rule, group: Group, part: Sequence[Moment]) -> Finding | None:
        first, best = part[0], max(part, key=lambda moment: moment.measure)
        running = group.fired is not None and first.time - group.fired <= _correlation(rule).span
        if not running:
            group.anchor, group.since, group.level = first.first.ids[:1], first.time, 0.0
            group.begun = _begun(first.first)
        group.fired = max(part[-1].time, group.fired if running and group.fired is not None else part[-1].time)
        if running and best.measure < 2 * group.level and not self._updates:
            return None
        group.level = max(best.measure, group.level)
        return self._finding(rule, group, best)

    def _finding(self, rule: Rule, group: Group, moment: Moment) -> Finding:
        correlation = _correlation(rule)
        events = moment.events
        ids = list(dict.fromkeys(number for event in events for number in event.ids))
        key = _named(correlation, moment.first)
        rules = self._happened(events)
        first = own_addresses.plain(moment.first.row)
        values = {name: show(value, name) for name, value in first.items() if name in self._words}
        values |= {name: show(value) for name, value in key}
        values |= {"count": str(len(ids)), "measure": f"{moment.measure:g}", "rules": ", ".join(rules)}
        telling = _telling(events)
        first_ids = {number for event in telling for number in (_own_id(event), event.ids[0])}
        kept = set(sorted(ids, key=lambda number: number not in first_ids)[:KEPT_IDS])
        records = [_record(event) for event in telling]
        device, remote = (_common(events, name) for name in ("device", "remote"))
        return make(
            rule,
            [(name, str(value)) for name, value in key],
            tuple(number for number in ids if number in kept),
            values,
            evidence_of(rule, records, values, self._facts),
            self._facts,
            device=device,
            remote=remote if remote != device else None,
            span=(_time(group.since), _time(group.fired if group.fired is not None else moment.time)),
            since=None if group.begun is None else _time(group.begun),
            anchor=group.anchor,
            spoken={"rules": self._titles(rules)},
        )

    def _happened(self, events: Sequence[Event]) -> list[str]:
        """The models behind the events; for one that only counts others, those others."""
        names: dict[str, None] = {}
        for event in events:
            inner = str(event.row.get(INNER, "")) if event.rule in self._silent else ""
            names |= dict.fromkeys(inner.split(",") if inner else [event.rule])
        return list(names)

    def _titles(self, names: Sequence[str]) -> Text:
        titles = [self._rules[name].title for name in names if name in self._rules]
        quoted = dict.fromkeys(f"「{title.ja}」" for title in titles)
        return Text(en=", ".join(dict.fromkeys(title.en for title in titles)), ja="".join(quoted))

    def _alert(self, correlation: Correlation, moment: Moment) -> _Match:
        """A finding as an event of the next correlation: it happens when it became true, and is about its group."""
        events = moment.ends(ALERT_EVENTS)
        kept = tuple(dict.fromkeys(number for event in events for number in event.ids))
        row = dict(events[-1].row) | {name: moment.first.row[name] for name in correlation.group_by}
        row[INNER] = ",".join(self._happened(events))
        row[BEGUN] = _begun(moment.first)
        for name in ("device", "remote"):
            if name not in correlation.group_by and _common(events, name) is None:
                row.pop(name, None)
        return _Match(moment.time, kept, row)

    def dump(self, most: int) -> dict[str, Any]:
        """Everything remembered, as JSON values; bounded, see ``remembered``."""
        return remembered.dump(self._order, self._rules, self._groups, self._pending, most)

    def beyond(self, most: int) -> int:
        """How many events ``dump`` leaves out, with those for whose sake nobody looked at their rows."""
        return remembered.beyond(self._groups, most) + self._left_out

    def forget(self, most: int) -> None:
        """Let go of what ``dump`` leaves out."""
        if self.beyond(most):
            self._groups = {name: dict(remembered.newest(groups, most)) for name, groups in self._groups.items()}
            self._left_out = 0

    def restore(self, state: Mapping[str, Any]) -> tuple[str, ...]:
        """Continue from a dump. Rules that are gone or changed are forgotten, new ones start empty.

        Returns the ids of changed rules of which something is forgotten now.
        """
        same, changed = remembered.compare(state, self._order, self._rules)
        self._groups |= {name: remembered.groups(state["groups"][name]) for name in same if name in state["groups"]}
        self._pending = remembered.pending(state, self.used)
        self._continued = same
        return changed


def _records(held: Sequence[Moment]) -> Iterator[int]:
    """The event ids in the windows of moments in order of time, each window's new part once."""
    reached = 0
    for moment in held:
        low = max(moment.low, reached) if moment.source is held[0].source else moment.low
        for event in moment.source[low : moment.high]:
            yield from event.ids
        reached = max(reached, moment.high)


def _correlation(rule: Rule) -> Correlation:
    if rule.correlation is None:
        raise TypeError(rule.id)
    return rule.correlation


def _order(match: _Match) -> tuple[int, tuple[int, ...]]:
    return match.time, match.ids


def _sorted(table: pa.Table, seen: Seen | None) -> list[_Match]:
    return sorted(_matches(table, seen), key=_order)


def _keys(correlation: Correlation, name: str, alerts: Sequence[_Match]) -> list[tuple[tuple[str, ...], int]]:
    """Group and time of each inner finding that has a group."""
    values = ((match, [match.row.get(column) for column in correlation.groups[name]]) for match in alerts)
    return [(tuple(str(one).lower() for one in key), match.time) for match, key in values if None not in key]


def _matches(table: pa.Table, seen: Seen | None) -> Iterator[_Match]:
    raw = next((name for name in RAW if name in table.column_names and table[name].null_count < len(table)), None)
    seen_before = seen(table["event_id"].to_numpy()).tolist() if seen else [False] * len(table)
    for row, before in zip(table.to_pylist(), seen_before, strict=True):
        quoted = row.get(raw) if raw else None
        kept = {name: value for name, value in row.items() if value is not None and name not in ("time", *RAW)}
        kept |= {name: row[name] for name in ("query", "command") if row.get(name) is not None}
        if isinstance(quoted, bytes):
            kept["raw"] = quoted[:RAW_KEPT].decode("utf-8", "backslashreplace")
        time = round((row["time"] - _EPOCH) / timedelta(microseconds=1))
        yield _Match(time, (row["event_id"],), _plain(kept), before)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """JSON values only: what is no text or number is shown as people see it."""
    return {name: value if isinstance(value, (str, int, float)) else show(value) for name, value in row.items()}


def _grouped(
    correlation: Correlation, matches: Mapping[str, Sequence[_Match]], *, with_known: bool
) -> dict[tuple[str, ...], list[Event]]:
    """Events by group; Sigma compares texts without case. A match that lacks a group value belongs to no group."""
    groups: dict[tuple[str, ...], list[Event]] = {}
    for name in correlation.rules:
        columns, fields = correlation.groups[name], correlation.fields[name]
        for match in matches.get(name, ()):
            values = [match.row.get(column) for column in columns]
            if None in values or (match.seen_before and not with_known):
                continue
            measured = tuple(_folded(match.row.get(column)) for column in fields)
            row = dict(match.row) | dict(zip(correlation.group_by, values, strict=True))
            event = Event(match.time, match.ids, name, measured, row)
            groups.setdefault(tuple(str(value).lower() for value in values), []).append(event)
    return groups


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _named(correlation: Correlation, event: Event) -> list[tuple[str, Any]]:
    row = own_addresses.plain(event.row)
    return [(name, row[name]) for name in correlation.group_by]


def _common(events: Sequence[Event], name: str) -> str | None:
    values = {event.row.get(name) for event in events}
    value = values.pop() if len(values) == 1 else None
    return None if value is None else together(str(value))


def _telling(events: Sequence[Event]) -> list[Event]:
    """The events to quote: the first, the newest of every rule (the logon after a thousand failures), then the next."""
    newest = {event.rule: event for event in events}
    distinct = {event.ids: event for event in (events[0], *newest.values(), *events)}
    count = max(QUOTED_ROWS, min(1 + len(newest), MOST_QUOTED))
    return sorted(list(distinct.values())[:count], key=lambda event: (event.time, event.ids))


def _begun(event: Event) -> int:
    """When the first record of an event was: an inner finding happened only when it became true."""
    return int(event.row.get(BEGUN, event.time))


def _record(event: Event) -> dict[str, Any]:
    return {**own_addresses.plain(event.row), "event_id": _own_id(event), "time": _time(event.time)}


def _own_id(event: Event) -> int:
    """The record whose columns the event shows: of an inner finding, the last one of its window."""
    number = event.row.get("event_id", event.ids[0])
    return int(number)


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
