"""Logs of mining programs as people find them on their machines: every line says what it says, whole logs become one
run with its sums, and what databases, browsers and games write in like words is nobody's mining."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.stream import ReadContext
from kanaria.formats import registry
from kanaria.formats.miners.log import MinerLog
from kanaria.formats.miners.phrases import PHRASES, read
from tests.reading_formats import BytesStream, read_all

Y2026 = ReadContext(year=2026)
STAMP = "[2026-01-10 09:00:00.123]  "
POOL = {"pool": "pool.example.org", "port": 3333}


def said(line: str) -> dict[str, Any]:
    """What a line says, without what it leaves open."""
    found = read(line)
    assert found is not None, line
    values = dataclasses.asdict(found)
    return {name: value for name, value in values.items() if value is not None and value is not False and value != ""}


def xmrig(**more: object) -> dict[str, object]:
    return {"program": "XMRig", "sure": True, **more}


# program and what it is: (line, what must come out)
LINES: dict[str, tuple[str, dict[str, object]]] = {
    # XMRig
    "xmrig about": (" * ABOUT        XMRig/6.21.0 gcc/9.4.0 (built for Linux x86-64, 64 bit)", xmrig(version="6.21.0")),
    "xmrig fork about": (
        " * ABOUT        XMRig/6.21.0-mo1 gcc/9.4.0 (built for Linux x86-64, 64 bit)", xmrig(version="6.21.0-mo1"),
    ),
    "renamed xmrig about": (
        " * ABOUT        kworkerrig/6.20.0 gcc/9.4.0", xmrig(program="kworkerrig", version="6.20.0"),
    ),
    "xmrig-proxy about": (" * ABOUT        xmrig-proxy/6.20.0", xmrig(program="xmrig-proxy", version="6.20.0")),
    "xmrig pool auto": (" * POOL #1      pool.example.org:3333 algo auto", xmrig(**POOL)),
    "xmrig pool algo": (" * POOL #2      pool.example.org:3333 algo rx/0", xmrig(**POOL, algorithm="rx/0")),
    "xmrig pool coin": (" * POOL #1      pool.example.org:3333 coin XMR", xmrig(**POOL, coin="XMR")),
    "xmrig pool tls": (
        " * POOL #1      stratum+ssl://pool.example.org:443 coin monero",
        xmrig(pool="pool.example.org", port=443, coin="monero"),
    ),
    "xmrig pool by address": (" * POOL #1      203.0.113.10:80 algo auto", xmrig(pool="203.0.113.10", port=80)),
    "xmrig use pool": (
        STAMP + "net      use pool pool.example.org:3333  203.0.113.10", xmrig(**POOL, address="203.0.113.10"),
    ),
    "xmrig use pool tls": (
        STAMP + "net      use pool pool.example.org:3333 TLSv1.3 203.0.113.10", xmrig(**POOL, address="203.0.113.10"),
    ),
    "xmrig use pool v6": (STAMP + "net      use pool [2001:db8::7]:3333", xmrig(pool="2001:db8::7", port=3333)),
    "xmrig use daemon": (STAMP + "net      use daemon 192.0.2.7:18081", xmrig(pool="192.0.2.7", port=18081)),
    "xmrig new job": (
        STAMP + "net      new job from pool.example.org:3333 diff 100001 algo rx/0 height 3043343 (12 tx)",
        xmrig(**POOL, algorithm="rx/0", job=True),
    ),
    "xmrig accepted": (STAMP + "cpu      accepted (12/3) diff 100001 (43 ms)", xmrig(accepted=12, rejected=3)),
    "xmrig first accepted": (STAMP + "cpu      accepted (1/0) diff 100001 (43 ms)", xmrig(accepted=1, rejected=0)),
    "xmrig accepted cuda": (STAMP + "nvidia   accepted (7/1) diff 100001 (43 ms)", xmrig(accepted=7, rejected=1)),
    "xmrig accepted opencl": (STAMP + "opencl   accepted (7/1) diff 100001 (43 ms)", xmrig(accepted=7, rejected=1)),
    "xmrig rejected": (
        STAMP + 'cpu      rejected (7/2) diff 100001 "Low difficulty share" (43 ms)', xmrig(accepted=7, rejected=2),
    ),
    "xmrig rejected cuda": (
        STAMP + 'nvidia   rejected (7/2) diff 100001 "Block expired" (43 ms)', xmrig(accepted=7, rejected=2),
    ),
    "xmrig speed first": (STAMP + "miner    speed 10s/60s/15m 523.1 n/a n/a H/s max 530.2 H/s", xmrig(rate=523.1)),
    "xmrig speed": (STAMP + "miner    speed 10s/60s/15m 12.1 12.4 n/a kH/s max 13.0 kH/s", xmrig(rate=12_400.0)),
    "xmrig no speed yet": (STAMP + "miner    speed 10s/60s/15m n/a n/a n/a H/s max n/a H/s", xmrig()),
    # T-Rex
    "t-rex banner": (
        "20260110 09:00:00 T-Rex NVIDIA GPU miner v0.26.8  -  [CUDA v11.10 | Windows]",
        {"program": "T-Rex", "sure": True, "version": "0.26.8"},
    ),
    "t-rex url": ("20260110 09:00:05 URL : stratum+tcp://pool.example.org:3333", {**POOL}),
    "t-rex ok": (
        "20260110 09:01:00 [ OK ] 25/26 - 25.30 MH/s, 35ms ... GPU #0",
        {"program": "T-Rex", "sure": True, "rate": 25.3e6, "accepted": 25, "rejected": 1},
    ),
    "t-rex fail": (
        "20260110 09:01:00 [FAIL] 12/13 - 97.53 MH/s, 41ms ... GPU #0",
        {"program": "T-Rex", "sure": True, "rate": 97.53e6, "accepted": 12, "rejected": 1},
    ),
    "t-rex gpu": (
        "20260110 09:01:30 GPU #0: RTX 3070 - 25.30 MH/s, [T:55C, P:120W, F:60%, E:210kH/W], 12/12 R:0%",
        {"program": "T-Rex", "sure": True, "rate": 25.3e6},
    ),
    "t-rex mining at": (
        "20260110 09:01:30 Mining at pool.example.org:3333, diff: 2.00 G", {"program": "T-Rex", "sure": True, **POOL},
    ),
    # lolMiner
    "lolminer banner": (
        "|          lolMiner 1.88 by Lolliedieb                    |",
        {"program": "lolMiner", "sure": True, "version": "1.88"},
    ),
    "lolminer connected": (
        "Connected to pool.example.org:3333  (TLS disabled)", {"program": "lolMiner", **POOL},
    ),
    "lolminer connected, dual": (
        "ETHASH: Connected to pool.example.org:3333  (TLS enabled)", {"program": "lolMiner", **POOL},
    ),
    "lolminer job": (
        "New job received: 2ec8 Epoch: 443 Difficulty: 4 G", {"program": "lolMiner", "sure": True, "job": True},
    ),
    "lolminer share": ("GPU 0: Share accepted (42 ms)", {"program": "lolMiner", "sure": True, "one": True}),
    "lolminer refused": ("GPU 1: Share rejected (30 ms)", {"sure": True, "refused": True}),
    "lolminer speed": ("Average speed (15s): 60.31 Mh/s", {"program": "lolMiner", "sure": True, "rate": 60.31e6}),
    "lolminer graphs": ("Average speed (15s): 25.1 g/s", {"program": "lolMiner", "sure": True, "rate": 25.1}),
    "lolminer solutions": ("Average speed (15s): 30.2 Sol/s", {"program": "lolMiner", "sure": True, "rate": 30.2}),
    # GMiner
    "gminer banner": (
        "|                          GMiner v3.44                           |",
        {"program": "GMiner", "sure": True, "version": "3.44"},
    ),
    "gminer algorithm": ("Algorithm:          KawPow", {"algorithm": "KawPow"}),
    "gminer host": ("  host:             pool.example.org:3333", {"program": "GMiner", **POOL}),
    "gminer connected": ("09:00:10 Connected to pool.example.org:3333", {**POOL}),
    "gminer subscribed": ("09:00:10 Subscribed to Stratum Server", {"program": "GMiner", "sure": True}),
    "gminer authorized": ("09:00:10 Authorized on Stratum Server", {"program": "GMiner", "sure": True}),
    "gminer job": (
        "09:00:11 New Job: 1f2e3d4c Epoch: 375 Height: 2812345 Difficulty: 4.0G",
        {"program": "GMiner", "sure": True, "job": True},
    ),
    "gminer share": ("09:00:40 GPU0: Share #1 accepted 32 ms", {"sure": True, "one": True}),
    "gminer refused": ("09:00:40 GPU0: Share #2 rejected 32 ms", {"sure": True, "refused": True}),
    # NBMiner
    "nbminer banner": (
        "[09:00:00] INFO - |                NBMiner 42.3               |",
        {"program": "NBMiner", "sure": True, "version": "42.3"},
    ),
    "nbminer login": (
        "[09:00:03] INFO - ethash - Logging in to pool.example.org:3333 ...",
        {"program": "NBMiner", "sure": True, **POOL},
    ),
    "nbminer job": (
        "[09:00:03] INFO - ethash - New job: pool.example.org:3333, ID: 1f2e, HEIGHT: 14000000, DIFF: 4.295G",
        {"program": "NBMiner", "sure": True, "job": True, **POOL},
    ),
    "nbminer share": (
        "[09:00:40] INFO - ethash - #0 Share accepted, 32 ms. [DAG]", {"program": "NBMiner", "sure": True, "one": True},
    ),
    "nbminer refused": (
        "[09:01:00] WARN - ethash - #0 Share rejected, 32 ms. Low difficulty share",
        {"program": "NBMiner", "sure": True, "refused": True},
    ),
    # PhoenixMiner and Claymore's
    "phoenix banner": (
        "2026.01.10:09:00:01.123: main Phoenix Miner 6.2c Linux/gcc - Release build",
        {"program": "PhoenixMiner", "sure": True, "version": "6.2c"},
    ),
    "phoenix connecting": (
        "2026.01.10:09:00:03.000: eths Eth: Connecting to ethash pool pool.example.org:3333 (proto: EthProxy)",
        {"program": "PhoenixMiner", "sure": True, **POOL},
    ),
    "phoenix connected": (
        "2026.01.10:09:00:03.100: eths Eth: Connected to ethash pool pool.example.org:3333 (203.0.113.10)",
        {"program": "PhoenixMiner", "sure": True, "address": "203.0.113.10", **POOL},
    ),
    "phoenix job": (
        "2026.01.10:09:00:03.200: eths Eth: New job #1f2e3d4c from pool.example.org:3333; diff: 4295MH",
        {"program": "PhoenixMiner", "sure": True, "job": True, **POOL},
    ),
    "phoenix speed": (
        "2026.01.10:09:01:00.000: main Eth speed: 30.123 MH/s, shares: 5/1/0, time: 0:01",
        {"program": "PhoenixMiner", "sure": True, "rate": 30.123e6, "accepted": 5, "rejected": 1},
    ),
    "claymore job": (
        "ETH: 01/10/26-09:00:00 - New job from pool.example.org:3333",
        {"program": "Claymore", "sure": True, "job": True, **POOL},
    ),
    "claymore speed": (
        "ETH - Total Speed: 60.125 Mh/s, Total Shares: 12, Rejected: 0, Time: 00:10",
        {"program": "Claymore", "sure": True, "rate": 60.125e6, "accepted": 12, "rejected": 0},
    ),
    # SRBMiner, BzMiner, Rigel, nanominer
    "srbminer banner": (
        "[2026-01-10 09:00:01] SRBMiner-MULTI 2.4.4", {"program": "SRBMiner-MULTI", "sure": True, "version": "2.4.4"},
    ),
    "srbminer connected": (
        "[2026-01-10 09:00:01] Connected to pool.example.org:3333 [10] [randomx]",
        {"program": "SRBMiner-MULTI", "sure": True, "algorithm": "randomx", **POOL},
    ),
    "srbminer share": (
        "[2026-01-10 09:00:01] GPU0 result accepted for algorithm kawpow [33ms]",
        {"program": "SRBMiner-MULTI", "sure": True, "algorithm": "kawpow", "one": True},
    ),
    "srbminer refused": (
        "[2026-01-10 09:00:01] CPU result rejected for algorithm randomx [33ms]",
        {"program": "SRBMiner-MULTI", "sure": True, "algorithm": "randomx", "refused": True},
    ),
    "bzminer banner": ("** BzMiner: v21.2.1 **", {"program": "BzMiner", "sure": True, "version": "21.2.1"}),
    "bzminer pool": (
        "[bzminer] Connecting to pool.example.org:3333", {"program": "BzMiner", "sure": True, **POOL},
    ),
    "rigel banner": ("| Rigel v1.17.4 |", {"program": "Rigel", "sure": True, "version": "1.17.4"}),
    "rigel job": (
        "[2026-01-10 09:00:10] INFO  kheavyhash: new job from stratum+tcp://pool.example.org:3333",
        {"job": True, **POOL},
    ),
    "rigel share": (
        "[2026-01-10 09:00:10] INFO  [kheavyhash] GPU #0: share accepted (32 ms)", {"sure": True, "one": True},
    ),
    "nanominer speed": (
        "Ethash - Total speed: 60.125 MH/s, Total shares: 12 Rejected: 1, Time: 00:10",
        {"program": "nanominer", "sure": True, "rate": 60.125e6, "accepted": 12, "rejected": 1},
    ),
    # cgminer, ccminer, cpuminer, TeamRedMiner, ethminer, xmr-stak
    "cgminer start": ("[2026-01-10 09:00:00] Started cgminer 4.10.0",
                      {"program": "cgminer", "sure": True, "version": "4.10.0"}),
    "cgminer share": ("[2026-01-10 09:00:05] Accepted 0a1b2c3d Diff 812/512 BTM 0 pool 0",
                      {"program": "cgminer", "sure": True, "one": True}),
    "cgminer refused": ("[2026-01-10 09:00:05] Rejected 0a1b2c3d Diff 812/512 AVA7 0",
                        {"program": "cgminer", "sure": True, "refused": True}),
    "cgminer sums": (
        "(5s):13.5T (1m):13.4T (5m):13.4T (15m):13.4T (avg):13.41Th/s | A:1024 R:3 HW:0 WU:187.2/m",
        {"program": "cgminer", "sure": True, "rate": 13.41e12, "accepted": 1024, "rejected": 3},
    ),
    "cgminer block": ("[2026-01-10 09:00:05] Stratum from pool 0 detected new block at height 800000",
                      {"program": "cgminer", "sure": True, "job": True}),
    "ccminer banner": ("*** ccminer 2.3.1 for nVidia GPUs by tpruvot@github ***",
                       {"program": "ccminer", "sure": True, "version": "2.3.1"}),
    "ccminer gpu": ("[2026-01-10 09:00:05] GPU #0: GeForce GTX 1070, 25.00 MH/s", {"sure": True, "rate": 25e6}),
    "cpuminer-opt banner": ("         **********  cpuminer-opt 24.5  ***********",
                            {"program": "cpuminer-opt", "sure": True, "version": "24.5"}),
    "cpuminer threads": ("[2026-01-10 09:00:05] 4 miner threads started, using 'yespower' algorithm.",
                         {"program": "cpuminer", "sure": True, "algorithm": "yespower"}),
    "cpuminer share": ("[2026-01-10 09:00:05] accepted: 3/4 (diff 0.015), 1250.00 kH/s yes!",
                       {"sure": True, "rate": 1.25e6, "accepted": 3, "rejected": 1}),
    "teamredminer share": (
        "[2026-01-10 09:00:01] Pool pool.example.org share accepted. (GPU0) (a:3 r:0) (52 ms)",
        {"program": "TeamRedMiner", "sure": True, "pool": "pool.example.org", "accepted": 3, "rejected": 0},
    ),
    "teamredminer refused": (
        "[2026-01-10 09:00:01] Pool pool.example.org share rejected. (GPU0) Error code: 23 - low diff (a:3 r:1) (52 ms)",
        {"program": "TeamRedMiner", "sure": True, "pool": "pool.example.org", "accepted": 3, "rejected": 1},
    ),
    "teamredminer job": (
        "[2026-01-10 09:00:01] Pool pool.example.org received new job. (job_id: 0x1f, diff 1.000 / 4295 MH)",
        {"program": "TeamRedMiner", "sure": True, "pool": "pool.example.org", "job": True},
    ),
    "ethminer banner": ("ethminer 0.19.0-alpha.0", {"program": "ethminer", "sure": True, "version": "0.19.0-alpha.0"}),
    "ethminer speed": (
        "  m 09:00:00 ethminer 0:05 A12:R1 62.50 Mh - gpu0 62.50",
        {"program": "ethminer", "sure": True, "rate": 62.5e6, "accepted": 12, "rejected": 1},
    ),
    "ethminer speed, old": (
        " m  09:00:00|ethminer|  Speed  62.50 Mh/s    gpu/0 62.50  [A12+0:R1+0:F0]",
        {"program": "ethminer", "sure": True, "rate": 62.5e6, "accepted": 12, "rejected": 1},
    ),
    "ethminer job": (
        "  i 09:00:00 stratum  Job: 1f2e3d4c... pool.example.org [203.0.113.10:3333]",
        {"program": "ethminer", "sure": True, "job": True, "address": "203.0.113.10", **POOL},
    ),
    "xmr-stak share": ("[2026-01-10 09:00:05] : Result accepted by the pool.",
                       {"program": "xmr-stak", "sure": True, "one": True}),
    "xmr-stak sums": ("Totals (ALL):  512.3  511.0  509.9 H/s", {"program": "xmr-stak", "sure": True, "rate": 512.3}),
    # machines
    "bosminer": ("bosminer: Connected to pool.example.org:3333", {"program": "Braiins OS", "sure": True, **POOL}),
    "bitaxe": ("I (12345) stratum_task: Connecting to: stratum+tcp://pool.example.org:3333",
               {"program": "Bitaxe (AxeOS)", "sure": True, **POOL}),
    "bitaxe share": ("I (12345) stratum_task: message result accepted",
                     {"program": "Bitaxe (AxeOS)", "sure": True, "one": True}),
    "nerdminer": ("*** Client: connecting to pool.example.org:3333", {"program": "NerdMiner", "sure": True, **POOL}),
    "p2pool": ("P2Pool v4.1", {"program": "P2Pool", "sure": True, "version": "4.1"}),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_a_line_says_what_it_says_and_nothing_else(name: str) -> None:
    line, expected = LINES[name]
    assert said(line) == pytest.approx(expected)


@pytest.mark.parametrize("name", LINES)
def test_colours_and_blanks_around_change_nothing(name: str) -> None:
    line, expected = LINES[name]
    coloured = f"\x1b[1;36m{line}\x1b[0m   "
    assert said(coloured) == pytest.approx(expected)


@pytest.mark.parametrize("name", LINES)
def test_nothing_is_read_out_of_a_line_cut_short(name: str) -> None:
    """Of a line that was cut, what is said is part of the whole, or a number with fewer digits."""
    line, expected = LINES[name]
    for end in range(len(line) // 2, len(line), 5):
        found = read(line[:end])
        facts = {} if found is None else dataclasses.asdict(found)
        for fact in ("version", "pool", "algorithm", "coin"):
            if facts.get(fact) is not None:
                assert str(expected.get(fact, facts[fact])).startswith(str(facts[fact])) or expected.get(fact) is None


OTHERS = {
    "postgres pool": "2026-01-10 09:00:00 UTC [71] LOG:  connection authorized: user=app database=shop",
    "pgbouncer": "2026-01-10 09:00:00.123 UTC [1] LOG C-0x5: shop/app@192.0.2.7:41234 login attempt: db=shop user=app tls=no",
    "hikari": "2026-01-10 09:00:00.123  INFO 1 --- [main] com.zaxxer.hikari.HikariDataSource : HikariPool-1 - Start completed.",
    "haproxy": "Jan 10 09:00:00 lb haproxy[7]: 192.0.2.7:41234 [10/Jan/2026:09:00:00.123] front back/s1 0/0/1/2/3 200 12",
    "rabbitmq": "2026-01-10 09:00:00.123 [info] <0.700.0> accepting AMQP connection <0.700.0> (192.0.2.7:41234 -> 192.0.2.8:5672)",
    "sshd": "Accepted publickey for deploy from 192.0.2.7 port 41234 ssh2: ED25519 SHA256:abc",
    "slurm": "[2026-01-10T09:00:00.123] sched: Allocate JobId=71 NodeList=n1 #CPUs=4 Partition=main",
    "cups": "I [10/Jan/2026:09:00:00 +0000] [Job 71] Queued on \"lp0\" by \"tanaka\".",
    "jenkins": "Started by user tanaka; Running as SYSTEM; new job from folder/main",
    "laravel": "[2026-01-10 09:00:00] production.INFO: new job from queue default",
    "sidekiq": "2026-01-10T09:00:00.123Z pid=7 tid=abc class=HardJob jid=1 INFO: start",
    "kafka": "[2026-01-10 09:00:00,123] INFO [GroupCoordinator 0]: Member worker-1 in group a has joined",
    "webrtc": "speed test: 120.5 Mbit/s down, 12.1 Mbit/s up",
    "rsync": "sent 1,234 bytes  received 12 bytes  830.67 bytes/sec",
    "hashcat": "Speed.#1.........:  1234.5 MH/s (5.23ms) @ Accel:64 Loops:1 Thr:256 Vec:1",
    "john": "1g 0:00:00:05 DONE (2026-01-10 09:00) 0.2000g/s 1234p/s 1234c/s 1234C/s password..123456",
    "openssl speed": "sha256  45312.51k  131478.25k  301205.42k  423452.33k  481312.77k",
    "sysbench": "    events per second:  1234.56",
    "fio": "  read: IOPS=1234, BW=4936KiB/s (5054kB/s)(289MiB/60001msec)",
    "minecraft": "[09:00:00] [Server thread/INFO]: tanaka joined the game",
    "minecraft mining": "[09:00:00] [Server thread/INFO]: <tanaka> I am mining at 120:12, diamonds!",
    "game share": "Share accepted: photo 12 is now visible to your friends",
    "smb share": "smbd[7]: share accepted connection from 192.0.2.7",
    "stocks": "Order accepted: 3/4 shares filled, 12.5 USD",
    "eth0": "eth0: Link is up at 1000 Mbps, full duplex",
    "nagios worker": "wproc: Registry request: name=Core Worker 7;pid=7",
    "apache workers": "AH00161: server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting",
    "gunicorn": "[2026-01-10 09:00:00 +0000] [7] [INFO] Booting worker with pid: 7",
    "pool api": "GET /api/v1/pools/xmr1 HTTP/1.1",
    "prime95": "[Worker #1 Jan 10 09:00] M77232917: iteration 10000 / 77232917, ms/iter: 4.2, ETA: 3d 18:06",
    "folding": "09:00:00:WU00:FS00:0xa8:Completed 2500 out of 250000 steps (1%)",
    "boinc": "10-Jan-2026 09:00:00 [World Community Grid] Scheduler request completed: got 1 new tasks",
    "bitcoind": "2026-01-10T09:00:00Z UpdateTip: new best=0000000000 height=800000 version=0x20000000 tx=900000",
    "lnd": "2026-01-10 09:00:00.123 [INF] PEER: Peer(02ab): Negotiated chan series queries",
    "geth": "INFO [01-10|09:00:00.123] Imported new potential chain segment  number=1 hash=ab..cd blocks=1 txs=9 mgas=1.2",
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_what_other_programs_write_proves_no_miner(name: str) -> None:
    found = read(OTHERS[name])
    assert found is None or not found.sure


@pytest.mark.parametrize("name", OTHERS)
def test_a_log_of_it_is_no_miners_log(name: str) -> None:
    data = f"{OTHERS[name]}\n".encode() * 20
    assert MinerLog().sniff(data, "x.log") == 0.0
    assert "miner" not in read_all(MinerLog(), data, context=Y2026).tables


LOGS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "xmrig": (
        ["xmrig about", "xmrig pool auto", "xmrig use pool tls", "xmrig new job", "xmrig first accepted", "xmrig accepted",
         "xmrig speed"],
        {"program": "XMRig", "version": "6.21.0", "pool": "pool.example.org", "remote": "203.0.113.10", "jobs": 1,
         "accepted": 12, "rejected": 3, "hash_rate": 12_400.0, "algorithm": "rx/0", "lines": 7},
    ),
    "xmrig over IPv6": (
        ["xmrig about", "xmrig use pool v6", "xmrig accepted"],
        {"program": "XMRig", "pool": "2001:db8::7", "remote": "2001:db8::7", "dst_port": 3333},
    ),
    "t-rex": (
        ["t-rex banner", "t-rex url", "t-rex ok", "t-rex fail", "t-rex gpu"],
        {"program": "T-Rex", "version": "0.26.8", "pool": "pool.example.org", "accepted": 25, "rejected": 1,
         "hash_rate": 25.3e6},
    ),
    "lolminer": (
        ["lolminer banner", "lolminer connected", "lolminer job", "lolminer share", "lolminer share", "lolminer refused",
         "lolminer speed"],
        {"program": "lolMiner", "version": "1.88", "jobs": 1, "accepted": 2, "rejected": 1, "hash_rate": 60.31e6},
    ),
    "gminer": (
        ["gminer banner", "gminer algorithm", "gminer host", "gminer connected", "gminer authorized", "gminer job",
         "gminer share", "gminer refused"],
        {"program": "GMiner", "version": "3.44", "algorithm": "KawPow", "pool": "pool.example.org", "accepted": 1,
         "rejected": 1, "jobs": 1},
    ),
    "gminer without its banner": (
        ["gminer connected", "gminer subscribed", "gminer share"], {"program": "GMiner", "accepted": 1},
    ),
    "nbminer": (
        ["nbminer banner", "nbminer login", "nbminer job", "nbminer share", "nbminer refused"],
        {"program": "NBMiner", "version": "42.3", "pool": "pool.example.org", "accepted": 1, "rejected": 1, "jobs": 1},
    ),
    "phoenixminer": (
        ["phoenix banner", "phoenix connecting", "phoenix connected", "phoenix job", "phoenix speed"],
        {"program": "PhoenixMiner", "version": "6.2c", "remote": "203.0.113.10", "accepted": 5, "rejected": 1, "jobs": 1},
    ),
    "srbminer": (
        ["srbminer banner", "srbminer connected", "srbminer share", "srbminer refused"],
        {"program": "SRBMiner-MULTI", "pool": "pool.example.org", "accepted": 1, "rejected": 1},
    ),
    "ethminer": (
        ["ethminer banner", "ethminer job", "ethminer speed"],
        {"program": "ethminer", "version": "0.19.0-alpha.0", "pool": "pool.example.org", "remote": "203.0.113.10", "accepted": 12, "jobs": 1},
    ),
    "teamredminer": (
        ["teamredminer job", "teamredminer share", "teamredminer refused"],
        {"program": "TeamRedMiner", "pool": "pool.example.org", "accepted": 3, "rejected": 1, "jobs": 1},
    ),
    "braiins": (["bosminer"], {"program": "Braiins OS", "pool": "pool.example.org"}),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGS)
def test_a_whole_log_is_one_run_with_its_sums(name: str) -> None:
    lines, expected = LOGS[name]
    data = "".join(f"{LINES[line][0]}\n" for line in lines).encode()
    assert isinstance(registry.detect(BytesStream(data)), MinerLog)
    (row,) = read_all(MinerLog(), data, context=Y2026).rows_of("miner")
    assert {key: row.get(key) for key in expected} == pytest.approx(expected)


@pytest.mark.parametrize("name", LOGS)
def test_a_log_with_windows_line_ends_says_the_same(name: str) -> None:
    lines, _expected = LOGS[name]
    unix = "".join(f"{LINES[line][0]}\n" for line in lines).encode()
    (one,) = read_all(MinerLog(), unix, context=Y2026).rows_of("miner")
    (other,) = read_all(MinerLog(), unix.replace(b"\n", b"\r\n"), context=Y2026).rows_of("miner")
    for part in (one, other):
        part.pop("raw")
        part.pop("event_id", None)
    assert one == other


def test_every_kind_of_line_has_a_name_or_is_many_programs() -> None:
    programs = {phrase.program for phrase in PHRASES}
    told = {read(line).program for line, _ in LINES.values() if read(line)}  # type: ignore[union-attr]
    assert len(programs) > 15
    assert {"XMRig", "T-Rex", "lolMiner", "GMiner", "NBMiner", "PhoenixMiner", "SRBMiner-MULTI", "BzMiner"} <= told


@given(st.text(max_size=200), st.sampled_from(sorted(LINES)))
def test_any_text_around_a_line_is_read_without_an_error(text: str, name: str) -> None:
    line = LINES[name][0]
    for message in (text, line + text, text + line):
        found = read(message)
        assert found is None or found.port is None or 0 < found.port < 65_536
