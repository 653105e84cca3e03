"""The incidents of an analysis as MISP events (MISP core format, draft-dulaunoy-misp-core-format).

Takes an ``Analysis`` and the facts; returns dictionaries, ready for ``json``. One incident is one ``Event``; several
come as ``response``, the way MISP itself exports. Payout addresses are objects of the public template ``coin-address``;
everything else is a plain attribute. UUIDs are derived from our ids.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kanaria.core.facts import Knowledge
from kanaria.core.text import cut, printable
from kanaria.core.types import Analysis, Incident, Indicator, Language, Severity
from kanaria.report.write import write

Json = dict[str, Any]

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "misp.kanaria.invalid")
INFO_LIMIT = 256  # the format's own advice for ``info``
OWN_ORGANISATION, INHERIT = "0", "5"
COMPLETE = "2"
# The format knows 1 high, 2 medium, 3 low, 4 undefined.
_THREAT: dict[Severity, str] = {"informational": "4", "low": "3", "medium": "2", "high": "1", "critical": "1"}
# Our type: MISP category, type, and whether machines should act on it (an agent or account name alone proves nothing).
_KINDS = {
    "ipv4": ("Network activity", "ip-dst", True),
    "ipv6": ("Network activity", "ip-dst", True),
    "domain": ("Network activity", "domain", True),
    "url": ("Network activity", "url", True),
    "user_agent": ("Network activity", "user-agent", False),
    "cookie": ("Network activity", "cookie", False),
    "file": ("Payload delivery", "filename", False),
    "account": ("Targeting data", "target-user", False),
}
_OTHER = ("Other", "text", False)
# Public template of the MISP project: misp-objects, objects/coin-address.
COIN_ADDRESS = {
    "name": "coin-address",
    "meta-category": "financial",
    "description": "An address used in a cryptocurrency",
    "template_uuid": "d0e6997e-78da-4815-a6a1-cfc1c1cb8a46",
    "template_version": "7",
}
_COIN_ATTRIBUTES = {
    "BTC": ("address", "btc", "Financial fraud"),
    "XMR": ("address-xmr", "xmr", "Financial fraud"),
}
_OTHER_COIN = ("address-crypto", "text", "Other")


def export(analysis: Analysis, facts: Knowledge, language: Language, now: datetime | None = None) -> Json:
    """``{"Event": …}`` for one incident, ``{"response": [{"Event": …}, …]}`` for none or several."""
    moment = now or datetime.now(UTC)
    events = [{"Event": _event(item, analysis, facts, language, moment)} for item in analysis.incidents]
    return events[0] if len(events) == 1 else {"response": events}


def _event(incident: Incident, analysis: Analysis, facts: Knowledge, language: Language, moment: datetime) -> Json:
    stamp = _seconds(incident.last_seen or incident.first_seen or moment)
    wallets = [i for i in incident.indicators if i.type == "wallet"]
    attributes = [_attribute(incident, i, stamp, language) for i in incident.indicators if i.type != "wallet"]
    attributes += list(_context(incident, analysis, facts, language, stamp))
    organisation = {"id": "0", "name": "Kanaria", "uuid": _uuid("organisation")}
    return {
        "uuid": _uuid("event", incident.id),
        "id": "0",
        "info": cut(incident.title.to(language), INFO_LIMIT),
        "date": (incident.first_seen or moment).astimezone(UTC).date().isoformat(),
        "timestamp": stamp,
        "published": False,
        "publish_timestamp": "0",
        "first_publication": "0",
        "threat_level_id": _THREAT[incident.severity],
        "analysis": COMPLETE,
        "distribution": OWN_ORGANISATION,
        "sharing_group_id": "0",
        "org_id": "0",
        "orgc_id": "0",
        "locked": False,
        "extends_uuid": "",
        "attribute_count": str(len(attributes) + 2 * len(wallets)),
        "Org": organisation,
        "Orgc": organisation,
        "Attribute": attributes,
        "Object": [_wallet(incident, wallet, stamp, language) for wallet in wallets],
        "Tag": list(_tags(incident, facts)),
    }


def _attribute(incident: Incident, indicator: Indicator, stamp: str, language: Language) -> Json:
    category, kind, actionable = _KINDS.get(indicator.type, _OTHER)
    if kind == "ip-dst" and _came_in(incident, indicator.value):
        kind = "ip-src"
    comment = indicator.comment.to(language)
    return _plain(incident, kind, category, printable(indicator.value), stamp, comment, actionable=actionable)


def _plain(
    incident: Incident, kind: str, category: str, value: str, stamp: str, comment: str = "", *, actionable: bool = False
) -> Json:
    return {
        "uuid": _uuid("attribute", incident.id, category, kind, value),
        "id": "0",
        "event_id": "0",
        "type": kind,
        "category": category,
        "value": value,
        "comment": comment,
        "to_ids": actionable and incident.severity != "informational",
        "distribution": INHERIT,
        "sharing_group_id": "0",
        "timestamp": stamp,
        "deleted": False,
        "first_seen": incident.first_seen and incident.first_seen.isoformat(),
        "last_seen": incident.last_seen and incident.last_seen.isoformat(),
    }


def _context(
    incident: Incident, analysis: Analysis, facts: Knowledge, language: Language, stamp: str
) -> Iterator[Json]:
    """The verdict, the vulnerabilities that were tried, and our own id."""
    verdict = write(incident, analysis, facts, language).verdict.text
    yield _plain(incident, "comment", "Other", verdict, stamp)
    yield _plain(incident, "text", "Internal reference", incident.id, stamp, "Kanaria")
    for item in incident.vulnerabilities:
        if item.relation == "matched":
            yield _plain(incident, "vulnerability", "External analysis", item.cve, stamp)


def _wallet(incident: Incident, indicator: Indicator, stamp: str, language: Language) -> Json:
    """A payout address with its coin, as far as the messages tell it."""
    value = printable(indicator.value)
    coins = {m.coin for m in incident.messages if m.wallet and printable(m.wallet) == value and m.coin}
    valid = any(m.wallet_valid for m in incident.messages if m.wallet and printable(m.wallet) == value)
    coin = coins.pop() if len(coins) == 1 else ""
    relation, kind, category = _COIN_ATTRIBUTES.get(coin, _OTHER_COIN) if valid else _OTHER_COIN
    address = _plain(incident, kind, category, value, stamp, indicator.comment.to(language), actionable=valid)
    symbol = _plain(incident, "text", "Other", coin or "unknown", stamp)
    symbol["uuid"] = _uuid("symbol", incident.id, value)
    return {
        **COIN_ADDRESS,
        "uuid": _uuid("object", incident.id, value),
        "id": "0",
        "event_id": "0",
        "timestamp": stamp,
        "distribution": INHERIT,
        "sharing_group_id": "0",
        "comment": "",
        "deleted": False,
        "Attribute": [{**address, "object_relation": relation}, {**symbol, "object_relation": "symbol"}],
        "ObjectReference": [],
    }


def _tags(incident: Incident, facts: Knowledge) -> Iterator[Json]:
    """Severity and verdict, and one tag of MISP's ATT&CK galaxy per technique; sharing stays with whoever imports."""
    names = [f'kanaria:severity="{incident.severity}"', f'kanaria:outcome="{incident.outcome.value}"']
    names.append(f'kanaria:hypothesis="{incident.hypotheses[0].name}"')
    for technique in incident.techniques:
        entry = facts.techniques.get(technique)
        if entry:
            names.append(f'misp-galaxy:mitre-attack-pattern="{entry.name.en} - {technique}"')
    for name in names:
        yield {"name": name, "colour": "#e6b84c", "exportable": True, "hide_tag": False}


def _came_in(incident: Incident, remote: str) -> bool:
    """Whether the address came to us: its findings belong to stages before anything ran."""
    stages = {f.stage for f in incident.findings if f.remote == remote}
    return bool(stages) and stages <= {"reconnaissance", "initial_access"}


def _uuid(*parts: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "\x1f".join(parts)))


def _seconds(time: datetime) -> str:
    return str(int(time.timestamp()))
