"""How fast sensor logs and nested JSON web logs become tables: ``python -m benchmarks.sensor_log_reading``.

Lines are generated with documentation addresses. Out: MB and million rows a second on the clock, and MB per second of
processor time, which other work on the machine disturbs less; the best of five readings each. Goals: Zeek TSV 300 MB/s,
JSON 200 MB/s (two cores).
"""

from __future__ import annotations

import io
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from benchmarks import size
from kanaria.core.stream import Format, ReadContext
from kanaria.formats import registry
from kanaria.formats.suricata import SuricataEve
from kanaria.formats.zeek import ZeekJson, ZeekTsv

_TSV_HEADER = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\t"
    "conn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\t"
    "tunnel_parents\n"
)


@dataclass
class _Memory:
    data: bytes
    name: str
    path: Path | None = None
    size: int | None = 1 << 30

    def head(self) -> bytes:
        return self.data[: 256 << 10]

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


def _flow(r: random.Random, i: int) -> tuple[float, str, str, int, str, int]:
    client, server = f"192.168.{i % 7}.{r.randrange(250)}", f"203.0.113.{r.randrange(250)}"
    return 1_700_000_000 + i * 0.013, f"C{r.randrange(1 << 60):x}", client, r.randrange(1024, 65535), server, 443


def _zeek_tsv(r: random.Random, i: int) -> str:
    ts, uid, src, sport, dst, dport = _flow(r, i)
    return (
        f"{ts:.6f}\t{uid}\t{src}\t{sport}\t{dst}\t{dport}\ttcp\tssl\t{r.random() * 60:.6f}\t{r.randrange(9999)}\t"
        f"{r.randrange(99999)}\tSF\tT\tF\t0\tShADadFf\t{r.randrange(99)}\t{r.randrange(9999)}\t{r.randrange(99)}\t"
        f"{r.randrange(99999)}\t-\n"
    )


def _zeek_json(r: random.Random, i: int) -> str:
    ts, uid, src, sport, dst, dport = _flow(r, i)
    return (
        f'{{"_path":"conn","ts":{ts:.6f},"uid":"{uid}","id.orig_h":"{src}","id.orig_p":{sport},"id.resp_h":"{dst}",'
        f'"id.resp_p":{dport},"proto":"tcp","service":"ssl","duration":{r.random() * 60:.6f},"orig_bytes":'
        f'{r.randrange(9999)},"resp_bytes":{r.randrange(99999)},"conn_state":"SF","local_orig":true,"local_resp":false,'
        f'"missed_bytes":0,"history":"ShADadFf","orig_pkts":{r.randrange(99)},"orig_ip_bytes":{r.randrange(9999)},'
        f'"resp_pkts":{r.randrange(99)},"resp_ip_bytes":{r.randrange(99999)}}}\n'
    )


def _eve(r: random.Random, i: int) -> str:
    _ts, _uid, src, sport, dst, dport = _flow(r, i)
    when = f"2023-11-14T{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}.{r.randrange(10**6):06}+0000"
    return (
        f'{{"timestamp":"{when}","flow_id":{r.randrange(1 << 50)},"in_iface":"eth0","event_type":"flow",'
        f'"src_ip":"{src}",'
        f'"src_port":{sport},"dest_ip":"{dst}","dest_port":{dport},"proto":"TCP","app_proto":"tls","flow":{{'
        f'"pkts_toserver":{r.randrange(99)},"pkts_toclient":{r.randrange(99)},"bytes_toserver":{r.randrange(9999)},'
        f'"bytes_toclient":{r.randrange(9999)},"start":"{when}","end":"{when}","age":0,"state":"closed",'
        '"reason":"timeout","alerted":false},"tcp":{"tcp_flags":"1b","tcp_flags_ts":"1b","tcp_flags_tc":"1b",'
        '"syn":true,"fin":true,"psh":true,"ack":true,"state":"closed"}}\n'
    )


def _caddy(r: random.Random, i: int) -> str:
    ts, _uid, _src, sport, dst, _dport = _flow(r, i)
    return (
        f'{{"level":"info","ts":{ts:.6f},"logger":"http.log.access","msg":"handled request","request":{{"remote_ip":'
        f'"{dst}","remote_port":"{sport}","client_ip":"{dst}","proto":"HTTP/2.0","method":"GET","host":"example.org",'
        f'"uri":"/item/{r.randrange(9999)}?page={i % 9}","headers":{{"User-Agent":["Mozilla/5.0 (X11) {i % 90}"],'
        f'"Referer":["https://example.org/"],"Accept":["*/*"]}},"tls":{{"resumed":false,"version":772,"proto":"h2"}}}},'
        f'"bytes_read":0,"user_id":"","duration":{r.random() / 50:.9f},"size":{r.randrange(99999)},"status":200,'
        '"resp_headers":{"Server":["Caddy"],"Content-Type":["text/html"]}}\n'
    )


def _traefik(r: random.Random, i: int) -> str:
    _ts, _uid, _src, sport, dst, _dport = _flow(r, i)
    when = f"2023-11-14T{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}.{r.randrange(10**9):09}Z"
    return (
        f'{{"ClientAddr":"{dst}:{sport}","ClientHost":"{dst}","ClientPort":"{sport}","ClientUsername":"-",'
        f'"DownstreamContentSize":{r.randrange(99999)},"DownstreamStatus":200,"Duration":{r.randrange(10**8)},'
        f'"OriginStatus":200,"RequestContentSize":0,"RequestHost":"example.org","RequestMethod":"GET",'
        f'"RequestPath":"/item/{r.randrange(9999)}","RequestPort":"-","RequestProtocol":"HTTP/2.0","RequestScheme":"https",'
        f'"StartLocal":"{when}","StartUTC":"{when}","entryPointName":"websecure","level":"info","msg":"",'
        f'"request_User-Agent":"Mozilla/5.0 (X11) {i % 90}","time":"{when[:19]}Z"}}\n'
    )


def _measure(known: Format, line: Callable[[random.Random, int], str], header: str, name: str) -> str:
    r = random.Random(7)
    block = "".join(line(r, i) for i in range(size(40_000, 2_000))).encode()
    data = header.encode() + block * max(1, size(100 << 20, 1 << 20) // len(block))
    wall = cpu = math.inf
    for _ in range(5):
        start, used = time.perf_counter(), time.process_time()
        rows = sum(batch.rows for batch in known.read(_Memory(data, name), ReadContext()))
        wall, cpu = min(wall, time.perf_counter() - start), min(cpu, time.process_time() - used)
    mb = len(data) / 1e6
    return f"{known.name:13} {mb / wall:5.0f} MB/s {rows / wall / 1e6:5.2f} M rows/s {mb / cpu:5.0f} MB/processor s"


def main() -> None:
    print(_measure(ZeekTsv(), _zeek_tsv, _TSV_HEADER, "conn.log"))
    print(_measure(ZeekJson(), _zeek_json, "", "conn.json"))
    print(_measure(SuricataEve(), _eve, "", "eve.json"))
    print(_measure(registry.get("caddy-json"), _caddy, "", "caddy.log"))
    print(_measure(registry.get("traefik-json"), _traefik, "", "traefik.log"))


if __name__ == "__main__":
    main()
