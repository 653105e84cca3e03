"""``analyze --interface`` and ``--listen``: real packets and datagrams come in while it runs, and what is said when not."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import pytest

from kanaria.app.commands.listen_options import Live
from kanaria.app.commands.listening import own_addresses
from kanaria.lab import netns
from kanaria.lab.mining import Plan, conversation
from kanaria.lab.scenario import Host, write_pcap
from kanaria.sources.live import addresses
from tests import live_mining
from tests.app.running import Kanaria
from tests.packets.build_packets import pcap
from tests.programs import program
from tests.running import PATIENCE, free_port, running, unconfigured

LISTENS = (b"Listening on ", "lab0 で".encode())
"""How the line begins that comes before anything is missed; where code is compiled first, another says so."""
QUIET_LINE = '192.0.2.7 - - [21/Jun/2026:07:01:00 +0000] "GET / HTTP/1.1" 200 157 "-" "-"\n'


@contextmanager
def process(folder: Path, *arguments: str, inside: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """``kanaria analyze`` that has begun to listen, in a network namespace if one is named."""
    started = subprocess.Popen(
        [*(("ip", "netns", "exec", inside) if inside else ()), sys.executable, "-m", "kanaria", "analyze", *arguments],
        cwd=folder, env=unconfigured(folder),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with running(started):
        assert started.stderr is not None
        said = [b""]
        while not said[-1].startswith(LISTENS) and (line := started.stderr.readline()):
            said.append(line)
        assert said[-1].startswith(LISTENS), said
        yield started


def netflow_v5(client: str, server: str, port: int) -> bytes:
    now = int(time.time())
    head = struct.pack("!HHIIIIBBH", 5, 1, 100_000, now, 0, 1, 0, 0, 0)
    ends = socket.inet_aton(client) + socket.inet_aton(server) + bytes(4)
    return head + ends + struct.pack(
        "!HHIIIIHHBBBBHHBBH", 1, 2, 10, 1000, 90_000, 99_000, 40_000, port, 0, 0x1B, 6, 0, 0, 0, 24, 24, 0
    )  # fmt: skip


def mined(pair: netns.Pair, folder: Path, *runs: Sequence[str]) -> list[tuple[int, bytes, bytes]]:
    """Status and output of each ``kanaria analyze`` on the client, where somebody mines until Ctrl-C."""
    with ExitStack() as listening:
        asked = [(*run, "--capture-filter", "tcp port 3333") for run in runs]
        running = [listening.enter_context(process(folder, *run, inside=pair.client)) for run in asked]
        with live_mining.pool(pair, 3333, "--speed", "200"):
            live_mining.mine(pair, 3333, "--speed", "200", "--seconds", "600")
        for one in running:
            os.kill(one.pid, signal.SIGINT)
        said = [one.communicate(timeout=PATIENCE) for one in running]
    return [(one.returncode, out, err) for one, (out, err) in zip(running, said, strict=True)]


@pytest.mark.privileged
def test_a_miner_on_the_wire_is_reported_after_ctrl_c(tmp_path: Path) -> None:
    if reason := netns.available():
        pytest.skip(reason)
    (tmp_path / "access.log").write_text(QUIET_LINE)
    verdicts = {"en": b"mining", "ja": "マイニング".encode()}
    with netns.pair(f"knlive{os.getpid()}") as pair:  # its public address is known to be ours
        done = mined(
            pair, tmp_path, *(["--interface", "lab0", "--full", "--lang", each, "access.log"] for each in verdicts)
        )
    for (language, verdict), (status, out, err) in zip(verdicts.items(), done, strict=True):
        assert status == 1
        told = err.splitlines()  # one line says that it stopped; around it, it may have told of the miner already
        assert sum(netns.SERVER_ADDRESS.encode() not in line for line in told) == 1, err
        assert verdict in out
        assert netns.CLIENT_ADDRESS.encode() in out.splitlines()[0]
        assert b"\xef\xbf\xbd" not in out
        assert b"lab0" in out
        assert netns.CLIENT_ADDRESS.encode() + (b": addresses of this machine" if language == "en" else b" ") in out
        assert b"access.log" in out


@pytest.mark.privileged
def test_a_capture_ends_by_itself_after_its_time(kanaria: Kanaria) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    program("tcpdump", "tcpdump")
    stop = threading.Event()

    def talk() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not stop.wait(0.05):
                sender.sendto(b"hello", ("127.0.0.1", 39998))

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        done = kanaria(
            "analyze", "--interface", "lo", "--capture-filter", "udp port 39998", "--seconds", "1.5", "--format", "json"
        )
    finally:
        stop.set()
        talking.join()
    assert done.status == 0
    (read,) = done.document["inputs"]
    assert (read["path"], read["format"], read["note"]) == ("lo", "pcap", None)
    assert 5 < read["rows"] < 60  # 20 a second, and what came while the last ones were handed on
    assert "Listening on lo." in done.err


@pytest.mark.privileged
def test_packets_that_came_just_before_the_end_are_read(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    program("tcpdump", "tcpdump")
    asked = ("--interface", "lo", "--capture-filter", "udp port 39997", "--format", "json")
    with process(tmp_path, *asked) as kanaria, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(200):  # for 1.6 s, in which the kernel hands packets on once
            sender.sendto(b"hello", ("127.0.0.1", 39997))
            time.sleep(0.008)
        kanaria.send_signal(signal.SIGINT)
        out, _ = kanaria.communicate(timeout=PATIENCE)
    (read,) = json.loads(out)["inputs"]
    assert (read["rows"], read["note"]) == (200, None)


def test_ctrl_c_gives_the_report_as_soon_as_it_says_so(kanaria: Kanaria, monkeypatch: pytest.MonkeyPatch) -> None:
    echo = click.echo

    def hasty(message: str, **how: Any) -> None:
        echo(message, **how)
        if "Ctrl-C ends it" in message:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(click, "echo", hasty)
    done = kanaria("analyze", "--listen", f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}")
    assert (done.status, done.err.count("\n")) == (0, 2)
    assert "Stopped listening" in done.err
    assert "no datagram arrived" in done.out


@contextmanager
def router(port: int) -> Iterator[None]:
    """Somebody who sends a NetFlow datagram every tenth of a second."""
    stop = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not stop.wait(0.1):
                sender.sendto(netflow_v5("192.168.10.5", "203.0.113.9", 443), ("127.0.0.1", port))

    sending = threading.Thread(target=send)
    sending.start()
    try:
        yield
    finally:
        stop.set()
        sending.join()


def test_netflow_of_a_router_is_read_until_the_time_is_over(kanaria: Kanaria) -> None:
    port = free_port(socket.SOCK_DGRAM)
    with router(port):
        done = kanaria("analyze", "--listen", f"127.0.0.1:{port}", "--seconds", "1", "--format", "json")
    (read,) = done.document["inputs"]
    assert (done.status, read["path"], read["format"]) == (0, f"netflow:127.0.0.1:{port}", "netflow")
    assert 3 <= read["rows"] <= 12
    assert (read["rejected"], read["note"]) == (0, None)


@pytest.mark.privileged
def test_softflowd_exports_to_us(tmp_path: Path) -> None:
    softflowd = program("softflowd", "softflowd")
    capture, port = tmp_path / "miner.pcap", free_port(socket.SOCK_DGRAM)
    miner, pool = Host("miner", "192.168.10.53"), Host("pool", "203.0.113.38")
    write_pcap([conversation(Plan(dialect="cryptonote", seconds=600), miner, pool, 443)], capture)
    with process(tmp_path, "--listen", f"127.0.0.1:{port}", "--exporter", "127.0.0.0/8", "--format", "json") as kanaria:
        for version in ("5", "9", "10"):
            command = [softflowd, "-r", str(capture), "-n", f"127.0.0.1:{port}", "-v", version, "-d"]
            subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
        kanaria.send_signal(signal.SIGTERM)
        out, _ = kanaria.communicate(timeout=PATIENCE)
    assert b'"path": "netflow:127.0.0.1:%d"' % port in out
    assert b'"rows": 0,' not in out
    assert b'"rejected": 0,' in out


def test_datagrams_of_strangers_are_refused_and_counted(kanaria: Kanaria) -> None:
    port = free_port(socket.SOCK_DGRAM)
    with router(port):
        done = kanaria("analyze", "--listen", f"127.0.0.1:{port}", "--exporter", "192.0.2.1", "--seconds", "1")
    assert "datagrams were refused" in done.out
    assert "lost" not in done.out
    assert "0 records" in done.out


def test_nothing_came(kanaria: Kanaria) -> None:
    done = kanaria(
        "analyze", "--listen", f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}", "--seconds", "0.3", "--lang", "ja"
    )
    assert "データグラムが届きませんでした" in done.out
    assert "で受信しています" in done.err


def test_a_port_that_is_taken(kanaria: Kanaria) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        done = kanaria("analyze", "--listen", f"127.0.0.1:{port}", "--seconds", "1")
    assert done.status == 2
    assert "expected a free UDP port to listen on" in done.err
    assert "another collector may be running" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument 'PATH...', --interface or --listen."),
        (["--seconds", "3", "access.log"], "--seconds needs --interface or --listen."),
        (["--capture-filter", "udp", "--listen", "2055"], "--capture-filter needs --interface."),
        (["--exporter", "192.0.2.1", "--interface", "lo"], "--exporter needs --listen."),
        (["--interface", "lo", "--interface", "lo"], "names the same interface twice"),
        (["--interface", "any", "--interface", "lo"], "captures on all interfaces; name no others beside it"),
        (["--listen", "0"], "'0' is not a port"),
        (["--listen", "2001:db8::1:2055"], "is not a port"),
        (["--listen", "host:many"], "'host:many' is not a port"),
        (["--listen", "2055", "--exporter", "router"], "'router' does not appear to be an IPv4 or IPv6 network"),
        (["--listen", "2055", "--seconds", "0"], "Invalid value for '--seconds'"),
    ],
)
def test_wrong_options_are_told(kanaria: Kanaria, arguments: list[str], said: str) -> None:
    done = kanaria("analyze", *arguments)
    assert done.status == 2
    assert said in done.err
    assert done.out == ""


TOOLS = {
    "permission": (
        "tcpdump: lo: You don't have permission to perform this capture on that device\n(socket: Operation not permitted)",
        "lo", "sudo setcap cap_net_raw+ep",
    ),
    "no such interface": ("tcpdump: nosuch0: No such device exists", "nosuch0", "there is no interface nosuch0; there are:"),
    "filter": ("tcpdump: can't parse filter expression: syntax error", "lo", "man pcap-filter explains it"),
}  # fmt: skip


@pytest.mark.parametrize("trouble", sorted(TOOLS))
def test_why_a_capture_cannot_start(kanaria: Kanaria, tmp_path: Path, trouble: str) -> None:
    said, interface, advice = TOOLS[trouble]
    tool = tmp_path / "tcpdump"
    tool.write_text(f"#!/bin/sh\ncat >&2 <<'end'\n{said}\nend\nexit 1\n")
    tool.chmod(0o755)
    done = kanaria("analyze", "--interface", interface, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.status == 2
    assert said.splitlines()[0] in done.err
    assert advice in done.err
    assert trouble != "no such interface" or " lo, any)" in done.err


def test_no_capture_tool_at_all(kanaria: Kanaria, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kanaria.sources.live._search_path", lambda: str(tmp_path))
    done = kanaria("analyze", "--interface", "lo")
    assert done.status == 2
    assert "expected tcpdump or dumpcap to capture with; got neither (install the tcpdump package)" in done.err


DROPPING = """#!/bin/sh
trap 'echo "12 packets captured
1999 packets received by filter
1987 packets dropped by kernel" >&2; exit 0' INT
cat {capture}
while :; do sleep 0.05; done
"""


def test_lost_packets_are_told_in_the_report(kanaria: Kanaria, tmp_path: Path) -> None:
    capture, tool = tmp_path / "miner.pcap", tmp_path / "tcpdump"
    miner, pool = Host("miner", "192.168.10.53"), Host("pool", "203.0.113.38")
    write_pcap([conversation(Plan(dialect="cryptonote", seconds=600), miner, pool, 443)], capture)
    tool.write_text(DROPPING.format(capture=capture))
    tool.chmod(0o755)
    done = kanaria(
        "analyze", "--interface", "lo", "--seconds", "1", "--format", "json", PATH=f"{tmp_path}:{os.environ['PATH']}"
    )
    assert done.status == 1
    assert done.document["inputs"][0]["note"]["en"].startswith("1,987 packets were lost because")
    assert "1,987個のパケットを取りこぼしました" in done.document["inputs"][0]["note"]["ja"]
    assert done.document["incidents"][0]["entities"]["devices"] == ["192.168.10.53"]


def test_a_capture_that_ends_by_itself_says_why(kanaria: Kanaria, tmp_path: Path) -> None:
    tool = tmp_path / "tcpdump"
    tool.write_text(
        "#!/bin/sh\nprintf '\\324\\303\\262\\241\\2\\0\\4\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\4\\0\\1\\0\\0\\0'\n"
        "echo 'tcpdump: pcap_loop: The interface disappeared' >&2\nexit 1\n"
    )
    tool.chmod(0o755)
    done = kanaria("analyze", "--interface", "lo", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.status == 0
    assert "the capture ended by itself: tcpdump: pcap_loop: The interface disappeared." in done.out


def test_public_addresses_of_an_interface() -> None:
    assert addresses("lo")[0] == "127.0.0.1"
    assert set(addresses("lo")) <= set(addresses("any"))
    assert addresses("nosuch0") == []
    assert own_addresses(Live(interfaces=("lo",))) == own_addresses(Live(listen=("127.0.0.1", 2055))) == []


@pytest.mark.parametrize(("home", "device"), [((), "198.51.100.5"), (("--home", "203.0.113.0/24"), "203.0.113.38")])
def test_the_capturing_machine_is_at_home_unless_told_otherwise(
    kanaria: Kanaria, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: tuple[str, ...], device: str
) -> None:
    monkeypatch.setattr("kanaria.sources.live.addresses", lambda _name: ["fe80::1", "198.51.100.5", "10.0.0.1"])
    capture, tool = tmp_path / "miner.pcap", tmp_path / "tcpdump"
    ours, theirs = Host("a", "198.51.100.5"), Host("b", "203.0.113.38")
    ends = (theirs, ours) if home else (ours, theirs)
    write_pcap([conversation(Plan(dialect="cryptonote", seconds=600), *ends, 443)], capture)
    tool.write_text(f"#!/bin/sh\nexec cat {capture}\n")
    tool.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = kanaria("analyze", "--interface", "lo", "--format", "json", *home, PATH=path)
    assert done.incident["entities"]["devices"] == [device]
    told = [note["en"] for note in done.document["notes"] if note["en"].startswith("198.51.100.5: addresses of this")]
    assert len(told) == (not home)


def _fake_capture(folder: Path, script: str) -> str:
    """A search path on which tcpdump is this shell script."""
    tool = folder / "tcpdump"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_a_flow_seen_on_two_interfaces_is_one_flow(kanaria: Kanaria, tmp_path: Path) -> None:
    capture = tmp_path / "miner.pcap"
    ends = Host("a", "192.168.10.5"), Host("b", "203.0.113.38")
    write_pcap([conversation(Plan(dialect="cryptonote", seconds=600), *ends, 443)], capture)
    path = _fake_capture(tmp_path, f"exec cat {capture}")
    one = kanaria("analyze", "--interface", "lo", "--format", "json", PATH=path)
    two = kanaria("analyze", "--interface", "lo", "--interface", "eth7", "--format", "json", PATH=path)
    assert [read["path"] for read in two.document["inputs"]] == ["lo", "eth7"]
    assert len({read["rows"] for read in two.document["inputs"]}) == 1
    assert "Listening on lo, eth7." in two.err
    assert len(two.incident["findings"]) == len(one.incident["findings"])
    assert two.incident["entities"] == one.incident["entities"]
    assert any("1 records describe flows that another input shows" in note["en"] for note in two.document["notes"])


def test_when_one_of_two_interfaces_cannot_be_captured_nothing_runs_on(kanaria: Kanaria, tmp_path: Path) -> None:
    path = _fake_capture(
        tmp_path,
        f'[ "$2" = lo ] && exec cat {tmp_path}/header -\necho "tcpdump: $2: No such device exists" >&2\nexit 1',
    )
    (tmp_path / "header").write_bytes(pcap([]))
    done = kanaria("analyze", "--interface", "lo", "--interface", "nosuch0", PATH=path)
    assert done.status == 2
    assert "there is no interface nosuch0" in done.err
    assert done.out == ""


def test_an_interface_and_a_router_at_once(kanaria: Kanaria, tmp_path: Path) -> None:
    capture, port = tmp_path / "miner.pcap", free_port(socket.SOCK_DGRAM)
    ends = Host("a", "192.168.10.5"), Host("b", "203.0.113.38")
    write_pcap([conversation(Plan(dialect="cryptonote", seconds=600), *ends, 443)], capture)
    path = _fake_capture(tmp_path, f"exec cat {capture}")
    (tmp_path / "access.log").write_text(QUIET_LINE)
    with router(port):
        live = ("--interface", "lo", "--listen", f"127.0.0.1:{port}", "--seconds", "1.5")
        done = kanaria("analyze", *live, "--format", "json", "access.log", PATH=path)
    assert [read["format"] for read in done.document["inputs"]] == ["pcap", "netflow", "combined"]
    assert all(read["rows"] for read in done.document["inputs"])
    assert done.incident["entities"]["devices"] == ["192.168.10.5"]


@pytest.mark.privileged
def test_a_bridge_and_its_port_show_the_same_miner_once(tmp_path: Path) -> None:
    if reason := netns.available():
        pytest.skip(reason)
    asked = ["--interface", "lab0", "--interface", "lab1", "--format", "json"]
    with netns.pair(f"knboth{os.getpid()}") as pair:
        inside = ["ip", "-n", pair.client]
        for command in (
            ["link", "add", "lab1", "type", "bridge"], ["link", "set", "lab0", "master", "lab1"],
            ["addr", "flush", "dev", "lab0"], ["addr", "add", f"{netns.CLIENT_ADDRESS}/24", "dev", "lab1"],
            ["link", "set", "lab1", "up"],
        ):  # fmt: skip
            if subprocess.run([*inside, *command], check=False, capture_output=True).returncode:
                pytest.skip("no bridges here")
        ((_, out, _),) = mined(pair, tmp_path, asked)
    document = json.loads(out)
    assert [read["path"] for read in document["inputs"]] == ["lab0", "lab1"]
    assert all(read["rows"] for read in document["inputs"])
    (incident,) = document["incidents"]
    assert incident["entities"]["devices"] == [netns.CLIENT_ADDRESS]
    for finding in incident["findings"]:
        assert finding["values"].get("count", "1") == "1"


@pytest.mark.parametrize("arguments", [["--help"], ["analyze", "--help"], ["--version"]], ids=str)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from kanaria.app.commands.main import cli\n"
        f"cli.main({arguments!r}, standalone_mode=False)\n"
        "print([m for m in ('numpy', 'pyarrow', 'duckdb', 'numba', 'sqlalchemy', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
