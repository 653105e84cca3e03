"""Streams of a Redis server, read by the ids that are kept with what came of them; no consumer group is made.

Each read asks, in one transaction, for what comes after the last id and for what the stream says of itself, so that
entries that were trimmed before they were read are counted as lost (Redis 7; older servers do not say how many).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

from kanaria.core.errors import ConfigError, MissingExtra
from kanaria.core.japanese import quoted
from kanaria.core.limits import Limits
from kanaria.core.text import printable
from kanaria.core.values import dataclass
from kanaria.core.words import Text
from kanaria.sources.arrivals import Arrivals, Message
from kanaria.sources.chunks import Health, Position
from kanaria.sources.payload import NO_FIELD, Entry, NotText, entry_of, lines_of
from kanaria.sources.received import Received

if TYPE_CHECKING:
    import redis

AT_ONCE = 8 << 20
"""Bytes of one answer, by the size that entries had so far."""
FIRST_COUNT, MOST_COUNT = 100, 5_000
"""Entries asked for before anything is known of their size, and at most."""
WAITS = 1.0
"""Seconds the server keeps us waiting for something new."""
ANSWERED = 10.0
"""Seconds in which it has to answer."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the next attempt, doubled each time."""
BEGINNING = "0-0"
Id = tuple[int, int]


@dataclass
class _Stream:
    """Where one stream is read: after ``id``; ``added`` entries had been added to it by then, if that is known."""

    id: str
    added: int | None = None
    behind: int | None = None
    size: float = AT_ONCE / FIRST_COUNT
    """Mean bytes of an entry."""


@dataclass
class RedisStreams(Received):
    """Reads until closed. A ``LineSource``. Raises MissingExtra, and ConfigError for a wrong URL, never showing it."""

    name: str
    url: str = field(repr=False)
    streams: Sequence[str]
    record: str | None = None
    """The field that has the record; None: the only one, the one with the text, or all as an object."""
    at_end: bool = False
    places: int = Limits.places
    begins_within: ClassVar[float] = ANSWERED
    ends_within: ClassVar[float] = 2 * ANSWERED
    health: Health = field(default_factory=Health)

    def __post_init__(self) -> None:
        self._arrivals = Arrivals(self.name, self.health, places=self.places)
        self._at: dict[str, _Stream] = {}
        self._client, self._troubles = self._made()
        self._get_ready(self._arrivals, self._arrivals.over)

    def _resume(self, kept: Mapping[str, Position]) -> None:
        self._at = {
            name: _Stream(str(at["id"]), at.get("added")) for name, at in kept.items() if name in self.streams
        }  # fmt: skip

        self._first = not kept

    def _begins_at_end(self) -> bool:
        return self.at_end and self._first

    def _release(self) -> None:
        self._client.close()

    def _made(self) -> tuple[redis.Redis, tuple[type[Exception], ...]]:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise MissingExtra(package="redis", extra="redis", purpose="reading from Redis") from error
        try:
            client = redis.Redis.from_url(
                self.url, protocol=2, decode_responses=False, socket_timeout=ANSWERED, socket_connect_timeout=ANSWERED,
                retry=Retry(NoBackoff(), 0), client_name="kanaria",
            )  # fmt: skip
        except (ValueError, TypeError, redis.RedisError) as error:
            raise ConfigError(
                path="settings", key=f"sources {self.name}.url", expected="redis://host:port/number or rediss://…",
                got="another text", cause="the URL is not shown because it may hold a password",
            ) from error  # fmt: skip
        return client, (redis.RedisError, OSError)

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._over.is_set():
            try:
                troubles = [self._read(name) for name in self.streams]
                self._began.set()
                self.health.problem = next((trouble for trouble in troubles if isinstance(trouble, Text)), None)
                if not any(trouble is True for trouble in troubles):
                    self._await()
                pause = FIRST_PAUSE
            except self._troubles as error:
                reason = printable(str(error))
                self.health.problem = Text(
                    en=f"the Redis server cannot be read: {reason}", ja=f"Redisサーバから読めません: {quoted(reason)}"
                )
                self._over.wait(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)

    def _await(self) -> None:
        """Until there is something new in a stream that can be read, or a moment has passed."""
        at: dict[Any, Any] = {name: one.id for name, one in self._at.items()}
        before = time.monotonic()
        if at:
            self._client.xread(at, count=1, block=int(WAITS * 1000))
        if not at or time.monotonic() - before < 0.01:
            self._over.wait(0.05)

    def _read(self, name: str) -> bool | Text:
        """Whether something came of a stream; in words why it cannot be read."""
        one = self._at.get(name)
        count = max(1, min(MOST_COUNT, int(AT_ONCE / one.size))) if one else 1
        with self._client.pipeline(transaction=True) as asked:
            asked.xinfo_stream(name)
            asked.xread({name: one.id if one else BEGINNING}, count=count)
            info, answer = asked.execute(raise_on_error=False)
        shown = printable(name)
        for said in (info, answer):
            if isinstance(said, Exception):
                if "no such key" in str(said):
                    self._note_missing(name)
                    return Text(en=f"there is no stream {shown}", ja=f"ストリーム {shown} がありません")
                why = printable(str(said))
                return Text(en=f"{shown}: {why}", ja=f"{shown}: {quoted(why)}")
        if one is None:
            one = self._begin(name, info)
            return True
        entries = answer[0][1] if answer else []
        if not entries and _id(info["last-generated-id"]) < _id(one.id):
            return Text(
                en=f"{shown} ends before what was read ({one.id}): a replica behind, or made anew; "
                "it is read again when it passes that; to begin anew give the source another name",
                ja=f"{shown} の末尾が、読み終えた位置({one.id})より前です(レプリカの遅れか、ストリームの作り直し)。"
                "その位置を越えると読み取りを再開します。最初から読む場合は監視対象の名前を変えてください",
            )
        self._account(name, one, info)
        return self._hand_on(name, one, info, entries)

    def _note_missing(self, name: str) -> None:
        """All of a stream counts that came after the start, also when the service is begun anew before it comes."""
        if self.at_end and name not in self._at:
            self._at[name] = _Stream(BEGINNING)
            self._arrivals.mark(name, {"id": BEGINNING, "added": None})

    def _begin(self, name: str, info: Mapping[str, Any]) -> _Stream:
        """A stream that was never read: at its beginning, or after what is there now if that was there at the start."""
        added = info.get("entries-added")
        if self.at_end:
            at = _text(info["last-generated-id"])
            self._arrivals.mark(name, {"id": at, "added": added})
            one = _Stream(at, added)
        else:
            one = _Stream(BEGINNING, None if added is None else added - info["length"])
        self._at[name] = one
        return one

    def _account(self, name: str, one: _Stream, info: Mapping[str, Any]) -> None:
        """Count what was trimmed before it was read: of entries after the last id only those that are left can come."""
        first, added = info.get("first-entry"), info.get("entries-added")
        if first is not None and _id(first[0]) <= _id(one.id):
            return  # nothing was trimmed that was not read
        if added is None:
            return
        gone = added - info["length"]
        if one.added is not None and added >= one.added and gone > one.added:
            self.health.lost += gone - one.added
            shown = printable(name)
            self.health.lost_how = Text(
                en=f"{shown}: {gone - one.added:,} entries were trimmed before they were read (after {one.id})",
                ja=f"{shown}: {gone - one.added:,}件が、読む前にストリームから切り捨てられました({one.id} の後)",
            )
        one.added = gone  # also of a stream that was made anew

    def _hand_on(self, name: str, one: _Stream, info: Mapping[str, Any], entries: Sequence[Any]) -> bool:
        if not entries:
            one.behind = 0
        elif not self._arrivals.put(name, list(self._messages(one, entries))):
            return False
        else:
            one.id = _text(entries[-1][0])
            one.added = None if one.added is None else one.added + len(entries)
            size = sum(len(value) for _id, fields in entries for value in (fields or {}).values()) / len(entries)
            one.size = max(100.0, size, 0.5 * one.size)  # large entries at once, small ones by and by
        if one.id == _text(info["last-generated-id"]) and info.get("entries-added") is not None:
            one.added = info["entries-added"]  # deleted entries in the middle are accounted for at the end
        if one.added is not None:
            one.behind = max(0, info["entries-added"] - one.added)
        behind = [each.behind for each in self._at.values() if each.behind is not None]
        self.health.behind_records = sum(behind) if behind else None
        return bool(entries)

    def _messages(self, one: _Stream, entries: Sequence[Any]) -> Iterator[Message]:
        before: Mapping[str, Any] = {"id": one.id, "added": one.added}
        added = one.added
        for raw_id, fields in entries:
            added = None if added is None else added + 1
            after = {"id": _text(raw_id), "added": added}
            named = {_text(key): value for key, value in (fields or {}).items()}
            yield Message(
                origin=_text(raw_id), begins=before, ends=after, raw=b" ".join(named.values()),
                entries=_lines(named, self.record),
            )  # fmt: skip
            before = after


def _lines(fields: Mapping[str, bytes], only: str | None) -> Callable[[], Sequence[Entry]]:
    def read() -> Sequence[Entry]:
        if only is None:
            return entry_of(fields)
        if only not in fields:
            raise NotText(NO_FIELD)
        return lines_of(fields[only])

    return read


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "replace")


def _id(raw: bytes | str) -> Id:
    time_, _, number = _text(raw).partition("-")
    return int(time_), int(number or 0)
