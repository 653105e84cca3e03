"""What runs with one ``--store`` hand to each other, and where an incident of this run goes on from an earlier one.

In: the store's folder. Out: the state a run begins with, each part once, and at the end the state it leaves
behind, which the store saves in one transaction with the incidents: a run that is killed has not been, and the same run
again gives what it would have given. Without a folder everything is empty and nothing is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kanaria.baseline.settings import BaselineSettings
from kanaria.baseline.silence import Silence
from kanaria.core.conversion import made, plain
from kanaria.core.facts import Knowledge
from kanaria.core.limits import KINDS, EventLimits, Limits, forgotten
from kanaria.core.memory import give_back_what_is_free, give_back_what_the_engine_freed, one_heap_for_a_long_life
from kanaria.core.types import Finding, Incident, Text
from kanaria.core.values import dataclass
from kanaria.incidents.case import Case
from kanaria.memory.contact_times import Contacts
from kanaria.memory.events import Events
from kanaria.memory.learned import Learned
from kanaria.memory.open_findings import CarriedCases, pack, unpack
from kanaria.memory.own_rows import without
from kanaria.memory.read_sources import Ledger
from kanaria.store.events import Part
from kanaria.wire.handed_on import Linked
from kanaria.wire.home_inference import Tally, tally

if TYPE_CHECKING:
    import duckdb

    from kanaria.baseline.silent_files import GivenFile
    from kanaria.store.incidents import IncidentStore

VERSION = 1
"""Of the form of the parts together; others are not read, and the run begins without them."""
NAMED = 12
"""Rules a note names."""
AHEAD = timedelta(days=1)
"""Records further ahead of the clock have a wrong time, and must not make everything else look old."""


@dataclass(frozen=True, kw_only=True)
class WhatRan:
    """What one run adds to the memory beside its cases and its sources."""

    ends: Sequence[datetime | None]
    """Time of the last record of each input."""
    correlations: Mapping[str, Any]
    later_requests: Mapping[str, Any]
    rules: Mapping[str, str]
    """Rules that ask what was learned, each with what decides what it matches; and ``settings`` as to that."""


class NetworkState:
    """Everything remembered of one network: read from the store's folder at the beginning, or empty without one."""

    def __init__(
        self,
        folder: Path | None,
        engine: duckdb.DuckDBPyConnection,
        *,
        facts: Knowledge,
        settings: BaselineSettings,
        scratch: Path,
        only_learns: bool = False,
        limits: Limits = Limits(),  # noqa: B008  (frozen)
        events: EventLimits = EventLimits(),  # noqa: B008  (frozen)
    ) -> None:
        self.folder, self.limits = folder, limits
        state, self._withheld, self._dismissed, self._waiting, self._left_out = _load(folder, limits.pairs)
        self._engine = engine
        self.events = Events(engine, scratch, folder=folder, listed=_parts(folder), limits=events)
        self.ledger = Ledger(state.get("sources"), only_learns=only_learns, most=limits.sources)
        self.learned = Learned(
            engine,
            facts=facts,
            settings=settings,
            folder=folder / "baseline" if folder else None,
            scratch=scratch,
            kept=state.get("baseline"),
            limits=limits,
        )
        self._web: dict[str, Any] | None = state.get("web")
        self.carried = unpack(state.get("carried"))
        self.contacts = Contacts(state.get("contacts"), limits.contacts)
        self.home = made(Tally, state.get("home") or {})
        """What was counted of connections, to infer which addresses are ours where nobody says so."""
        self.correlations: dict[str, Any] | None = state.get("correlations")
        self.silence = Silence(state.get("silence"), limits.hosts)
        self._forgot: Counter[str] = Counter()
        self._rules: Mapping[str, str] = state.get("judged", {}).get("rules", {})

    def go_on_without_end(self) -> None:
        """This run has no end: what was counted of web servers' answers goes on from the one before it, for its log is
        read from where that one stopped. A run over files that are given counts what is in them."""
        one_heap_for_a_long_life()
        self.events.endless = True
        if self._web:
            self.learned.web.begin_with(self._web)

    def hindsight(self, findings: Iterable[Finding], rules: Mapping[str, str]) -> frozenset[str]:
        """Ids of findings that only what was learned since would make of records that an earlier run has judged, as
        they are now, by the same rule and settings. ``rules`` are those that ask what was learned."""
        asked = [
            finding
            for finding in findings
            if finding.rule in rules
            and all(self._rules.get(name) == rules[name] for name in ("settings", finding.rule))
            and finding.known >= int(finding.values.get("count", "1"))
            and self.ledger.settled(np.array(finding.event_ids, np.int64)).all()
        ]
        if not asked or self.folder is None:
            return frozenset()
        from kanaria.store.incidents import IncidentStore

        with IncidentStore(self.folder) as store:
            return frozenset(finding.id for finding in asked if store.keeper("", [finding.id]) is None)

    def count_for_home(self, tables: Collection[str]) -> Tally:
        """What connections show of whose they are, of all runs together: rows of these spooled tables are counted
        unless an earlier run has judged them."""
        judged = self.ledger.judged() if self.home.total else None  # by runs that were told, too, nothing was counted
        self.home = tally(self._engine, tables, self.home, judged)
        return self.home

    def fresh(self, tables: Mapping[str, pa.Table], anew: Linked | None = None) -> dict[str, pa.Table]:
        """The rows that have taught nothing yet; tables without any are left out. Rows that took the place of others
        (``anew``) have taught."""
        found = {name: self.ledger.untaught(table) for name, table in tables.items()}
        for name, rows in anew.before.items() if anew else ():
            if name in found:
                found[name] = without(found[name], rows["event_id"])
        return {name: table for name, table in found.items() if len(table) or table is tables[name]}

    def remember(self, tables: Mapping[str, pa.Table], anew: Linked | None = None) -> None:
        """Keep the rows of a slice that no earlier run has kept, for questions about the past; where it has others now
        for rows that were handed on before (``anew``), these."""
        revised = anew.revised if anew else frozenset[int]()
        for name, rows in (*anew.before.items(), *anew.withdrawn.items()) if anew else ():
            self.events.drop(name, rows)
        fresh = self.ledger.untaught if self.folder else None
        self.events.add(tables, fresh, revised, doubtful=self.ledger.forgot)
        if anew:
            self.events.add(anew.again, fresh, revised)

    def learn(
        self, tables: Mapping[str, pa.Table], involved: frozenset[int], found: Iterable[tuple[str, str, str]]
    ) -> None:
        """Let the slice teach what is no part of a finding (``involved``) or of an open incident, nor of the same
        device and remote as these: the logon after a thousand failures belongs to them.

        ``found`` are finding, device and remote of everything found. What a person called harmless is learned.
        """
        pairs = {(device, remote) for finding, device, remote in found if finding not in self._dismissed.findings}
        pairs.update(self._withheld)
        pairs.update(pair for table in tables.values() for pair in _pairs(table, involved))
        self.learned.learn(tables, involved, sorted(pairs))
        harmless = [pair for pair in self._dismissed.pairs if pair not in pairs]
        if harmless and involved:
            self.learned.dismiss((), harmless)

    def learn_dismissed(self) -> int:
        """What a person called harmless becomes part of normal life; returns the number of rows that were withheld."""
        if not self._dismissed.pairs or not self.learned.exists:
            return 0
        return self.learned.dismiss((), self._dismissed.pairs)

    def heed_decisions(self) -> int:
        """What people decided since the state was read: what they called harmless is learned, what they opened again
        is not. Returns the number of rows that were learned."""
        _state, self._withheld, self._dismissed, self._waiting, self._left_out = _load(self.folder, self.limits.pairs)
        return self.learn_dismissed()

    def given(self, names: Iterable[str]) -> dict[str, GivenFile]:
        """Of the inputs that are files: when they were last changed, and whether an earlier run had them."""
        from kanaria.baseline.silent_files import GivenFile

        found = {}
        for name in names:
            path = Path(name)
            if path.is_file():
                found[name] = GivenFile(round(path.stat().st_mtime * 1e6), again=name in self.ledger.names)
        return found

    @property
    def dismissed(self) -> frozenset[str]:
        """Ids of findings of incidents that a person called harmless: nothing new is joined with those."""
        return self._dismissed.findings

    def concerns(self, case: Case, met: frozenset[str], *, again: bool = True) -> bool:
        """Whether this run has anything to do with a case: it found some of it (``met``), read its records again, or
        nobody has been told of it yet. Without ``again`` records that were read again are not asked for."""
        known = met | self._waiting
        return any(
            finding.id in known or (again and any(self.ledger.read_now(event) for event in finding.event_ids))
            for finding in case.findings
        )

    def go_on(
        self, incidents: Sequence[Incident], news: frozenset[str], again: timedelta,
        ahead: frozenset[str] = frozenset(),
    ) -> list[Incident]:  # fmt: skip
        """The incidents under the ids they have in the store, each with what this run adds to it.

        ``news`` are the findings with records that no earlier run had, ``ahead`` those with records somebody was told
        of ahead: they are news only if that was not told, or if it turns out to be more severe.
        """
        if self.folder is None:
            return list(incidents)
        from kanaria.store.alerts import alert, more_severe
        from kanaria.store.incidents import IncidentStore

        found = []
        with IncidentStore(self.folder) as store:
            for incident in incidents:
                ids = [finding.id for finding in incident.findings]
                keeper = store.keeper(incident.id, ids)
                told = store.last_notice(ids)
                fresh = not news.isdisjoint(ids) or store.waits(ids)
                fresh = fresh or (not ahead.isdisjoint(ids) and (told is None or more_severe(incident, told)))
                told_now = alert(incident, told, news=fresh, again=again)
                normal = incident.normal or (_normal(store, keeper) if keeper else ())
                found.append(replace(incident, id=keeper or incident.id, normal=normal, alert=told_now))
        return found

    def forgotten(self, beyond: Mapping[str, int], since_begun: Mapping[str, int]) -> tuple[Text, ...]:
        """What is more than the limits allow, and what was forgotten for that since the beginning, in words; ``beyond``
        is what is too much now of what is kept elsewhere, ``since_begun`` what was forgotten there as it came."""
        as_it_came = {**since_begun, **self.learned.forgotten, "hosts": self.silence.forgotten}
        counts = self._forgot + self._beyond(beyond) + Counter(pairs=self._left_out) + Counter(as_it_came)
        return tuple(forgotten(kind, counts[kind]) for kind in KINDS if counts[kind])

    def forget(self, beyond: Mapping[str, int]) -> None:
        """Let go of what is more than the limits allow: the next run begins without it, and so does a run that goes on.
        ``beyond`` is as for ``forgotten``, and was let go of."""
        self._forgot += self._beyond(beyond)
        self.ledger.forget()
        self.contacts.forget()

    def _beyond(self, elsewhere: Mapping[str, int]) -> Counter[str]:
        return Counter({**elsewhere, "sources": self.ledger.beyond, "contacts": self.contacts.beyond})

    def withhold_open(self) -> None:
        """Pairs of incidents that are open teach nothing, though their findings are carried on no more."""
        if self.folder is None:
            return
        from kanaria.store.incidents import OPEN, IncidentStore

        with IncidentStore(self.folder) as store:
            every = store.pairs(OPEN)
        self._withheld, self._left_out = every[: self.limits.pairs], max(0, len(every) - self.limits.pairs)

    def newest(self, ends: Iterable[datetime | None], now: datetime) -> datetime | None:
        """Time of the newest record that any run has read; ``ends`` are the last times of this run's inputs."""
        return max((end for end in (*ends, self.carried.newest) if end and end <= now + AHEAD), default=None)

    def dump(
        self, this_run: WhatRan, kept: CarriedCases, now: datetime, sources: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """What the next run begins with. ``sources`` is what the ledger gave when everything was judged that had been
        read; None when nothing was read since."""
        newest = self.newest(this_run.ends, now)
        correlations = dict(this_run.correlations)
        read = correlations["newest"]
        if read and datetime.fromisoformat(read) > now + AHEAD:
            correlations["newest"] = None
        contents = {
            "sources": dict(sources) if sources is not None else self.ledger.dump(),
            "carried": pack(kept, this_run.later_requests, newest),
            "contacts": self.contacts.dump(),
            "home": plain(self.home),
            "correlations": correlations,
            "silence": self.silence.dump(),
            "baseline": self.learned.keep(),
            "judged": {"rules": dict(this_run.rules)},
        }
        return parts(contents | ({"web": self.learned.web.dump()} if self.events.endless else {}))

    def taught(self) -> dict[str, Any]:
        """What a run that only learns leaves behind: how far it read, and what is normal."""
        return parts({"sources": self.ledger.dump(), "baseline": self.learned.keep()})

    def everybody_told(self) -> None:
        """What waited to be told was told."""
        self._waiting = frozenset()

    def settle(self) -> None:
        """What was kept last is committed."""
        self.learned.settle()
        self.events.settle()
        if self.events.endless:
            give_back_what_the_engine_freed(self._engine)
            give_back_what_is_free()

    def close(self) -> None:
        """Let go of all files."""
        self.learned.close()


def _normal(store: IncidentStore, incident: str) -> tuple[Text, ...]:
    """What an incident that is kept says of the time before it."""
    return made(tuple[Text, ...], store.get(incident, rows=False).document.get("normal", ()))


def _pairs(table: pa.Table, events: frozenset[int]) -> Iterator[tuple[str, str]]:
    """Devices and remotes of these records."""
    import pyarrow.compute as pc

    if not events or not {"event_id", "device", "remote"} <= set(table.column_names):
        return
    rows = table.filter(pc.is_in(table["event_id"], pa.array(sorted(events), pa.int64())))
    for pair in rows.group_by(["device", "remote"]).aggregate([]).to_pylist():
        if pair["device"] and pair["remote"]:
            yield pair["device"], pair["remote"]


def changed_rules(rules: Sequence[str]) -> Text:
    """The note that rules are not what they were, so that what they had half finished is gone."""
    named = ", ".join(rules[:NAMED]) + (", …" if len(rules) > NAMED else "")
    return Text(
        en=f"Rules that changed since the last run begin anew, without what they had seen then: {named}.",
        ja=f"前回の解析から変更されたルールは、前回までの途中経過を引き継がずに始めます: {named}。",
    )


def parts(contents: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Parts of the state as the store keeps them."""
    return {name: {"version": VERSION, "content": content} for name, content in contents.items()}


@dataclass(frozen=True, kw_only=True)
class Dismissed:
    """What a person called harmless: finding ids, and the devices and remotes they are about."""

    findings: frozenset[str] = frozenset()
    pairs: tuple[tuple[str, str], ...] = ()


def _parts(folder: Path | None) -> list[Part]:
    if folder is None or not folder.is_dir():
        return []
    from kanaria.store.incidents import IncidentStore

    with IncidentStore(folder) as store:
        return store.parts()


def _load(
    folder: Path | None, most: int
) -> tuple[dict[str, Any], Sequence[tuple[str, str]], Dismissed, frozenset[str], int]:
    """State, ``most`` pairs that are withheld, what was dismissed, findings nobody was told of, pairs too many."""
    if folder is None or not folder.is_dir():
        return {}, (), Dismissed(), frozenset(), 0
    from kanaria.store.incidents import OPEN, IncidentStore

    with IncidentStore(folder) as store:
        parts = store.state()
        every = store.pairs(OPEN)
        withheld = every[:most]
        waiting = store.untold()
        still = set(every)
        pairs = tuple(pair for pair in store.pairs(("dismissed",)) if pair not in still)
        harmless = Dismissed(findings=store.learnable(), pairs=pairs)
    kept = {name: part["content"] for name, part in parts.items() if part.get("version") == VERSION}
    return kept, withheld, harmless, waiting, len(every) - len(withheld)
