"""Which of a machine's processes are mining programs, and why: from processes and facts to ``Suspicion``s.

A process is judged by what it is (program name, arguments that only miners take), never by its load: a busy compiler is
no miner. Programs that read text about miners (editors, ``grep``, this one) are judged by their name only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from kanaria.core.facts import Knowledge
from kanaria.core.late_regex import late_regex
from kanaria.core.text import cut, defang, printable
from kanaria.core.types import Text
from kanaria.core.values import dataclass
from kanaria.host.indicators import listed_file, listed_hash
from kanaria.host.sampler import HostSample, Process
from kanaria.knowledge.match import PoolIndex

_SHOWN = 60
"""Columns of a hostile name or argument that a sentence shows."""
BUSY = 50.0
"""Percent of one core from which a process counts as busy: a mining thread fills a core when nobody holds it back, and
half of one leaves room for a throttle or for a neighbour on that core."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspicion:
    """One process and why it is suspicious. ``certain``: nothing but a mining program has this."""

    process: Process
    certain: bool
    why: Text


# Arguments that belong to XMRig, cpuminer, ccminer and their descendants and to nothing else (their own --help).
_MINER_OPTIONS = frozenset(
    ("--donate-level", "--cpu-max-threads-hint", "--randomx-mode", "--randomx-1gb-pages", "--rig-id", "--nicehash",
     "--coinbase-addr", "--cuda-bfactor-hint", "--opencl-loader", "--start-mining", "--farm-recheck")
)  # fmt: skip
_POOL_OPTIONS = frozenset(("-o", "--url", "--pool", "-P", "--server", "--scheme", "-pool", "-epool"))
_USER_OPTIONS = frozenset(("-u", "--user", "--userpass", "-O", "--wallet", "-wal", "-ewal", "--address"))
_ALGORITHM_OPTIONS = frozenset(("-a", "--algo", "--algorithm", "--coin"))
_STRATUM = late_regex(
    r"\b(?:stratum[12]?|ethproxy|zcash|daemon)(?:\+(?:tcp|ssl|tls|udp|ws|http))?://|\bstratum[+:]", re.I
)
_ENDPOINT = late_regex(
    r"^(?:[a-z0-9+]+://)?(?:[^@/\s]*@)?(?P<host>[A-Za-z0-9.-]{4,253}|\[[0-9A-Fa-f:]+\]):(?P<port>\d{2,5})"
)
# Programs that take such text as something to show, search, fetch or run elsewhere.
_READERS = frozenset(
    ("grep", "rg", "egrep", "fgrep", "zgrep", "ag", "less", "more", "cat", "zcat", "tail", "head", "vi", "vim", "nvim",
     "nano", "emacs", "view", "man", "journalctl", "watch", "diff", "git", "curl", "wget", "ssh", "scp", "tcpdump",
     "tshark", "strings", "awk", "sed", "pgrep", "pkill", "code", "kanaria", "tmux", "screen", "docker", "sudo", "su",
     "busybox")
)  # fmt: skip
_INTERPRETERS = late_regex(r"^(?:python|perl|ruby|node|java|bash|sh|dash|zsh|nohup|nice|taskset|timeout|env)[\d.]*$")
# Miners under names of their own (kinsing and its kdevtmpfsi: Aqua Security, 2020; watchbog: Intezer, 2019; sysrv and
# its network01: Juniper, 2021).
_DISGUISES = frozenset(("kinsing", "kdevtmpfsi", "kdevtmpfs1", "watchbog", "sysrv", "sysrv002", "network01"))
_KERNEL_NAMES = late_regex(r"^\[?(?:kworker|kswapd|ksoftirqd|kthreadd|kblockd|rcu_(?:sched|bh|preempt)|migration)\b")
_TEMPORARY = ("/tmp/", "/var/tmp/", "/dev/shm/", "/run/user/", "/memfd:")  # noqa: S108 - looked for, never written to


def suspicions(sample: HostSample, facts: Knowledge, own: frozenset[int]) -> Iterator[Suspicion]:
    """Suspicious processes, certain ones first; ``own`` are processes of this run."""
    suspicious = [
        Suspicion(process=process, certain=certain, why=why)
        for process in sample.processes
        if process.pid not in own and not process.kernel and (reason := judge(process, facts))
        for certain, why in [reason]
    ]
    yield from sorted(suspicious, key=lambda one: (not one.certain, -one.process.cpu_percent))


def judge(process: Process, facts: Knowledge, *, lists: bool = True) -> tuple[bool, Text] | None:
    """(certain, why) for a process that is suspicious, else None. Without ``lists`` imported ones are not looked at,
    and nothing that takes a running process.
    """
    if why := _by_name(process, facts) or _by_arguments(process, facts) or (lists and listed_hash(process, facts)):
        return True, why
    why = (listed_file(process, facts) or disguised(process) or _vanished(process)) if lists else None
    return (False, why) if why else None


def known_name(text: str, facts: Knowledge) -> str | None:
    """The mining program or trojan that a name is one of."""
    if text.lower().removesuffix(".exe") in _DISGUISES:
        return text
    return next((agent.name for agent in facts.agents if _pattern(agent.pattern).match(text)), None)


def endpoint(command: tuple[str, ...]) -> str | None:
    """Host and port of the pool that arguments name."""
    options = dict(_options(command))
    named = [options[name] for name in _POOL_OPTIONS if name in options]
    named += [part for part in command if _STRATUM.search(part)]
    server = next((match for part in named if (match := _ENDPOINT.match(part))), None)
    return f"{server['host']}:{server['port']}" if server else None


def program_names(process: Process) -> tuple[str, ...]:
    """The names a program goes by: what the kernel says, its file, its first argument, an interpreter's script."""
    names = [process.name, process.executable or "", *process.command[:1]]
    if process.command and _INTERPRETERS.match(_base(process.command[0])):
        names += [next((part for part in process.command[1:] if not part.startswith("-")), "")]
    return tuple(dict.fromkeys(base for name in names if (base := _base(name))))


def _base(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _by_name(process: Process, facts: Knowledge) -> Text | None:
    for name in program_names(process):
        if name.lower().removesuffix(".exe") in _DISGUISES:
            return Text(en=f"its name {_show(name)} is that of a known mining trojan",
                        ja=f"名前 {_show(name)} は既知のマイニング型マルウェアのものです")  # fmt: skip
        for agent in facts.agents:
            if _pattern(agent.pattern).match(name):
                return Text(en=f"its name {_show(name)} is that of the mining program {agent.name}",
                            ja=f"名前 {_show(name)} はマイニングプログラム {agent.name} のものです")  # fmt: skip
    return None


def _by_arguments(process: Process, facts: Knowledge) -> Text | None:
    if len(process.command) < 2 or _only_reads(process):
        return None
    arguments = process.command[1:]
    for argument in arguments:
        if _STRATUM.search(argument) and not any(char.isspace() for char in argument):
            return _argument("a mining address", "マイニング用の接続先", argument)
        if argument.split("=", 1)[0] in _MINER_OPTIONS:
            return _argument("an option of mining programs", "マイニングプログラムのオプション", argument)
    options = dict(_options(arguments))
    pool = next((options[name] for name in _POOL_OPTIONS if name in options and _ENDPOINT.match(options[name])), None)
    if pool is None:
        return None
    if operator := _operator(pool, facts):
        return _argument(f"the address of the mining pool {operator}", f"マイニングプール {operator} のアドレス", pool)
    algorithm = next((options[name] for name in _ALGORITHM_OPTIONS if name in options), "")
    if algorithm.lower() in facts.algorithms or algorithm.upper() in facts.coins:
        return _argument("a mining algorithm", "マイニングアルゴリズム", algorithm)
    wallet = next((options[name] for name in _USER_OPTIONS if name in options), "")
    return _argument("a payout address", "送金先アドレス", wallet) if _is_wallet(wallet) else None


def _only_reads(process: Process) -> bool:
    """By the program's file, which a process cannot choose as freely as its name; of a script, by the script's name."""
    program = _base(process.executable or process.command[0]).lower().removesuffix(".exe")
    if _INTERPRETERS.match(program):
        program = program_names(process)[-1].lower()
    return program in _READERS


def _options(arguments: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """``-o VALUE`` and ``--url=VALUE`` as pairs."""
    for option, following in zip(arguments, (*arguments[1:], ""), strict=True):
        if option.startswith("-"):
            name, equals, value = option.partition("=")
            yield name, value if equals else following


def _operator(endpoint: str, facts: Knowledge) -> str | None:
    match = _ENDPOINT.match(endpoint)
    pool = PoolIndex(facts.pools).of_host(match["host"]) if match else None
    return pool.name if pool else None


def _is_wallet(text: str) -> bool:
    from kanaria.mining.wallets import find_addresses

    return bool(text) and any(address.valid for address in find_addresses(text))


def disguised(process: Process) -> Text | None:
    """A program that calls itself a kernel thread; real ones have neither file nor arguments."""
    called = process.command[0] if process.command else process.name
    bracketed = called.startswith("[") and called.rstrip().endswith("]")
    if not (bracketed or _KERNEL_NAMES.match(called)) or not process.executable:
        return None
    shown = _show(process.executable)
    return Text(en=f"it calls itself the kernel thread {_show(called)} but runs the program {shown}",
                ja=f"カーネルスレッド {_show(called)} を名乗っていますが、実体はプログラム {shown} です")  # fmt: skip


def _vanished(process: Process) -> Text | None:
    """Busy, and its file was deleted from a place for temporary files: how droppers start what they fetched."""
    path = process.executable or ""
    if not process.deleted or not path.startswith(_TEMPORARY) or process.cpu_percent < BUSY:
        return None
    return Text(
        en=f"it is busy and its program file {_show(path)} was deleted after it had started",
        ja=f"高い負荷で動作しており、起動後にプログラムファイル {_show(path)} が削除されています",
    )


def _argument(what_en: str, what_ja: str, value: str) -> Text:
    return Text(en=f"its arguments hold {what_en}: {_show(value)}", ja=f"引数に{what_ja}があります: {_show(value)}")


def _show(text: str) -> str:
    return cut(printable(text), _SHOWN)


def pool_connections(sample: HostSample, facts: Knowledge) -> Iterator[tuple[Text, int | None]]:
    """Connections to addresses that pools have published, with the process where it may be seen.

    Ports prove nothing and are not looked at; a pool behind an address nobody listed is not found here.
    """
    pools = PoolIndex(facts.pools)
    names: Mapping[int, str] = {process.pid: process.name for process in sample.processes}
    for socket in sample.sockets:
        operator = pools.of_address(socket.remote_ip or "")
        if operator is None or socket.listening:
            continue
        owner = names.get(socket.pid or -1)
        place = f"{defang(socket.remote_ip or '')} ({operator.name})"
        en = f"{_show(owner)} (process {socket.pid}) is" if owner else "A process is"
        ja = f"{_show(owner)}(プロセス {socket.pid})" if owner else "プロセス"
        yield Text(en=f"{en} connected to the mining pool address {place}.",
                   ja=f"{ja}がマイニングプールのアドレス {place} に接続しています。"), socket.pid  # fmt: skip


def statement(suspicion: Suspicion) -> Text:
    """The sentence about one suspicious process."""
    process, load = suspicion.process, f"{suspicion.process.cpu_percent:.0f}"
    name, owner = _show(process.name), _show(process.user or "?")
    kind_en = "is a mining program" if suspicion.certain else "is suspicious"
    kind_ja = "はマイニングプログラムです" if suspicion.certain else "は不審です"
    return Text(
        en=f"Process {process.pid} ({name}, user {owner}) {kind_en}: {suspicion.why.en}. It uses {load} % of one core.",
        ja=f"プロセス {process.pid}({name}、ユーザー {owner}){kind_ja}。{suspicion.why.ja}。"
        f"CPU 1コアの{load}%を使用しています。",
    )


def lineage(sample: HostSample, pid: int) -> frozenset[int]:
    """A process and its ancestors: the shell that started this run has our arguments in its own."""
    parents = {process.pid: process.parent for process in sample.processes}
    pids: list[int] = []
    current: int | None = pid
    while current is not None and current not in pids and current > 1:
        pids.append(current)
        current = parents.get(current)
    return frozenset(pids)


def busiest(processes: Iterable[Process]) -> Process | None:
    """The process that uses most, when it uses anything worth naming."""
    top = max(processes, key=lambda process: process.cpu_percent, default=None)
    return top if top is not None and top.cpu_percent >= BUSY else None
