"""Following log files: every way in which they are rotated, and every line once."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.sources import follow
from kanaria.sources.chunks import Position, shares
from kanaria.sources.follow import Follower, below, matching


class Reader:
    """A follower whose chunks are kept like a service keeps them."""

    def __init__(self, pattern: str, *, at_end: bool = False) -> None:
        self.pattern, self.at_end = pattern, at_end
        self.positions: dict[str, Position] = {}
        self.lines: list[bytes] = []
        self.ids: list[tuple[str, str, int]] = []
        """Of each line: name of its place, which file of that name, number in it."""
        self.begin()

    def begin(self) -> None:
        names = below(self.pattern, ("*.log",)) if os.path.isdir(self.pattern) else matching(self.pattern)
        self.follower = Follower("log", names, at_end=self.at_end, everything=os.path.isdir(self.pattern))
        self.follower.start(self.positions, lambda: None)

    def take(self) -> list[bytes]:
        """What is new, with names looked at as if the time had come."""
        self.follower._looked = float("-inf")
        new: list[bytes] = []
        for chunk in self.follower.take(1 << 20):
            if not chunk.data:  # only where to go on from
                assert chunk.lines == 0 and chunk.position
                continue
            assert chunk.data.endswith(b"\n")
            lines = chunk.data.splitlines()
            assert chunk.lines == len(lines)
            new += lines
            assert chunk.name == chunk.position["path"]  # records are called so, and told under that name
            self.ids += [(chunk.name, chunk.identity, chunk.first_line + n) for n in range(len(lines))]
            self.positions[chunk.place] = chunk.position
        self.lines += new
        return new

    def restart(self) -> None:
        self.follower.close()
        self.begin()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def write(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_lines_come_when_they_are_complete(log: Path) -> None:
    write(log, "one\ntw")
    reader = Reader(str(log))
    assert reader.take() == [b"one"]
    write(log, "o\nthree\n")
    assert reader.take() == [b"two", b"three"]
    assert [number for _path, _file, number in reader.ids] == [1, 2, 3]


def test_a_renamed_file_is_read_to_its_end_and_the_new_one_from_its_start(log: Path) -> None:
    reader = Reader(str(log))
    with log.open("a") as server:
        server.write("one\n")
        server.flush()
        assert reader.take() == [b"one"]
        os.rename(log, log.with_suffix(".log.1"))
        server.write("late\n")
        server.flush()
        write(log, "one\n")  # also a file that begins the same is another one
        assert reader.take() == [b"late", b"one"]
    assert len(set(reader.ids)) == 3


def test_a_file_that_is_copied_and_truncated_loses_nothing_that_was_not_read_yet(log: Path) -> None:
    reader = Reader(str(log))
    write(log, "one\n")
    reader.take()
    write(log, "two\n")
    shutil.copy(log, log.with_suffix(".log.1"))
    os.truncate(log, 0)
    write(log, "three\n")
    assert reader.take() == [b"two", b"three"]
    assert len(set(reader.ids)) == 3


@pytest.mark.parametrize("copied", [False, True])
def test_what_was_told_before_a_crash_has_the_same_name_however_often_it_is_rotated_since(
    log: Path, copied: bool
) -> None:
    """Lines that were read and told, whose position nobody had kept yet, are the same lines when they come again."""

    def rotate() -> None:
        for number in (3, 2, 1):
            if (older := log.with_name(f"access.log.{number}")).exists():
                older.rename(log.with_name(f"access.log.{number + 1}"))
        if copied:
            shutil.copyfile(log, log.with_name("access.log.1"))
            os.truncate(log, 0)
        else:
            log.rename(log.with_name("access.log.1"))
            log.touch()

    write(log, "one\n")
    reader = Reader(str(log))
    reader.take()
    kept = dict(reader.positions)
    rotate()
    write(log, "two\nthree\n")
    reader.take()
    told = reader.ids[1:]
    for _life in range(3):
        reader.positions = dict(kept)
        rotate()
        reader.restart()
        before = len(reader.ids)
        assert reader.take() == [b"two", b"three"]
        assert reader.ids[before:] == told


@pytest.mark.parametrize("compressed", [False, True])
def test_what_was_rotated_while_nobody_read_is_found(log: Path, compressed: bool) -> None:
    reader = Reader(str(log))
    write(log, "one\n")
    reader.take()
    reader.follower.close()
    write(log, "two\n")
    os.rename(log, log.with_suffix(".log.2"))
    write(log.with_suffix(".log.1"), "three\n")
    write(log, "four\n")
    if compressed:
        old = log.with_suffix(".log.2")
        log.with_suffix(".log.2.gz").write_bytes(gzip.compress(old.read_bytes()))
        old.unlink()
    reader.begin()
    assert reader.take() == [b"two", b"three", b"four"]
    assert reader.take() == []
    assert len(set(reader.ids)) == 4


def test_a_pattern_that_matches_rotated_files_reads_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "GRACE", 0.0)
    log = tmp_path / "access.log"
    reader = Reader(str(tmp_path / "access.log*"))
    write(log, "one\n")
    reader.take()
    os.rename(log, tmp_path / "access.log.1")
    write(log, "two\n")
    for _ in range(4):  # the renamed one is closed and met again under its new name
        reader.take()
    reader.restart()
    reader.take()
    assert reader.lines == [b"one", b"two"]


def test_files_named_by_date_are_followed_as_they_appear(tmp_path: Path) -> None:
    reader = Reader(str(tmp_path / "access-*.log"))
    write(tmp_path / "access-2026-06-20.log", "one\n")
    assert reader.take() == [b"one"]
    write(tmp_path / "access-2026-06-21.log", "two\n")
    write(tmp_path / "access-2026-06-20.log", "late\n")
    assert sorted(reader.take()) == [b"late", b"two"]


def test_a_log_that_grows_fast_keeps_no_other_waiting(tmp_path: Path) -> None:
    write(tmp_path / "conn.log", "connected\n" * 100_000)
    write(tmp_path / "dns.log", "asked\n")
    follower = Follower("zeek", below(str(tmp_path), ("*.log",)))
    follower.start({}, lambda: None)
    taken = follower.take(50_000)
    follower.close()
    assert [chunk.data for chunk in taken if chunk.name.endswith("dns.log")] == [b"asked\n"]
    assert 45_000 < sum(len(chunk.data) for chunk in taken) < 55_000


@given(st.lists(st.integers(0, 1000), max_size=6), st.integers(0, 3000))
def test_of_a_limit_nobody_gets_less_than_another_unless_it_wants_less(wanted: list[int], limit: int) -> None:
    given_ = shares(wanted, limit)
    assert sum(given_) <= limit and all(0 <= has <= wants for has, wants in zip(given_, wanted, strict=True))
    short = [has for has, wants in zip(given_, wanted, strict=True) if has < wants]
    assert not short or (min(short) >= max(given_) - 1 and limit - sum(given_) < len(wanted))


def test_headers_come_again_with_lines_from_the_middle_of_a_file(tmp_path: Path) -> None:
    log = tmp_path / "conn.log"
    write(log, "#separator \\x09\n#fields\tts\tuid\n1\ta\n")
    follower = Follower("zeek", below(str(tmp_path), ("*.log",)))
    follower.start({}, lambda: None)
    (first,) = follower.take(1 << 20)
    assert first.preamble == b""
    write(log, "2\tb\n")
    (second,) = follower.take(1 << 20)
    assert (second.preamble, second.first_line) == (b"#separator \\x09\n#fields\tts\tuid\n", 4)
    follower.close()


def test_with_start_at_the_end_only_what_is_written_from_now_on_counts(log: Path) -> None:
    write(log, "old\n")
    reader = Reader(str(log), at_end=True)
    assert reader.take() == []
    write(log, "new\n")
    assert reader.take() == [b"new"]


def test_the_end_is_where_it_was_at_the_start_though_nobody_looked_yet(tmp_path: Path) -> None:
    write(tmp_path / "conn.log", "old\n")
    reader = Reader(str(tmp_path), at_end=True)
    write(tmp_path / "conn.log", "new\n")
    write(tmp_path / "dns.log", "of a log that is new\n")
    assert sorted(reader.take()) == [b"new", b"of a log that is new"]


def test_what_cannot_be_read_is_a_problem_that_is_named_and_passes(log: Path) -> None:
    reader = Reader(str(log))
    assert reader.take() == []
    assert "nothing there yet" in reader.follower.health.problem.en
    os.mkfifo(log)
    assert reader.take() == []
    assert "expected a regular file" in reader.follower.health.problem.en
    assert "必要なもの: 通常のファイル" in reader.follower.health.problem.ja
    log.unlink()
    write(log, "one\n")
    assert reader.take() == [b"one"]
    assert reader.follower.health.problem is None


DAYS = ("2026-11-27", "2026-11-28", "2026-11-29")
HEADER = "#separator \\x09\n#path\t{path}\n#open\t{day}-{hour:02d}-00-00\n#fields\tts\tuid\n"


def hour_of_zeek(path: str, day: str, hour: int, rows: int) -> str:
    """A log of an hour as Zeek writes it."""
    lines = "".join(f"{day} {hour:02d}:{row:05d}\t{path}\n" for row in range(rows))
    return HEADER.format(path=path, day=day, hour=hour) + lines


def archive(logs: Path, path: str, day: str, hour: int) -> None:
    """What ZeekControl does at the end of an hour: the open log, compressed, in the folder of its day."""
    spool = logs / "current" / f"{path}.log"
    folder = logs / day
    folder.mkdir(exist_ok=True)
    packed = folder / f"{path}.{hour:02d}:00:00-{(hour + 1) % 24:02d}:00:00.log.gz"
    packed.write_bytes(gzip.compress(spool.read_bytes() + b"#close\n"))
    spool.unlink()
    os.utime(packed, (packed.stat().st_mtime - 60,) * 2)


def rows_of(lines: list[bytes]) -> list[bytes]:
    return [line for line in lines if not line.startswith(b"#")]


@pytest.mark.parametrize("linked", [True, False])
def test_a_night_of_zeek_is_read_from_the_folders_of_its_days(tmp_path: Path, linked: bool) -> None:
    logs, spool = tmp_path / "logs", tmp_path / "spool"
    logs.mkdir()
    if linked:
        spool.mkdir()
        (logs / "current").symlink_to(spool)
    else:
        (logs / "current").mkdir()
    wanted: dict[str, list[bytes]] = {"conn": [], "dns": []}
    reader: Reader | None = None
    hours = [(day, hour) for day in DAYS for hour in (0, 9, 22, 23)]
    for number, (day, hour) in enumerate(hours):
        for path, rows in wanted.items():
            text = hour_of_zeek(path, day, hour, 4 if path == "dns" else 90_000 if number == 6 else 40)
            write(logs / "current" / f"{path}.log", text)
            rows += rows_of(text.encode().splitlines()) if number > 1 else []
        if number == 2:  # what was archived before anybody looked is history
            reader = Reader(str(logs))
            reader.take()
            reader.follower.close()
            for path, rows in wanted.items():
                write(logs / "current" / f"{path}.log", f"{day} {hour:02d}:later\t{path}\n")
                rows.append(f"{day} {hour:02d}:later\t{path}".encode())
        if number < len(hours) - 1 or linked:  # there is an open log when it looks again, or there is none
            for path in wanted:
                archive(logs, path, day, hour)
    assert reader is not None
    reader.begin()
    for _ in range(3):
        reader.take()
        reader.restart()
    found = rows_of(reader.lines)
    for path, rows in wanted.items():
        assert [row for row in found if row.endswith(path.encode())] == rows
    assert len(set(reader.ids)) == len(reader.ids)


def test_a_log_that_zeek_began_and_archived_while_nobody_looked_is_read(tmp_path: Path) -> None:
    current = tmp_path / "current"
    current.mkdir()

    def began(path: str, hour: int) -> None:
        write(current / f"{path}.log", f"{hour:02d} {path}\n")

    began("weird", 9)
    reader = Reader(str(tmp_path))
    reader.take()
    archive(tmp_path, "weird", DAYS[0], 9)
    began("conn", 22)  # the service is off before the hour is over
    assert reader.take() == [b"22 conn"]
    reader.follower.close()
    (tmp_path / DAYS[0] / "old.08:00:00-09:00:00.log.gz").write_bytes(gzip.compress(b"08 old\n"))
    began("ssl", 22)
    for path in ("conn", "ssl"):
        archive(tmp_path, path, DAYS[0], 22)
    for path in ("conn", "ssl", "x509"):
        began(path, 23)
        archive(tmp_path, path, DAYS[0], 23)
    for path in ("conn", "ssl"):
        began(path, 0)
    for _ in range(3):
        reader.begin()
        reader.take()
        reader.follower.close()
    by_set = {
        path: [line for line in rows_of(reader.lines) if line.endswith(path.encode())]
        for path in ("conn", "ssl", "x509", "old")
    }
    assert by_set == {
        "conn": [b"22 conn", b"23 conn", b"00 conn"], "ssl": [b"22 ssl", b"23 ssl", b"00 ssl"], "x509": [b"23 x509"],
        "old": [],
    }  # fmt: skip
    assert len(set(reader.ids)) == len(reader.ids)


def test_headers_of_archived_logs_come_with_every_piece(tmp_path: Path) -> None:
    (tmp_path / "current").mkdir()
    spool = tmp_path / "current" / "conn.log"
    write(spool, hour_of_zeek("conn", DAYS[0], 1, 3))
    reader = Reader(str(tmp_path))
    reader.take()
    archive(tmp_path, "conn", DAYS[0], 1)
    write(spool, hour_of_zeek("conn", DAYS[0], 2, 90_000))
    archive(tmp_path, "conn", DAYS[0], 2)
    reader.restart()
    reader.follower._looked = float("-inf")
    *_, last = reader.follower.take(1 << 20)
    assert last.preamble.decode() == HEADER.format(path="conn", day=DAYS[0], hour=2)


def test_a_file_of_an_archive_is_read_when_it_is_whole(tmp_path: Path) -> None:
    (tmp_path / "current").mkdir()
    write(tmp_path / "current" / "conn.log", "one\n")
    reader = Reader(str(tmp_path))
    assert reader.take() == [b"one"]
    write(tmp_path / "current" / "conn.log", "two\n")
    archive(tmp_path, "conn", DAYS[0], 1)
    write(tmp_path / "current" / "conn.log", "three\n")
    packed = tmp_path / DAYS[0] / "conn.01:00:00-02:00:00.log.gz"
    os.utime(packed)
    reader.follower.close()
    reader.begin()
    assert reader.take() == []
    assert "expected a whole file" in reader.follower.health.problem.en
    os.utime(packed, (0, 0))
    assert reader.take() == [b"two", b"#close", b"three"]
    assert reader.follower.health.problem is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize("restarts", [False, True])
def test_permission_lost_and_regained_loses_nothing_and_repeats_nothing(restarts: bool) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are for nobody else
        folder = Path(name)
        folder.chmod(0o755)
        log = folder / "access.log"
        write(log, "one\n")
        reader = Reader(str(log))
        with as_nobody():
            assert reader.take() == [b"one"]
        log.chmod(0)
        write(log, "two\n")
        with as_nobody():
            if restarts:
                reader.restart()
            known = reader.take()
        assert known == ([] if restarts else [b"two"])  # what is open already goes on being read
        log.rename(folder / "access.log.1") if not restarts else None
        write(log, "three\n")
        log.chmod(0)
        with as_nobody():
            assert reader.take() == []
            assert "Permission denied" in reader.follower.health.problem.en
        log.chmod(0o644)
        with as_nobody():
            reader.take()
            assert reader.follower.health.problem is None
        assert reader.lines == [b"one", b"two", b"three"]
        assert len(set(reader.ids)) == 3
        reader.follower.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_rotated_file_that_may_not_be_read_at_a_restart_is_named_and_read_when_it_may() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        log, rotated = Path(folder) / "access.log", Path(folder) / "access.log.1"
        write(log, "one\n")
        reader = Reader(str(log))
        with as_nobody():
            reader.take()
            reader.follower.close()
        write(log, "two\n")
        log.rename(rotated)
        rotated.chmod(0)
        write(log, "three\n")
        with as_nobody():
            reader.begin()
            for new in ([b"three"], []):
                assert reader.take() == new
                assert "access.log.1: may not be read" in reader.follower.health.problem.en
        rotated.chmod(0o644)
        with as_nobody():
            assert reader.take() == [b"two"]
            assert reader.follower.health.problem is None
            reader.restart()
            assert reader.take() == []
        assert len(set(reader.ids)) == 3


@contextmanager
def as_nobody() -> Iterator[None]:
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


STEPS = st.lists(st.sampled_from(["write", "half", "rename", "truncate", "restart", "take"]), max_size=25)


@settings(max_examples=40)
@given(STEPS)
def test_every_line_comes_once_and_in_order_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Copying and truncating is done at once and noticed before more is written, as the system cannot say otherwise."""
    folder = tmp_path_factory.mktemp("log")
    log = folder / "access.log"
    server: BinaryIO = log.open("ab", buffering=0)
    reader, count = Reader(str(log)), 0
    for step in ("write", "take", *steps):  # what was never read before it was renamed is history
        if step in {"write", "half"}:
            count += 1
            line = b"line %06d\n" % count
            server.write(line[:5])
            if step == "half":
                reader.take()
            server.write(line[5:])
        elif step == "rename" and log.stat().st_size:
            server.close()
            rotate(log)
            server = log.open("ab", buffering=0)
        elif step == "truncate" and log.stat().st_size:
            if reader.follower._open[str(log)].mark.length == 0:
                reader.take()  # a copy is recognised by what was read of the original
            rotate(log, keep=True)
            os.truncate(log, 0)
            reader.take()
        elif step == "restart":
            reader.restart()
            reader.take()
        else:
            reader.take()
    reader.take()
    reader.follower.close()
    server.close()
    assert reader.lines == [b"line %06d" % number for number in range(1, count + 1)]


def rotate(log: Path, *, keep: bool = False) -> None:
    """``access.log`` becomes ``access.log.1`` and so on."""
    for number in range(30, 0, -1):
        old = log.with_name(f"access.log.{number}")
        if old.exists():
            os.rename(old, log.with_name(f"access.log.{number + 1}"))
    first = log.with_name("access.log.1")
    if keep:
        shutil.copy(log, first)
    else:
        os.rename(log, first)


def test_positions_are_plain_values(log: Path) -> None:
    write(log, "one\n")
    reader = Reader(str(log))
    reader.take()
    (position,) = reader.positions.values()
    assert isinstance(position, Mapping)
    assert {type(value) for value in position.values()} <= {str, int}
