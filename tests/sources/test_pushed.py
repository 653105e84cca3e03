"""Sources that are sent to: syslog, JSON over HTTP, the journal, and the inbox they share."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.errors import SourceError, in_words
from kanaria.sources import inbox as inbox_module
from kanaria.sources.arrivals import Arrivals, Message
from kanaria.sources.chunks import Chunk, Health, LineSource, Position
from kanaria.sources.docker import container_logs
from kanaria.sources.follow import Follower
from kanaria.sources.http_intake import HttpIntake
from kanaria.sources.inbox import Inbox
from kanaria.sources.journal import Journal
from kanaria.sources.payload import NotText, entries, lines_of
from kanaria.sources.syslog import Syslog
from kanaria.sources.syslog_frames import Frames, parse
from tests.running import PATIENCE, until


@contextmanager
def started(source: LineSource, resume: dict[str, Position] | None = None) -> Iterator[LineSource]:
    source.start(resume or {}, lambda: None)
    try:
        yield source
    finally:
        source.close()


def lines(source: LineSource, count: int) -> list[tuple[str, bytes]]:
    """Place and line of the first ``count`` lines that come."""
    found: list[tuple[str, bytes]] = []

    def enough() -> bool:
        for chunk in source.take(1 << 20):
            found.extend((chunk.place, line) for line in chunk.data.splitlines())
        return len(found) >= count

    until(enough)
    return found


def test_syslog_comes_by_datagram_and_stream_counted_or_not() -> None:
    with started(Syslog("syslog", "127.0.0.1", 0)) as source:
        assert isinstance(source, Syslog)
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
            old = b'<190>Nov 28 10:00:00 web nginx: 192.0.2.7 - - [x] "GET / HTTP/1.1" 200 1'
            sender.sendto(old, ("127.0.0.1", source.port))
            sender.sendto(b"no syslog at all", ("127.0.0.1", source.port))
        with socket.create_connection(("127.0.0.1", source.port)) as stream:
            new = b"<34>1 2026-11-28T10:00:00Z srv sshd 7 - - Failed password for root from 198.51.100.7 port 5 ssh2"
            stream.sendall(b"%d %s" % (len(new), new) + b"<34>Nov 28 10:00:01 srv sshd[8]: second\n")
        found = dict(lines(source, 3))
        assert found["127.0.0.1 nginx"] == b'192.0.2.7 - - [x] "GET / HTTP/1.1" 200 1'
        assert found["127.0.0.1 sshd"] == b"Nov 28 10:00:01 srv sshd[8]: second"
        assert source.health.records == 3
        until(lambda: source.health.refused == 1)


def test_syslog_of_senders_that_may_not_send_is_refused() -> None:
    with started(Syslog("syslog", "127.0.0.1", 0, senders=["192.0.2.0/24"])) as source:
        assert isinstance(source, Syslog)
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
            sender.sendto(b"<34>Nov 28 10:00:01 srv sshd[8]: x", ("127.0.0.1", source.port))
        until(lambda: source.health.refused)
        assert source.take(1000) == []


MESSAGE = st.binary(min_size=1, max_size=80).map(lambda text: b"<34>1 " + text.replace(b"\n", b" "))


@given(st.lists(st.tuples(MESSAGE, st.booleans()), max_size=8), st.integers(1, 30))
def test_messages_survive_any_cutting_of_the_stream(sent: list[tuple[bytes, bool]], size: int) -> None:
    stream = b"".join(b"%d %s" % (len(text), text) if counted else text + b"\n" for text, counted in sent)
    frames, found = Frames(), []
    for begin in range(0, len(stream), size):
        found += frames.feed(stream[begin : begin + size])
    assert found == [text for text, _counted in sent]
    assert frames.rest() == b""


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_none(raw: bytes) -> None:
    message = parse(raw)
    assert message is None or raw.startswith(b"<")


def post(port: int, body: bytes, shown: str = "secret", **headers: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        sent = {"authorization": f"Bearer {shown}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        connection.request("POST", "/", body, sent)
        return connection.getresponse().status


VECTOR = [{"file": "/var/log/nginx/access.log", "host": "web", "message": "one\n", "source_type": "file"}]
FLUENT_BIT = [{"date": 1795860000.0, "log": "two"}, {"date": 1795860001.0, "log": "three", "container_name": "shop"}]


def test_json_of_shippers_is_answered_when_it_is_kept() -> None:
    with started(HttpIntake("http", "127.0.0.1", 0, "secret")) as source:
        assert isinstance(source, HttpIntake)
        answers: list[int] = []
        bodies = [json.dumps(VECTOR).encode(), gzip.compress(b"\n".join(json.dumps(i).encode() for i in FLUENT_BIT))]
        senders = [
            threading.Thread(target=lambda b=body, h=head: answers.append(post(source.port, b, **h)))
            for body, head in zip(bodies, ({}, {"content_encoding": "gzip"}), strict=True)
        ]
        for sender in senders:
            sender.start()
        found = lines(source, 3)
        assert sorted(found) == [("", b"two"), ("/var/log/nginx/access.log", b"one"), ("shop", b"three")]
        assert answers == []
        source.keeping()
        source.kept()
        for sender in senders:
            sender.join()
        assert answers == [204, 204]


def test_what_is_taken_while_everything_is_kept_is_answered_with_the_next_time() -> None:
    inbox = Inbox("http", Health())
    tickets = []
    for number in range(2):
        tickets.append(inbox.put([("place", b"line", {})]))
        inbox.take(100)
        if number == 0:
            inbox.keeping()
    inbox.kept()
    assert [inbox.wait_kept(ticket or 0, 0) for ticket in tickets] == [True, False]


@pytest.mark.parametrize(
    "record",
    [
        {"ts": 1.5, "note": "SSL::Invalid_Server_Cert", "msg": "no", "src": "192.0.2.7"},
        {"@timestamp": "2026-11-28T10:00:00Z", "message": "An account failed to log on.", "winlog": {"event_id": 4625}},
        {"message": "ET MALWARE miner", "event": {"kind": "alert", "module": "suricata"}, "source.ip": "192.0.2.7"},
        {"MESSAGE": "Failed password", "SYSLOG_IDENTIFIER": "sshd", "_PID": "7", "__REALTIME_TIMESTAMP": "1"},
    ],
)
def test_a_record_with_a_text_among_its_fields_stays_whole(record: dict[str, object]) -> None:
    ((_place, line),) = entries(json.dumps(record).encode())
    assert json.loads(line) == record
    assert lines_of(json.dumps(record).encode()) == [("", json.dumps(record).encode())]


FILEBEAT = {
    "@timestamp": "2026-11-28T10:00:00Z", "message": "the line", "input": {"type": "filestream"}, "ecs": {"version": "8"},
    "host": {"name": "web"}, "agent": {"type": "filebeat"}, "log": {"offset": 5, "file": {"path": "/var/log/\u001b[31m"}},
}  # fmt: skip


def test_a_line_that_was_wrapped_is_that_line_of_its_file_whose_name_is_made_printable() -> None:
    ((place, line),) = lines_of(json.dumps(FILEBEAT).encode())
    assert line == b"the line"
    assert place.startswith("/var/log/") and place.isprintable()


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode) | st.recursive(
    st.none() | st.integers() | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["message", "log", "file", "x"]), inner, max_size=3)).map(lambda found: json.dumps(found).encode()))  # fmt: skip
def test_any_bytes_are_lines_or_no_text(value: bytes) -> None:
    try:
        found = lines_of(value)
    except NotText:
        assert b"\0" in value
        return
    assert all(isinstance(line, bytes) and place.isprintable() for place, line in found)


def test_http_refuses_what_it_should() -> None:
    with started(HttpIntake("http", "127.0.0.1", 0, "secret")) as source:
        assert isinstance(source, HttpIntake)
        assert post(source.port, b"[]", shown="other") == 401
        assert post(source.port, b"{broken") == 400
        assert post(source.port, b"[" * 100_000) == 400
        assert post(source.port, gzip.compress(bytes(20 << 20)), content_encoding="gzip") == 413
        assert post(source.port, b"no gzip", content_encoding="gzip") == 400
        assert post(source.port, b"[]") == 204
        assert source.health.refused == 5


JOURNALCTL = """#!/bin/sh
echo "$@" >> "{folder}/asked"
case "$*" in
*--after-cursor=c2*) echo '{{"__CURSOR":"c3","MESSAGE":"three"}}'; exec sleep 60;;
*) echo '{{"__CURSOR":"c1","MESSAGE":"one"}}'; echo '{{"__CURSOR":"c2","MESSAGE":"two"}}';;
esac
"""


GROWING = """#!/bin/sh
cd "{folder}"
case "$*" in
*--lines=1*) cat entries; echo '{{"__CURSOR":"c9","MESSAGE":"written before it is followed"}}' > new;;
*--lines=all*|*--after-cursor=c1*) cat new; exec sleep 60;;
*) exec sleep 60;;
esac
"""


@pytest.mark.parametrize("old", ["", '{"__CURSOR":"c1","MESSAGE":"old"}\n'])
def test_of_a_journal_that_is_watched_from_its_end_all_counts_that_came_after_the_start(
    tmp_path: Path, old: str
) -> None:
    program = tmp_path / "journalctl"
    program.write_text(GROWING.format(folder=tmp_path))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "entries").write_text(old)
    with started(Journal("journal", program=str(program), at_end=True)) as source:
        rest = lines(source, 1)
    assert [json.loads(line)["MESSAGE"] for _place, line in rest] == ["written before it is followed"]


def test_the_journal_goes_on_after_its_cursor_when_journalctl_ends(tmp_path: Path) -> None:
    program = tmp_path / "journalctl"
    program.write_text(JOURNALCTL.format(folder=tmp_path))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with started(Journal("journal", units=["ssh.service"], program=str(program))) as source:
        found = [json.loads(line)["MESSAGE"] for _place, line in lines(source, 3)]
        assert found == ["one", "two", "three"]
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[0].endswith("--unit=ssh.service --lines=all")
    assert asked[1].endswith("--after-cursor=c2")


def test_a_journal_that_cannot_be_read_is_a_problem_with_a_name() -> None:
    with started(Journal("journal", program="/no/such/journalctl")) as source:
        until(lambda: source.health.problem)
        assert source.health.problem.en == "/no/such/journalctl: No such file or directory"


def test_containers_are_followed_by_name(tmp_path: Path) -> None:
    for number, name in enumerate(["shop", "blog"]):
        folder = tmp_path / f"id{number}"
        folder.mkdir()
        (folder / "config.v2.json").write_text(json.dumps({"Name": f"/{name}"}))
        (folder / f"id{number}-json.log").write_text(json.dumps({"log": f"{name}\n"}) + "\n")
    with started(Follower("docker", container_logs(str(tmp_path), ["shop"]))) as source:
        (line,) = [line for _place, line in lines(source, 1)]
        assert json.loads(line) == {"log": "shop\n"}
    with started(Follower("docker", container_logs(str(tmp_path / "none"), []))) as source:
        assert source.take(100) == []
        assert "expected a readable folder of containers" in source.health.problem.en


@pytest.mark.ordinary_user
def test_a_container_whose_name_may_not_be_read_is_a_problem_unless_it_is_known_already(tmp_path: Path) -> None:
    """Docker writes the file anew, for root alone, whenever the container starts."""
    if os.geteuid() == 0:
        pytest.skip("root may read everything")

    def container(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.v2.json").write_text(json.dumps({"Name": f"/{name}"}))
        (folder / f"{name}-json.log").write_text(json.dumps({"log": f"{name}\n"}) + "\n")
        return folder

    shop, blog = container("shop"), container("blog")
    logs = container_logs(str(tmp_path), ["shop"])
    assert logs() == [str(shop / "shop-json.log")]
    (shop / "config.v2.json").chmod(0)
    assert logs() == [str(shop / "shop-json.log")]
    (container("new") / "config.v2.json").chmod(0)
    with started(Follower("docker", logs)) as source:
        (line,) = [line for _place, line in lines(source, 1)]
        assert json.loads(line) == {"log": "shop\n"}
        assert "no permission for 1 of them (Docker keeps them for root: " in source.health.problem.en
        assert "そのうち1個は権限がありません(Dockerはrootだけが" in source.health.problem.ja
    blog.chmod(0)
    (problem,) = [one for one in container_logs(str(tmp_path), [])() if isinstance(one, SourceError)]
    blog.chmod(0o755)
    assert "no permission for 1 of them" in str(problem)


def test_a_full_inbox_lets_senders_wait_and_counts_what_cannot() -> None:
    inbox = Inbox("", Health(), full=10)
    assert inbox.offer("a", b"12345678")
    assert not inbox.offer("a", b"12345678")
    assert inbox.health.lost == 1
    assert inbox.put([("a", b"12345678", {})], patience=0.01) is None
    (chunk,) = inbox.take(1000)
    assert (chunk.data, chunk.first_line) == (b"12345678\n", 1)
    assert inbox.put([("a", b"x", {}), ("b", b"y\nz", {"cursor": "c"})], patience=0.01) is not None
    chunks = inbox.take(1000)
    assert [(c.place, c.data, c.first_line) for c in chunks] == [("a", b"x\n", 2), ("b", b"y\\nz\n", 1)]
    assert chunks[1].position == {"lines": 1, "cursor": "c"}


def test_records_keep_their_numbers_over_a_restart() -> None:
    inbox = Inbox("", Health())
    inbox.start({"a": {"lines": 41}}, lambda: None)
    inbox.offer("a", b"x")
    (chunk,) = inbox.take(1000)
    assert isinstance(chunk, Chunk)
    assert chunk.first_line == 42


class TestPlaces:
    """Senders and programs that are read as logs of their own: as many as a setting says."""

    @staticmethod
    def came(inbox: Inbox, *places: str) -> list[tuple[str, int, int]]:
        for place in places:
            assert inbox.offer(place, b"x")
        return [(chunk.place, chunk.first_line, chunk.lines) for chunk in inbox.take(1000)]

    def test_further_ones_share_one_and_are_counted(self) -> None:
        inbox = Inbox("", Health(), places=2)
        assert self.came(inbox, "a", "b", "c", "a", "d") == [("a", 1, 2), ("b", 1, 1), ("others", 1, 2)]
        assert self.came(inbox, "d", "b") == [("others", 3, 1), ("b", 2, 1)]
        assert inbox.health.shared == 3

    def test_one_that_is_silent_for_a_day_makes_room_and_no_number_comes_twice(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = [1_000.0]
        monkeypatch.setattr(inbox_module.time, "monotonic", lambda: clock[0])
        inbox = Inbox("", Health(), places=2)
        assert self.came(inbox, "a", "a", "a", "b") == [("a", 1, 3), ("b", 1, 1)]
        clock[0] += inbox_module.SILENT - 1
        assert self.came(inbox, "b", "c") == [("b", 2, 1), ("others", 1, 1)]
        clock[0] += 2
        assert self.came(inbox, "c", "b") == [("c", 4, 1), ("b", 3, 1)], "the one silent for longest has gone"
        clock[0] += inbox_module.SILENT + 1
        assert self.came(inbox, "a") == [("a", 4, 1)], "its lines 1 to 3 have been"

    def test_a_restart_counts_on_and_never_anew(self) -> None:
        inbox = Inbox("", Health(), places=2)
        inbox.start({"old": {"lines": 90}, "a": {"lines": 7}, "b": {"lines": 8}}, lambda: None)
        assert self.came(inbox, "b", "old") == [("b", 9, 1), ("others", 91, 1)]

    def test_a_file_that_a_record_names_shares_the_place_of_its_partition(self) -> None:
        arrivals = Arrivals("kafka", Health(), places=2)
        arrivals.start({}, lambda: None)
        for at, (branch, file) in enumerate([("t/0", ""), ("t/0", "a.log"), ("t/0", "b.log"), ("t/1", "a.log")]):
            said = (file, b"x")
            entries_of = partial(list, [said])
            arrivals.put(branch, [Message(origin=f"{at}", begins={}, ends={"offset": at}, raw=b"", entries=entries_of)])
        chunks = {chunk.place: (chunk.lines, chunk.position["of"]) for chunk in arrivals.take(1000)}
        assert chunks == {"t/0": (2, "t/0"), "t/0 a.log": (1, "t/0"), "t/1": (1, "t/1")}
        assert arrivals.health.shared == 2


def test_silence_is_judged_by_a_source_s_own_rhythm() -> None:
    health = Health()
    for second in range(0, 3_000, 300):
        health.came(1, 10, float(second))
    assert health.silent(2_700.0 + 5_999.0) is None
    assert health.silent(2_700.0 + 6_001.0) == 6_001.0
    assert Health().silent(1e9) is None


@pytest.mark.ordinary_user
def test_reading_again_needs_no_rights_it_has_lost(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    log = tmp_path / "a.log"
    log.write_text("one\n")
    log.chmod(0)
    with started(Follower("log", lambda: [str(log)])) as source:
        assert source.take(100) == []
        assert "joining the group adm" in source.health.problem.en


def test_what_the_system_forbids_comes_with_the_way_out() -> None:
    said = in_words(PermissionError(13, "Permission denied", "/var/log/a.log"))
    assert (
        said.en == "/var/log/a.log: Permission denied (run as a user who may read it, often by joining the group adm)"
    )
    assert (
        said.ja
        == "/var/log/a.log: 権限がありません(読み取れるユーザーで実行してください(多くはグループadmに加わります))"
    )
