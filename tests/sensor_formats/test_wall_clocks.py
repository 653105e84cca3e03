"""Who writes a clock without its zone is read in the zone that is told (``--tz``), and who writes one, in that: every format."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kanaria.core.stream import Format, ReadContext
from kanaria.core.zone import LocalTime
from kanaria.formats import registry
from tests.reading_formats import BytesStream, read_all

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NINE = datetime(2026, 1, 10, 9, 0, 0, tzinfo=UTC)
NFDUMP = "Date first seen   Duration Proto Src IP Addr:Port Dst IP Addr:Port Packets Bytes Flows\n"
VIEWER = (
    'Level,Date and Time,Source,Event ID,Task Category\nInformation,{0},Microsoft-Windows-Security-Auditing,4625,Logon,"An account '
    "failed to log on.\n\nSubject:\n\tSecurity ID:\t\tS-1-0-0\n\tAccount Name:\t\t-\n\tAccount Domain:\t\t-\n\tLogon ID:\t\t0x0\n\n"
    'Logon Type:\t\t\t3\n\nAccount For Which Logon Failed:\n\tSecurity ID:\t\tS-1-0-0\n\tAccount Name:\t\tadmin\n\tAccount Domain:\t\tCORP\n"'
    "\n"
)
SMBD = "[{0},  2] ../../source3/auth/auth.c:323(auth_check_ntlm_password)\n  check_ntlm_password:  Authentication for user [ann] -> [ann] FAILED with error NT_STATUS_WRONG_PASSWORD, authoritative=1\n"

LOCAL: dict[str, str] = {
    "auth-log": "Jan 10 09:00:00 srv sshd[7]: Failed password for root from 198.51.100.7 port 5 ssh2\n",
    "auditd": 'type=EXECVE msg=audit(01/10/2026 09:00:00.000:1) : argc=1 a0=curl\n',
    "miner-log": "[2026-01-10 09:00:00.000]  net      use pool pool.example.com:3333 203.0.113.50\n",
    "netfilter": "Jan 10 09:00:00 gw kernel: IN=eth0 OUT= SRC=198.51.100.7 DST=192.0.2.1 LEN=60 PROTO=TCP SPT=1 DPT=22 SYN\n",
    "filterlog": "Jan 10 09:00:00 gw filterlog[7]: 5,,,0,igb0,match,block,in,4,0x0,,52,1,0,none,17,udp,76,198.51.100.7,192.0.2.1,5000,53,56\n",
    "cisco-asa": 'Jan 10 2026 09:00:00 fw : %ASA-4-106023: Deny tcp src outside:198.51.100.7/5 dst inside:192.0.2.1/22 by access-group "x" [0x0, 0x0]\n',
    "bind": "10-Jan-2026 09:00:00.000 client @0x7f01 192.0.2.10#40000 (a.example): query: a.example IN A + (192.0.2.53)\n",
    "dnsmasq": "Jan 10 09:00:00 dnsmasq[7]: query[A] a.example from 192.0.2.10\n",
    "windows-dns": "1/10/2026 9:00:00 AM 0E44 PACKET  01D3 UDP Rcv 192.0.2.10    0002   Q [0001   D   NOERROR] A   (1)a(7)example(0)\n",
    "nfdump": NFDUMP + "2026-01-10 09:00:00.000 1.000 TCP 192.0.2.10:50000 -> 203.0.113.5:443 5 400 1\n",
    "nfdump-csv": "ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt\n2026-01-10 09:00:00,2026-01-10 09:00:01,1.0,192.0.2.10,203.0.113.5,50000,443,TCP,...AP...,5,400\n",
    "argus-csv": "StartTime,SrcAddr,Sport,DstAddr,Dport,Proto,SrcPkts,DstPkts,SrcBytes,DstBytes\n2026/01/10 09:00:00.000000,192.0.2.10,50000,203.0.113.5,443,tcp,5,4,400,300\n",
    "windows-csv": VIEWER.format("1/10/2026 9:00:00 AM"),
    "samba": SMBD.format("2026/01/10 09:00:00.000000"),
    "errorlog": "[Sat Jan 10 09:00:00.000000 2026] [core:error] [pid 7] [client 198.51.100.7:5000] AH00126: Invalid URI in request GET /x HTTP/1.1\n",
}  # fmt: skip

ZONED: dict[str, str] = {
    "auth-log": "2026-01-10T18:00:00+09:00 srv sshd[7]: Failed password for root from 198.51.100.7 port 5 ssh2\n",
    "auditd": 'type=EXECVE msg=audit(1768035600.000:1): argc=1 a0="curl"\n',
    "unbound": "[1768035600] unbound[7:0] info: 192.0.2.10 a.example. A IN\n",
    "conntrack": "[1768035600.000000] [DESTROY] tcp 6 src=192.0.2.10 dst=203.0.113.5 sport=5 dport=443 src=203.0.113.5 dst=192.0.2.10 sport=443 dport=5\n",
    "suricata": '{"timestamp":"2026-01-10T18:00:00.000000+0900","flow_id":1,"event_type":"ssh","src_ip":"192.0.2.10","dest_ip":"203.0.113.5","proto":"TCP","ssh":{}}\n',
    "unirec": "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 BYTES_REV,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint32 PACKETS_REV,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL\n203.0.113.5,192.0.2.10,400,300,2026-01-10T09:00:00.000000,2026-01-10T09:00:01.000000,5,4,443,50000,6\n",
    "flow-csv": "ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt\n2026-01-10T18:00:00+09:00,2026-01-10T18:00:01+09:00,1.0,192.0.2.10,203.0.113.5,50000,443,TCP,...AP...,5,400\n",
    "zeek-json": '{"_path":"conn","ts":1768035600.0,"uid":"C","id.orig_h":"192.0.2.10","id.orig_p":1,"id.resp_h":"203.0.113.5","id.resp_p":443,"proto":"tcp"}\n',
}  # fmt: skip


def _format(name: str, text: str) -> Format:
    found = registry.detect(BytesStream(text.encode(), "sample"))
    assert found is not None, name
    return found


def _times(text: str, known: Format, zone: str) -> list[datetime]:
    context = ReadContext(now=NOW, zone=LocalTime(ZoneInfo(zone)))
    found = read_all(known, text.encode(), "sample", context)
    name = "time" if "miner" not in found.tables else "since"
    return [value for table in found.tables.values() for value in table[name].to_pylist()]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Asia/Kolkata", "America/St_Johns", "Asia/Kathmandu"])
@pytest.mark.parametrize("name", LOCAL)
def test_a_clock_without_its_zone_is_of_the_one_that_is_told(name: str, zone: str) -> None:
    off = NINE.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    assert _times(LOCAL[name], _format(name, LOCAL[name]), zone) == [NINE - off]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/St_Johns"])
@pytest.mark.parametrize("name", ZONED)
def test_a_clock_with_its_zone_is_not_moved(name: str, zone: str) -> None:
    assert _times(ZONED[name], _format(name, ZONED[name]), zone) == [NINE]


@pytest.mark.parametrize(
    ("clock", "meant"),
    [
        ("Mar 29 01:59:59", "2026-03-29T00:59:59"),  # the last second of winter in Berlin
        ("Mar 29 03:00:00", "2026-03-29T01:00:00"),  # the first of summer
        ("Oct 26 01:59:59", "2025-10-25T23:59:59"),  # the last second of summer that is there once
        ("Oct 26 03:00:00", "2025-10-26T02:00:00"),
    ],
)
def test_when_clocks_are_put_forward_a_second_stays_a_second(clock: str, meant: str) -> None:
    text = f"{clock} srv sshd[7]: Failed password for root from 198.51.100.7 port 5 ssh2\n"
    context = ReadContext(now=datetime(2026, 4, 1, tzinfo=UTC), zone=LocalTime(ZoneInfo("Europe/Berlin")))
    found = read_all(_format("auth-log", text), text.encode(), "sample", context)
    (time,) = found.tables["logon"]["time"].to_pylist()
    assert time == datetime.fromisoformat(meant).replace(tzinfo=UTC)
