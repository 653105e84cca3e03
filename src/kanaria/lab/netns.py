"""Machines and cables inside one: network namespaces, joined in pairs or by a switch, and a capture of what they say.

In: a name, and for a switch who is on it. Out: ``Pair`` or ``Switch`` while the block runs; afterwards everything is
gone again. Needs root, ``ip`` and ``tcpdump``. Addresses are private or for documentation (RFC 5737); nothing is routed
anywhere.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kanaria.core.errors import SourceError
from kanaria.core.values import dataclass

CLIENT_ADDRESS, SERVER_ADDRESS = "192.0.2.10", "192.0.2.20"
READY = 5.0
"""Seconds to wait for ``tcpdump`` to open the interface; it takes a tenth of one."""


@dataclass(frozen=True)
class Pair:
    """The names of the two namespaces; ``client`` has ``CLIENT_ADDRESS``, ``server`` has ``SERVER_ADDRESS``."""

    client: str
    server: str
    interface: str = "lab0"

    def start(self, where: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a program in one of the namespaces."""
        return subprocess.Popen(["ip", "netns", "exec", where, *command], stderr=subprocess.PIPE)


def available() -> str:
    """Why namespaces cannot be used here; empty when they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [program for program in ("ip", "tcpdump") if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)}" if missing else _refused()


@functools.cache
def _refused() -> str:
    """What the system says to a namespace that is made and entered: in some containers, or in a ``chroot``, root
    may not do it."""
    name = f"kanaria-{os.getpid()}"
    try:
        _ip("netns", "add", name)
        _ip("netns", "exec", name, "true")
    except SourceError as error:
        return f"network namespaces are refused here: {error.parts[2] if error.parts else error}"
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    return ""


@contextlib.contextmanager
def pair(name: str) -> Iterator[Pair]:
    """Namespaces ``NAME-client`` and ``NAME-server`` that reach each other. Raises SourceError where not possible."""
    reason = available()
    if reason:
        raise SourceError(source=name, expected="root, ip and tcpdump", got=reason)
    made = Pair(f"{name}-client", f"{name}-server")
    try:
        for namespace in (made.client, made.server):
            _ip("netns", "add", namespace)
        _ip(
            "link", "add", made.interface, "netns", made.client, "type", "veth",
            "peer", "name", made.interface, "netns", made.server,
        )  # fmt: skip
        for namespace, address in ((made.client, CLIENT_ADDRESS), (made.server, SERVER_ADDRESS)):
            _ip("-n", namespace, "addr", "add", f"{address}/24", "dev", made.interface)
            _ip("-n", namespace, "link", "set", made.interface, "up")
            _ip("-n", namespace, "link", "set", "lo", "up")
        yield made
    finally:
        for namespace in (made.client, made.server):
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        cause = "are network namespaces allowed in this container?"
        raise SourceError(source="ip", expected=f"ip {' '.join(arguments)}", got=done.stderr.strip(), cause=cause)


@dataclass(frozen=True)
class Switch:
    """Namespaces by machine, each with one interface on the switch; ``wire`` is where all of it can be seen."""

    machines: Mapping[str, str]
    wire: str
    interface: str = "lab0"

    def command(self, machine: str, command: Sequence[str]) -> list[str]:
        """The command that runs a program on one of the machines."""
        return ["ip", "netns", "exec", self.machines[machine], *command]


@contextlib.contextmanager
def switch(name: str, machines: Mapping[str, Sequence[str]]) -> Iterator[Switch]:
    """Machines with these IPv4 addresses, which reach each other directly. Raises SourceError where not possible."""
    reason = available()
    if reason:
        raise SourceError(source=name, expected="root, ip and tcpdump", got=reason)
    made = Switch({machine: f"{name}-{machine}" for machine in machines}, f"{name}-wire")
    try:
        _ip("netns", "add", made.wire)
        _without_ipv6(made.wire)
        _ip("-n", made.wire, "link", "add", made.interface, "type", "bridge")
        for interface in ("lo", made.interface):
            _ip("-n", made.wire, "link", "set", interface, "up")
        for number, (machine, addresses) in enumerate(machines.items()):
            _plug_in(made, number, made.machines[machine], addresses)
        yield made
    finally:
        for namespace in (*made.machines.values(), made.wire):
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)


def _plug_in(made: Switch, number: int, namespace: str, addresses: Sequence[str]) -> None:
    port = f"port{number}"
    _ip("netns", "add", namespace)
    _ip(
        "link", "add", made.interface, "netns", namespace, "type", "veth", "peer", "name", port, "netns", made.wire
    )  # fmt: skip
    _without_ipv6(namespace)
    _ip("-n", made.wire, "link", "set", port, "master", made.interface)
    _ip("-n", made.wire, "link", "set", port, "up")
    for address in addresses:
        _ip("-n", namespace, "addr", "add", f"{address}/32", "dev", made.interface)
    for interface in ("lo", made.interface):
        _ip("-n", namespace, "link", "set", interface, "up")
    _ip("-n", namespace, "route", "add", "0.0.0.0/0", "dev", made.interface, "src", addresses[0])


def _without_ipv6(namespace: str) -> None:
    """IPv6 would talk of itself (neighbours, routers), which is no part of any script."""
    silence = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6"
    subprocess.run(["ip", "netns", "exec", namespace, "sh", "-c", silence], check=False, capture_output=True)


@contextlib.contextmanager
def capture(namespaces: Pair | Switch, path: Path) -> Iterator[None]:
    """Write all that the server's interface, or the switch, sees to a pcap file while the block runs."""
    where = namespaces.server if isinstance(namespaces, Pair) else namespaces.wire
    command = ["tcpdump", "-i", namespaces.interface, "-s", "0", "-U", "-n", "-w", str(path)]
    process = subprocess.Popen(["ip", "netns", "exec", where, *command], stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + READY
        while not (path.exists() and path.stat().st_size >= 24):  # the file header is written when it listens
            if process.poll() is not None or time.monotonic() > deadline:
                raise SourceError(source="tcpdump", expected=f"a capture in {path}", got="no file header in time")
            time.sleep(0.05)
        yield
        time.sleep(0.2)  # the last packets are on their way through the kernel
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()
