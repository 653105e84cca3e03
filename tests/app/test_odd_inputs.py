"""Inputs a newcomer or a vandal gives: an answer that says what could not be read, never a traceback."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kanaria.sources import _inputs
from tests.app.running import Kanaria
from tests.running import PATIENCE

ORDINARY = b'203.0.113.5 - - [21/Jun/2026:07:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/8"\n'
PROBE = (
    b'203.0.113.9 - - [21/Jun/2026:07:01:00 +0000] "{\\x22id\\x22:1,\\x22method\\x22:\\x22login\\x22,\\x22params\\x22:'
    b'{\\x22login\\x22:\\x22blue1\\x22,\\x22pass\\x22:\\x22x\\x22,\\x22agent\\x22:\\x22Windows NT 6.1; Win64; x64\\x22}}" '
    b'400 157 "-" "-"\n'
)
LOG = ORDINARY * 40 + PROBE
REPORTS = ["text", "markdown", "html", "json", "ocsf", "stix", "navigator", "misp", "csv", "iocs"]
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


@pytest.mark.parametrize("content", [PICTURE, b"\0" * 5000, b"hello\n", os.urandom(100_000), b"x" * 3_000_000])
def test_what_nobody_recognises_is_said_and_is_an_input_error(tmp_path: Path, kanaria: Kanaria, content: bytes) -> None:
    (tmp_path / "thing").write_bytes(content)
    done = kanaria("analyze", "thing")
    assert done.status == 2
    assert "thing: format not recognised, nothing was read" in done.out
    assert "expected a log or capture in a known format" in done.err


@pytest.mark.parametrize(("content", "searched"), [(PICTURE, False), (b"\0" * 5000, False), (b"hello\nyou\n", True)])
def test_only_what_was_searched_is_called_searched(
    tmp_path: Path, kanaria: Kanaria, content: bytes, searched: bool
) -> None:
    """A picture is not looked through, so neither the first sentence nor the word about it may say so."""
    (tmp_path / "thing").write_bytes(content)
    for language, word, not_so in (
        ("en", "only searched", "searched: it is no text"),
        ("ja", "だけを調べました", "検索もしていません"),
    ):
        said = kanaria("analyze", "--lang", language, "thing").out.replace("\n", "" if language == "ja" else " ")
        assert (word in said, not_so in said) == (searched, not searched)


def test_of_unread_records_only_text_is_called_searched(tmp_path: Path, kanaria: Kanaria) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name, content in (("picture.png", PICTURE), ("access.log", LOG)):
        (folder / name).write_bytes(content)
    said = " ".join(kanaria("analyze", "mixed").out.split())
    assert said.startswith(
        "2.4 % of the records could not be read (1 of 42), and nothing is claimed of them. Inputs in"
    )
    (folder / "words").write_bytes(b"hello\nyou\n")
    said = " ".join(kanaria("analyze", "mixed").out.split())
    assert "Those of them that are text were only searched" in said
    assert "What the search found, if anything, is told below. Inputs in no known format: 2" in said


def test_what_damage_took_away_is_not_called_searched(tmp_path: Path, kanaria: Kanaria) -> None:
    lines = b"".join(LOG.replace(b":07:0", b":%02d:0" % hour) for hour in range(24))
    (tmp_path / "old.log.gz").write_bytes(gzip.compress(lines)[:-20])
    done = kanaria("analyze", "old.log.gz")
    assert "could not be read" in done.out
    assert "They were only searched" not in done.out


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("hole", [20, 5000, 300_000, 3 << 18, 5_000_000])
def test_a_log_that_was_emptied_under_its_writer_is_read_behind_the_hole(
    tmp_path: Path, kanaria: Kanaria, hole: int, pack: Callable[[bytes], bytes]
) -> None:
    """``copytruncate`` beside a program that did not open its log for appending leaves zeros where the old lines were."""
    (tmp_path / "access.log").write_bytes(pack(b"\0" * hole + LOG))
    done = kanaria("analyze", "--format", "json", "access.log")
    (read,) = done.document["inputs"]
    assert (done.status, read["format"], read["rows"], read["unread"]) == (0, "combined", 41, 0)
    assert done.incident["evidence"][0]["line"] == 41


def test_the_same_in_japanese(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "thing").write_bytes(PICTURE)
    done = kanaria("analyze", "thing", LANG="ja_JP.UTF-8")
    assert done.status == 2
    assert "thing: 形式を判別できず、読み取っていません" in done.out


@pytest.mark.parametrize("path", ["empty", "/dev/null", "-"])
def test_nothing_at_all_is_no_error(tmp_path: Path, kanaria: Kanaria, path: str) -> None:
    (tmp_path / "empty").touch()
    done = kanaria("analyze", path)
    assert (done.status, done.err) == (0, "")
    assert f"{path}: empty." in done.out


def test_one_bad_input_takes_no_other_along(tmp_path: Path, kanaria: Kanaria, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is not installed, a file of somebody else, a broken archive: named, and the rest is analysed."""
    monkeypatch.setitem(sys.modules, "evtx", None)
    monkeypatch.setattr(_inputs.os, "access", lambda path, _mode: "locked" not in str(path))
    real = open
    monkeypatch.setattr(_inputs, "open", lambda name, *rest, **more: _opened(real, name, *rest, **more), raising=False)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Security.evtx").write_bytes(b"ElfFile\0" + bytes(4096))
    (tmp_path / "in" / "locked.log").write_bytes(LOG)
    (tmp_path / "in" / "broken.log.gz").write_bytes(gzip.compress(LOG)[:-9])
    (tmp_path / "in" / "quiet.log").write_bytes(ORDINARY * 40)
    done = kanaria("analyze", "--format", "json", "in")
    inputs = {Path(item["path"]).name: item for item in done.document["inputs"]}
    assert (inputs["Security.evtx"]["unread"], inputs["locked.log"]["unread"], inputs["quiet.log"]["unread"]) == (
        1,
        1,
        0,
    )
    assert "evtx" in inputs["Security.evtx"]["note"]["en"] and "pip install" in inputs["Security.evtx"]["note"]["en"]
    assert "権限がありません" in inputs["locked.log"]["note"]["ja"]
    assert done.document["coverage"]["unread"] == sum(item["unread"] for item in inputs.values())
    assert done.status == 3, "the archive holds a probe, which asks nobody for anything"
    (tmp_path / "in" / "broken.log.gz").unlink()
    text = kanaria("analyze", "in")
    assert text.status == 3, "nothing was found in what could be read"
    assert "Inputs that could not be opened: 2" in " ".join(text.out.split())
    alone = kanaria("analyze", "in/locked.log")
    assert (alone.status, "permission denied" in alone.err) == (2, True)


def _opened(real: Callable[..., Any], name: str, *rest: Any, **more: Any) -> Any:
    if "locked" in str(name):
        raise PermissionError(13, "Permission denied", name)
    return real(name, *rest, **more)


def test_a_folder_of_everything_names_what_was_not_read(tmp_path: Path, kanaria: Kanaria) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name, content in (
        ("picture.png", PICTURE),
        ("access.log", LOG),
        ("empty", b""),
        ("old.gz", gzip.compress(LOG)),
    ):
        (folder / name).write_bytes(content)
    done = kanaria("analyze", "mixed", "--format", "json")
    assert done.status == 3
    formats = {Path(item["path"]).name: item["format"] for item in done.document["inputs"]}
    assert formats == {"picture.png": None, "access.log": "combined", "empty": None, "old.gz": "combined"}
    notes = " ".join(note["en"] for note in done.document["notes"])
    assert "picture.png: format not recognised" in notes
    assert "empty: empty." in notes


FLOW = b"1768035600.5\tC1\t192.168.1.20\t50000\t203.0.113.50\t443\ttcp\n"
ZEEK = b"#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n" + FLOW * 20
QUERY = b"Jan 10 09:00:00 ns dnsmasq[5]: query[A] www.example.org from 192.0.2.7\n"


@pytest.mark.parametrize("log", [ORDINARY * 20, ZEEK, QUERY * 20], ids=["web", "zeek", "dnsmasq"])
def test_what_an_archive_lost_at_its_end_counts_in_every_format(tmp_path: Path, kanaria: Kanaria, log: bytes) -> None:
    (tmp_path / "a.log").write_bytes(gzip.compress(log)[:-8])
    done = kanaria("analyze", "a.log", "--lang", "en")
    assert done.status == 3
    assert "could not be read (1 of 21)" in " ".join(done.out.split())


# The least blocks of bzip2, 100 kB: a part can be read as soon as its block is whole.
@pytest.mark.parametrize(
    "pack", [gzip.compress, partial(bz2.compress, compresslevel=1), lzma.compress], ids=["gz", "bz2", "xz"]
)
def test_a_cut_archive_says_so(tmp_path: Path, kanaria: Kanaria, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(b"".join(b"%d " % n + ORDINARY for n in range(4_000)) + LOG)
    (tmp_path / "a.log").write_bytes(packed[: len(packed) // 2])
    done = kanaria("analyze", "a.log")
    assert "a.log: only the part before damage was read" in done.out
    assert "ends in the middle" in done.out


def test_rejected_lines_are_counted_where_nothing_was_found(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "a.log").write_bytes(ORDINARY * 50 + b"no such line\n" * 70)
    done = kanaria("analyze", "a.log", "--rejects", "bad.txt")
    assert done.status == 3
    assert "a.log: 70 of 120 records could not be read as combined" in done.out
    lines = (tmp_path / "bad.txt").read_text().splitlines()
    assert len(lines) == 70
    assert lines[0].split("\t") == ["a.log", "51", "no web log record", "no such line"]


def test_rejects_stay_one_line_each_whatever_the_names(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "new\nline\t\x1b[31m.log").write_bytes(ORDINARY * 50 + b"bad\tline \x1b[0m\xff\n")
    kanaria("analyze", "new\nline\t\x1b[31m.log", "--rejects", "bad.txt")
    (line,) = (tmp_path / "bad.txt").read_text().splitlines()
    place, row, _reason, raw = line.split("\t")
    assert (place, row) == ("new\\x0aline\\x09\\x1b[31m.log", "51")
    assert raw == "bad\\tline \\x1b[0m\\\\xff"


NAMES = [
    "日本語.log".encode(),
    b"new\nline.log",
    b"\x1b[31mred.log",
    b"\xff\xfe.log",
    "rtl\u202e.log".encode(),
    b"a b'\"<i>.log",
]


@pytest.mark.parametrize("kind", REPORTS)
def test_names_of_any_bytes_are_harmless_in_every_format(tmp_path: Path, kanaria: Kanaria, kind: str) -> None:
    folder = tmp_path / "names"
    folder.mkdir()
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(LOG)
    done = kanaria("analyze", "names", "--format", kind)
    assert done.status == 0
    assert done.err == ""
    assert not {"\x1b", "\u202e"} & set(done.out)
    assert len(done.out) > 60 or kind == "iocs"


def test_links_in_a_circle_end(tmp_path: Path, kanaria: Kanaria) -> None:
    folder = tmp_path / "loop"
    folder.mkdir()
    (folder / "a.log").write_bytes(LOG)
    (folder / "here").symlink_to(".")
    (folder / "self").symlink_to("self")
    assert len(kanaria("analyze", "loop", "--format", "json").document["inputs"]) == 1


def test_the_same_file_counts_once(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "a.log").write_bytes(LOG)
    (tmp_path / "again.log").symlink_to("a.log")
    document = kanaria("analyze", "a.log", "./a.log", "again.log", "*.log", "--format", "json").document
    assert [item["rows"] for item in document["inputs"]] == [41]


def test_a_pipe_is_read(tmp_path: Path, kanaria: Kanaria) -> None:
    import threading

    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(LOG,))
    writer.start()
    done = kanaria("analyze", "fifo", "--format", "json")
    writer.join(PATIENCE)
    assert done.document["inputs"][0]["rows"] == 41


def test_a_line_of_twenty_megabytes_does_not_swallow_its_neighbours(tmp_path: Path, kanaria: Kanaria) -> None:
    long = ORDINARY.replace(b"GET /", b"GET /" + b"a" * 20_000_000)
    (tmp_path / "a.log").write_bytes(LOG + long + ORDINARY * 10)
    document = kanaria("analyze", "a.log", "--format", "json").document
    assert document["inputs"][0]["rows"] == 52
    assert len(document["incidents"]) == 1


def test_a_sparse_tail_is_passed_quickly(tmp_path: Path, kanaria_process: Kanaria) -> None:
    import time

    with (tmp_path / "sparse.log").open("wb") as file:
        file.write(ORDINARY * 50)
        file.truncate(200 << 20)
    started = time.monotonic()
    done = kanaria_process("analyze", "sparse.log")
    assert done.status == 3
    assert "Traceback" not in done.err
    assert time.monotonic() - started < 100


TIMES = ["21/Jun/2026:07:00:00", "01/Jan/1970:00:00:00", "07/Feb/2106:06:28:16", "20/Jun/2026:07:00:00",
         "31/Dec/9999:23:59:59", "01/Jan/0001:00:00:00", "31/Feb/2026:00:00:00"]  # fmt: skip


@pytest.mark.parametrize("kind", REPORTS)
def test_clocks_that_jump(tmp_path: Path, kanaria: Kanaria, kind: str) -> None:
    (tmp_path / "a.log").write_bytes(b"".join(LOG.replace(b"21/Jun/2026:07:00:00", time.encode()).replace(
        b"21/Jun/2026:07:01:00", time.encode()) for time in TIMES))  # fmt: skip
    done = kanaria("analyze", "a.log", "--format", kind)
    assert (done.status, done.err) == (0, "")


def test_ipv6_clients_and_japanese_addresses_are_read(tmp_path: Path, kanaria: Kanaria) -> None:
    paths = ["/検索?q=採掘".encode(), b"/%E6%8E%A1%E6%8E%98", "/採掘".encode("cp932")]
    lines = [ORDINARY.replace(b"203.0.113.5", b"2001:db8::5").replace(b"GET /", b"GET " + path) for path in paths]
    (tmp_path / "a.log").write_bytes(b"".join(lines) * 20 + PROBE.replace(b"203.0.113.9", b"2001:db8::bad"))
    done = kanaria("analyze", "a.log", "--format", "json")
    assert done.document["inputs"][0]["rejected"] == 0
    assert done.incident["entities"]["remotes"] == ["2001:db8::bad"]


@pytest.mark.parametrize("content", [PICTURE, os.urandom(20_000), b"", b"a,b\n1,2\n", b"{}\n[]\n", b"\xff\xfe<\0"])
def test_any_bytes_forced_through_any_format(tmp_path: Path, kanaria: Kanaria, content: bytes) -> None:
    from kanaria.formats import registry

    (tmp_path / "thing").write_bytes(content)
    for known in registry.all_formats():
        extra = ["--log-format", "%h %r"] if known.name == "logformat" else []
        done = kanaria("analyze", "thing", "--input-format", known.name, *extra)
        unreadable = "expected at least one readable record of" in done.err
        in_part = "could not be read" in done.out
        assert done.status == (2 if unreadable else 3 if in_part else 0), known.name
        assert done.err == "" or unreadable


def test_many_inputs_nobody_recognises_are_name_three_and_count_the_rest(tmp_path: Path, kanaria: Kanaria) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number:02}.png").write_bytes(PICTURE)
    done = kanaria("analyze", "many")
    assert done.out.count("format not recognised") == 3
    assert "27 more inputs like these" in done.out


def test_a_capture_of_another_layer_says_which_are_read(tmp_path: Path, kanaria: Kanaria) -> None:
    """Frames of a kind that only their maker knows (USER0) are no capture Kanaria can follow; "nothing was found" would be a lie."""
    frame = bytes(60)
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 147)
    (tmp_path / "air.pcap").write_bytes(header + 3 * (struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame))
    done = kanaria("analyze", "air.pcap")
    assert done.status == 2
    assert "air.pcap: expected at least one readable record of pcap; got none" in done.err
    assert "link type is not one of those read (Ethernet, " in done.err
    assert "air.pcap: 3 of 3 records could not be read as pcap" in done.out


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="no device here that always fails to be read")
def test_a_disk_that_fails_under_one_input_takes_no_other_along(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_bytes(LOG)
    done = kanaria("analyze", "access.log", "/proc/self/mem")
    assert done.status == 3
    assert done.out.startswith("2.4 % of the records could not be read (1 of 42)")
    assert "reading failed: Input/output error" in done.out
    assert "Internet-wide probe" in done.out


def test_an_archive_cut_before_its_first_byte_is_no_all_clear(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log.gz").write_bytes(gzip.compress(LOG)[:12])
    done = kanaria("analyze", "--lang", "ja", "access.log.gz")
    assert done.status == 2
    assert done.out.startswith("記録の100%(1件中1件)は読み取れず")
    assert "gzipのデータが途中で終わっています" in done.out


def test_a_name_that_is_no_text_changes_no_word(tmp_path: Path, kanaria: Kanaria) -> None:
    plain, odd = tmp_path / "a.log", Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.log"))
    for place in (plain, odd):
        place.write_bytes(LOG)
    said = [kanaria("analyze", *more, str(place)).out for place in (plain, odd) for more in ([], ["--full"])]
    assert said[0] == said[2]
    assert "\\xff.log" in said[3] and "udcff" not in said[3]
