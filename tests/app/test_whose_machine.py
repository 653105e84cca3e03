"""Which machine is ours where only public addresses are seen: who knocks at a door of ours is never taken for us."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.app.test_records_of_others import hear

OURS, STRANGER, OTHER = "198.51.100.5", "203.0.113.77", "192.0.2.40"


def netfilter(
    at: int, port: int, *, came: str = "eth0", left: str = "", ends: tuple[str, str] = (STRANGER, OURS)
) -> str:
    """A line as the kernel writes it for the target LOG (iptables-extensions(8)); ufw sets the words in front."""
    return (
        f"Nov 28 07:00:{at:02} vps kernel: [UFW BLOCK] IN={came} OUT={left} MAC=aa SRC={ends[0]} DST={ends[1]} LEN=60 "
        f"TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=40000 DPT={port} WINDOW=64240 RES=0x00 SYN URGP=0"
    )


def zeek(at: int, port: int, *, state: str = "S0", ends: tuple[str, str] = (STRANGER, OURS)) -> str:
    return json.dumps(
        {"ts": 1_764_400_000 + at, "uid": f"C{at}", "id.orig_h": ends[0], "id.orig_p": 40_000 + at,
         "id.resp_h": ends[1], "id.resp_p": port, "proto": "tcp", "conn_state": state, "history": "S"}
    )  # fmt: skip


def devices(kanaria: Kanaria, folder: Path, lines: Iterable[str]) -> str:
    log = folder / "of.log"
    log.write_text("".join(line + "\n" for line in lines))
    return kanaria("devices", str(log)).out


SCANS = {
    "one port": lambda write: [write(at, 23) for at in range(60)],
    "many ports": lambda write: [write(at, 20 + at) for at in range(60)],
    "one packet": lambda write: [write(0, 3389)],
}


@pytest.mark.parametrize("write", [netfilter, zeek])
@pytest.mark.parametrize("scan", SCANS)
def test_a_scan_of_our_server_by_one_stranger_accuses_nobody(
    kanaria: Kanaria, tmp_path: Path, write: Callable[..., str], scan: str
) -> None:
    said = hear(kanaria, tmp_path, "\n".join(SCANS[scan](write)) + "\n")
    assert (said.status, said.severity) == (0, "silent")


@pytest.mark.parametrize("write", [netfilter, zeek])
def test_the_server_that_was_scanned_counts_as_ours(
    kanaria: Kanaria, tmp_path: Path, write: Callable[..., str]
) -> None:
    log = tmp_path / "of.log"
    log.write_text("\n".join(SCANS["many ports"](write)) + "\n")
    told = kanaria("analyze", str(log)).out
    assert OURS in told and STRANGER not in told


def test_a_machine_that_scans_is_accused_by_its_own_firewall(kanaria: Kanaria, tmp_path: Path) -> None:
    """No interface that the packet came in by: the machine itself sent it."""
    lines = [netfilter(at, 23, came="", left="eth0", ends=(OURS, f"203.0.113.{at + 1}")) for at in range(60)]
    said = hear(kanaria, tmp_path, "\n".join(lines) + "\n")
    assert (said.status, said.severity, said.devices) == (1, "high", frozenset({OURS}))


def test_what_a_gateway_passes_on_is_oriented_by_the_networks(kanaria: Kanaria, tmp_path: Path) -> None:
    lines = [netfilter(at, 443, came="lan0", left="eth0", ends=("192.168.1.20", OTHER)) for at in range(5)]
    assert "192.168.1.20" in devices(kanaria, tmp_path, lines)


@pytest.mark.parametrize(
    ("ends", "home"), [(("2001:db8:1:2::7", "2001:db8:1:2::1"), ""), (("198.51.100.7", OURS), "198.51.100.0/24")]
)
def test_neighbours_on_public_addresses_are_no_strangers(
    kanaria: Kanaria, tmp_path: Path, ends: tuple[str, str], home: str
) -> None:
    """A network at home has public addresses in IPv6; whoever named the network is believed, not the interface."""
    log = tmp_path / "ufw.log"
    log.write_text("\n".join(netfilter(at, 20 + at, ends=ends) for at in range(60)) + "\n")
    told = kanaria("analyze", *(("--home", home) if home else ()), str(log)).out
    assert "whose firewall wrote a log" not in told and "from outside" not in told


def test_an_answered_conversation_of_two_strangers_is_its_clients(kanaria: Kanaria, tmp_path: Path) -> None:
    """A capture of one conversation: who opens it is at home somewhere."""
    told = devices(kanaria, tmp_path, [zeek(at, 8443, state="SF") for at in range(9)])
    assert STRANGER in told and OURS not in told


def test_a_line_of_another_machine_makes_no_stranger_ours(kanaria: Kanaria, tmp_path: Path) -> None:
    """One line in forty that names somebody else as the machine (forged, or a relay's) does not count."""
    lines = [netfilter(at, 23) for at in range(40)]
    told = devices(kanaria, tmp_path, [*lines, netfilter(41, 23, ends=(OURS, STRANGER))])
    assert OURS in told and STRANGER not in told


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "whose firewall wrote a log"), ("ja", "ファイアウォールのログを記録した")]
)
def test_the_reason_is_said(kanaria: Kanaria, tmp_path: Path, lang: str, words: str) -> None:
    log = tmp_path / "ufw.log"
    log.write_text("\n".join(SCANS["many ports"](netfilter)) + "\n")
    told = " ".join(kanaria("analyze", "--lang", lang, str(log)).out.split())
    assert OURS in told and words.replace(" ", "") in told.replace(" ", "")


def test_it_makes_no_difference_into_how_many_runs_the_log_is_divided(kanaria: Kanaria, tmp_path: Path) -> None:
    lines = SCANS["many ports"](netfilter)
    for number, part in enumerate((lines[:20], lines[20:40], lines[40:])):
        (tmp_path / f"{number}.log").write_text("\n".join(part) + "\n")
        whole = kanaria("analyze", "--store", str(tmp_path / "store"), str(tmp_path / f"{number}.log"))
        assert (whole.status, OURS in whole.out, STRANGER in whole.out) == (0, True, False)
