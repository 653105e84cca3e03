"""Flow records as programs print them: nfdump(1), argus' ra(1), SiLK's rwcut(1), pmacct, AWS; one conversation, one row."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from kanaria.core.stream import ReadContext
from kanaria.formats.flow_state import parse_flags
from kanaria.formats.netflow_csv import FlowCsv, canonical, protocol_number
from kanaria.formats.netflow_text import NfdumpText
from tests.reading_formats import Everything, read_all

WHEN = datetime(2026, 1, 10, 9, 0, 0, tzinfo=UTC)
SECOND = 1_768_035_600
ENDS4, ENDS6 = ("192.0.2.10", "203.0.113.5"), ("2001:db8::10", "2001:db8::5")


def read(known: FlowCsv | NfdumpText, text: str) -> Everything:
    return read_all(known, text.encode(), "flows.txt", ReadContext(year=2026))


def one(known: FlowCsv | NfdumpText, text: str) -> dict[str, Any]:
    found = read(known, text)
    assert not found.rejects
    (row,) = found.rows_of("connection")
    return row


def check(
    row: dict[str, Any], ends: tuple[str, str] = ENDS4, *, state: str | None = "SF", duration: int = 12_250_000
) -> None:
    assert (row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"]) == (ends[0], 50_000, ends[1], 443)
    assert (row["transport"], row["time"], row["duration_us"]) == ("tcp", WHEN, duration)
    assert (row["src_bytes"], row["src_packets"], row["dst_bytes"], row["dst_packets"]) == (400, 5, 620, 3)
    assert state is None or row["state"] == state


# --- nfdump for people --------------------------------------------------------------------------------------------------

Printed = Callable[[tuple[str, str]], str]


def _place(address: str, port: int) -> str:
    return f"{address}.{port}" if ":" in address else f"{address}:{port}"


def line(ends: tuple[str, str]) -> str:
    """``-o line``: neither flags nor type of service."""
    there, back = _place(ends[0], 50_000), _place(ends[1], 443)
    return (
        "Date first seen          Duration Proto      Src IP Addr:Port          Dst IP Addr:Port   Packets    Bytes Flows\n"
        f"2026-01-10 09:00:00.000    12.250 TCP  {there} -> {back}        5      400     1\n"
        f"2026-01-10 09:00:00.010    12.100 TCP  {back} -> {there}        3      620     1\n"
        "Summary: total flows: 2, total bytes: 1020, total packets: 8, avg bps: 666, avg pps: 0, avg bpp: 127\n"
        "Time window: 2026-01-10 09:00:00 - 2026-01-10 09:00:12\nTotal flows processed: 2, Blocks skipped: 0, Bytes read: 512\n"
    )


def long(ends: tuple[str, str]) -> str:
    there, back = _place(ends[0], 50_000), _place(ends[1], 443)
    return (
        "Date first seen          Duration Proto      Src IP Addr:Port          Dst IP Addr:Port   Flags Tos  Packets    Bytes Flows\n"
        f"2026-01-10 09:00:00.000    12.250 TCP  {there} -> {back} ...AP.SF   0        5      400     1\n"
        f"2026-01-10 09:00:00.010    12.100 TCP  {back} -> {there} ...AP.SF   0        3      620     1\n"
    )


def long_17(ends: tuple[str, str]) -> str:
    """Version 1.7 writes durations as clocks."""
    return long(ends).replace("   12.250", " 00:00:12.250").replace("   12.100", " 00:00:12.100")


def extended(ends: tuple[str, str]) -> str:
    there, back = _place(ends[0], 50_000), _place(ends[1], 443)
    return (
        "Date first seen          Duration Proto      Src IP Addr:Port          Dst IP Addr:Port   Flags Tos  Packets    Bytes      pps      bps    Bpp Flows\n"
        f"2026-01-10 09:00:00.000    12.250 TCP  {there} -> {back} ...AP.SF   0        5      400        0      261     80     1\n"
        f"2026-01-10 09:00:00.010    12.100 TCP  {back} -> {there} ...AP.SF   0        3      620        0      409    206     1\n"
    )


def biline(ends: tuple[str, str]) -> str:
    there, back = _place(ends[0], 50_000), _place(ends[1], 443)
    return (
        "Date first seen          Duration Proto      Src IP Addr:Port          Dst IP Addr:Port   Out Pkt   In Pkt Out Byte  In Byte Flows\n"
        f"2026-01-10 09:00:00.000    12.250 TCP  {there} <-> {back}        5        3      400      620     2\n"
    )


def bilong(ends: tuple[str, str]) -> str:
    there, back = _place(ends[0], 50_000), _place(ends[1], 443)
    return (
        "Date first seen          Duration Proto      Src IP Addr:Port          Dst IP Addr:Port   Flags Tos  Out Pkt   In Pkt Out Byte  In Byte Flows\n"
        f"2026-01-10 09:00:00.000    12.250 TCP  {there} <-> {back} ...AP.SF   0        5        3      400      620     2\n"
    )


NFDUMP: dict[str, Printed] = {
    "line": line, "long": long, "long of 1.7": long_17, "extended": extended, "biline": biline, "bilong": bilong,
}  # fmt: skip


@pytest.mark.parametrize("name", NFDUMP)
@pytest.mark.parametrize("ends", [ENDS4, ENDS6], ids=["4", "6"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_what_nfdump_prints_for_people(name: str, ends: tuple[str, str], end: str) -> None:
    text = NFDUMP[name](ends).replace("\n", end)
    assert NfdumpText().sniff(text.encode(), "x") > 0.9
    check(one(NfdumpText(), text), ends, state="SF" if "long" in name or name == "extended" else None)


@pytest.mark.parametrize(
    ("size", "meant"),
    [
        ("0", 0),
        ("1", 1),
        ("999", 999),
        ("1.0 K", 1000),
        ("1.2 M", 1_200_000),
        ("3.4 G", 3_400_000_000),
        ("1.0 T", 10**12),
    ],
)
def test_rounded_sizes(size: str, meant: int) -> None:
    text = long(ENDS4).replace("      400     1", f"      {size}     1")
    assert one(NfdumpText(), text)["src_bytes"] == meant


@pytest.mark.parametrize(
    "broken",
    [
        "2026-01-10 09:00:00.000    12.250 TCP  2001:db..0:10.50000 -> 203.0.113.5:443 ...AP.SF   0        5      400     1",
        "2026-01-10 09:00:00.000    12.250 TCP  192.0.2.10:50000 -> 203.0.113.5:443 ...AP.SF   0        5",
        "2026-13-40 09:00:00.000    12.250 TCP  192.0.2.10:50000 -> 203.0.113.5:443 ...AP.SF   0        5      400     1",
        "2026-01-10 09:00:00.000    12.250 TCP  name:50000 -> 203.0.113.5:443 ...AP.SF   0        5      400     1",
        "2026-01-10 09:00:00.000    12.250 TCP  192.0.2.10:x -> 203.0.113.5:443 ...AP.SF   0        5      400     1",
        "2026-01-10 09:00:00.000    12.250 TCP  192.0.2.10:50000 -> 203.0.113.5:443 ...AP.SF   0        5      9999999 T     1",
    ],
    ids=["a shortened address", "no bytes", "no date", "a name", "no port", "more than there is"],
)
def test_a_line_that_cannot_be_is_told_and_costs_nothing_else(broken: str) -> None:
    head, *rest = long(ENDS4).splitlines()
    found = read(NfdumpText(), "\n".join([head, rest[0], broken, rest[1], ""]))
    assert [reject.row for reject in found.rejects] == [3]
    (row,) = found.rows_of("connection")
    check(row)


def test_cut_at_any_byte_nothing_is_told_that_was_not_printed() -> None:
    text = long(ENDS4)
    for size in range(0, len(text), 11):
        for row in read(NfdumpText(), text[:size]).rows_of("connection"):
            assert {row["src_ip"], row["dst_ip"]} == set(ENDS4)
            assert {row["src_port"], row["dst_port"]} == {50_000, 443}


# --- tables with a header -----------------------------------------------------------------------------------------------

TABLES: dict[str, str] = {
    "nfdump 1.6": (
        "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das\n"
        "2026-01-10 09:00:00,2026-01-10 09:00:12,12.250,{0},{1},50000,443,TCP,...AP.SF,0,0,5,400,0,0,1,2,0,0\n"
        "2026-01-10 09:00:00,2026-01-10 09:00:12,12.250,{1},{0},443,50000,TCP,...AP.SF,0,0,3,620,0,0,1,2,0,0\n"
        "Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n2,1020,8,666,0,127\n"
    ),
    "nfdump 1.7": (
        "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,flags,packets,bytes,bpp,flows\n"
        "2026-01-10 09:00:00.000,00:00:12.250,TCP,{0},50000,{1},443,...AP.SF,5,400,80,1\n"
        "2026-01-10 09:00:00.000,00:00:12.250,TCP,{1},443,{0},50000,...AP.SF,3,620,206,1\n"
    ),
    "argus": (
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,SrcPkts,DstPkts,SrcBytes,DstBytes\n"
        "2026/01/10 09:00:00.000000,12.250000,tcp,{0},50000,   ->,{1},443,FSPA_FSPA,5,3,400,620\n"
    ),
    "argus, the other way round": (
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,SrcPkts,DstPkts,SrcBytes,DstBytes\n"
        "2026/01/10 09:00:00.000000,12.250000,tcp,{1},443,   <-,{0},50000,FSPA_FSPA,3,5,620,400\n"
    ),
    "argus, sums": (
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes,SrcBytes,SrcPkts\n"
        "2026/01/10 09:00:00.000000,12.250000,tcp,{0},50000,  <?>,{1},443,FSPA_FSPA,8,1020,400,5\n"
    ),
    "rwcut of SiLK": (
        "                sIP|                dIP|sPort|dPort|pro|   packets|     bytes|   flags|                  sTime| duration|                  eTime|sen|\n"
        "     {0}|     {1}|50000|  443|  6|         5|       400|FS PA   |2026/01/10T09:00:00.000|   12.250|2026/01/10T09:00:12.250| S0|\n"
        "     {1}|     {0}|  443|50000|  6|         3|       620|FS PA   |2026/01/10T09:00:00.000|   12.250|2026/01/10T09:00:12.250| S0|\n"
    ),
    "pmacct": (
        "SRC_IP,DST_IP,SRC_PORT,DST_PORT,TCP_FLAGS,PROTOCOL,TIMESTAMP_START,TIMESTAMP_END,PACKETS,FLOWS,BYTES\n"
        "{0},{1},50000,443,27,tcp,2026-01-10 09:00:00.000000,2026-01-10 09:00:12.250000,5,1,400\n"
        "{1},{0},443,50000,27,tcp,2026-01-10 09:00:00.000000,2026-01-10 09:00:12.250000,3,1,620\n"
    ),
    "ipfix by its own names": (
        "flowStartMilliseconds,flowEndMilliseconds,sourceIPv4Address,destinationIPv4Address,sourceTransportPort,"
        "destinationTransportPort,protocolIdentifier,tcpControlBits,packetDeltaCount,octetDeltaCount,"
        "reversePacketDeltaCount,reverseOctetDeltaCount,reverseTcpControlBits\n"
        f"{SECOND}000,{SECOND}012250".replace("012250", "000") + ",{0},{1},50000,443,6,0x1b,5,400,3,620,0x1b\n"
    ),
    "semicolons and quotes": (
        'Start Time;Duration;Protocol;Source IP;Source Port;Destination IP;Destination Port;Flags;Packets;Bytes\n'
        '"2026-01-10T09:00:00Z";"12.25";"TCP";"{0}";"50000";"{1}";"443";"...AP.SF";"5";"400"\n'
        '"2026-01-10T09:00:00Z";"12.25";"TCP";"{1}";"443";"{0}";"50000";"...AP.SF";"3";"620"\n'
    ),
    "tabs": (
        "#ts\tduration\tproto\tsrc_ip\tsrc_port\tdst_ip\tdst_port\tsrc_bytes\tdst_bytes\tsrc_pkts\tdst_pkts\tconn_state\n"
        f"{SECOND}.0\t12.25\ttcp\t" "{0}\t50000\t{1}\t443\t400\t620\t5\t3\tSF\n"
    ),
}  # fmt: skip


def table(name: str, ends: tuple[str, str]) -> str:
    return TABLES[name].replace("{0}", ends[0]).replace("{1}", ends[1])


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("ends", [ENDS4, ENDS6], ids=["4", "6"])
def test_tables_of_flows(name: str, ends: tuple[str, str]) -> None:
    text = table(name, ends)
    assert FlowCsv().sniff(text.encode(), "flows.csv") > 0.8
    check(one(FlowCsv(), text), ends, duration=0 if "own names" in name else 12_250_000)


@pytest.mark.parametrize("name", ["nfdump 1.7", "argus", "semicolons and quotes"])
@pytest.mark.parametrize("mark", ["", "\ufeff", "\n\n"], ids=["plain", "a mark of an editor", "blank lines"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_tables_as_they_are_saved(name: str, mark: str, end: str) -> None:
    check(one(FlowCsv(), mark + table(name, ENDS4).replace("\n", end)))


TIMES: dict[str, str] = {
    "a date": "2026-01-10 09:00:00", "a zone": "2026-01-10T10:00:00+01:00", "UTC": "2026-01-10T09:00:00Z",
    "a fraction": "2026-01-10 09:00:00.000000", "slashes": "2026/01/10 09:00:00", "seconds": f"{SECOND}",
    "seconds with a fraction": f"{SECOND}.000", "milliseconds": f"{SECOND}000", "microseconds": f"{SECOND}000000",
}  # fmt: skip


@pytest.mark.parametrize("name", TIMES)
def test_times_in_every_form(name: str) -> None:
    row = one(
        FlowCsv(),
        f"first,duration,proto,srcip,sport,dstip,dport,packets,bytes\n{TIMES[name]},1.5,6,192.0.2.1,1,192.0.2.2,2,1,9\n",
    )
    assert (row["time"], row["duration_us"]) == (WHEN, 1_500_000)


@pytest.mark.parametrize(
    ("duration", "micros"),
    [("0", 0), ("1.5", 1_500_000), ("00:00:01.500", 1_500_000), ("01:00:00", 3_600_000_000), ("1d 00:00:00", 86_400_000_000),
     ("-1", 0), ("", 0), ("soon", 0), ("nan", 0)],
)  # fmt: skip
def test_durations(duration: str, micros: int) -> None:
    row = one(
        FlowCsv(),
        f"first,duration,proto,srcip,sport,dstip,dport,packets,bytes\n{SECOND},{duration},6,192.0.2.1,1,192.0.2.2,2,1,9\n",
    )
    assert row["duration_us"] == micros


@pytest.mark.parametrize(
    ("written", "number"),
    [("TCP", 6), ("tcp", 6), ("6", 6), ("UDP", 17), ("ICMP", 1), ("ICMP6", 58), ("ipv6-icmp", 58), ("IPv6-ICMP", 58),
     ("GRE", 47), ("255", 255), ("", None), ("x", None), ("1000", None), ("-6", None), ("\u0666", None)],
)  # fmt: skip
def test_protocols(written: str, number: int | None) -> None:
    assert protocol_number(written) == number


@pytest.mark.parametrize(
    ("written", "flags"),
    [("...AP.SF", 0x1B), (".AP.SF", 0x1B), ("0x1b", 0x1B), ("0x1B", 0x1B), ("27", 27), ("........", 0), ("", 0), ("......S.", 2),
     ("UAPRSF", 0x3F), ("0xzz", 0), ("FS PA", 0x1B), ("0x1ff", 0xFF)],
)  # fmt: skip
def test_flags(written: str, flags: int) -> None:
    assert parse_flags(written) == flags


@pytest.mark.parametrize(
    "header",
    [
        "time,message",
        "src_ip,dst_ip",
        "first,bytes,packets",
        "date,time,s-ip,cs-method,cs-uri-stem",
        "",
        "a,b,c",
        "sa;da;pr",
    ],
)
def test_other_tables_are_none_of_flows(header: str) -> None:
    assert FlowCsv().sniff(f"{header}\n1,2,3,4\n".encode(), "x.csv") == 0.0


def test_a_column_that_comes_twice_counts_once() -> None:
    delimiter, names = canonical(b"srcip,sa,dstip,first,bytes")
    assert (delimiter, names) == (",", ["src_ip", "", "dst_ip", "first", "bytes"])


@pytest.mark.parametrize(
    "row",
    [
        "1,2",
        "x" * 5000,
        ",,,,,,,,",
        '"',
        "\0",
        "-,-,-,-,-,-,-,-,-",
        "1e999,1e999,6,192.0.2.1,1e9,192.0.2.2,-1,1e300,nan",
    ],
)
def test_a_row_that_cannot_be_costs_nothing_else(row: str) -> None:
    head = "first,duration,proto,srcip,sport,dstip,dport,packets,bytes"
    good = f"{SECOND},1.5,6,192.0.2.1,50000,192.0.2.2,443,5,400"
    found = read(FlowCsv(), f"{head}\n{good}\n{row}\n{good.replace('50000', '50001')}\n")
    assert {50_000, 50_001} <= {one.get("src_port") for one in found.rows_of("connection")} or row == '"'
    json.dumps([{name: str(value) for name, value in one.items()} for one in found.rows_of("connection")])
