"""Who plays the case of the DNS server: machines on a switch, real servers on them, and a process of ours on each.

In: a folder for state. Out: a ``Cast`` that does what a conversation of the script says, on real sockets. Needs root,
``ip``, ``tcpdump``, ``openssl``, ``dnsmasq``, and Samba's ``smbd``, ``smbpasswd`` and ``smbclient``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from itertools import count
from pathlib import Path

from kanaria.core.errors import SourceError
from kanaria.lab import dns_server, live, netns, samba
from kanaria.lab.scenario import Conversation

PROGRAMS = ("ip", "tcpdump", "openssl", "dnsmasq", "smbd", "smbpasswd", "smbclient")
MACHINES: Mapping[str, tuple[str, ...]] = {
    "server": (dns_server.SERVER.address,),
    "desks": tuple(host.address for host in dns_server.CLIENTS),
    "outside": tuple(
        host.address
        for host in (
            dns_server.FORWARDER, *dns_server.SITES, *dns_server.SPRAYERS, dns_server.INTRUDER, dns_server.POOL
        )
    ),
    **{host.name: (host.address,) for host in dns_server.SMB_PEERS},
}  # fmt: skip
_ON = {address: machine for machine, addresses in MACHINES.items() for address in addresses}
PATIENCE = 2.0
"""Seconds a program has to end by itself."""
READY = 10.0
"""Seconds a server may take to answer; Samba takes one."""


def missing() -> str:
    """Why the case cannot be performed here; empty when it can."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    return netns.available() or (f"not installed: {', '.join(absent)}" if absent else "")


class Cast:
    """The machines while the block runs (``on_stage``)."""

    def __init__(self, switch: netns.Switch, folder: Path, *, seed: int, speed: float) -> None:
        self.switch = switch
        self._folder, self._seed, self._speed = folder, seed, speed
        self._actors: dict[str, asyncio.subprocess.Process] = {}
        self._answers: dict[int, asyncio.Future[str]] = {}
        self._numbers = count(1)

    @property
    def logons(self) -> Path:
        """Where Samba on the server writes."""
        return self._folder / "server-smbd.log"

    async def play(self, one: Conversation) -> None:
        """Do what this conversation is about. Raises SourceError when somebody does not answer."""
        source, address = one.client.address, one.server.address
        ends = {"source": source, "address": address}
        if one.label == "dns":
            await self._order(source, "ask", **ends, question=one.messages[0].data.hex())
        elif one.label == "web":
            await self._order(source, "visit", **ends, name="www.example.com")
        elif one.label == "rdp":
            seconds = dns_server.SESSION_SECONDS / self._speed
            granted = bool(one.tags["granted"])
            await self._order(source, "log_on", **ends, cookie=one.tags["cookie"], granted=granted, seconds=seconds)
        elif one.label == "smb":
            await self._share(source, address)
        else:
            await self._order(source, "mine", **ends, **self._mining())

    async def start(self, stack: contextlib.AsyncExitStack) -> None:
        """Start servers and processes of ours; they end with the stack."""
        for machine in MACHINES:
            await self._act(machine, stack)
        for address, upstream in ((dns_server.FORWARDER.address, "--address=/#/192.0.2.80"),
                                  (dns_server.SERVER.address, f"--server={dns_server.FORWARDER.address}")):  # fmt: skip
            name_server = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                           "--cache-size=0", "--user=root", "--pid-file=", "--bind-interfaces",
                           f"--listen-address={address}", upstream]  # fmt: skip
            await self._run(address, name_server, stack)
        for host in (dns_server.SERVER, *dns_server.SMB_PEERS):
            await self._serve_files(host.name if host is not dns_server.SERVER else "server", host.address, stack)
        certificate, key = live.certificate(self._folder)
        tls = {"certificate": str(certificate), "key": str(key)}
        for site in dns_server.SITES:
            await self._order(site.address, "serve_web", address=site.address, **tls)
        await self._order(dns_server.SERVER.address, "serve_desktop", address=dns_server.SERVER.address, **tls)
        pool = dns_server.POOL.address
        await self._order(pool, "serve_pool", address=pool, **self._mining(), **tls)
        for host in (dns_server.SERVER, *dns_server.SMB_PEERS):
            await self._until_answered(host.address)

    def _mining(self) -> dict[str, object]:
        return {"plan": asdict(dns_server.mining_plan(self._seed)), "port": 443, "speed": self._speed}

    # ---- processes ----------------------------------------------------------------------------------------------

    async def _act(self, machine: str, stack: contextlib.AsyncExitStack) -> None:
        command = self.switch.command(machine, [sys.executable, "-m", "kanaria.lab.actor"])
        actor = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._actors[machine] = actor
        listening = asyncio.create_task(self._listen(actor))
        stack.push_async_callback(_end, actor)
        stack.callback(listening.cancel)

    async def _listen(self, actor: asyncio.subprocess.Process) -> None:
        assert actor.stdout is not None  # noqa: S101  (it was started with a pipe)
        while line := await actor.stdout.readline():
            answer = json.loads(line)
            self._answers.pop(answer["id"]).set_result(answer["error"])

    async def _order(self, where: str, what: str, **order: object) -> None:
        """Have the machine with that address do something, and wait until it is done."""
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        answer = self._answers[number]
        actor = self._actors[_ON[where]]
        assert actor.stdin is not None  # noqa: S101  (it was started with a pipe)
        actor.stdin.write(json.dumps({"id": number, "do": what, **order}).encode() + b"\n")
        await actor.stdin.drain()
        error = await answer
        if error:
            raise SourceError(source=f"{what} from {where}", expected="an answer", got=error)

    async def _run(self, address: str, command: list[str], stack: contextlib.AsyncExitStack) -> None:
        started = await asyncio.create_subprocess_exec(
            *self.switch.command(_ON[address], command),
            stdin=subprocess.DEVNULL,  # smbd reads what it is given, which is for whoever started us
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        stack.push_async_callback(_end, started)

    # ---- shared files -------------------------------------------------------------------------------------------

    async def _serve_files(self, name: str, address: str, stack: contextlib.AsyncExitStack) -> None:
        configuration = samba.configure(self._folder / name, name, address, self._folder / f"{name}-smbd.log")
        entered = f"{samba.PASSWORD}\n{samba.PASSWORD}\n".encode()
        subprocess.run(samba.add_user(configuration), input=entered, check=True, capture_output=True)
        await self._run(address, samba.server(configuration), stack)

    async def _share(self, source: str, address: str) -> None:
        done = await self._smbclient(source, address)
        if done:
            raise SourceError(source=f"smbclient from {source}", expected="a list of files", got=f"status {done}")

    async def _smbclient(self, source: str, address: str) -> int:
        machine = _ON[source]
        command = samba.visit(address, self._folder / machine / "smb.conf")
        process = await asyncio.create_subprocess_exec(
            *self.switch.command(machine, command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return await process.wait()

    async def _until_answered(self, address: str) -> None:
        deadline = asyncio.get_running_loop().time() + READY
        while await self._smbclient(address, address):
            if asyncio.get_running_loop().time() > deadline:
                raise SourceError(source=f"smbd on {address}", expected="an answer", got="none in time")
            await asyncio.sleep(0.2)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a program and what it has started."""
    for wish in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, wish)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), PATIENCE)


@contextlib.asynccontextmanager
async def on_stage(switch: netns.Switch, folder: Path, *, seed: int, speed: float) -> AsyncIterator[Cast]:
    """Machines with all their servers up. Raises SourceError when one does not come up."""
    cast = Cast(switch, folder, seed=seed, speed=speed)
    async with contextlib.AsyncExitStack() as stack:
        await cast.start(stack)
        yield cast
