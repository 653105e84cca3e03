"""What was normal for a device before an incident: asked of the connections of all runs, said in sentences.

Only what happened before the incident counts, so that the attack is no part of the normal it is compared with.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kanaria.core.text import defang, printable
from kanaria.core.types import Incident, Text

if TYPE_CHECKING:
    from kanaria.memory.events import Events

# A day shows what a device does by day and night; with less nothing can be called normal.
LEAST_BEFORE = timedelta(days=1)
DEVICES_SHOWN, SERVICES_SHOWN, REMOTES_SHOWN = 3, 4, 6

_SERVICES = """
SELECT src_ip = $device AS opened, coalesce(transport, '?') || '/' || coalesce(dst_port::VARCHAR, '?') AS service,
       count(*) AS connections, count(DISTINCT CASE WHEN src_ip = $device THEN dst_ip ELSE src_ip END) AS others
FROM {rows} WHERE time < $until AND (src_ip = $device OR dst_ip = $device)
GROUP BY ALL ORDER BY connections DESC, service"""
_MET = """
SELECT DISTINCT CASE WHEN src_ip = $device THEN dst_ip ELSE src_ip END
FROM {rows} WHERE time < $until AND (src_ip = $device OR dst_ip = $device)"""


def before(events: Events, incident: Incident, roles: Mapping[str, Text]) -> tuple[Text, ...]:
    """Sentences about the incident's devices; none without a day of connections before it. ``roles`` by device."""
    start = incident.first_seen
    if start is None or incident.severity == "informational":
        return ()
    first, _last = events.span("connection", until=start)
    if first is None or start - first < LEAST_BEFORE:
        return ()
    days = (start - first) / timedelta(days=1)
    sentences: list[Text] = []
    for device in incident.devices[:DEVICES_SHOWN]:
        about = {"device": device, "until": start}
        services = events.ask(_SERVICES, about, of="connection", until=start)
        sentences.append(_usual(device, roles.get(device), days, services))
        met = {other for (other,) in events.ask(_MET, about, of="connection", until=start)}
        mined = {finding.remote for finding in incident.findings if finding.stage == "impact"}
        ordered = sorted(incident.remotes, key=lambda remote: remote not in mined)
        new = [remote for remote in ordered if remote not in met]
        if new and services:
            sentences.append(_never(device, new))
    return tuple(sentences)


def _usual(device: str, role: Text | None, days: float, services: list[tuple[Any, ...]]) -> Text:
    name_en = f"{printable(device)} ({role.en})" if role else printable(device)
    name_ja = f"{printable(device)}({role.ja})" if role else printable(device)
    total = sum(connections for _, _, connections, _ in services)
    if not total:
        return Text(
            en=f"{name_en} was not seen in the {days:.1f} days before.",
            ja=f"{name_ja}は、その前の{days:.1f}日間の記録に現れていません。",
        )
    parts_en, parts_ja = [], []
    for opened, service, connections, others in services[:SERVICES_SHOWN]:
        share = f"{100 * connections / total:.0f}"
        if opened:
            parts_en.append(f"{service} used at {others} {_plural('address', others)} ({share} %)")
            parts_ja.append(f"{service}を{others}個の宛先で利用({share}%)")
        else:
            parts_en.append(f"{service} served to {others} {_plural('client', others)} ({share} %)")
            parts_ja.append(f"{service}を{others}個の利用元に提供({share}%)")
    return Text(
        en=f"{name_en} in the {days:.1f} days before: {total / days:,.0f} connections a day; {', '.join(parts_en)}.",
        ja=f"{name_ja}のその前の{days:.1f}日間: 1日あたり{total / days:,.0f}件の接続。内訳: {'、'.join(parts_ja)}。",
    )


def _plural(word: str, count: int) -> str:
    if count == 1:
        return word
    return f"{word}es" if word.endswith("s") else f"{word}s"


def _never(device: str, new: list[str]) -> Text:
    named, more = [defang(printable(remote)) for remote in new[:REMOTES_SHOWN]], len(new) - REMOTES_SHOWN
    also_en, also_ja = (f" and {more} more", f"ほか{more}個") if more > 0 else ("", "")
    return Text(
        en=f"It had never exchanged anything with {', '.join(named)}{also_en}.",
        ja=f"{'、'.join(named)}{also_ja}とは、それまで一度も通信していません。",
    )
