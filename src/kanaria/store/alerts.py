"""Whether an incident is news: what a run found against what was told of it before.

In: an incident as this run sees it and what was last told of it. Out: an ``Alert``, and what is to be
remembered as told. A notifier asks ``Alert.tell``; the report and ``kanaria incident`` show the rest. Times are those
of the records, not of the clock on the wall, so that a replay tells the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from kanaria.core.alert import Alert
from kanaria.core.glossary import SEVERITIES as SEVERITY_WORDS
from kanaria.core.glossary import STAGES
from kanaria.core.text import cut, printable
from kanaria.core.types import SEVERITIES, Incident, Text
from kanaria.core.values import dataclass

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class LastNotice:
    """What somebody knows of an incident who was told of it. ``until`` is the event time up to which they were."""

    until: str | None
    severity: str
    stages: tuple[str, ...]
    rules: tuple[str, ...]
    runs: int = 1
    who: tuple[str, ...] | None = None
    """The devices, payout addresses and pools it had, as ``_who`` writes them; None when that was not kept yet."""


def alert(incident: Incident, notice: LastNotice | None, *, news: bool, again: timedelta) -> Alert:
    """What this run adds. ``news``: it has records no earlier run had; ``again``: after how long to remind."""
    if notice is None:
        return Alert(kind="new")
    until = datetime.fromisoformat(notice.until) if notice.until else None
    runs = notice.runs + news
    because = tuple(_escalations(incident, notice)) if news else ()
    if because:
        return Alert(kind="escalated", because=because, runs=runs, told=until)
    if not news:
        return Alert(kind="known", runs=runs, told=until)
    due = until is not None and incident.last_seen is not None and incident.last_seen - until >= again
    return Alert(kind="reminder" if due else "repeated", runs=runs, told=until)


def remember(incident: Json, notice: LastNotice | None) -> LastNotice:
    """What is known once the alert of this incident (its JSON form) went out, if it had to."""
    kind = (incident.get("alert") or {"kind": "new"})["kind"]
    now = LastNotice(
        until=incident["last_seen"],
        severity=incident["severity"],
        stages=_distinct(finding.get("stage") for finding in incident["findings"]),
        rules=_distinct(finding.get("rule") for finding in incident["findings"]),
        who=_who(_Of.json(incident)),
    )
    if notice is None:
        return now
    runs = notice.runs + (kind != "known")
    if kind in {"known", "repeated"}:
        return LastNotice(**{**vars(notice), "runs": runs})
    return LastNotice(
        until=max(filter(None, (now.until, notice.until)), key=datetime.fromisoformat, default=None),
        severity=max(now.severity, notice.severity, key=_rank),
        stages=_distinct((*notice.stages, *now.stages)),
        rules=_distinct((*notice.rules, *now.rules)),
        runs=runs,
        who=_distinct((*(notice.who or ()), *(now.who or ()))),
    )


def joined(notices: list[LastNotice]) -> LastNotice | None:
    """What was told of several incidents that turned out to be one."""
    if not notices:
        return None
    return LastNotice(
        until=max(filter(None, (one.until for one in notices)), key=datetime.fromisoformat, default=None),
        severity=max((one.severity for one in notices), key=_rank),
        stages=_distinct(name for one in notices for name in one.stages),
        rules=_distinct(name for one in notices for name in one.rules),
        runs=max(one.runs for one in notices),
        who=_distinct(name for one in notices for name in one.who or ())
        if all(one.who is not None for one in notices)
        else None,
    )


def more_than(before: Json, now: Json) -> bool:
    """Whether a device, payout address or pool is in it now that was not before."""
    return not set(_who(_Of.json(now))) <= set(_who(_Of.json(before)))


def more_severe(incident: Incident, notice: LastNotice) -> bool:
    """Whether it is graver than somebody knows who was told of it."""
    return _rank(incident.severity) > _rank(notice.severity)


def _escalations(incident: Incident, notice: LastNotice) -> Iterator[Text]:
    if more_severe(incident, notice):
        was, now = SEVERITY_WORDS[notice.severity], SEVERITY_WORDS[incident.severity]
        yield Text(en=f"severity {was.en} → {now.en}", ja=f"重大度が「{was.ja}」から「{now.ja}」に上昇")
    stages = _distinct(finding.stage for finding in incident.findings)
    for stage in (stage for stage in stages if stage not in notice.stages):
        yield Text(en=f"new stage: {STAGES[stage].en}", ja=f"新しい段階: {STAGES[stage].ja}")
    yield from _newcomers(incident, notice)
    titles = {finding.rule: finding.title for finding in incident.findings if finding.rule not in notice.rules}
    for title in dict.fromkeys(titles.values()):
        yield Text(en=f"new finding: {title.en}", ja=f"新しい検知: {title.ja}")


def _newcomers(incident: Incident, notice: LastNotice) -> Iterator[Text]:
    """Who is in it now that was not: another infected machine is news however well its kind is known."""
    new = [name for name in _who(_Of.incident(incident)) if notice.who is not None and name not in notice.who]
    for kind, words in _KINDS.items():
        names = [name.partition(" ")[2] for name in new if name.startswith(f"{kind} ")]
        shown = ", ".join(cut(printable(name), 60) for name in names[:NAMED])
        more = len(names) - NAMED
        if names:
            also_en, also_ja = (f" and {more} more", f" ほか{more}件") if more > 0 else ("", "")
            yield Text(en=f"{words.en}: {shown}{also_en}", ja=f"{words.ja}: {shown}{also_ja}")


# Names of newcomers in one sentence of an alert; the report has all.
NAMED = 40
_KINDS = {
    "device": Text(en="new device", ja="新たに関係した機器"),
    "wallet": Text(en="new payout address", ja="新しい送金先アドレス"),
    "pool": Text(en="new pool or server", ja="新しい接続先"),
}


@dataclass(frozen=True)
class _Of:
    """What of an incident says who is in it, from either of its forms."""

    findings: tuple[tuple[str | None, str | None, str | None, Mapping[str, str]], ...]
    wallets: tuple[str | None, ...]

    @classmethod
    def incident(cls, incident: Incident) -> _Of:
        findings = tuple((f.stage, f.device, f.remote, f.values) for f in incident.findings)
        return cls(findings, tuple(m.wallet for m in incident.messages if m.wallet_valid and not m.sample))

    @classmethod
    def json(cls, incident: Json) -> _Of:
        findings = tuple(
            (f.get("stage"), f.get("device"), f.get("remote"), f.get("values") or {}) for f in incident["findings"]
        )
        messages = incident.get("messages") or ()
        return cls(findings, tuple(m["wallet"] for m in messages if m.get("wallet_valid") and not m.get("sample")))


def _who(of: _Of) -> tuple[str, ...]:
    """Devices something was done to or by, and where mining went and whom it paid. A pool counts by its name where that
    is known: its addresses change daily. Who merely looks around is none of it."""
    devices = [
        f"device {device}" for stage, device, _, _ in of.findings if device and stage not in {None, "reconnaissance"}
    ]
    mined = [finding for finding in of.findings if finding[0] == "impact" and finding[1]]
    pools = [values.get("knowledge.pool") or values.get("sni") or remote for _, _, remote, values in mined]
    wallets = [f"wallet {wallet}" for wallet in of.wallets] if mined else []
    return _distinct((*devices, *wallets, *(f"pool {pool}" for pool in pools if pool)))


def _distinct(names: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _rank(severity: str) -> int:
    return [str(severity_name) for severity_name in SEVERITIES].index(severity) if severity in SEVERITIES else -1
