"""The end of a run: findings become cases, cases become incidents, and the reader is told what was not looked at."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from kanaria.app.run.case_file import CaseFile
from kanaria.app.run.input_accounts import Inputs
from kanaria.app.run.logon_questions import guessers, sessions
from kanaria.app.run.plot_series import SeriesKeeper, volumes
from kanaria.app.run.setup import Setup
from kanaria.app.run.usual_before import before
from kanaria.app.run.web_server import server_of
from kanaria.core.glossary import VALUES
from kanaria.core.network import parse_address
from kanaria.core.text import printable
from kanaria.core.types import SEVERITIES, Analysis, AnswerSizes, HostObservation, Incident, Series, Text
from kanaria.core.values import dataclass
from kanaria.incidents.case import Allowed, Case, Costs, Surroundings
from kanaria.incidents.grouping import group
from kanaria.incidents.judge import judge
from kanaria.incidents.permission import pools_meant
from kanaria.incidents.questions import asked_of
from kanaria.memory.events import Events
from kanaria.memory.network_state import NetworkState
from kanaria.wire.vouching import Trusted

# Reading a kept incident takes a millisecond; what lies further back is no neighbour.
EARLIER_COMPARED = 1_000

_HOST = Text(
    en="The server's load, processes and connections (use --check-host on the server).",
    ja="サーバの負荷・プロセス・接続(サーバ上で --check-host を使うと調べます)。",
)
_NETWORK = Text(
    en="Network traffic: without a capture, flows or sensor logs, the server's own connections were not seen.",
    ja="ネットワーク通信: キャプチャ、フロー、センサーのログがないため、サーバから外への接続は見ていません。",
)
_WEB = Text(en="Web-server logs: none was given.", ja="Webサーバのログ: 与えられていません。")
_OWNERS = Text(
    en="Who owns the addresses: no network data is installed (kanaria knowledge update --download).",
    ja="アドレスの所有者: ネットワーク情報が未導入です(kanaria knowledge update --download で導入できます)。",
)
_BODIES = Text(
    en="Request and answer bodies: the logs do not carry them.", ja="リクエストと応答の本文: ログに含まれていません。"
)


@dataclass(frozen=True, kw_only=True)
class Around:
    """What incidents are judged from: the cases, and the memory."""

    setup: Setup
    memory: NetworkState
    case: CaseFile
    accounts: Inputs
    ahead: bool = False
    """Whether the records come again: what devices usually did is then added, for it takes longer than all the rest."""

    @property
    def events(self) -> Events:
        return self.memory.events

    @property
    def seen(self) -> set[str]:
        return self.case.tables_seen


def conclude(run: Around, keeper: SeriesKeeper) -> Analysis:
    """The analysis of everything remembered, the most severe incident first."""
    host, checked = _look_at_host(run)
    incidents = _judged(run, host, checked)
    return Analysis(
        inputs=tuple(run.accounts.summaries.values()),
        incidents=tuple(incidents),
        not_looked_at=_not_looked_at(run, checked),
        notes=tuple(_notes(run)),
        series=series(run, keeper, incidents),
        earlier=_earlier(run.setup.store),
        zone=run.setup.zone,
    )


def judged(run: Around) -> tuple[Incident, ...]:
    """The incidents of which something was found since the changes were last forgotten."""
    return tuple(_judged(run, (), (), again=False)) if run.case.met else ()


def cases_of(run: Around) -> tuple[Case, ...]:
    """Everything remembered, grouped."""
    findings = tuple(run.case.findings.values())
    return group(
        findings,
        run.case.messages,
        run.case.records,
        server_of(run.events, findings),
        allowed=_allowed(run.setup),
        dismissed=run.memory.dismissed,
    )


def _judged(
    run: Around, host: tuple[HostObservation, ...], checked: tuple[str, ...], *, again: bool = True
) -> list[Incident]:
    """``again``: also the incidents of which records were read again. In a life that goes on everything was read in
    this run, and judging it all with every step grew with all that was ever found."""
    run.case.complete(run.events)
    met = frozenset(run.case.met)
    cases = cases_of(run)
    if run.setup.store is not None:
        cases = tuple(case for case in cases if run.memory.concerns(case, met, again=again))
    around = surroundings(run, host, checked)
    incidents = sorted((judge(case, around, run.case.verdicts) for case in cases), key=_worst_first)
    incidents = [_with_normal(run, incident) for incident in incidents]
    pause = timedelta(hours=run.setup.config.realert_hours)
    ahead = frozenset(run.case.told_ahead)
    return run.memory.go_on(incidents, frozenset(run.case.news) - ahead, pause, ahead)


def _with_normal(run: Around, incident: Incident) -> Incident:
    """The incident with what its devices did before it."""
    if incident.severity == "informational" or run.ahead:
        return incident
    return replace(incident, normal=before(run.events, incident, roles(incident, run.setup.config.devices.roles or {})))


def roles(incident: Incident, told: Mapping[str, str]) -> dict[str, Text]:
    """What devices of an incident are, where that is known: as they were ``told``, or by what a model saw first."""
    seen: dict[str | None, str] = {}
    for finding in incident.findings:
        if role := finding.values.get("device.role"):
            seen.setdefault(finding.device, role)
    names = {device: told.get(device) or seen.get(device, "") for device in incident.devices}
    return {device: words for device, name in names.items() if (words := VALUES["device.role"].get(name))}


def series(run: Around, keeper: SeriesKeeper, incidents: Sequence[Incident]) -> tuple[Series, ...]:
    """Numbers over time about the devices of incidents."""
    gathered = keeper.about(device for incident in incidents for device in incident.devices)
    return (*gathered, *volumes(run.events, incidents))


def _earlier(folder: Path | None) -> tuple[Incident, ...]:
    """Incidents kept by earlier runs, merged ones left out."""
    if folder is None:
        return ()
    from kanaria.report.reading import incident_from
    from kanaria.store.incidents import IncidentStore

    with IncidentStore(folder) as store:
        return tuple(incident_from(kept.document) for kept in store.all(limit=EARLIER_COMPARED))


def _look_at_host(run: Around) -> tuple[tuple[HostObservation, ...], tuple[str, ...]]:
    """Load, processes and connections now, and the load history around what was found; when that was asked for."""
    if not run.setup.check_host:
        return (), ()
    from kanaria.host.look import observe

    times = [time for finding in run.case.findings.values() for time in (finding.time, finding.until) if time]
    return observe(run.setup.facts, (min(times), max(times)) if times else None)


def surroundings(run: Around, host: tuple[HostObservation, ...] = (), checked: tuple[str, ...] = ()) -> Surroundings:
    """What the judge may ask about the rest of the run."""
    config, seen, web = run.setup.config, run.seen, run.memory.learned.web
    knows_answers = "http" in seen or web.known
    made = Surroundings(
        facts=run.setup.facts,
        inputs=tuple(run.accounts.summaries.values()),
        asked_of=asked_of(run.case.records),
        answers=web.answers if knows_answers else _no_answers,
        malformed_sources=web.malformed_sources if knows_answers else lambda _status: 0,
        later_requests={name: tuple(found) for name, found in run.case.later_requests.items()},
        rhythm=run.case.rhythms.of,
        host=host,
        host_checked=checked,
        allowed=_allowed(run.setup),
        critical_devices=frozenset(config.devices.critical),
        costs=_costs(run.setup, host),
        tables_seen=frozenset(seen),
    )
    events = run.events
    made = replace(made, contact=run.memory.contacts.of(events if events.has("connection") else None))
    if events.has("rdp"):
        made = replace(made, sessions=sessions(events))
    return replace(made, guessers=guessers(events)) if events.has("logon") else made


def _allowed(setup: Setup) -> Allowed:
    allowed = setup.config.allowed
    pools = pools_meant(allowed.pools, setup.facts)
    return Allowed(pools=pools, wallets=frozenset(allowed.wallets), devices=frozenset(allowed.devices))


def trusted(setup: Setup) -> Trusted:
    """Which names a permission rests on, and the public resolvers whose word counts for them."""
    names = {name.rstrip(".").lower() for name in pools_meant(setup.config.allowed.pools, setup.facts)}
    public = (name for name in setup.facts.shared_hosts if parse_address(name) is not None)
    return Trusted(names=frozenset(names), resolvers=frozenset(public))


def _costs(setup: Setup, host: tuple[HostObservation, ...]) -> Costs:
    """What is set, and how many cores this machine has when the miner was found on it."""
    impact = setup.config.impact
    mines = any(observation.kind in {"miner_process", "cpu_step"} for observation in host)
    return Costs(
        cores=impact.cores,
        watts_per_core=impact.watts_per_core,
        price_per_kwh=impact.price_per_kwh,
        currency=impact.currency,
        observed_cores=os.cpu_count() if mines else None,
    )


def _no_answers(_status: int | None, _path: str | None) -> AnswerSizes:
    return AnswerSizes(total=0, sizes=())


def _worst_first(incident: Incident) -> tuple[int, bool, float, str]:
    first = incident.first_seen.timestamp() if incident.first_seen else 0.0
    return -SEVERITIES.index(incident.severity), not incident.messages, first, incident.id


def _not_looked_at(run: Around, checked: tuple[str, ...]) -> tuple[Text, ...]:
    seen = run.seen
    missing = []
    if not checked:
        missing.append(_HOST)
    if not seen & {"connection", "dns", "tls"}:
        missing.append(_NETWORK)
    if "http" not in seen:
        missing.append(_WEB)
    elif not seen & {"connection"}:
        missing.append(_BODIES)
    if run.setup.networks is None:
        missing.append(_OWNERS)
    return tuple(missing)


def _notes(run: Around) -> list[Text]:
    closed = run.accounts.closed.text()
    remarks = run.accounts.remarks(all_rejects=not run.case.findings)
    alone = run.case.tables_seen <= {"connection", "stratum"}
    flows = run.accounts.flows.text() if alone and not run.case.findings else None
    notes = [*remarks, *run.accounts.notes, *run.events.notes(), *(said for said in (closed, flows) if said)]
    if run.setup.zone.used and run.setup.zone.name != "UTC":
        zone = run.setup.zone.name
        ja = printable(zone.replace("the system's zone, ", "このシステムのタイムゾーン、"))
        zone = printable(zone)
        notes.append(
            Text(
                en=f"Times without a zone were read as times of {zone} (--tz or timezone says otherwise).",
                ja=f"タイムゾーンのない時刻は、{ja} の時刻として読み取りました(--tz または timezone で変更できます)。",
            )
        )
    if doubles := run.accounts.doubles:
        notes.append(
            Text(
                en=f"{doubles:,} records describe flows that another input shows in more detail; each counts once.",
                ja=f"{doubles:,}件の記録は、別の入力により詳しく残っている通信と同じものなので、1回だけ数えました。",
            )
        )
    return notes
