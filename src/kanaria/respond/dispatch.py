"""Who gets which news: incidents come in, messages and digest entries for each channel go into the outbox.

An incident that reaches a channel's severity is told at once, the rest waits for its digest. Ids are made of the news
itself, so that the same news again, after a crash, adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kanaria.core.ids import content_id
from kanaria.core.types import SEVERITIES
from kanaria.respond.channels import Plan
from kanaria.store.outbox import Entry, Outbox


def dispatch(news: Sequence[Mapping[str, Any]], plans: Sequence[Plan], outbox: Outbox, now: float) -> None:
    """Address briefs of incidents (``message.brief``) to everybody who is to hear of them."""
    messages: list[Entry] = []
    items: list[Entry] = []
    for incident in news:
        alert = incident["alert"]
        reasons = tuple(reason["en"] for reason in alert["because"])
        key = content_id("m", (incident["id"], alert["kind"], incident["severity"], incident["last_seen"], *reasons))
        for plan in plans:
            told = SEVERITIES.index(incident["severity"]) >= SEVERITIES.index(plan.severity)
            if told:
                messages.append(_entry(key, plan, incident))
            elif plan.digest != "none":
                items.append(_entry(incident["id"], plan, incident))
    outbox.add(messages, items, now)


def _entry(key: str, plan: Plan, incident: Mapping[str, Any]) -> Entry:
    return Entry(
        id=key, channel=plan.name, kind="incident", topic=str(incident["title"]["en"]),
        severity=incident["severity"], content=dict(incident),
    )  # fmt: skip
