"""Two documents of one incident, of an earlier and a later run: what there is in either, and whether it got worse."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from kanaria.core.types import SEVERITIES
from kanaria.store.alerts import more_than

Json = dict[str, Any]


def escalates(before: Json, now: Json) -> bool:
    """Whether there is more to it than what a person called harmless: another model, more severe, or somebody new."""
    ranks: list[str] = list(SEVERITIES)
    if more_than(before, now):
        return True
    rules = {finding.get("rule") for finding in before["findings"]}
    more = any(finding.get("rule") not in rules for finding in now["findings"])
    return more or ranks.index(now["severity"]) > ranks.index(before["severity"])


def joined_documents(before: Json, now: Json) -> Json:
    """The newer incident, with what only the older one knew: a run over new logs does not forget the old ones.

    A run goes on from the findings of those before it, so that its incident usually says everything already.
    """
    if {finding["id"] for finding in before["findings"]} <= {finding["id"] for finding in now["findings"]}:
        series = {"series": _joined_series(before.get("series", []), now["series"])} if "series" in now else {}
        return now | series
    return joined_rest(before, now) | _joined(("findings", "evidence"), before, now)


def joined_rest(before: Json, now: Json) -> Json:
    """The same where the older one knew more, but for what has rows (``rows``): these are the newer one's."""
    joined = now | _joined(("messages", "indicators", "timeline"), before, now)
    if "series" in now:
        joined["series"] = _joined_series(before.get("series", []), now["series"])
    if "timeline" in joined:
        joined["timeline"].sort(key=lambda moment: moment["time"])
    joined["first_seen"] = min(filter(None, (before["first_seen"], now["first_seen"])), default=None)
    joined["last_seen"] = max(filter(None, (before["last_seen"], now["last_seen"])), default=None)
    return joined


def _joined(names: Sequence[str], before: Json, now: Json) -> Json:
    """Lists of both, as far as there are any: what only the older one has, then the newer one's."""
    return {name: joined(before.get(name, []), now.get(name, [])) for name in names if name in before or name in now}


def joined(before: Sequence[Json], now: Sequence[Json]) -> list[Json]:
    """What only the older list has, each once, then the newer list. The same id is the same thing, and so is what is
    equal."""
    entries = {json.dumps(entry, sort_keys=True): entry for entry in before}
    same = {json.dumps(entry, sort_keys=True) for entry in now}
    ids = {entry.get("id") for entry in now} - {None}
    only = [entry for text, entry in entries.items() if entry.get("id") not in ids and text not in same]
    return only + list(now)


AS_IT_CAME = frozenset({"surprise", "threshold"})
"""Kinds of numbers over time that depend on what had been learned by then."""


def _settled(earlier: dict[str, float], later: dict[str, float]) -> dict[str, float]:
    """The earlier run's points; to the last of them more records may have come."""
    if not earlier:
        return {}
    last = max(earlier)
    return earlier | {last: max(earlier[last], later.get(last, earlier[last]))}


def _ascending(points: Sequence[Sequence[Any]]) -> bool:
    return all(one[0] < other[0] for one, other in pairwise(points))


def _joined_series(before: Sequence[Json], now: Sequence[Json]) -> list[Json]:
    """Numbers over time of both runs; where both have one for the same moment, the newer, except for what was
    surprising then: a history that has learned from records finds them less so when they are read again."""
    joined: dict[tuple[str, str, str | None], Json] = {}
    for series in (*before, *now):
        key = (series["kind"], series["device"], series["remote"])
        if key not in joined and _ascending(series["points"]):  # as nearly all are
            joined[key] = series
            continue
        earlier, later = dict(joined[key]["points"] if key in joined else []), dict(series["points"])
        points = later | _settled(earlier, later) if series["kind"] in AS_IT_CAME else earlier | later
        if key in joined and series["kind"] in AS_IT_CAME:
            series = {**series, "threshold": joined[key].get("threshold")}
        joined[key] = {**series, "points": [[time, value] for time, value in sorted(points.items())]}
    return list(joined.values())
