"""The end of a run: findings become cases, cases become incidents, and the reader is told what was not looked at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from kanaria.app.run.logon_questions import guessers, sessions
from kanaria.app.run.plot_series import volumes
from kanaria.app.run.usual_before import before
from kanaria.core.glossary import VALUES
from kanaria.core.types import SEVERITIES, Analysis, AnswerSizes, Finding, Incident, Series, Text
from kanaria.incidents.actors import DEVICE_STAGES
from kanaria.incidents.case import Allowed, Costs, Surroundings
from kanaria.incidents.grouping import group
from kanaria.incidents.judge import judge

if TYPE_CHECKING:
    from kanaria.app.run.stages import Stages

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


def conclude(stages: Stages) -> Analysis:
    """The analysis of everything remembered, the most severe incident first."""
    material = stages.material
    findings = tuple(material.findings.values())
    if material.tables_seen:
        material.complete(stages.engine)
    kept = stages.kept
    kept.cases = group(
        findings,
        material.messages,
        material.records,
        _server(findings),
        allowed=_allowed(stages),
        dismissed=kept.dismissed(),
    )
    met = frozenset(material.met)
    cases = [case for case in kept.cases if stages.store is None or kept.concerns(case, met)]
    if stages.check_host:
        _look_at_host(stages)
    around = surroundings(stages)
    incidents = [_with_normal(stages, i) for i in sorted((judge(case, around) for case in cases), key=_worst_first)]
    again = timedelta(hours=stages.config.realert_hours)
    incidents = kept.go_on(incidents, frozenset(material.news), again)
    return Analysis(
        inputs=tuple(stages.inputs.summaries.values()),
        incidents=tuple(incidents),
        not_looked_at=_not_looked_at(stages),
        notes=tuple(_notes(stages)),
        series=_series(stages, incidents),
        earlier=_earlier(stages),
    )


def _with_normal(stages: Stages, incident: Incident) -> Incident:
    """The incident with what its devices did before it."""
    if "connection" not in stages.material.tables_seen or incident.severity == "informational":
        return incident
    roles = {device: known for device in incident.devices if (known := _role(stages, incident, device))}
    return replace(incident, normal=before(stages.engine, incident, roles))


def _role(stages: Stages, incident: Incident, device: str) -> Text | None:
    """What the device is, by configuration or by what a model saw of it."""
    seen = (finding.values.get("device.role") for finding in incident.findings if finding.device == device)
    name = (stages.config.devices.roles or {}).get(device) or next(filter(None, seen), None)
    return VALUES["device.role"].get(name) if name else None


def _series(stages: Stages, incidents: Sequence[Incident]) -> tuple[Series, ...]:
    """Numbers over time about the devices of incidents."""
    gathered = stages.series.about(device for incident in incidents for device in incident.devices)
    spooled = "connection" in stages.material.tables_seen
    return (*gathered, *(volumes(stages.engine, incidents) if spooled else ()))


def _earlier(stages: Stages) -> tuple[Incident, ...]:
    """Incidents kept by earlier runs, merged ones left out."""
    if stages.store is None:
        return ()
    from kanaria.report.reading import incident_from
    from kanaria.store.incidents import IncidentStore

    with IncidentStore(stages.store) as store:
        return tuple(incident_from(kept.document) for kept in store.all(limit=EARLIER_COMPARED))


def _look_at_host(stages: Stages) -> None:
    """Load, processes and connections now, and the load history around what was found."""
    from kanaria.host.look import observe

    findings = stages.material.findings.values()
    times = [time for finding in findings for time in (finding.time, finding.until) if time]
    stages.host, stages.host_checked = observe(stages.facts, (min(times), max(times)) if times else None)


def _server(findings: tuple[Finding, ...]) -> str | None:
    """The device whose web log was given, when the log does not name it: the only device that did anything at all."""
    active = {f.device for f in findings if f.device and f.table != "http" and f.stage in DEVICE_STAGES}
    return active.pop() if len(active) == 1 else None


def surroundings(stages: Stages) -> Surroundings:
    """What the judge may ask about the rest of the run."""
    config, seen = stages.config, stages.material.tables_seen
    made = Surroundings(
        facts=stages.facts,
        inputs=tuple(stages.inputs.summaries.values()),
        answers=stages.web.answers if "http" in stages.material.tables_seen else _no_answers,
        malformed_sources=stages.web.malformed_sources if "http" in stages.material.tables_seen else lambda _status: 0,
        later_requests={name: tuple(found) for name, found in stages.material.later_requests.items()},
        host=stages.host,
        host_checked=stages.host_checked,
        allowed=_allowed(stages),
        critical_devices=frozenset(config.devices.critical),
        costs=_costs(stages),
        tables_seen=frozenset(seen),
    )
    made = replace(made, contact=stages.kept.contacts.of(stages.engine if "connection" in seen else None))
    if "rdp" in seen:
        made = replace(made, sessions=sessions(stages.engine))
    return replace(made, guessers=guessers(stages.engine)) if "logon" in seen else made


def _allowed(stages: Stages) -> Allowed:
    said = stages.config.allowed
    return Allowed(pools=frozenset(said.pools), wallets=frozenset(said.wallets), devices=frozenset(said.devices))


def _costs(stages: Stages) -> Costs:
    """What is set, and how many cores this machine has when the miner was found on it."""
    said = stages.config.impact
    mines = any(observation.kind in {"miner_process", "cpu_step"} for observation in stages.host)
    return Costs(
        cores=said.cores,
        watts_per_core=said.watts_per_core,
        price_per_kwh=said.price_per_kwh,
        currency=said.currency,
        observed_cores=os.cpu_count() if mines else None,
    )


def _no_answers(_status: int | None, _path: str | None) -> AnswerSizes:
    return AnswerSizes(total=0, sizes=())


def _worst_first(incident: Incident) -> tuple[int, bool, float, str]:
    first = incident.first_seen.timestamp() if incident.first_seen else 0.0
    return -SEVERITIES.index(incident.severity), not incident.messages, first, incident.id


def _not_looked_at(stages: Stages) -> tuple[Text, ...]:
    seen = stages.material.tables_seen
    missing = []
    if not stages.host_checked:
        missing.append(_HOST)
    if not seen & {"connection", "dns", "tls"}:
        missing.append(_NETWORK)
    if "http" not in seen:
        missing.append(_WEB)
    elif not seen & {"connection"}:
        missing.append(_BODIES)
    if stages.networks is None:
        missing.append(_OWNERS)
    return tuple(missing)


def _notes(stages: Stages) -> list[Text]:
    notes = [*stages.inputs.remarks(all_rejects=not stages.material.findings), *stages.inputs.notes]
    if doubles := stages.inputs.doubles:
        notes.append(
            Text(
                en=f"{doubles:,} records describe flows that another input shows in more detail; each counts once.",
                ja=f"{doubles:,}件の記録は、別の入力により詳しく残っている通信と同じものなので、1回だけ数えました。",
            )
        )
    return notes
