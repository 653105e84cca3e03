"""The systemd unit of the service, and putting it in place or taking it away.

Own user, nothing writable but the store and the cache, no new privileges; a watchdog ends what hangs. Secrets that the
settings name as ``credential:NAME`` are handed over by ``LoadCredential=`` from ``/etc/kanaria/credentials``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from kanaria.app.config import Config
from kanaria.app.init.service_user import (
    STATE,
    USER,
    folders_to_write,
    made_readable,
    made_writable,
    must_read,
    must_run,
)
from kanaria.app.secret_values import named
from kanaria.core.errors import ActionError

UNIT = "kanaria.service"
CREDENTIALS = "/etc/kanaria/credentials"
_TEMPLATE = """\
[Unit]
Description=Kanaria, which finds cryptojacking in logs and network traffic
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={python} -m kanaria serve --config {config}
User={user}
Group={user}
SupplementaryGroups={groups}
StateDirectory=kanaria
StateDirectoryMode=0700
CacheDirectory=kanaria
WorkingDirectory={state}
Environment=HOME={state} XDG_CACHE_HOME=/var/cache/kanaria NUMBA_CACHE_DIR=/var/cache/kanaria/numba
{extra}Restart=on-failure
RestartSec=5
TimeoutStartSec=300
TimeoutStopSec=60
WatchdogSec=300
MemoryHigh={memory}
CPUQuota={cpu}
Nice=5
UMask=0077
{capabilities}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK{packet}
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""
# MemoryDenyWriteExecute= is not there: the readers' loops are compiled when they are first used.


def unit(config: Path, settings: Config, *, capture: bool, memory: str, cpu: str, python: str = sys.executable) -> str:
    """The text of the unit. ``capture`` lets it capture packets."""
    right = "CAP_NET_RAW" if capture else ""
    return _TEMPLATE.format(
        python=python, config=config.resolve(), user=USER, groups="adm systemd-journal", state=STATE,
        extra="".join(f"{line}\n" for line in _extra(settings)), memory=memory, cpu=cpu,
        capabilities=f"AmbientCapabilities={right}\nCapabilityBoundingSet={right}",
        packet=" AF_PACKET" if capture else "",
    )  # fmt: skip


def _extra(settings: Config) -> Iterator[str]:
    for folder in folders_to_write(settings):
        yield f"ReadWritePaths={folder}"
    for name in sorted(set(named(settings, "credential"))):
        yield f"LoadCredential={name}:{CREDENTIALS}/{name}"


def install(text: str, config: Path, settings: Config, root: Path, *, start: bool) -> list[str]:
    """Write the unit below ``root``; on the running system also make the user and start it. Returns what was done.

    Raises SourceError, with no unit written, where that user cannot run the program, read the settings or keep a store.
    """
    done = []
    if here := str(root) == "/" and _systemd():
        if subprocess.run(["id", "-u", USER], capture_output=True, check=False).returncode:
            _run("useradd", "--system", "--home-dir", STATE, "--shell", "/usr/sbin/nologin", USER)
            done.append(f"user {USER}")
        must_run(USER)
        done += [*made_readable(USER, config.resolve()), *made_writable(USER, settings, config)]
        must_read(USER, settings)
    folder = root / "etc/systemd/system"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / UNIT).write_text(text, encoding="utf-8")
    done.append(f"{folder / UNIT}")
    if here:
        _run("systemctl", "daemon-reload")
        if start:
            _run("systemctl", "enable", UNIT)
            _run("systemctl", "restart", UNIT)  # one that runs already takes the new unit and settings
            done.append("started")
    elif str(root) == "/":
        done.append("not started, and no user made: systemd does not run here")
    return done


def uninstall(root: Path) -> bool:
    """Stop the service and remove the unit; what was kept stays. False when there was no unit."""
    place = root / "etc/systemd/system" / UNIT
    if not place.exists():
        return False
    running = str(root) == "/" and _systemd()
    if running:
        _run("systemctl", "disable", "--now", UNIT)
    place.unlink()
    if running:
        _run("systemctl", "daemon-reload")
    return True


def _systemd() -> bool:
    return Path("/run/systemd/system").is_dir() and shutil.which("systemctl") is not None


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command)}: {done.stderr.strip()}"
        raise ActionError(message)
