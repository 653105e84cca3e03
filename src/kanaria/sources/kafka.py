"""Topics of a Kafka cluster, read by the positions that are kept with what came of them; no consumer group is joined.

Partitions are assigned by us, and those that come later are found. What a topic's retention deleted before it was read
is counted as lost. Before a partition is read on, its record before the position is compared with the one that was read
there: a topic that was made anew has offsets of old and records that are new, and is read from the first record that is
younger than the last one that was read.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar

from kanaria.core.errors import ConfigError, MissingExtra
from kanaria.core.japanese import quoted
from kanaria.core.limits import Limits, forgotten
from kanaria.core.plural import counted
from kanaria.core.text import printable
from kanaria.core.values import dataclass
from kanaria.core.words import Text
from kanaria.sources.arrivals import Arrivals, Message
from kanaria.sources.chunks import Health, Position
from kanaria.sources.payload import lines_of
from kanaria.sources.received import Received

if TYPE_CHECKING:
    import confluent_kafka

OURS: Mapping[str, Any] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",  # what is gone is counted, not passed over
    "enable.partition.eof": False,
    "allow.auto.create.topics": False,
    "log_level": 0,  # what is wrong is told by status and doctor
}
"""Settings of the library that reading exactly once rests on."""
BOUNDS: Mapping[str, Any] = {
    "client.id": "kanaria",
    "group.id": "kanaria",  # the library wants one and asks for its coordinator; nothing is kept under it
    "queued.max.messages.kbytes": 16 << 10,
    "fetch.max.bytes": 16 << 20,
    "fetch.wait.max.ms": 100,
    "reconnect.backoff.max.ms": 30_000,
}
"""Settings that a settings file may choose otherwise: names, memory, and how soon a record is here."""
BATCH = 1_000
"""Records handed on together at most."""
LOOK_EVERY = 10.0
"""Seconds between two looks at which topics and partitions there are."""
ASKED = 5.0
"""Seconds an answer of a broker may take."""
FIRST_PAUSE = 1.0
"""Seconds before the next look when nobody answered, doubled up to ``LOOK_EVERY``."""


@dataclass
class _Partition:
    """Where one partition is read: ``at`` is the next offset; ``check`` the mark that the record before has to have."""

    topic: str
    number: int
    at: int
    check: str = ""
    when: int = -1
    """Milliseconds of the last record that was read; -1 when it has no time."""
    checking: bool = False


@dataclass
class Kafka(Received):
    """Reads until closed. A ``LineSource``. Raises MissingExtra, and ConfigError for settings the library refuses."""

    name: str
    brokers: str
    topics: Sequence[str]
    """Names, or patterns with ``*`` and ``?``."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    at_end: bool = False
    places: int = Limits.places
    partitions: int = Limits.partitions
    begins_within: ClassVar[float] = 2 * ASKED
    ends_within: ClassVar[float] = 4 * ASKED
    health: Health = field(default_factory=Health)

    def __post_init__(self) -> None:
        self._arrivals = Arrivals(self.name, self.health, places=self.places)
        self._partitions: dict[str, _Partition] = {}
        self._kept: Mapping[str, Position] = {}
        self._suspect = self._assigned = False
        self._missing: Text | None = None
        """What of the topics asked for is not there."""
        self._looked, self._pause = float("-inf"), FIRST_PAUSE
        self._consumer = self._made()
        self._get_ready(self._arrivals, self._arrivals.over)

    def _resume(self, kept: Mapping[str, Position]) -> None:
        self._kept, self._first = kept, not kept

    def _begins_at_end(self) -> bool:
        return self.at_end and not self._kept

    def _release(self) -> None:
        if not self._thread.ident:  # it was never started, and closes what it used
            self._consumer.close()

    def _made(self) -> confluent_kafka.Consumer:
        try:
            import confluent_kafka
        except ImportError as error:
            raise MissingExtra(package="confluent-kafka", extra="kafka", purpose="reading from Kafka") from error
        settings = {**BOUNDS, **self.options, **OURS, "bootstrap.servers": self.brokers, "error_cb": self._failed}
        try:
            return confluent_kafka.Consumer(settings)
        except (confluent_kafka.KafkaException, TypeError, ValueError) as error:
            reason = error.args[0] if error.args else error
            words = reason.str() if isinstance(reason, confluent_kafka.KafkaError) else str(reason)
            raise ConfigError(
                path="settings", key=f"sources {self.name}", expected="options that the Kafka library takes",
                got=printable(words), cause="see the list of librdkafka's settings, CONFIGURATION.md",
            ) from error  # fmt: skip

    def _failed(self, error: confluent_kafka.KafkaError) -> None:
        """The library's own words on what goes wrong between two records; called in our thread while it asks."""
        import confluent_kafka

        self.health.problem = _words(error)
        if error.code() == confluent_kafka.KafkaError._ALL_BROKERS_DOWN:
            self._suspect = True  # whoever answers next may have other records under our offsets

    def _run(self) -> None:
        import confluent_kafka

        try:
            while not self._over.is_set():
                if time.monotonic() - self._looked >= self._pause:
                    self._look(confluent_kafka)
                self._read(confluent_kafka)
        finally:
            self._consumer.close()

    def _look(self, library: Any) -> None:
        """Which partitions there are now; new ones are assigned, and all of them anew after a fault."""
        again = self._suspect
        try:
            topics = self._consumer.list_topics(timeout=ASKED).topics
            self._suspect = False
            missing = self._find(topics, library)
            if again or not self._assigned:
                self._assign(library)
        except library.KafkaException as error:
            self.health.problem, self._suspect = _words(error.args[0]), True
            self._pause = min(LOOK_EVERY, 2 * self._pause)
        else:
            self.health.problem, self._missing, self._first = missing, missing, False
            self._began.set()
            self._pause = min(LOOK_EVERY, 2 * self._pause) if missing else LOOK_EVERY
        self._looked = time.monotonic()

    def _find(self, found: Mapping[str, Any], library: Any) -> Text | None:
        """Note partitions that are new; what cannot be read of what was asked for, in words."""
        problem = None
        there: dict[str, tuple[str, int]] = {}
        for wanted in self.topics:
            names = [name for name in sorted(found) if fnmatchcase(name, wanted) and not name.startswith("__")]
            if not names:
                shown = printable(wanted)
                problem = Text(en=f"there is no topic {shown}", ja=f"トピック {shown} がありません")
            for name in names:
                if found[name].error is not None:
                    problem = _words(found[name].error)
                there |= {f"{name}/{number}": (name, number) for number in sorted(found[name].partitions)}
        left = self._add(there, library)
        return forgotten("partitions", left) if left else problem

    def _add(self, there: Mapping[str, tuple[str, int]], library: Any) -> int:
        """Take up partitions that are new, those first that an earlier service read; how many there is no room for."""
        new = sorted(
            (branch for branch in there if branch not in self._partitions), key=lambda one: one not in self._kept
        )
        room = max(0, self.partitions - len(self._partitions))
        for branch in new[:room]:
            self._partitions[branch] = self._placed(library, branch, *there[branch])
            self._assigned = False
        return len(new[room:])

    def _placed(self, library: Any, branch: str, topic: str, number: int) -> _Partition:
        """Where a partition that is new to us begins."""
        kept = self._kept.get(branch)
        if kept is not None:
            return _Partition(topic, number, int(kept["offset"]), str(kept.get("check", "")), int(kept.get("when", -1)))
        low, high = self._bounds(library, topic, number)
        at = high if self.at_end and self._first else low
        if at > low:  # nothing may ever come before the next start, and then it must not begin at another end
            self._arrivals.mark(branch, {"offset": at})
        return _Partition(topic, number, at)

    def _bounds(self, library: Any, topic: str, number: int) -> tuple[int, int]:
        """The first offset that is still there, and the one after the last."""
        bounds = self._consumer.get_watermark_offsets(library.TopicPartition(topic, number), timeout=ASKED)
        if bounds is None:
            raise library.KafkaException(library.KafkaError(library.KafkaError._TIMED_OUT))
        return int(bounds[0]), int(bounds[1])

    def _assign(self, library: Any) -> None:
        """Read all partitions on from where they are, those whose last record is known from that one on."""
        wanted = []
        for branch, one in self._partitions.items():
            low, _high = self._bounds(library, one.topic, one.number)
            if one.at < low:
                self._gone(branch, one, low)
            one.checking = bool(one.check) and one.at > low
            wanted.append(library.TopicPartition(one.topic, one.number, one.at - one.checking))
        self._consumer.assign(wanted)
        self._assigned = True

    def _gone(self, branch: str, one: _Partition, low: int) -> None:
        """The topic's retention has passed us."""
        count = low - one.at
        self.health.lost += count
        self.health.lost_how = Text(
            en=f"{branch}: {counted(count, 'record was', 'records were')} deleted there before they were read "
            f"(offsets {one.at} to {low - 1})",
            ja=f"{branch}: {count:,}件の記録が、読む前に削除されました(オフセット {one.at} から {low - 1} まで)",
        )
        one.at, one.check = low, ""
        self._arrivals.mark(branch, {"offset": low})

    def _anew(self, library: Any, branch: str, one: _Partition) -> None:
        """Other records stand under the offsets that were read: on with those younger than the last one read."""
        low, high = self._bounds(library, one.topic, one.number)
        asked = library.TopicPartition(one.topic, one.number, one.when + 1)
        younger = self._consumer.offsets_for_times([asked], timeout=ASKED)[0] if one.when >= 0 else None
        one.at = low if younger is None else younger.offset if younger.offset >= 0 else high
        one.check = ""
        self._arrivals.mark(branch, {"offset": one.at, "when": one.when})
        self._assigned = False

    def _read(self, library: Any) -> None:
        first = self._consumer.poll(min(0.5, max(0.0, self._looked + self._pause - time.monotonic())))
        if first is None:
            self._count(library)
            return
        came = [first, *self._consumer.consume(BATCH - 1, 0)]
        if self._suspect:  # read them again when it is certain that they are what follows
            self._looked = float("-inf")
            return
        by_branch: dict[str, list[Any]] = {}
        for message in came:
            by_branch.setdefault(f"{message.topic()}/{message.partition()}", []).append(message)
        try:
            for branch, messages in by_branch.items():
                if (one := self._partitions.get(branch)) is not None:
                    self._take(library, branch, one, messages)
                elif messages[0].error() is not None:
                    self.health.problem = _words(messages[0].error())
            if not self._assigned:
                self._assign(library)
        except library.KafkaException as error:
            self._failed(error.args[0])
            self._looked, self._pause = time.monotonic(), FIRST_PAUSE
        self._count(library)

    def _take(self, library: Any, branch: str, one: _Partition, messages: Sequence[Any]) -> None:
        """Hand on what came of one partition, up to a fault."""
        good: list[Any] = []
        for message in messages:
            error = message.error()
            if error is not None and error.code() in _out_of_range(library):
                self._hand_on(branch, one, good)
                low, _high = self._bounds(library, one.topic, one.number)
                if one.at < low:
                    self._gone(branch, one, low)
                    self._assigned = False
                else:
                    self._anew(library, branch, one)
                return
            if error is not None:
                self.health.problem = _words(error)
                continue
            if one.checking:
                one.checking = False
                if message.offset() == one.at - 1 and _mark(message) != one.check:
                    self._anew(library, branch, one)
                    return
            if message.offset() >= one.at:
                good.append(message)
        self._hand_on(branch, one, good)

    def _hand_on(self, branch: str, one: _Partition, messages: Sequence[Any]) -> None:
        if messages and self._arrivals.put(branch, list(_messages(one, messages))):
            last = messages[-1]
            one.at, one.check, one.when = last.offset() + 1, _mark(last), _when(last)
            self.health.problem = self._missing

    def _count(self, library: Any) -> None:
        """How many records are still to be read, by what the brokers said with the last ones."""
        behind = 0
        for one in self._partitions.values():
            bounds = self._consumer.get_watermark_offsets(library.TopicPartition(one.topic, one.number), cached=True)
            behind += max(0, bounds[1] - one.at) if bounds else 0
        self.health.behind_records = behind


def _messages(one: _Partition, messages: Sequence[Any]) -> Iterator[Message]:
    before: Mapping[str, Any] = {"offset": one.at, "check": one.check, "when": one.when}
    for message in messages:
        value = message.value() or b""
        after = {"offset": message.offset() + 1, "check": _mark(message), "when": _when(message)}
        yield Message(
            origin=f"offset {message.offset()}", begins=before, ends=after, raw=value, entries=_lines(value)
        )  # fmt: skip
        before = after


def _lines(value: bytes) -> Callable[[], Any]:
    return lambda: lines_of(value)


def _mark(message: Any) -> str:
    """By what a record is known again: its time and its bytes."""
    return f"{_when(message)}-{zlib.crc32(message.value() or b''):08x}"


def _when(message: Any) -> int:
    kind, at = message.timestamp()
    return int(at) if kind else -1


def _out_of_range(library: Any) -> frozenset[int]:
    return frozenset({library.KafkaError.OFFSET_OUT_OF_RANGE, library.KafkaError._AUTO_OFFSET_RESET})


def _words(error: Any) -> Text:
    message = printable(error.str())
    return Text(en=f"the brokers cannot be read: {message}", ja=f"ブローカーから読めません: {quoted(message)}")
