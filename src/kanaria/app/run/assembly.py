"""The parts of an engine, made once and in order: each gets those it works with, and none gets them all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from kanaria.app.run.announcing import Announcing
from kanaria.app.run.at_once import AtOnce
from kanaria.app.run.case_file import LEARNED, CaseFile
from kanaria.app.run.conclude import Around, trusted
from kanaria.app.run.keeping import Keeping
from kanaria.app.run.open_flows import Watch
from kanaria.app.run.ordering import Files, Live
from kanaria.app.run.plot_series import SeriesKeeper
from kanaria.app.run.reading import Reading
from kanaria.app.run.score_then_learn import ScoreThenLearn
from kanaria.app.run.setup import Setup, baseline_settings
from kanaria.app.run.workspace import Workspace
from kanaria.core.ids import content_id
from kanaria.core.values import dataclass
from kanaria.detect import Detector
from kanaria.memory.network_state import NetworkState, changed_rules
from kanaria.wire.home_inference import infer

if TYPE_CHECKING:
    from kanaria.core.network import HomeNetworks
    from kanaria.core.schema import Tables


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What an engine is made of. ``around`` holds its memory, its cases and the accounts of its inputs."""

    work: Workspace
    around: Around
    reading: Reading
    order: Files | Live
    pattern: ScoreThenLearn
    detector: Detector
    pictured: SeriesKeeper
    announcing: Announcing
    keeping: Keeping
    asking: Mapping[str, str]
    """Rules that ask what was learned, each with what decides what it matches; and ``settings`` as to that."""


def assembled(setup: Setup, lateness: timedelta | None, *, only_learns: bool) -> Parts:
    """The parts for these settings; ``lateness`` is None where inputs end. What cannot be made leaves nothing open."""
    with ExitStack() as undone:
        work = Workspace()
        undone.callback(work.close)
        memory = _memory(setup, work, only_learns=only_learns)
        if lateness is not None:
            memory.go_on_without_end()
        case = CaseFile(memory.carried, setup.config.limits)
        watch = _watching(setup, work, memory, case, endless=lateness is not None) if setup.on_alert else None
        reading = Reading(setup, work.engine, memory.ledger, watch.look if watch else None)
        around = Around(setup=setup, memory=memory, case=case, accounts=reading.accounts)
        order, detector = _ordered(work, around, reading, lateness), _detecting(work, around, lateness)
        pictured = SeriesKeeper(setup.config.limits.pictured_devices)
        asking = {"settings": _settings(setup), **detector.reading(*LEARNED)}
        parts = Parts(
            work=work, around=around, reading=reading, order=order, detector=detector, pictured=pictured, asking=asking,
            pattern=ScoreThenLearn(setup, memory, case, pictured), announcing=_announcing(work, around, order),
            keeping=Keeping(around, detector, pictured, asking),
        )  # fmt: skip
        undone.pop_all()
    return parts


def _memory(setup: Setup, work: Workspace, *, only_learns: bool) -> NetworkState:
    return NetworkState(
        setup.store,
        work.engine,
        facts=setup.facts,
        settings=baseline_settings(setup.config),
        scratch=work.scratch,
        only_learns=only_learns,
        limits=setup.config.limits,
        events=setup.config.events,
    )


def _watching(setup: Setup, work: Workspace, memory: NetworkState, case: CaseFile, *, endless: bool) -> Watch:
    """What looks at connections that are still open; in a life that goes on they make incidents at once."""
    if not endless:
        return Watch(setup, work.engine)
    score = memory.learned.score if setup.store else dict
    return Watch(setup, work.engine, score=score, found=case.add_open)


def _announcing(work: Workspace, around: Around, order: Files | Live) -> Announcing:
    def link(tables: Tables) -> Tables:
        return order.beforehand(tables) if isinstance(order, Live) else tables

    setup, memory = around.setup, around.memory
    seen = memory.ledger.was_judged if setup.store else None
    return Announcing(AtOnce(setup, work.engine, link=link, score=memory.learned.beforehand, seen=seen), around)


def _ordered(work: Workspace, around: Around, reading: Reading, lateness: timedelta | None) -> Files | Live:
    config, memory, vouched = around.setup.config, around.memory, trusted(around.setup)
    home: HomeNetworks | None = config.home_networks if config.home else None
    if lateness is None:
        return Files(
            work, home, reading.on_the_wire, vouched, memory.events.earlier, memory.count_for_home, memory.events
        )
    return Live(
        work, home, reading.on_the_wire, lateness=lateness, trusted=vouched, earlier=memory.events.earlier,
        inferred=infer(memory.home), past=memory.events,
    )  # fmt: skip


def _detecting(work: Workspace, around: Around, lateness: timedelta | None) -> Detector:
    setup, memory = around.setup, around.memory
    detector = Detector(
        setup.rules,
        lambda: work.engine,
        facts=setup.facts,
        lateness=None if lateness is None else timedelta(0),
        updates=True,  # what is kept is told as it is; how often somebody is told is for the news to say
        seen=memory.ledger.was_judged if setup.store else None,
        remembers=setup.store is not None,
    )
    changed = detector.load_state(memory.correlations) if memory.correlations else ()
    if changed:
        around.accounts.note((changed_rules(changed),))
    return detector


def _settings(setup: Setup) -> str:
    """What the user says that decides what is surprising, as a short text."""
    wanted = asdict(baseline_settings(setup.config)) | {"home": setup.config.home}
    return content_id("s", [json.dumps(wanted, sort_keys=True, default=sorted)])
