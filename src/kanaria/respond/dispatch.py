"""Who gets which news: messages and digest entries for each channel are put into the outbox.

An incident that reaches a channel's severity is told at once, the rest waits for its digest. Ids are made of the news
itself, so that the same news again, after a crash, adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kanaria.core.ids import content_id
from kanaria.core.types import SEVERITIES
from kanaria.respond.channels import Plan
from kanaria.respond.maintenance import Window, held_until
from kanaria.store.outbox import Entry, Outbox

MINUTE = 60.0


def dispatch(
    news: Sequence[Mapping[str, Any]], plans: Sequence[Plan], outbox: Outbox, now: float,
    windows: Sequence[Window] = (),
) -> None:  # fmt: skip
    """Address briefs of incidents (``message.brief``) to everybody who is to hear of them. ``now`` is by the outbox's
    time; windows are by the clock on the wall.

    What waits for the end of a window, or whether somebody acknowledges it, is marked as held: it is not sent when
    somebody has taken care of the incident by then.
    """
    messages: list[Entry] = []
    items: list[Entry] = []
    for incident in news:
        alert = incident["alert"]
        if alert["kind"] == "reminder" and incident.get("state", "open") != "open":
            continue  # somebody takes care of it
        reasons = tuple(reason["en"] for reason in alert["because"])
        key = content_id("m", (incident["id"], alert["kind"], incident["severity"], incident["last_seen"], *reasons))
        end = held_until(windows, incident, outbox.time.wall(now))
        until = end and end - outbox.time.ahead
        for plan in plans:
            at_once = SEVERITIES.index(incident["severity"]) >= SEVERITIES.index(plan.severity)
            if at_once:
                messages.append(_message(key, plan, incident, until, now))
            elif plan.digest != "none":
                items.append(_entry(incident["id"], plan, incident))
    outbox.add(messages, items, now)


def _message(key: str, plan: Plan, incident: Mapping[str, Any], until: float, now: float) -> Entry:
    if plan.escalate_minutes is not None:
        until = max(until, now + plan.escalate_minutes * MINUTE)
        incident = {**incident, "held": "unacknowledged", "minutes": round((until - now) / MINUTE)}
    elif until:
        incident = {**incident, "held": "maintenance"}
    return replace(_entry(key, plan, incident), not_before=until)


def _entry(key: str, plan: Plan, incident: Mapping[str, Any]) -> Entry:
    return Entry(
        id=key, channel=plan.name, kind="incident", topic=str(incident["title"]["en"]),
        severity=incident["severity"], content=dict(incident),
    )  # fmt: skip
