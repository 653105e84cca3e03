"""Samba for one machine of the laboratory: from a folder and an address to its configuration and its commands.

The server shares one folder and writes every logon as JSON (``auth_json_audit``); all its state is in the folder.
"""

from __future__ import annotations

from pathlib import Path

SHARE, USER, PASSWORD = "files", "root", "laboratory"

_CONFIGURATION = """[global]
workgroup = LAB
server role = standalone server
netbios name = {name}
smb ports = 445
disable netbios = yes
interfaces = {address}/32
bind interfaces only = yes
load printers = no
private dir = {folder}
lock directory = {folder}
state directory = {folder}
cache directory = {folder}
pid directory = {folder}
ncalrpc dir = {folder}/ncalrpc
log file = {log}
log level = 1 auth_json_audit:3
max log size = 0
[{share}]
path = {folder}/share
read only = no
"""


def configure(folder: Path, name: str, address: str, log: Path) -> Path:
    """Write the configuration and make the shared folder; returns the configuration's path."""
    (folder / "share").mkdir(parents=True)
    path = folder / "smb.conf"
    path.write_text(_CONFIGURATION.format(name=name, folder=folder, address=address, log=log, share=SHARE))
    return path


def server(configuration: Path) -> list[str]:
    """The command that serves until it is stopped."""
    return ["smbd", "--foreground", "--no-process-group", "-s", str(configuration)]


def add_user(configuration: Path) -> list[str]:
    """The command that reads the password, twice, from standard input."""
    return ["smbpasswd", "-c", str(configuration), "-s", "-a", USER]


def visit(address: str, configuration: Path, *, password: str = PASSWORD) -> list[str]:
    """The command that logs on to the share and lists it."""
    return ["smbclient", f"//{address}/{SHARE}", "-s", str(configuration), "-U", f"{USER}%{password}", "-c", "ls"]
