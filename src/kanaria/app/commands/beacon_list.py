"""``kanaria beacons``: calls that come back at even intervals, for a terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from kanaria.app.commands.unread_inputs import tell
from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import Setup
from kanaria.baseline.beacons import LEAST_CALLS, LEAST_HOURS, Beacon, Beacons
from kanaria.core.plural import fill
from kanaria.core.text import printable
from kanaria.core.words import Language, Text
from kanaria.sources import open_inputs

_PAIR = Text(
    en="{regularity:.0%}  {src} → {dst} {transport}/{port}  every {every} ({low} to {high})",
    ja="{regularity:.0%}  {src} → {dst} {transport}/{port}  {every}間隔({low}〜{high})",
)
_DETAIL = Text(
    en="      {calls:call|calls} from {first} to {last}, in {covered:.0%} of the hours; {same:.0%} with {sizes}; "
    "addresses that call this service: {callers}",
    ja="      {first}から{last}まで{calls}回、時間帯の{covered:.0%}で観測。{sizes}のものが{same:.0%}。"
    "このサービスの利用元: {callers}",
)
_SIZES = Text(en="{up:byte|bytes} up and {down} down", ja="送信{up}バイト・受信{down}バイト")
_UNKNOWN_SIZES = Text(en="sizes not recorded", ja="サイズの記録なし")
_DESIGN = Text(en="      regular by design", ja="      もともと規則的なサービスです")
_NONE = Text(
    en=f"No regular calls. A pair of addresses needs {LEAST_CALLS} answered calls over {LEAST_HOURS:.0f} hours.",
    ja=f"規則的な通信は見つかりませんでした。同じ相手への応答のある通信が、{LEAST_HOURS:.0f}時間以上にわたって"
    f"{LEAST_CALLS}回以上必要です。",
)


def beacons(paths: Sequence[str], setup: Setup, language: Language) -> tuple[list[Beacon], int]:
    """Regular pairs of addresses in the inputs, the most regular first; and the exit status.

    Says on standard error what could not be read. Raises SourceError when nothing could.
    """
    seen: set[str] = set()
    with Engine(setup) as engine:
        collected = Beacons(engine.engine)
        for piece in engine.slices(engine.read(open_inputs(paths))):
            collected.add(piece.tables)
            seen |= set(piece.tables)
        status = tell(engine.accounts, language, seen=seen, needed=("connection",))
        return collected.beacons(), status


def beacon_lines(beacons: Sequence[Beacon], language: Language) -> Iterator[str]:
    """The list for a terminal."""
    if not beacons:
        yield _NONE.to(language)
    for one in beacons:
        sizes = _UNKNOWN_SIZES if one.up is None or one.down is None else _SIZES
        words = asdict(one) | {
            "src": printable(one.src),
            "dst": printable(one.dst),
            "port": "?" if one.port is None else one.port,
            **{name: _span(getattr(one, name)) for name in ("every", "low", "high")},
            **{name: f"{getattr(one, name):%Y-%m-%d %H:%M}" for name in ("first", "last")},
            "sizes": fill(sizes.to(language), up=one.up, down=one.down),
        }
        yield _PAIR.to(language).format(**words)
        yield fill(_DETAIL.to(language), **words)
        if one.by_design:
            yield _DESIGN.to(language)


def beacon_document(beacons: Sequence[Beacon]) -> str:
    """The list as JSON: seconds, bytes, shares from 0 to 1."""
    listed = [asdict(one) | {"first": one.first.isoformat(), "last": one.last.isoformat()} for one in beacons]
    return json.dumps({"beacons": listed}, ensure_ascii=False, indent=2)


def _span(seconds: float) -> str:
    """4.2 s, 4:30 min, 1:02:03 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"
