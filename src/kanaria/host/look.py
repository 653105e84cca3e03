"""``--check-host``: what this machine itself shows of mining, now and in its load history.

In come the facts, and a time window where there is one; out go ``HostObservation`` values in both languages, and the
names of what was looked at. Works without administrator rights and says what could not be seen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime

from kanaria.core.facts import Knowledge
from kanaria.core.text import cut, printable
from kanaria.core.types import HostObservation, Text
from kanaria.host import load as host_load
from kanaria.host import miners as host_miners
from kanaria.host import sampler as host_sampler
from kanaria.host.load import Load, LoadStep
from kanaria.host.sampler import HostSample

Window = tuple[datetime, datetime]
History = Callable[[datetime, datetime], "list[Load] | None"]
Observations = tuple[tuple[HostObservation, ...], tuple[str, ...]]
_MINERS_SHOWN = 20
_NOW, _PROCESSES, _CONNECTIONS, _HISTORY = "load now", "processes", "connections", "load history (sar)"


def observe(
    facts: Knowledge,
    around: Window | None = None,
    *,
    look: Callable[[], HostSample] = host_sampler.sample,
    history: History = host_load.history,
) -> Observations:
    """Look at the machine for a second, and at its load history around the window, else up to now.

    Second value: what was looked at. Raises MissingExtra without psutil.
    """
    sample = look()
    observations = [*_suspicious(sample, facts), *_pools(sample, facts)]
    # Without a window: did the load of the last two hours differ from the day before?
    start, end = around or (sample.time - host_load.AFTER, sample.time)
    steps, checked = observe_window(start, end, history=history)
    observations += [step for step in steps if step.kind == "cpu_step"]
    if not observations:
        observations.append(_nothing(sample))
    observations += [step for step in steps if step.kind != "cpu_step"]
    return (*observations, *_unseen(sample)), (_NOW, _PROCESSES, _CONNECTIONS, *checked)


def observe_window(start: datetime, end: datetime, *, history: History = host_load.history) -> Observations:
    """The load history around these times: a step, or the sentence that there was none; nothing without a history."""
    recorded = history(start - host_load.BEFORE, end + host_load.AFTER)
    step = host_load.measure(recorded, start, end) if recorded else None
    if step is None:
        return (), ()
    kind = "cpu_step" if step.stepped else "nothing"
    return (HostObservation(kind=kind, statement=_step_words(step), source="sadf"),), (_HISTORY,)


def _suspicious(sample: HostSample, facts: Knowledge) -> Iterator[HostObservation]:
    own = host_miners.lineage(sample, os.getpid())
    for count, suspicion in enumerate(host_miners.suspicions(sample, facts, own)):
        if count >= _MINERS_SHOWN:
            return
        kind = "miner_process" if suspicion.certain else "suspicious_process"
        source = f"process {suspicion.process.pid}"
        yield HostObservation(kind=kind, statement=host_miners.statement(suspicion), source=source)


def _pools(sample: HostSample, facts: Knowledge) -> Iterator[HostObservation]:
    for text, pid in host_miners.pool_connections(sample, facts):
        source = f"process {pid}" if pid is not None else "connections"
        yield HostObservation(kind="pool_connection", statement=text, source=source)


def _step_words(step: LoadStep) -> Text:
    window = f"{step.begin:%Y-%m-%d %H:%M}–{step.end:%Y-%m-%d %H:%M} UTC"
    before, after, usual = (f"{value:.0f}" for value in (step.before, step.after, step.usual))
    if step.stepped:
        return Text(
            en=f"CPU load rose and stayed up: {before} % before and {after} % after ({window}; the day before, no two "
            f"hours were above {usual} %).",
            ja=f"CPU使用率が上がったまま下がっていません。前は{before}%、後は{after}%です({window}。"
            f"前日の最も高い2時間でも{usual}%)。",
        )
    return Text(
        en=f"CPU was {before} % before and {after} % after ({window}): no step.",
        ja=f"CPU使用率は前が{before}%、後が{after}%でした({window})。目立った上昇はありません。",
    )


def _nothing(sample: HostSample) -> HostObservation:
    load, count, connections = f"{sample.cpu_percent:.0f}", len(sample.processes), len(sample.sockets)
    top = host_miners.busiest(sample.processes)
    name = cut(printable(top.name), 40) if top else ""
    text = Text(
        en=f"No mining program and no connection to a known pool address on {sample.host_name}; processes seen: "
        f"{count}, sockets: {connections}, CPU load {load} %"
        + (f", the busiest process is {name} ({top.cpu_percent:.0f} % of one core)." if top else "."),
        ja=f"{sample.host_name} にマイニングプログラムも既知プールのアドレスへの接続も見つかりませんでした"
        f"(プロセス{count}個、ソケット{connections}個、CPU使用率{load}%"
        + (f"、最も負荷の高いプロセスは {name}(1コアの{top.cpu_percent:.0f}%))。" if top else ")。"),
    )
    return HostObservation(kind="nothing", statement=text, source="host")


_UNSEEN = {
    "programs": ("program files of processes", "プロセスのプログラムファイル"),
    "arguments": ("arguments of processes", "プロセスの引数"),
    "owners of connections": ("owners of connections", "接続を所有するプロセス"),
    "connections": ("lists of connections", "接続の一覧"),
}


def _unseen(sample: HostSample) -> Iterator[HostObservation]:
    """What administrator rights would have shown."""
    hidden = [(_UNSEEN[what], count) for what, count in sorted(sample.unseen.items()) if what in _UNSEEN]
    if not hidden or _is_root():
        return
    en = ", ".join(f"{count} {words[0]}" for words, count in hidden)
    ja = "、".join(f"{words[1]} {count}件" for words, count in hidden)
    text = Text(
        en=f"Not seen without administrator rights: {en}.", ja=f"管理者権限がないため確認できなかったもの: {ja}。"
    )
    yield HostObservation(kind="unseen", statement=text, source="host")


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
