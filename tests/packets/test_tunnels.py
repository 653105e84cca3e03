"""What is inside a tunnel, a radio frame or a firewall's log is read as if it had come bare; tshark reads it alike."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from build_packets import CLIENT, SERVER, START, Reader, block, conversation, ethernet, ip, pcap, tcp
from click.testing import CliRunner
from golden_captures import STRATUM
from hypothesis import given, settings
from hypothesis import strategies as st
from tunnel_frames import CARRIED, SEALED, UNOPENED

from kanaria.app.commands.main import cli
from kanaria.formats.packets import layout as L
from kanaria.formats.packets import plain_decode
from kanaria.formats.packets.decode import decode_one
from tests.programs import program

INSIDE = [packet[14:] for packet in conversation(STRATUM, dport=3333)]
SEGMENT = ip(tcp(b"hello", sport=40000, dport=3333, flags=24))
NOT_FOR_TSHARK = re.compile("big-endian|l2tpv3|erspan iii with ip|ethernet over mpls")
"""What tshark has to be told packet by packet (a byte order, a pseudowire's kind), or has no dissector for."""


def both(frame: bytes, link: int) -> tuple[int, int]:
    """Status of both decoders, which agree on everything they say of a packet."""
    plain = plain_decode.decode(frame, len(frame), link, 0)
    packet = np.zeros(1, L.PACKET)[0]
    status = int(decode_one(np.frombuffer(frame, np.uint8), 0, len(frame), len(frame), link, packet))
    if status == plain.status == L.OK:
        names = ("proto", "src_port", "dst_port", "seq", "flags", "length")
        assert [int(packet[name]) for name in names] == [getattr(plain, name) for name in names]
        assert int(packet["src_lo"]).to_bytes(8, "big") == plain.src[8:]
    return plain.status, status


@pytest.mark.parametrize("name", CARRIED)
def test_the_inside_is_read_as_if_it_had_come_bare(name: str, read: Reader) -> None:
    link, wrap = CARRIED[name]
    rows, rejects = read(pcap(map(wrap, INSIDE), link=link))
    assert not rejects
    assert rows == read(pcap(INSIDE, link=101))[0]


@pytest.mark.parametrize("name", CARRIED)
def test_cut_anywhere_both_decoders_say_the_same(name: str) -> None:
    link, wrap = CARRIED[name]
    whole = wrap(SEGMENT)
    for size in range(len(whole)):
        plain, compiled = both(whole[:size], link)
        assert plain == compiled


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(CARRIED)), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4))
def test_damaged_anywhere_both_decoders_say_the_same(name: str, changes: list[tuple[int, int]]) -> None:
    link, wrap = CARRIED[name]
    damaged = bytearray(wrap(SEGMENT))
    for place, value in changes:
        damaged[place % len(damaged)] = value
    plain, compiled = both(bytes(damaged), link)
    assert plain == compiled


def test_tshark_finds_the_same_inside(tmp_path: Path) -> None:
    tshark = program("tshark", "tshark")
    names = [name for name in CARRIED if not NOT_FOR_TSHARK.search(name)]
    path = tmp_path / "all.pcapng"
    path.write_bytes(_everything(names))
    fields = [part for one in ("ip.src", "ip.dst", "tcp.srcport", "tcp.dstport") for part in ("-e", one)]
    command = [tshark, "-r", str(path), "-T", "fields", "-E", "occurrence=l", "-d", "udp.port==8472,vxlan", *fields]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    wrong = {
        name: line
        for name, line in zip(names, said, strict=True)
        if line.split("\t") != [CLIENT, SERVER, "40000", "3333"]
    }
    assert not wrong


def _everything(names: list[str]) -> bytes:
    """One capture with an interface for each of them."""
    out = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    out += [block(1, struct.pack("<HHI", CARRIED[name][0], 0, 0)) for name in names]
    for number, name in enumerate(names):
        frame = CARRIED[name][1](SEGMENT)
        head = struct.pack("<IIIII", number, START >> 32, START & 0xFFFFFFFF, len(frame), len(frame))
        out.append(block(6, head + frame))
    return b"".join(out)


@pytest.mark.parametrize("name", SEALED)
def test_what_is_encrypted_on_the_link_is_said_to_be(name: str, read: Reader) -> None:
    link, frame = SEALED[name]
    rows, (reject,) = read(pcap([frame] * 3, link=link))
    assert not rows
    assert reject.reason.startswith("3 packets: frames encrypted")


@pytest.mark.parametrize("name", UNOPENED)
def test_a_tunnel_that_stays_closed_is_named(name: str, read: Reader) -> None:
    service, datagram = UNOPENED[name]
    rows, rejects = read(pcap([ethernet(ip(datagram, proto=17))] * 3))
    assert not rejects
    assert [row["service"] for row in rows["connection"]] == [service]


def _said(capture: Path, language: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["analyze", str(capture), "--lang", language], standalone_mode=False)
    return int(result.return_value or 0), " ".join(result.stdout.split())


def test_the_report_says_that_a_closed_tunnel_was_not_judged(tmp_path: Path) -> None:
    mirror = [ethernet(ip(UNOPENED["tzsp of something else"][1], proto=17, src="10.0.0.1", dst="10.0.0.2"))] * 3
    capture = tmp_path / "mirror.pcap"
    capture.write_bytes(pcap(mirror))
    status, english = _said(capture, "en")
    assert status == 0
    assert (
        "1 connection is a tunnel whose inside could not be read (tzsp 1): what goes on inside was not judged"
        in english
    )
    assert "1件の通信は中身を読み取れないトンネルです(tzsp 1)" in _said(capture, "ja")[1]


@pytest.mark.parametrize("name", ["geneve", "tzsp", "erspan iii", "gtp-u", "l2tp", "radiotap"])
def test_who_mines_in_a_tunnel_is_named_and_no_end_of_the_tunnel(name: str, tmp_path: Path) -> None:
    link, wrap = CARRIED[name]
    inside = [packet[14:] for packet in conversation(STRATUM, dport=3333, src="10.1.2.3")]
    capture = tmp_path / "mirror.pcap"
    capture.write_bytes(pcap(map(wrap, inside), link=link))
    status, said = _said(capture, "en")
    assert status == 1
    assert "(10.1.2.3)" in said and "198.51.100" not in said and "whose inside" not in said
