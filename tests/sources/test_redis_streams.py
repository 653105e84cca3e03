"""Streams of a real Redis: every entry once, in order, wherever reading was broken off."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from kanaria.core.errors import ConfigError
from kanaria.lab import live
from kanaria.sources.chunks import Chunk, Position
from kanaria.sources.redis_streams import RedisStreams
from tests.brokers import Broker, chunks, positions, redis_server, said, started
from tests.running import free_port, until

redis = pytest.importorskip("redis")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with redis_server(tmp_path_factory.mktemp("redis")) as made:
        yield made


@contextmanager
def client(broker: Broker) -> Iterator[Any]:
    made = redis.Redis(port=broker.port)
    try:
        yield made
    finally:
        made.close()


def send(broker: Broker, stream: str, *entries: Mapping[str, bytes], **more: Any) -> None:
    with client(broker) as made:
        for entry in entries:
            made.xadd(stream, entry, **more)


def reading(
    broker: Broker, *streams: str, resume: Mapping[str, Position] | None = None, **more: Any
) -> AbstractContextManager[RedisStreams]:
    return started(RedisStreams("logs", f"redis://{broker.address}/0", streams, **more), resume)


def test_entries_come_once_and_resume_from_what_was_kept(shared: Broker) -> None:
    send(shared, "a", {"line": b"a 1"}, {"line": b"a 2"})
    with reading(shared, "a", "b") as source:
        found = chunks(source, 2)
        assert said(found) == [b"a 1", b"a 2"]
        until(lambda: source.health.problem)
        assert source.health.problem is not None and source.health.problem.en == "there is no stream b"
        send(shared, "b", {"line": b"b 1"})
        found += chunks(source, 1)
        until(lambda: source.health.problem is None)
        assert source.health.behind_records == 0
        kept = positions(found)
        send(shared, "a", {"line": b"a 3"})
        chunks(source, 1)  # taken and not kept
    with reading(shared, "a", "b", resume=kept) as source:
        (again,) = chunks(source, 1)
        assert (again.data, again.first_line, again.name) == (b"a 3\n", 3, "logs a")
        assert source.health.lost == 0


def test_fields_are_a_line_or_an_object_or_the_one_that_was_named(shared: Broker) -> None:
    send(
        shared, "fields", {"message": b"from a file\n", "file": b"/var/log/a", "host": b"web"}, {"ts": b"1.5", "uid": b"C1"},
        {"data": b'{"message": "inner", "file": "/var/log/b"}'}, {"data": b"one\ntwo"}, {"blob": b"\0\1"},
    )  # fmt: skip
    with reading(shared, "fields") as source:
        found = chunks(source, 5)
        found += source.take(100)
        until(lambda: source.health.refused or found.extend(source.take(100)))  # type: ignore[func-returns-value]
    assert {chunk.place: chunk.data for chunk in found if chunk.data} == {
        "fields /var/log/a": b"from a file\n", "fields": b'{"ts": "1.5", "uid": "C1"}\none\ntwo\n',
        "fields /var/log/b": b"inner\n",
    }  # fmt: skip
    with reading(shared, "fields", record="data") as source:
        found = chunks(source, 3)
        until(lambda: source.health.refused == 3)
        assert sorted(said(found)) == [b"inner", b"one", b"two"]


def test_what_was_trimmed_first_is_lost_and_counted(shared: Broker) -> None:
    send(shared, "short", *({"line": b"%d" % number} for number in range(10)))
    with reading(shared, "short") as source:
        kept = positions(chunks(source, 10))
    send(shared, "short", *({"line": b"%d" % number} for number in range(10, 30)))
    with client(shared) as made:
        made.xtrim("short", maxlen=5, approximate=False)
    with reading(shared, "short", resume=kept) as source:
        assert said(chunks(source, 5)) == [b"%d" % number for number in range(25, 30)]
        assert source.health.lost == 15
        assert source.health.lost_how is not None
        assert "short: 15 entries were trimmed before they were read" in source.health.lost_how.en


def test_what_was_trimmed_after_it_was_read_is_not_lost(shared: Broker) -> None:
    send(shared, "read", *({"line": b"%d" % number} for number in range(10)))
    with reading(shared, "read") as source:
        kept = positions(chunks(source, 10))
    send(shared, "read", {"line": b"10"}, maxlen=1, approximate=False)
    with reading(shared, "read", resume=kept) as source:
        assert said(chunks(source, 1)) == [b"10"]
        assert source.health.lost == 0


def test_at_the_end_is_where_the_end_was_when_it_began(shared: Broker) -> None:
    send(shared, "end", {"line": b"old"})
    with reading(shared, "end", at_end=True) as source:
        found: list[Chunk] = []
        until(lambda: found.extend(source.take(1 << 20)) or found)  # type: ignore[func-returns-value]
        assert said(found) == []
    send(shared, "end", {"line": b"while nobody read"})
    with reading(shared, "end", at_end=True, resume=positions(found)) as source:
        assert said(chunks(source, 1)) == [b"while nobody read"]


def test_what_comes_after_the_start_counts_however_soon(shared: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    send(shared, "soon", {"line": b"old"})
    read = RedisStreams._read

    def later(source: RedisStreams, name: str) -> object:
        time.sleep(0.3)
        return read(source, name)

    monkeypatch.setattr(RedisStreams, "_read", later)
    with reading(shared, "soon", "none yet", at_end=True) as source:
        send(shared, "soon", {"line": b"at once"})
        send(shared, "none yet", {"line": b"of a stream that is new"})
        found = chunks(source, 2)
    assert sorted(said(found)) == [b"at once", b"of a stream that is new"]


def test_a_stream_that_is_not_there_yet_counts_whole_also_after_a_restart(shared: Broker) -> None:
    found: list[Chunk] = []
    with reading(shared, "comes later", at_end=True) as source:
        until(lambda: found.extend(source.take(1 << 20)) or found)  # type: ignore[func-returns-value]
    send(shared, "comes later", {"line": b"while nobody read"})
    with reading(shared, "comes later", at_end=True, resume=positions(found)) as source:
        assert said(chunks(source, 1)) == [b"while nobody read"]
        assert source.health.lost == 0


def test_a_server_that_was_away_is_read_on(tmp_path: Path) -> None:
    with redis_server(tmp_path) as broker:
        send(broker, "conn", {"line": b"1"})
        with reading(broker, "conn") as source:
            found = chunks(source, 1)
            broker.kill()
            until(lambda: source.health.problem)
            assert source.health.problem is not None and "the Redis server cannot be read" in source.health.problem.en
            broker.start()
            send(broker, "conn", {"line": b"2"})
            found += chunks(source, 1)
            until(lambda: source.health.problem is None)
        assert said(found) == [b"1", b"2"]


def test_a_stream_that_ends_before_what_was_read_waits_and_says_so(shared: Broker) -> None:
    with client(shared) as made:
        made.xadd("back", {"line": b"1"}, id="500-0")
    with reading(shared, "back") as source:
        kept = positions(chunks(source, 1))
    with client(shared) as made:
        made.delete("back")
        made.xadd("back", {"line": b"again"}, id="400-0")
    with reading(shared, "back", resume=kept) as source:
        until(lambda: source.health.problem)
        assert source.health.problem is not None and "ends before what was read (500-0)" in source.health.problem.en
        send(shared, "back", {"line": b"2"})
        assert said(chunks(source, 1)) == [b"2"]


def test_nothing_is_pulled_while_nobody_takes(shared: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    from kanaria.sources import inbox

    monkeypatch.setattr(inbox.Inbox.__init__, "__defaults__", (50_000,))
    sent = [b"%05d %s" % (number, b"x" * 1000) for number in range(500)]
    send(shared, "much", *({"line": line} for line in sent))
    with reading(shared, "much") as source:
        assert said(chunks(source, 500, 10_000)) == sent


def test_over_tls_with_a_password(tmp_path: Path) -> None:
    live.certificate(tmp_path)
    plain, secured = ["--requirepass", "right"], free_port()
    files = ["--tls-cert-file", "pool.pem", "--tls-key-file", "pool.key", "--tls-auth-clients", "no"]
    with redis_server(tmp_path, *plain, "--tls-port", str(secured), *files) as broker:
        made = redis.Redis.from_url(f"redis://:right@{broker.address}/0")
        made.xadd("a", {"line": b"over TLS"})
        made.close()
        url = f"rediss://:right@127.0.0.1:{secured}/0?ssl_ca_certs={tmp_path}/pool.pem&ssl_check_hostname=false"
        source = RedisStreams("logs", url, ["a"])
        source.start({}, lambda: None)
        try:
            assert said(chunks(source, 1)) == [b"over TLS"]
        finally:
            source.close()


def test_a_wrong_url_or_password_is_named_without_showing_it(tmp_path: Path, shared: Broker) -> None:
    with pytest.raises(ConfigError) as raised:
        RedisStreams("logs", "hunter2@nowhere", ["a"])
    assert "hunter2" not in str(raised.value) and "hunter2" not in raised.value.to("ja")
    with redis_server(tmp_path, "--requirepass", "right") as broker:
        source = RedisStreams("logs", f"redis://:hunter2@{broker.address}/0", ["a"])
        source.start({}, lambda: None)
        try:
            until(lambda: source.health.problem)
            assert source.health.problem is not None and "hunter2" not in source.health.problem.en + repr(source)
        finally:
            source.close()
