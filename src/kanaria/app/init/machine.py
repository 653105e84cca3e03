"""What there is to watch on this machine: from a root folder to sources with what is in their way."""

from __future__ import annotations

import getpass
import glob
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from kanaria.app.config_live import Source
from kanaria.app.init.apache_logs import apache_logs
from kanaria.app.init.nginx_logs import AccessLog, nginx_logs
from kanaria.core.types import Text
from kanaria.core.values import dataclass

NGINX = ("etc/nginx/nginx.conf", "usr/local/nginx/conf/nginx.conf", "usr/local/etc/nginx/nginx.conf")
APACHE = ("etc/apache2/apache2.conf", "etc/httpd/conf/httpd.conf", "etc/apache2/httpd.conf")
OTHERS = {
    "data/logs/proxy-host-*_access.log": "Nginx Proxy Manager", "var/log/caddy/*.log": "Caddy",
    "var/log/traefik/access.log": "Traefik", "var/log/lighttpd/access.log": "lighttpd",
    "var/log/haproxy.log": "HAProxy",
}  # fmt: skip
"""Logs of servers whose configuration does not say where they are, or which keep it elsewhere."""
ZEEK = ("opt/zeek/logs/current", "usr/local/zeek/logs/current", "var/log/zeek/current", "var/log/zeek",
        "nsm/zeek/logs/current")  # fmt: skip
SURICATA = ("var/log/suricata",)
LOGONS = ("var/log/auth.log", "var/log/secure")
JOURNALS = ("var/log/journal", "run/log/journal")
DOCKER = "var/lib/docker/containers"
HELD = frozenset({"adm", "systemd-journal"})
"""Groups the installed service is a member of."""
ADM = Text(
    en="let the service's user read it: usermod -aG {group} kanaria",
    ja="サービスのユーザーに読み取りを許可してください: usermod -aG {group} kanaria",
)
DOCKERS = Text(
    en="Docker keeps them for root: the service needs AmbientCapabilities=CAP_DAC_READ_SEARCH",
    ja="Dockerはrootだけが読めるように保存します。サービスにAmbientCapabilities=CAP_DAC_READ_SEARCHが必要です",
)
"""No right of a file lasts: Docker writes a container's name anew with every start, its folder with its own."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Something to watch. ``asleep``: it needs a decision and is written as a comment."""

    source: Source
    what: Text
    problem: Text | None = None
    asleep: bool = False


def look(root: Path) -> list[Candidate]:
    """Everything, web servers first."""
    return [*_web(root), *_sensors(root), *_logons(root), *_docker(root), *_interfaces(root)]


def _web(root: Path) -> Iterator[Candidate]:
    logs: dict[str, AccessLog] = {}
    for place in NGINX:
        logs |= {log.path: log for log in nginx_logs(root / place, root)}
    for place in APACHE:
        logs |= {log.path: log for log in apache_logs(root / place, root)}
    for pattern, server in OTHERS.items():
        if glob.glob(str(root / pattern)):
            logs.setdefault(f"/{pattern}", AccessLog(f"/{pattern}", None, server))
    for log in logs.values():
        path = str(root) + log.path if str(root) != "/" else log.path
        what = Text(en=f"access log of {log.server}", ja=f"{log.server}のアクセスログ")
        yield Candidate(source=Source(kind="file", path=path, log_format=log.layout), what=what, problem=_problem(path))


def _sensors(root: Path) -> Iterator[Candidate]:
    for kind, places in (("zeek", ZEEK), ("suricata", SURICATA)):
        place = next((root / name for name in places if os.path.isdir(root / name)), None)  # closed ones: no error
        if place is None:
            continue
        what = Text(en=f"logs of {kind.title()}", ja=f"{kind.title()}のログ")
        source = Source(kind="zeek" if kind == "zeek" else "suricata", path=str(place))
        yield Candidate(source=source, what=what, problem=_problem(str(place)))


def _logons(root: Path) -> Iterator[Candidate]:
    """The journal where there is one, else the file that syslog writes."""
    journal = next((root / name for name in JOURNALS if os.path.isdir(root / name)), None)
    if journal is not None and shutil.which("journalctl"):
        what = Text(en="logons in the system's journal", ja="システムのジャーナルにあるログイン")
        problem = None if _reads_journals() else _joins("systemd-journal", getpass.getuser())
        folder = None if str(root) == "/" else str(journal)
        units = () if folder else ("ssh.service", "sshd.service")
        yield Candidate(
            source=Source(kind="journal", path=folder, units=units, start="end"), what=what, problem=problem
        )
        return
    place = next((root / name for name in LOGONS if os.path.exists(root / name)), None)
    if place is not None:
        what = Text(en="logons", ja="ログイン")
        yield Candidate(source=Source(kind="file", path=str(place)), what=what, problem=_problem(str(place)))


def _reads_journals() -> bool:
    import grp

    names = {"adm", "systemd-journal", "wheel"}  # those that systemd lets read it
    return os.geteuid() == 0 or any(
        group.gr_gid in os.getgroups() for group in grp.getgrall() if group.gr_name in names
    )


def _docker(root: Path) -> Iterator[Candidate]:
    """Only root may look into Docker's own folder, so that for others it is enough that there is one."""
    folder = root / DOCKER
    closed = os.path.isdir(folder.parent) and not os.access(folder.parent, os.X_OK)
    if closed or os.path.isdir(folder):
        what = Text(en="logs of Docker containers", ja="Dockerコンテナのログ")
        yield Candidate(source=Source(kind="docker", path=str(folder)), what=what, problem=DOCKERS)


def _interfaces(root: Path) -> Iterator[Candidate]:
    """Real interfaces that are up. Capturing is a decision of its own, and needs a tool and a right."""
    for place in sorted((root / "sys/class/net").glob("*")):
        if not (place / "device").exists() and not place.name.startswith(("br", "bond")):
            continue
        try:
            up = (place / "operstate").read_text("ascii").strip() in {"up", "unknown"}
        except OSError:
            up = False
        if up:
            what = Text(en=f"packets on {place.name}", ja=f"{place.name} のパケット")
            problem = Text(
                en="needs tcpdump and AmbientCapabilities=CAP_NET_RAW (kanaria install-service --capture)",
                ja="tcpdumpとAmbientCapabilities=CAP_NET_RAWが必要です(kanaria install-service --capture)",
            )
            yield Candidate(
                source=Source(kind="interface", interface=place.name), what=what, problem=problem, asleep=True
            )


def _problem(path: str) -> Text | None:
    """Why it cannot be read by whoever asks, and what to do about it."""
    names = glob.glob(path) if glob.has_magic(path) else [path]
    if not names or not all(map(os.path.lexists, names)):
        if (folder := _closed_above(path)) is not None:
            return _yours(folder)
        return Text(en="nothing there yet; watched as soon as it appears", ja="まだありません(現れしだい監視します)")
    if os.geteuid() == 0:
        return _for_others(names[0])
    return None if os.access(names[0], os.R_OK) else _yours(names[0])


def _closed_above(path: str) -> str | None:
    """The folder on the way that whoever asks may not enter or list: what lies below it is not seen."""
    above = (str(folder) for folder in reversed(Path(path).parents))
    return next(
        (folder for folder in above if os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK)), None
    )


def _yours(path: str) -> Text:
    """How an ordinary user who asks gets to read it."""
    user, mode = getpass.getuser(), os.stat(path).st_mode
    return _joins(_group(path), user) if mode & 0o040 else _setfacl(path, user)


def _joins(group: str, user: str) -> Text:
    return Text(
        en=f"you may not read it yet: sudo usermod -aG {group} {user}, then log in again",
        ja=f"まだ読み取れません。sudo usermod -aG {group} {user} を実行し、ログインし直してください",
    )


def _for_others(path: str) -> Text | None:
    """Root reads everything; the service will be somebody else."""
    mode = os.stat(path).st_mode
    return None if mode & 0o004 else _allowed(_group(path)) if mode & 0o040 else _setfacl(path)


def _allowed(group: str) -> Text | None:
    """How to allow it to the service; nothing to do where that is in the group already."""
    return None if group in HELD else Text(en=ADM.en.format(group=group), ja=ADM.ja.format(group=group))


def _setfacl(path: str, user: str = "") -> Text:
    command = f"setfacl -R -m u:{user or 'kanaria'}:rX {path}"
    if user:
        return Text(en=f"you may not read it yet: sudo {command}", ja=f"まだ読み取れません。実行: sudo {command}")
    return Text(
        en=f"let the service's user read it: {command}",
        ja=f"サービスのユーザーに読み取りを許可してください: {command}",
    )


def _group(path: str) -> str:
    import grp

    try:
        return grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        return "adm"
