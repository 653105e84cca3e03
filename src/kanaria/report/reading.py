"""The way back from the JSON document: what an earlier run kept becomes values again.

Takes the incident object of the JSON interface (``report.document``); returns an ``Incident`` and its ``Series``. What
the document does not carry is empty: the key of a finding, the number of an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kanaria.core.conversion import made
from kanaria.core.story import Part, Sentence, Stories, Story, parts_of
from kanaria.core.types import LANGUAGES, Analysis, Incident, Series

Json = Mapping[str, Any]


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
    proofs = {item["id"]: item for item in kept["evidence"]}
    findings = [_finding(item, proofs) for item in kept["findings"]]
    messages = [{**item, "event_id": 0} for item in kept["messages"]]
    return made(Incident, {**kept, **kept["entities"], "findings": findings, "messages": messages})


def series_from(kept: Json) -> tuple[Series, ...]:
    """The numbers over time a document carries."""
    return made(tuple[Series, ...], kept.get("series", ()))


def stories_from(kept: Json) -> Stories | None:
    """The story a document carries, in each language; None when an older version kept it without one."""
    if not kept.get("story"):
        return None
    return {language: _story(kept["story"][language], parts_of(kept, language)) for language in LANGUAGES}


def _story(sentences: Iterable[Json], parts: Iterable[Part]) -> Story:
    return tuple(made(Sentence, {**item, "part": part}) for item, part in zip(sentences, parts, strict=True))


def kept_analysis(kept: Json, others: Iterable[Json] = ()) -> Analysis:
    """A kept incident as a run of its own; ``others`` are the incidents kept beside it."""
    return Analysis(
        inputs=(),
        incidents=(incident_from(kept),),
        not_looked_at=(),
        series=series_from(kept),
        earlier=tuple(incident_from(other) for other in others if other["id"] != kept["id"]),
    )


def _finding(item: Json, proofs: Mapping[str, Json]) -> Json:
    """A finding with its evidence, and without what no document carries."""
    cited = [proofs[name] for name in item["evidence"] if name in proofs]
    return {**item, "table": item.get("table") or "", "key": "", "evidence": cited}
