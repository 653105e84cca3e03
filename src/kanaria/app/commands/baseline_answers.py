"""``kanaria devices`` and ``kanaria baseline``: what is there, what it offers to whom, and what is normal for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from kanaria.app.commands.unread_inputs import tell
from kanaria.app.owning import Owning
from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import Setup
from kanaria.app.run.understand import enrich
from kanaria.app.what_is_normal import what_is_normal
from kanaria.baseline import words
from kanaria.baseline.devices import Device, Inventory, Service
from kanaria.core.errors import SourceError
from kanaria.core.plural import fill
from kanaria.core.text import decimal, printable
from kanaria.core.words import Language, Text
from kanaria.core.zone import LocalTime
from kanaria.memory.learned import LIVED
from kanaria.sources import open_inputs

_WORDS = {
    "critical": Text(en="critical", ja="重要"),
    "seen": Text(en="seen {first} to {last}", ja="{first}から{last}まで観測"),
    "offers": Text(
        en="{name} ({transport}/{port}), {first} to {last}: {clients:user|users}",
        ja="{name}({transport}/{port}) {first}〜{last}: 利用元{clients}件",
    ),
    "inside": Text(en=" ({users})", ja="({users})"),
    "outside": Text(
        en=", {outside} of them from the Internet ({examples})", ja="、うちインターネットから{outside}件({examples})"
    ),
    "problem": Text(en="! {problem}", ja="! {problem}"),
    "none": Text(en="No internal device was seen.", ja="内部の機器は見つかりませんでした。"),
}


def inventory(paths: Sequence[str], setup: Setup, language: Language) -> tuple[list[Device], int]:
    """Every internal address in the inputs with what it offers and to whom; and the exit status.

    Says on standard error what could not be read. Raises SourceError when nothing could.
    """
    settings = setup.config.devices
    devices = Inventory(roles=settings.roles, critical=settings.critical)
    seen: set[str] = set()
    with Engine(setup) as engine:
        for piece in engine.slices(engine.read(open_inputs(paths))):
            devices.home = piece.home  # inferred from the input, when it has been read
            devices.add(piece.tables)
            seen |= set(piece.tables)
        status = tell(engine.accounts, language, seen=seen, needed=LIVED)
    return devices.devices(), status


def device_lines(devices: Sequence[Device], zone: LocalTime, language: Language) -> Iterator[str]:
    """The inventory for a terminal; times in the reader's zone, which each device's line names."""
    if not devices:
        yield _WORDS["none"].to(language)
    for device in devices:
        names = f" ({', '.join(device.names[:3])})" if device.names else ""
        mark = f" [{_WORDS['critical'].to(language)}]" if device.critical else ""
        span = (
            _WORDS["seen"]
            .to(language)
            .format(first=_moment(device.first, zone), last=_moment(device.last, zone, named=True))
        )
        yield f"{device.address}{names}  {role_name(device.role, language)}{mark}  {span}"
        for service in device.services:
            yield f"    {_service(service, zone, language)}"
        for problem in device.problems:
            yield f"    {_WORDS['problem'].to(language).format(problem=problem.to(language))}"


def role_name(role: str, language: Language) -> str:
    """A role in words; English keeps the names that settings use."""
    from kanaria.baseline.roles import ROLES

    return ROLES[role].ja if language == "ja" and role in ROLES else role


def device_document(devices: Sequence[Device]) -> str:
    """The inventory as JSON."""
    listed = [{**asdict(device), "exposed": [asdict(service) for service in device.exposed]} for device in devices]
    return json.dumps({"devices": listed}, ensure_ascii=False, indent=2, default=_plain)


def learn(paths: Sequence[str], setup: Setup, language: Language, mine: Owning) -> tuple[list[str], int]:
    """Read the inputs into the pattern of life, day by day, judging nothing; then say how far learning got.

    Returns the lines and the exit status. Says on standard error what could not be read; raises SourceError, and learns
    nothing, when nothing could.
    """
    seen: set[str] = set()
    with Engine(setup, only_learns=True) as engine:
        mine.follow(engine)
        for piece in engine.slices(engine.read(open_inputs(paths))):
            events = enrich(piece.tables, setup)
            engine.pattern.remember(piece)
            engine.pattern.learn(piece, engine.pattern.score(piece, events))
            seen |= set(piece.tables)
        status = tell(engine.accounts, language, seen=seen, needed=LIVED)
        mine.heed(engine)
        engine.commit_learning()
        return [sentence.to(language) for sentence in what_is_normal(None, engine.memory.learned.life())], status


def explain_event(place: str, paths: Sequence[str], setup: Setup, language: Language) -> Iterator[str]:
    """The surprise of one record, named ``PATH:RECORD``, against everything before it.

    Raises SourceError when no record of the inputs has that place.
    """
    source, _, line = place.rpartition(":")
    with Engine(setup) as engine:
        for piece in engine.slices(engine.read(open_inputs(paths))):
            scored = engine.pattern.score(piece, enrich(piece.tables, setup))
            rows = [row for name in sorted(LIVED & set(scored)) for row in _at(scored[name], source, line)]
            if rows:
                for row in rows:
                    yield f"{row['src_ip']} → {row['dst_ip']}:{row['dst_port']}"
                    yield from (f"  {sentence.to(language)}" for sentence in words.explain(row))
                return
            engine.pattern.learn(piece, scored)
    raise SourceError(source=place, expected="PATH:RECORD of a network record in the inputs", got="no such record")


def _at(table: Any, source: str, line: str) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    number = decimal(line)
    if number is None:
        return []
    mask = pc.and_(pc.equal(table["source"], source), pc.equal(table["line"], number))
    rows: list[dict[str, Any]] = table.filter(mask).to_pylist()
    return rows


def _service(service: Service, zone: LocalTime, language: Language) -> str:
    """What is offered, from when to when, to how many and to whom; users from the Internet matter most."""
    words = {
        "name": service.name or "?", "transport": service.transport, "port": service.port, "clients": service.clients,
        "first": _moment(service.first, zone), "last": _moment(service.last, zone), "outside": service.outside,
        "users": _some(service.client_examples, service.clients),
        "examples": _some(service.outside_examples, service.outside),
    }  # fmt: skip
    whom = _WORDS["outside" if service.outside else "inside"]
    return fill(_WORDS["offers"].to(language) + whom.to(language), **words)


def _some(addresses: Sequence[str], count: int) -> str:
    shown = ", ".join(printable(address) for address in addresses[:3])
    return f"{shown}, …" if count > 3 else shown


def _moment(time: datetime | None, zone: LocalTime, *, named: bool = False) -> str:
    if time is None:
        return "?"
    local, name = zone.local(time)
    return f"{local:%Y-%m-%d %H:%M}{f' {name}' if named else ''}"


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)
