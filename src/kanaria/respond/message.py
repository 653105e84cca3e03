"""From an incident's JSON form to what a person reads on a lock screen: the first 120 characters carry it.

``brief`` cuts an incident down to what messages need, once, when it becomes news. Everything else here is words: the
same brief gives the same message. Text of logs is printable already; addresses of strangers are written so that no
program makes a link of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from kanaria.core.text import cut, defang, hide_links
from kanaria.core.types import SEVERITIES, Language, Text
from kanaria.core.values import dataclass
from kanaria.respond.words import SEVERITY, say

Json = Mapping[str, Any]
NAMED = 3
"""Addresses a message names."""
LISTED = 10
"""Incidents a joined message lists, and steps of advice a message gives at most."""
TITLE = 120
"""Columns of a title: lock screens show about as much of it."""
ALMOST = 0.999
KINDS: Mapping[str, str] = {"critical": "failure", "high": "failure", "medium": "warning"}
"""Apprise's kind of message; everything else is information."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is sent. ``data`` is for programs that read it (signed webhooks)."""

    id: str
    title: str
    body: str
    kind: str = "info"
    data: Json | None = None


@dataclass(frozen=True, kw_only=True)
class Style:
    """How messages of one channel are written."""

    language: Language
    zone: tzinfo | None = None
    """Time zone of times; None: this machine's."""
    link: str | None = None
    acknowledge: Callable[[str], str] | None = None
    """A new link that acknowledges the incident of an id."""


def brief(incident: Json, *, still_open: bool = False, state: str = "open") -> dict[str, Any]:
    """What messages say of an incident in a state; ``still_open``: it is about a connection that goes on."""
    sure = next((h["probability"] for h in incident["hypotheses"]), 0.0)
    alert = incident.get("alert") or {"kind": "new", "because": []}
    return {
        "id": incident["id"], "severity": incident["severity"], "title": _harmless(incident["title"]),
        "first_seen": incident["first_seen"], "last_seen": incident["last_seen"], "probability": sure,
        "outcome": incident["outcome"]["value"], "devices": incident["entities"]["devices"][:NAMED],
        "remotes": incident["entities"]["remotes"][:NAMED], "techniques": incident["techniques"],
        "more_devices": max(0, len(incident["entities"]["devices"]) - NAMED),
        "more_remotes": max(0, len(incident["entities"]["remotes"]) - NAMED),
        "verdict": {language: hide_links(report["verdict"]["text"]) for language, report in incident["report"].items()},
        "todo": [{"id": item["id"], **_harmless(item["text"])} for item in incident["recommendations"]][:LISTED],
        "alert": {"kind": alert["kind"], "because": [_harmless(because) for because in alert["because"]]},
        "open": still_open, "state": state,
    }  # fmt: skip


def _harmless(words: Mapping[str, str]) -> dict[str, str]:
    """Words in every language without links: programs that show messages make one of any URL."""
    return {language: hide_links(text) for language, text in words.items()}


def one(incident: Json, message_id: str, style: Style) -> Message:
    """The message about one incident."""
    language = style.language
    severity = SEVERITY[incident["severity"]].to(language)
    title = say("title", language, severity=severity, title=incident["title"][language])
    lines = [_first_line(incident, style)]
    if incident["alert"]["kind"] == "reminder":
        lines.append(say("again", language))
    if incident.get("open"):
        lines.append(say("open", language))
    if incident.get("held"):
        lines.append(say(incident["held"], language, minutes=incident.get("minutes")))
    if incident["alert"]["because"]:
        reasons = "、" if language == "ja" else "; "
        lines.append(say("worse", language, because=reasons.join(r[language] for r in incident["alert"]["because"])))
    todo = [item[language] for item in incident["todo"] if item["id"] != "none"]
    if todo and needs_somebody(incident):
        lines += ["", say("todo", language), *(f"{n}. {text}" for n, text in enumerate(todo, 1))]
    lines += ["", say("reference", language, id=incident["id"], severity=severity), _link(incident, style)]
    if style.acknowledge and needs_somebody(incident):
        lines.append(say("acknowledge", language, link=style.acknowledge(incident["id"])))
    return Message(
        id=message_id, title=cut(title, TITLE), body="\n".join(lines), kind=kind_of([incident]),
        data={"type": "incident", "incident": dict(incident), "link": _link(incident, style)},
    )  # fmt: skip


def several(incidents: Sequence[Json], message_id: str, style: Style) -> Message:
    """One message about incidents that came at once, or too many to tell each."""
    language, count = style.language, len(incidents)
    worst = max((incident["severity"] for incident in incidents), key=SEVERITIES.index)
    severity = SEVERITY[worst].to(language)
    titles = {incident["title"][language] for incident in incidents}
    name = "joined" if len(titles) == 1 else "joined_mixed"
    title = say(name, language, severity=severity, count=f"{count:,}", title=next(iter(titles)))
    lines = [] if any(map(needs_somebody, incidents)) else [say("digest_nothing", language), ""]
    lines += _listed(incidents, style)
    data = {"type": "incidents", "count": count, "incidents": [dict(incident) for incident in incidents[:LISTED]]}
    return Message(id=message_id, title=cut(title, TITLE), body="\n".join(lines), kind=kind_of(incidents), data=data)


def digest(incidents: Sequence[Json], about: Json, message_id: str, style: Style) -> Message:
    """What happened since the last digest and needs no hurry; ``about`` says what was watched since when (``sources``
    with ``records``, ``since`` in seconds since 1970), and how many anomalies (``alerts``) of what ``budget`` a day."""
    language, count = style.language, len(incidents)
    serious = [incident for incident in incidents if needs_somebody(incident)]
    name = (
        ("digest_one" if len(serious) == 1 else "digest_some")
        if serious
        else "digest_harmless"
        if incidents
        else "digest_none"
    )
    lines = [] if serious else [say("digest_nothing", language)]
    lines += _listed(incidents, style)
    lines += ["", *_probed(incidents, language), *_looked_at(about, style)]
    data = {"type": "digest", "count": count, "incidents": [dict(incident) for incident in incidents[:LISTED]]}
    shown = len(serious) if serious else count
    return Message(
        id=message_id, title=say(name, language, count=f"{shown:,}"), body="\n".join(lines), kind="info", data=data
    )  # fmt: skip


def _looked_at(about: Json, style: Style) -> Iterator[str]:
    language = style.language
    names = [say("digest_source", language, name=s["name"], records=f"{s['records']:,}") for s in about["sources"]]
    separator = "、" if language == "ja" else ", "
    if names:
        since = _moment(datetime.fromtimestamp(about["since"], tz=UTC), style)
        yield say("digest_read", language, since=since, sources=separator.join(names))
    yield say("digest_budget", language, used=f"{about['alerts']:,}", budget=f"{about['budget']:g}")


def _probed(incidents: Sequence[Json], language: Language) -> Iterator[str]:
    """Who tried something, and where, as far as nothing shows that it worked."""
    tried = [incident for incident in incidents if incident["outcome"] in {"failed", "no_sign_of_success"}]
    devices = dict.fromkeys(device for incident in tried for device in incident["devices"])
    remotes = dict.fromkeys(remote for incident in tried for remote in incident["remotes"] if remote not in devices)
    by = _some([defang(remote) for remote in remotes], any(one["more_remotes"] for one in tried), language)
    on = _some([hide_links(device) for device in devices], any(one["more_devices"] for one in tried), language)
    parts = [say(name, language, names=names) for name, names in (("digest_by", by), ("digest_on", on)) if names]
    if tried:
        yield say("digest_probed", language, count=f"{len(tried):,}", whom="".join(parts))


def _some(names: Sequence[str], more: bool, language: Language) -> str:
    """The first names; how many others there are is not known where incidents name not all of theirs."""
    shown = ", ".join(names[:NAMED])
    return say("others", language, shown=shown) if more or len(names) > NAMED else shown


def notice(name: str, message_id: str, style: Style, values: Mapping[str, object], *, kind: str = "info") -> Message:
    """A message about Kanaria itself: a phrase and the same phrase's body."""
    language = style.language
    texts = {key: value.to(language) if isinstance(value, Text) else value for key, value in values.items()}
    title, body = say(name, language, **texts), say(f"{name}_body", language, **texts)
    return Message(id=message_id, title=title, body=body, kind=kind, data={"type": name})


def needs_somebody(incident: Json) -> bool:
    """Whether anything needs to be done about it."""
    return not any(item["id"] == "none" for item in incident["todo"])


def kind_of(incidents: Sequence[Json]) -> str:
    worst = max((incident["severity"] for incident in incidents), key=SEVERITIES.index, default="informational")
    return KINDS.get(worst, "info")


def _first_line(incident: Json, style: Style) -> str:
    """Where, since when, how sure; for what needs nothing, the verdict, which says so."""
    language = style.language
    verdict = str(incident["verdict"][language])
    if not needs_somebody(incident):
        return verdict
    parts = [part for part in (_where(incident, language), _since(incident, style)) if part]
    if incident["probability"] is not None:
        parts.append(say("sure", language, percent=_percent(incident["probability"], language)))
    return ("、" if language == "ja" else ", ").join(parts) + ("。" if language == "ja" else ". ") + verdict


def _where(incident: Json, language: Language) -> str:
    devices = _named([hide_links(device) for device in incident["devices"]], incident["more_devices"], language)
    others = [remote for remote in incident["remotes"] if remote not in incident["devices"]]
    remotes = _named([defang(remote) for remote in others], incident["more_remotes"], language)
    if devices and remotes:
        return say("between", language, devices=devices, remotes=remotes)
    return devices or remotes


def _named(names: Sequence[str], more: int, language: Language) -> str:
    shown = ", ".join(names)
    return f"{shown} ({say('more', language, count=more)})" if more else shown


def _since(incident: Json, style: Style) -> str:
    if incident["first_seen"] is None:
        return ""
    return say("since", style.language, time=_moment(datetime.fromisoformat(incident["first_seen"]), style))


def _moment(moment: datetime, style: Style) -> str:
    local = moment.astimezone(style.zone)
    zone = "UTC" if local.tzinfo is UTC else local.strftime("%Z")
    return f"{local:%m-%d %H:%M} {zone}"


def _percent(probability: float, language: Language) -> str:
    if probability > ALMOST:
        return say("almost", language)
    # Near certainty a rounded number would claim it.
    shown = f"{100 * probability:.0f}" if probability < 0.99 else f"{math.floor(1000 * probability) / 10:.1f}"
    return say("percent", language, value=shown)


def _listed(incidents: Sequence[Json], style: Style) -> list[str]:
    """Incidents by title, the most severe first, with how many there were and the id of one."""
    language = style.language
    ordered = sorted(incidents, key=lambda i: -SEVERITIES.index(i["severity"]))
    counts = Counter(incident["title"][language] for incident in ordered)
    examples = {incident["title"][language]: incident for incident in reversed(ordered)}
    lines = []
    for title in list(dict.fromkeys(i["title"][language] for i in ordered))[:LISTED]:
        severity = SEVERITY[examples[title]["severity"]].to(language)
        times = f" ×{counts[title]:,}" if counts[title] > 1 else ""
        lines.append(f"- [{severity}] {title}{times} ({_reference(examples[title], style)})")
    if (left := len(counts) - LISTED) > 0:
        lines.append(f"- {say('more', language, count=left)}")
    return lines


def _reference(incident: Json, style: Style) -> str:
    return f"{style.link}{incident['id']}" if style.link else str(incident["id"])


def _link(incident: Json, style: Style) -> str:
    if style.link:
        return f"{style.link}{incident['id']}"
    return say("command", style.language, id=incident["id"])
