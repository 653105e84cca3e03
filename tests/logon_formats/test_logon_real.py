"""Real Windows event logs: exact counts, and what is left of them when they are damaged."""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kanaria.core.errors import MissingExtra
from kanaria.core.stream import ReadContext
from kanaria.formats.logons.evtx_file import Evtx

Read = Callable[..., Any]
SMB = "smb-password-guessing-security.evtx"


@pytest.fixture
def logs() -> Path:
    folder = os.environ.get("KANARIA_DATA")
    if not folder:
        pytest.skip("needs the folder KANARIA_DATA names")
    return Path(folder) / "evtx"


def _count(read: Read, data: bytes, path: Path | None = None) -> tuple[int, int]:
    everything = read(Evtx(), data, "Security.evtx", ReadContext(), path)
    return len(everything.rows_of("logon")), len(everything.rejects)


@pytest.mark.data
def test_smb_password_guessing_is_3561_failed_network_logons(read: Read, logs: Path) -> None:
    rows = read(Evtx(), (logs / SMB).read_bytes(), "Security.evtx", ReadContext(), logs / SMB).rows_of("logon")
    kinds = Counter((row["event_code"], row["success"], row["logon_type"], row["src_ip"]) for row in rows)
    assert kinds == {(4625, False, 3, "192.168.198.149"): 3561}
    assert {row["host_name"] for row in rows} == {"DESKTOP-M5SN04R"}
    assert {row["reason"] for row in rows} <= {"0xc0000064", "0xc000006a", "0xc0000072"}  # no user, password, disabled


@pytest.mark.data
def test_rdp_connections_without_a_user_are_attempts_without_an_outcome(read: Read, logs: Path) -> None:
    everything = read(Evtx(), (logs / "ID131-RDP brutforce (no user info).evtx").read_bytes())
    rows = everything.rows_of("logon")
    assert Counter((row["event_code"], row["service"], row["src_ip"]) for row in rows) == {
        (131, "rdp", "10.23.123.11"): 154
    }
    assert not any("user" in row or "success" in row for row in rows)
    assert len(everything.rows_of("rdp")) == 154


@pytest.mark.data
def test_openssh_on_windows_is_ssh(read: Read, logs: Path) -> None:
    rows = read(Evtx(), (logs / "ID4625-OpenSSH brutforce with valid users.evtx").read_bytes()).rows_of("logon")
    assert Counter((row["event_code"], row["service"]) for row in rows) == {
        (4625, "ssh"): 5, (4624, "ssh"): 2, (4648, "ssh"): 2
    }  # fmt: skip


@pytest.mark.data
def test_damage_costs_only_what_is_damaged(read: Read, logs: Path) -> None:
    whole = (logs / SMB).read_bytes()
    chunk = 4096 + 65536 * 2
    no_chunk = bytearray(whole)
    no_chunk[chunk : chunk + 200] = bytes(200)
    rows, rejects = _count(read, bytes(no_chunk))
    assert 3400 < rows < 3561
    assert rejects == 1
    no_record = bytearray(whole)
    no_record[chunk + 5000 : chunk + 5200] = b"\xff" * 200
    assert _count(read, bytes(no_record)) == (3560, 1)
    assert _count(read, whole[:60]) == (0, 1)
    rows, _rejects = _count(read, whole[: len(whole) // 2])
    assert 1000 < rows < 3561


@pytest.mark.data
def test_a_compressed_log_is_read_like_a_plain_one(read: Read, logs: Path) -> None:
    whole = (logs / SMB).read_bytes()
    assert _count(read, gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(whole, 1))).read()) == (3561, 0)


def test_without_the_package_the_error_says_what_to_install(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evtx", None)
    with pytest.raises(MissingExtra, match=r"install .*evtx"):
        read(Evtx(), b"ElfFile\0" + bytes(100))


def test_another_kind_of_file_is_one_rejected_record(read: Read) -> None:
    everything = read(Evtx(), b"PK\x03\x04 a zip archive")
    assert not everything.tables
    assert [reject.reason for reject in everything.rejects] == [
        "expected a Windows event log file, which starts with ElfFile; it is another kind of file"
    ]
