"""Inputs: what paths expand to, in which order, and what comes out of compressed, damaged and refused ones."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.errors import SourceError
from kanaria.sources import _inputs, open_inputs
from kanaria.sources._inputs import expand
from kanaria.sources._plain_text import plain
from kanaria.sources._rotation import in_time_order

BODY = b"".join(b"line %d\n" % index for index in range(120_000))


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(data)
    return bytes(sink.getvalue())


PACKERS = pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lzma.compress, zstd], ids=["gz", "bz2", "xz", "zst"]
)


def contents(path: Path | str) -> tuple[bytes, str | None]:
    (stream,) = [(s.open().read(), getattr(s, "damage", None)) for s in open_inputs([str(path)])]
    return stream


@PACKERS
def test_decompresses_whatever_the_name(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(pack(BODY))
    assert contents(file) == (BODY, None)


@PACKERS
def test_several_members_are_one_stream(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "a"
    file.write_bytes(pack(BODY) + pack(b"") + pack(b"second\n"))
    assert contents(file) == (BODY + b"second\n", None)


@PACKERS
def test_what_was_compressed_twice_is_read(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "access.log.gz"
    file.write_bytes(gzip.compress(pack(BODY)))
    assert contents(file) == (BODY, None)
    file.write_bytes(gzip.compress(pack(BODY)[:-9]))
    read, damage = contents(file)
    assert BODY.startswith(read) and damage is not None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"])
def test_wide_characters_become_plain(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "access.log"
    file.write_bytes((BODY.decode() + "日本\n").encode(encoding))
    assert contents(file) == (BODY + "日本\n".encode(), None)


@PACKERS
def test_truncation_keeps_the_good_part(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(BODY)
    file = tmp_path / "a"
    file.write_bytes(packed[: len(packed) // 2])
    found, damage = contents(file)
    assert BODY.startswith(found)
    assert damage is not None


def test_corruption_keeps_the_good_part_of_gzip(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(os.urandom(50_000).hex().encode() * 3))
    packed[len(packed) // 2 : len(packed) // 2 + 400] = b"\xff" * 400
    file = tmp_path / "a.gz"
    file.write_bytes(packed)
    found, damage = contents(file)
    assert len(found) > 20_000
    assert damage is not None
    assert "damaged after" in damage


@settings(max_examples=60, deadline=None)
@given(
    magic=st.sampled_from([b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b""]), rest=st.binary(max_size=200)
)
def test_any_bytes_are_read_without_an_exception(
    tmp_path_factory: pytest.TempPathFactory, magic: bytes, rest: bytes
) -> None:
    file = tmp_path_factory.mktemp("any") / "a"
    file.write_bytes(magic + rest)
    found, damage = contents(file)
    if not magic:
        assert found == rest or plain(rest, io.BytesIO()) is not None  # written by no server, and made plain text
    else:
        assert damage is not None or not rest or found is not None


def test_head_does_not_consume(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(BODY)
    for stream in open_inputs([str(file)]):
        assert stream.head() == BODY[: 256 << 10]
        assert stream.head() == BODY[: 256 << 10]
        assert stream.open().read() == BODY
        assert stream.path == file
        assert stream.size == len(BODY)


def test_progress_counts_compressed_bytes(tmp_path: Path) -> None:
    sizes = []
    for name, data in (("a.gz", gzip.compress(BODY)), ("b.log", BODY), ("c.zst", zstd(BODY))):
        (tmp_path / name).write_bytes(data)
        sizes.append(len(data))
    counted: list[int] = []
    for stream in open_inputs([str(tmp_path)], on_progress=counted.append):
        stream.open().read()
    assert sum(counted) == sum(sizes)


@pytest.mark.parametrize(
    ("given_names", "expected"),
    [
        (
            ["access.log", "access.log.1", "access.log.10.gz", "access.log.2.gz"],
            ["access.log.10.gz", "access.log.2.gz", "access.log.1", "access.log"],
        ),
        (
            ["access.log", "access.log-20260102.gz", "access.log-20251231.gz"],
            ["access.log-20251231.gz", "access.log-20260102.gz", "access.log"],
        ),
        (
            ["conn.01:00:00-02:00:00.log.gz", "conn.00:00:00-01:00:00.log.gz", "dns.00:00:00-01:00:00.log.gz"],
            ["conn.00:00:00-01:00:00.log.gz", "conn.01:00:00-02:00:00.log.gz", "dns.00:00:00-01:00:00.log.gz"],
        ),
        (["u_ex260103.log", "u_ex260102.log"], ["u_ex260102.log", "u_ex260103.log"]),
        (["access-2026-01-03.log", "access-2026-01-02.log"], ["access-2026-01-02.log", "access-2026-01-03.log"]),
        (["b.log", "a.log"], ["b.log", "a.log"]),
        (["x/access.log", "y/access.log.1"], ["x/access.log", "y/access.log.1"]),
    ],
)
def test_rotated_sets_are_in_time_order(given_names: list[str], expected: list[str]) -> None:
    assert in_time_order(given_names) == expected


@given(st.lists(st.text("ab.log-0123456789_", min_size=1, max_size=20)))
def test_ordering_loses_nothing(names: list[str]) -> None:
    assert sorted(in_time_order(names)) == sorted(names)


def test_directories_are_read_recursively_and_links_once(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.log").write_bytes(b"b")
    (tmp_path / "a.log").write_bytes(b"a")
    (tmp_path / ".hidden").write_bytes(b"h")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    (tmp_path / "again.log").symlink_to(tmp_path / "a.log")
    names = [os.path.relpath(name, tmp_path) for name in expand([str(tmp_path), str(tmp_path / "a.log")])]
    assert names == ["a.log", "sub/b.log"]


def test_globs(tmp_path: Path) -> None:
    for name in ("a.log", "b.log", "c.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [Path(name).name for name in expand([str(tmp_path / "*.log")])] == ["a.log", "b.log"]
    with pytest.raises(SourceError, match="no file matches the pattern"):
        expand([str(tmp_path / "*.nothing")])


def test_a_name_with_brackets_is_a_name(tmp_path: Path) -> None:
    file = tmp_path / "a[1].log"
    file.write_bytes(b"x")
    assert expand([str(file)]) == [str(file)]


def test_what_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected a file, a directory, a pattern or -; got nothing there"):
        open_inputs([str(tmp_path / "missing.log")])
    with pytest.raises(SourceError, match="an empty directory"):
        open_inputs([str(tmp_path)])
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SourceError, match="a broken link"):
        open_inputs([str(tmp_path / "dangling")])


def test_permission_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret.log"
    file.write_bytes(b"x")
    monkeypatch.setattr(os, "access", lambda *_args, **_kwargs: False)  # root may read everything

    def denied(*_args: object, **_kwargs: object) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(_inputs, "open", denied, raising=False)
    (stream,) = open_inputs([str(file)])
    with pytest.raises(SourceError, match=r"permission denied .*group"):
        stream.head()


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.log").touch()
    assert contents(tmp_path / "a.log") == (b"", None)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(gzip.compress(b"piped\n"))))
    assert contents("-") == (b"piped\n", None)


def test_named_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(BODY))
    writer.start()
    assert contents(pipe) == (BODY, None)
    writer.join()


def test_a_folder_that_may_not_be_entered_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether there is a file in it cannot be seen; it is not said that there is none."""
    closed, lstat = tmp_path / "closed" / "access.log", os.lstat

    def refused(path: str) -> os.stat_result:
        if str(path) == str(closed):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return lstat(path)

    monkeypatch.setattr(os, "lstat", refused)
    with pytest.raises(SourceError, match="permission denied"):
        expand([str(closed)])
    with pytest.raises(SourceError, match="nothing there"):
        expand([str(tmp_path / "other.log")])
