"""Topics of a real broker: every record once, in order, wherever reading was broken off."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kanaria.app.config import Config
from kanaria.app.config_live import Source
from kanaria.app.live.watching import watched
from kanaria.core.errors import ConfigError
from kanaria.core.limits import Limits
from kanaria.lab import live
from kanaria.sources import kafka as module
from kanaria.sources.chunks import Chunk, Position
from kanaria.sources.kafka import Kafka
from tests.brokers import Broker, chunks, in_tls, kafka, positions, said, started
from tests.running import PATIENCE, free_port, until
from tests.sasl_door import MECHANISMS, sasl_before

confluent_kafka = pytest.importorskip("confluent_kafka")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with kafka(tmp_path_factory.mktemp("kafka")) as made:
        yield made


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.5)


def create(broker: Broker, topic: str, partitions: int = 1) -> None:
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(timeout=PATIENCE)


def send(broker: Broker, topic: str, *values: bytes | None, partition: int = 0, when: int = 0, **options: str) -> None:
    known = {"bootstrap.servers": broker.address, "linger.ms": 0, "log_level": 0}
    producer = confluent_kafka.Producer(known | options)
    stamp = {"timestamp": when} if when else {}
    for value in values:
        producer.produce(topic, value, partition=partition, **stamp)
    assert producer.flush(20) == 0


def reading(
    broker: Broker, *topics: str, resume: Mapping[str, Position] | None = None, **more: Any
) -> AbstractContextManager[Kafka]:
    return started(Kafka("logs", broker.address, topics, **more), resume)


def test_records_come_once_and_resume_from_what_was_kept(shared: Broker) -> None:
    create(shared, "resumed", 2)
    send(shared, "resumed", b"a 1", b"a 2", b"a 3")
    send(shared, "resumed", b"b 1", partition=1)
    with reading(shared, "resumed") as source:
        found = chunks(source, 4)
        assert sorted(said(found)) == [b"a 1", b"a 2", b"a 3", b"b 1"]
        assert {chunk.name for chunk in found} == {"logs resumed/0", "logs resumed/1"}
        assert [chunk.origin(2) for chunk in found if chunk.place == "resumed/0" and chunk.lines == 3] in (
            [],
            ["offset 1"],
        )
        assert source.health.records == 4 and source.health.problem is None
        kept = positions(found)
        send(shared, "resumed", b"a 4")
        chunks(source, 1)  # taken and not kept
    send(shared, "resumed", b"b 2", partition=1)
    with reading(shared, "resumed", resume=kept) as source:
        again = chunks(source, 2)
        assert sorted(said(again)) == [b"a 4", b"b 2"]
        assert {chunk.place: chunk.first_line for chunk in again} == {"resumed/0": 4, "resumed/1": 2}


def test_a_record_of_several_lines_goes_on_inside(shared: Broker) -> None:
    send(shared, "several", b"one\ntwo\r\nthree\n", b"four")
    with reading(shared, "several") as source:
        first = chunks(source, 1, limit=1)
        assert said(first) == [b"one"]
    with reading(shared, "several", resume=positions(first)) as source:
        assert said(chunks(source, 3)) == [b"two", b"three", b"four"]


def test_files_named_in_records_are_places_of_their_own_and_do_not_move_the_position_back(shared: Broker) -> None:
    send(
        shared, "files", b'{"message": "x", "log": {"file": {"path": "/var/log/a"}}}', b'{"file": "/var/log/b", "message": "y\\n"}',
        b'{"_path": "conn", "ts": 1.5}', b'[{"log": "p"}, {"log": "q"}]', b"{broken",
    )  # fmt: skip
    with reading(shared, "files") as source:
        found = chunks(source, 6)
    assert {chunk.place: chunk.data for chunk in found} == {
        "files/0 /var/log/a": b"x\n", "files/0 /var/log/b": b"y\n", "files/0": b'{"_path": "conn", "ts": 1.5}\np\nq\n{broken\n',
    }  # fmt: skip
    send(shared, "files", b'{"message": "z", "file": "/var/log/a"}')
    with reading(shared, "files", resume=positions(found)) as source:
        (again,) = chunks(source, 1)
    assert (again.place, again.data, again.first_line) == ("files/0 /var/log/a", b"z\n", 2)


def test_a_partition_that_is_added_is_found(tmp_path: Path) -> None:
    with kafka(tmp_path) as broker:
        create(broker, "grown")
        send(broker, "grown", b"old")
        with reading(broker, "grown") as source:
            found = chunks(source, 1)
            broker.kill()  # this broker adds no partitions: it forgets the topic, and it is made anew with more of them
            broker.start()
            create(broker, "grown", 3)
            send(broker, "grown", b"in a new one", partition=2)
            found += chunks(source, 1)
        assert [(chunk.place, chunk.data) for chunk in found] == [("grown/0", b"old\n"), ("grown/2", b"in a new one\n")]


def test_over_tls_the_authority_is_the_library_s_option(tmp_path: Path) -> None:
    live.certificate(tmp_path)
    port = free_port()
    with kafka(tmp_path, port) as plain, in_tls(tmp_path, plain, port) as broker:
        known = {"security.protocol": "SSL", "ssl.ca.location": str(tmp_path / "pool.pem")}
        known["ssl.endpoint.identification.algorithm"] = "none"
        send(broker, "secret", b"over TLS", **known)
        with reading(broker, "secret", options=known) as source:
            assert said(chunks(source, 1)) == [b"over TLS"]
        with reading(broker, "secret", options={"security.protocol": "SSL"}) as source:
            until(lambda: source.health.problem)
            assert source.health.problem is not None and "certificate" in source.health.problem.en


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_an_account_is_the_library_s_options_and_a_wrong_password_is_said(mechanism: str, tmp_path: Path) -> None:
    known = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism, "sasl.username": "kanaria"}
    right, wrong = (known | {"sasl.password": password} for password in ("right", "wrong"))
    port = free_port()
    with kafka(tmp_path, port) as broker, sasl_before(broker.address, port, "kanaria", "right"):
        behind = replace(broker, port=port)
        send(behind, "account", b"for those who may", **right)
        with reading(behind, "account", options=right) as source:
            assert said(chunks(source, 1)) == [b"for those who may"]
        for options in (wrong, {}):
            with reading(behind, "account", options=options) as source:
                until(lambda: source.health.problem)
                assert source.take(1 << 20) == []


def test_what_is_no_text_is_rejected_with_its_offset_and_empty_ones_are_nothing(shared: Broker) -> None:
    send(shared, "bad", b"good", b"\0\0\0\0\1avro", None, b"", b"[" * 100_000, "ログ".encode(), b"end")
    with reading(shared, "bad") as source:
        found = chunks(source, 4)
        assert source.health.refused == 1
    rejected = [reject for chunk in found for reject in chunk.rejects]
    assert [(r.source, r.origin, r.reason) for r in rejected] == [("logs bad/0", "offset 1", "a binary message")]
    assert said(found) == [b"good", b"[" * 100_000, "ログ".encode(), b"end"]
    with reading(shared, "bad", resume=positions(found)) as source:
        send(shared, "bad", b"after")
        assert said(chunks(source, 1)) == [b"after"]
        assert source.health.refused == 0


def test_partitions_and_topics_that_come_later_are_found_and_read_from_their_beginning(shared: Broker) -> None:
    send(shared, "late-1", b"before")
    with reading(shared, "late-*", "never", at_end=True) as source:
        until(lambda: source.health.problem)
        assert source.health.problem is not None and source.health.problem.en == "there is no topic never"
        send(shared, "late-2", b"new topic")
        send(shared, "late-1", b"after")
        assert sorted(said(chunks(source, 2))) == [b"after", b"new topic"]


def test_of_too_many_partitions_those_that_were_read_go_on(shared: Broker) -> None:
    create(shared, "many", 3)
    for partition in range(3):
        send(shared, "many", b"old", partition=partition)
    with reading(shared, "many", partitions=3) as source:
        known = {place: at for place, at in positions(chunks(source, 3)).items() if place == "many/2"}
        assert source.health.problem is None
    for partition in range(3):
        send(shared, "many", b"new", partition=partition)
    with reading(shared, "many", partitions=2, resume=known) as source:
        found = chunks(source, 3)
        assert {chunk.place: chunk.data for chunk in found} == {"many/0": b"old\nnew\n", "many/2": b"new\n"}
        problem = source.health.problem
        assert problem is not None and problem.en.startswith("1 partition is more than one source reads")
        assert problem.en.endswith("(limits.partitions)") and problem.ja.endswith("(limits.partitions)")


@pytest.mark.parametrize(
    ("limits", "expected"),
    [({}, (500, 1_000)), ({"positions": 100}, (50, 50)), ({"partitions": 3, "places": 9}, (3, 9))],
)
def test_a_partition_is_read_only_if_its_position_can_be_kept(
    limits: dict[str, int], expected: tuple[int, int]
) -> None:
    settings = Config(sources=(Source(kind="kafka", brokers="127.0.0.1:1", topics=("logs",)),), limits=Limits(**limits))
    (item,) = watched(settings)
    assert isinstance(item.source, Kafka)
    assert (item.source.partitions, item.source.places) == expected
    item.source.close()


@contextmanager
def library_s_own(folder: Path) -> Iterator[Broker]:
    """The library's mock cluster: its ends are right at once, and it keeps 5 MB of a partition."""
    host = confluent_kafka.Producer({"test.mock.num.brokers": 1, "log_level": 0})
    known = next(iter(host.list_topics(timeout=PATIENCE).brokers.values()))
    yield Broker((), known.port, folder)
    del host


def test_at_the_end_is_where_the_end_was_when_it_began(tmp_path: Path) -> None:
    with library_s_own(tmp_path) as broker:
        send(broker, "end", b"old", b"older")
        with reading(broker, "end", at_end=True) as source:
            found: list[Chunk] = []
            until(lambda: found.extend(source.take(1 << 20)) or found)  # type: ignore[func-returns-value]
            assert said(found) == []
        send(broker, "end", b"while nobody read")
        with reading(broker, "end", at_end=True, resume=positions(found)) as source:
            assert said(chunks(source, 1)) == [b"while nobody read"]


def test_what_comes_after_the_start_counts_however_soon(tmp_path: Path) -> None:
    with library_s_own(tmp_path) as broker:
        send(broker, "soon", b"old")
        source = Kafka("logs", broker.address, ["soon"], at_end=True)
        held = source._look
        source._look = lambda library: (time.sleep(0.5), held(library))  # type: ignore[assignment, method-assign]
        with started(source):
            send(broker, "soon", b"at once")
            assert said(chunks(source, 1)) == [b"at once"]


def test_what_retention_deleted_first_is_lost_and_counted(tmp_path: Path) -> None:
    with library_s_own(tmp_path) as broker:
        send(broker, "short", b"0", b"1")
        with reading(broker, "short") as source:
            found = chunks(source, 2)
        large = [b"%d %s" % (number, b"x" * 900_000) for number in range(2, 12)]
        send(broker, "short", *large)
        asked = confluent_kafka.Consumer({"bootstrap.servers": broker.address, "group.id": "x", "log_level": 0})
        first, end = asked.get_watermark_offsets(confluent_kafka.TopicPartition("short", 0), timeout=PATIENCE)
        asked.close()
        assert 2 < first < end == 12
        with reading(broker, "short", resume=positions(found)) as source:
            assert said(chunks(source, end - first)) == large[first - 2 :]
            assert source.health.lost == first - 2
            assert source.health.lost_how is not None
            lost = f"{first - 2} records were deleted there before they were read (offsets 2 to {first - 1})"
            assert lost in source.health.lost_how.en


def test_a_broker_that_was_away_is_read_on_and_a_topic_made_anew_from_its_beginning(tmp_path: Path) -> None:
    with kafka(tmp_path) as broker:
        now = int(time.time() * 1000)
        send(broker, "conn", *(b"old %d" % number for number in range(5)), when=now)
        with reading(broker, "conn") as source:
            found = chunks(source, 5)
            broker.kill()
            until(lambda: source.health.problem)
            assert source.health.problem is not None and "cannot be read" in source.health.problem.en
            broker.start()  # its topics were in memory
            send(broker, "conn", *(b"new %d" % number for number in range(8)), when=now + 1)
            found += chunks(source, 8)
            until(lambda: source.health.problem is None)
            send(broker, "conn", b"last", when=now + 2)
            found += chunks(source, 1)
        expected = [*(b"old %d" % n for n in range(5)), *(b"new %d" % n for n in range(8)), b"last"]
        assert said(found) == expected
        assert found[-1].position["lines"] == 14


def test_nothing_is_pulled_while_nobody_takes(shared: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    from kanaria.sources import inbox

    monkeypatch.setattr(inbox.Inbox.__init__, "__defaults__", (50_000,))
    sent = [b"%05d %s" % (number, b"x" * 1000) for number in range(500)]
    send(shared, "much", *sent)
    with reading(shared, "much") as source:
        until(lambda: source.health.problem is None and source.take(0) == [])
        time.sleep(1.0)
        assert said(chunks(source, 500, 10_000)) == sent


def test_options_are_the_library_s_and_a_wrong_one_is_named(shared: Broker) -> None:
    with pytest.raises(ConfigError, match=r"sources logs.*No such configuration property"):
        Kafka("logs", shared.address, ["x"], options={"sasl.pasword": "hidden"})
