"""Mining programs are told from programs that only speak of mining; every sentence exists in both languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.core.facts import Knowledge
from kanaria.host import miners as host_miners
from kanaria.host.look import observe
from kanaria.host.sampler import Process, Socket

Make = Callable[..., Any]
WALLET = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"

MINERS = [
    ("xmrig",),
    ("/opt/x/xmrig-6.21.0", "-c", "config.json"),
    ("./t-rex", "-a", "kawpow"),
    ("python3", "/srv/xmr-node-proxy"),
    ("/tmp/kdevtmpfsi",),
    ("./a", "-o", "stratum+tcp://pool.example:3333", "-u", "x"),
    ("./a", "--url=stratum+ssl://192.0.2.7:443"),
    ("systemd-help", "-o", "pool-hk.supportxmr.com:443", "-k"),
    ("java-update", "-o", "192.0.2.7:8080", "-u", WALLET, "-k"),
    ("./a", "-a", "rx/0", "-o", "192.0.2.7:8080"),
    ("./a", "--donate-level=1"),
    ("monerod", "--start-mining", WALLET),
]
OTHERS = [
    ("nginx", "-g", "daemon off;"),
    ("grep", "-r", "stratum+tcp://", "/var/log"),
    ("vim", "-o", "pool.supportxmr.com:3333"),
    ("curl", "-o", "page.html", "-u", "a:b", "https://supportxmr.com:443/"),
    ("ssh", "-o", "Port:22", "-u", "x"),
    ("kanaria", "explain", "stratum+tcp://pool.example:3333"),
    ("tail", "-f", "xmrig.log"),
    ("python3", "-m", "http.server"),
    ("bash", "-c", "echo mining with stratum+tcp://a.example"),
    ("gcc", "-o", "a.out", "-O", "2"),
    ("mysqld", "--user", "mysql", "-P", "localhost:3306"),
    ("openvpn", "--server", "192.0.2.0:255"),
]


@pytest.mark.parametrize("command", MINERS, ids=lambda command: " ".join(command)[:40])
def test_a_miner_is_found_whatever_it_is_called(process: Make, facts: Knowledge, command: tuple[str, ...]) -> None:
    found = host_miners.judge(process(*command), facts)
    assert found is not None
    certain, why = found
    assert certain
    assert why.en
    assert why.ja != why.en


@pytest.mark.parametrize("command", OTHERS, ids=lambda command: " ".join(command)[:40])
def test_programs_that_only_speak_of_mining_are_not_miners(
    process: Make, facts: Knowledge, command: tuple[str, ...]
) -> None:
    assert host_miners.judge(process(*command), facts) is None


def test_a_miner_that_calls_itself_grep_is_found(process: Make, facts: Knowledge) -> None:
    miner = process("grep", "-o", "stratum+tcp://pool.example:3333", executable="/tmp/.x/m")
    assert host_miners.judge(miner, facts) is not None
    script = process(
        "/usr/bin/python3", "/usr/bin/kanaria", "explain", "stratum+tcp://a", executable="/usr/bin/python3.11"
    )
    assert host_miners.judge(script, facts) is None


def test_a_program_in_a_kernel_threads_clothes_is_suspicious_and_not_certain(process: Make, facts: Knowledge) -> None:
    impostor = process("[kworker/0:1]", name="kworker/0:1", executable="/home/www/.cache/k")
    found = host_miners.judge(impostor, facts)
    assert found is not None
    assert not found[0]
    assert "/home/www/.cache/k" in found[1].en
    real = process(name="kworker/0:1", executable="", kernel=True)
    assert host_miners.judge(real, facts) is None


def test_a_busy_program_without_its_file_is_suspicious(process: Make, facts: Knowledge) -> None:
    gone = {"name": "a", "executable": "/dev/shm/a", "deleted": True}
    assert host_miners.judge(process("a", cpu_percent=99.0, **gone), facts) is not None
    assert host_miners.judge(process("a", cpu_percent=1.0, **gone), facts) is None
    updated = {**gone, "executable": "/usr/sbin/nginx"}
    assert host_miners.judge(process("nginx", cpu_percent=99.0, **updated), facts) is None


def test_this_run_and_the_shell_around_it_are_left_out(process: Make, sample: Make, facts: Knowledge) -> None:
    shell = process("bash", "-c", "x stratum+tcp://a", pid=10, parent=1)
    own = process("run", "stratum+tcp://a.example:3333", pid=11, parent=10)
    seen = sample(shell, own)
    assert host_miners.lineage(seen, 11) == {10, 11}
    assert list(host_miners.suspicions(seen, facts, frozenset({10, 11}))) == []
    assert [found.process.pid for found in host_miners.suspicions(seen, facts, frozenset())] == [11]


def test_a_connection_to_a_published_pool_address_is_told_with_its_process(
    process: Make, sample: Make, facts: Knowledge
) -> None:
    address = next(address for pool in facts.pools for address in pool.addresses)
    link = Socket(listening=False, transport="tcp", local_ip="192.0.2.1", local_port=40000, remote_ip=address,
                  remote_port=443, pid=7)  # fmt: skip
    seen = sample(process("java", pid=7), sockets=(link,))
    found, _checked = observe(facts, look=lambda: seen, history=lambda _start, _end: None)
    assert [one.kind for one in found] == ["pool_connection"]
    assert address not in found[0].statement.en
    assert address.replace(".", "[.]", 3).rpartition("[.]")[2] in found[0].statement.en
    other = Socket(listening=False, transport="tcp", local_ip="192.0.2.1", local_port=40000, remote_ip="192.0.2.9",
                   remote_port=3333, pid=7)  # fmt: skip
    found, _checked = observe(facts, look=lambda: sample(sockets=(other,)), history=lambda _start, _end: None)
    assert [one.kind for one in found] == ["nothing"]


def test_hostile_names_are_shown_printable_and_cut(process: Make, sample: Make, facts: Knowledge) -> None:
    name = "xmrig\x1b[2J\u202e" + "a" * 500
    seen = sample(process(name, name=name, user="\x07"))
    found, _checked = observe(facts, look=lambda: seen, history=lambda _start, _end: None)
    assert found[0].kind == "miner_process"
    for text in (found[0].statement.en, found[0].statement.ja):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert len(text) < 400


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(command=st.lists(st.text(max_size=20) | st.sampled_from(["-o", "-u", "-a", "a.example:80"]), max_size=6))
def test_any_command_line_is_judged_without_an_error(facts: Knowledge, command: list[str]) -> None:
    judged = host_miners.judge(
        Process(pid=1, parent=None, name="".join(command[:1]), command=tuple(command), executable=None, deleted=False,
                user=None, cpu_percent=0.0, kernel=False),
        facts,
    )  # fmt: skip
    assert judged is None or (judged[1].en and judged[1].ja)
