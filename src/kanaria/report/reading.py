"""The way back from the JSON document: what an earlier run kept becomes values again.

Comes in: the incident object of the JSON interface (``report.document``). Goes out: an ``Incident`` and its ``Series``.
What the document does not carry is empty: the key of a finding, the number of an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from kanaria.core.alert import Alert
from kanaria.core.story import Checks, Part, Sentence, Stories, Story, parts_of
from kanaria.core.types import (
    LANGUAGES,
    Analysis,
    CostEstimate,
    EstimateInput,
    Evidence,
    Finding,
    HypothesisScore,
    Impact,
    Incident,
    Indicator,
    Outcome,
    Recommendation,
    RelatedVulnerability,
    Series,
    StratumMessage,
    Text,
    TimelineEntry,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Json = Mapping[str, Any]
Made = TypeVar("Made", bound="DataclassInstance")


def series_of(analysis: Analysis, incident: Incident) -> tuple[Series, ...]:
    """Series of one of the incident's devices and, where a series has an other side, of one of its remotes."""
    return tuple(
        series
        for series in analysis.series
        if series.points and series.device in incident.devices
        and (series.remote is None or series.remote in incident.remotes)
    )  # fmt: skip


def incident_from(kept: Json) -> Incident:
    """The incident a document describes."""
    proofs = {item["id"]: _evidence(item) for item in kept["evidence"]}
    return Incident(
        id=kept["id"],
        title=_text(kept["title"]),
        severity=kept["severity"],
        hypotheses=tuple(_made(HypothesisScore, item) for item in kept["hypotheses"]),
        outcome=_made(Outcome, kept["outcome"]),
        devices=tuple(kept["entities"]["devices"]),
        remotes=tuple(kept["entities"]["remotes"]),
        first_seen=_time(kept["first_seen"]),
        last_seen=_time(kept["last_seen"]),
        findings=tuple(_finding(item, proofs) for item in kept["findings"]),
        messages=tuple(
            _made(StratumMessage, item, event_id=0, time=_time(item.get("time"))) for item in kept["messages"]
        ),
        techniques=tuple(kept["techniques"]),
        indicators=tuple(_made(Indicator, item, comment=_text(item["comment"])) for item in kept["indicators"]),
        timeline=tuple(
            _made(TimelineEntry, item, time=_time(item["time"]), what=_text(item["what"])) for item in kept["timeline"]
        ),
        vulnerabilities=tuple(_made(RelatedVulnerability, item) for item in kept["vulnerabilities"]),
        recommendations=tuple(_made(Recommendation, r, text=_text(r["text"])) for r in kept["recommendations"]),
        impact=_impact(kept["impact"]),
        evidence=tuple(proofs.values()),
        normal=tuple(_text(words) for words in kept.get("normal", ())),
        alert=_alert(kept["alert"]) if kept.get("alert") else None,
    )


def series_from(kept: Json) -> tuple[Series, ...]:
    """The numbers over time a document carries."""
    return tuple(
        _made(Series, item, points=tuple((_moment(time), float(value)) for time, value in item["points"]))
        for item in kept.get("series", ())
    )


def stories_from(kept: Json) -> Stories | None:
    """The story a document carries, in each language; None when an older version kept it without one."""
    if not kept.get("story"):
        return None
    return {language: _story(kept["story"][language], parts_of(kept, language)) for language in LANGUAGES}


def _story(told: Iterable[Json], parts: Iterable[Part]) -> Story:
    return tuple(
        Sentence(
            part=part,
            text=item["text"],
            evidence=tuple(item["evidence"]),
            writer=item["writer"],
            checks=Checks(passed=item["checks"]["passed"], reasons=tuple(item["checks"]["reasons"])),
        )
        for item, part in zip(told, parts, strict=True)
    )


def kept_analysis(kept: Json, others: Iterable[Json] = ()) -> Analysis:
    """A kept incident as a run of its own; ``others`` are the incidents kept beside it."""
    return Analysis(
        inputs=(),
        incidents=(incident_from(kept),),
        not_looked_at=(),
        series=series_from(kept),
        earlier=tuple(incident_from(other) for other in others if other["id"] != kept["id"]),
    )


def _finding(item: Json, proofs: Mapping[str, Evidence]) -> Finding:
    return _made(
        Finding,
        item,
        title=_text(item["title"]),
        why=_text(item["why"]),
        time=_time(item["time"]),
        until=_time(item["until"]),
        since=_time(item.get("since")),
        table=item.get("table") or "",
        key="",
        evidence=tuple(proofs[name] for name in item["evidence"] if name in proofs),
    )


def _evidence(item: Json) -> Evidence:
    return _made(Evidence, item, because=_text(item["because"]), time=_time(item["time"]))


def _alert(item: Json) -> Alert:
    return _made(Alert, item, because=tuple(_text(reason) for reason in item["because"]), told=_time(item["told"]))


def _impact(item: Json) -> Impact:
    made = item.get("estimate")
    return Impact(
        checked=tuple(item["checked"]),
        statements=tuple(_text(words) for words in item["statements"]),
        estimate=made
        and _made(CostEstimate, made, inputs=tuple(_made(EstimateInput, known) for known in made["inputs"])),
    )


def _made(kind: type[Made], item: Json, **values: object) -> Made:
    """A value of the type from the document's properties of the same names; ``values`` win."""
    names = set(kind.__dataclass_fields__) & set(item)
    plain = {name: tuple(item[name]) if isinstance(item[name], list) else item[name] for name in names - set(values)}
    return kind(**plain, **values)


def _text(item: Json) -> Text:
    return Text(en=item["en"], ja=item["ja"])


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
