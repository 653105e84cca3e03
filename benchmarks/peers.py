"""Peers of Kanaria made ready for a comparison: offline, in a folder of their own, as a default installation would be.

In: an empty folder. Out: the command that replays an Apache log through CrowdSec's own parsers and web scenarios, as
Debian's package ships them. Nothing is contacted: the local service listens on loopback. Unpack the package instead of
installing it (``apt-get download crowdsec; dpkg -x crowdsec_*.deb /``): its installation registers with its makers.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import yaml

HUB = Path("/usr/share/crowdsec/hub")
PARSERS = (
    "s00-raw/crowdsecurity/syslog-logs", "s01-parse/crowdsecurity/apache2-logs",
    "s02-enrich/crowdsecurity/dateparse-enrich", "s02-enrich/crowdsecurity/http-logs",
)  # fmt: skip
SCENARIOS = "crowdsecurity/base-http-scenarios"


def crowdsec(folder: Path, log: Path) -> list[str] | None:
    """The command that replays ``log``, or None when CrowdSec is not installed."""
    if not (shutil.which("crowdsec") and shutil.which("cscli") and HUB.is_dir()):
        return None
    settings, data = folder / "etc", folder / "data"
    shutil.copytree("/etc/crowdsec/patterns", settings / "patterns")
    data.mkdir()
    for name in ("profiles.yaml", "simulation.yaml"):
        shutil.copy(f"/etc/crowdsec/{name}", settings)
    for parser in PARSERS:
        _enable(settings, "parsers", parser)
    for scenario in _scenarios(SCENARIOS):
        _data_files(_enable(settings, "scenarios", scenario), data)
    config = settings / "config.yaml"
    config.write_text(yaml.safe_dump(_config(settings, data)))
    (settings / "lapi.yaml").touch()
    machine = ["cscli", "-c", str(config), "machines", "add", "-a", "-f", str(settings / "lapi.yaml")]
    subprocess.run(machine, check=True, capture_output=True)
    return ["crowdsec", "-c", str(config), "-dsn", f"file://{log}", "-type", "apache2", "-no-capi", "-warning"]


def _config(settings: Path, data: Path) -> dict[str, object]:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        "common": {"daemonize": False, "log_media": "stdout", "log_level": "error", "working_dir": "."},
        "config_paths": {
            "config_dir": f"{settings}/", "data_dir": f"{data}/", "simulation_path": f"{settings}/simulation.yaml",
            "hub_dir": f"{HUB}/", "index_path": f"{HUB}/.index.json",
        },
        "crowdsec_service": {"parser_routines": os.cpu_count(), "buckets_routines": os.cpu_count()},
        "cscli": {"output": "human"},
        "db_config": {"log_level": "error", "type": "sqlite", "db_path": f"{data}/crowdsec.db", "use_wal": True},
        "api": {
            "client": {"credentials_path": f"{settings}/lapi.yaml"},
            "server": {
                "log_level": "error", "listen_uri": f"127.0.0.1:{port}", "profiles_path": f"{settings}/profiles.yaml",
            },
        },
        "prometheus": {"enabled": False},
    }  # fmt: skip


def _file(kind: str, name: str) -> Path:
    return next(path for ending in ("yaml", "yml") if (path := HUB / kind / f"{name}.{ending}").exists())


def _enable(settings: Path, kind: str, name: str) -> Path:
    source = _file(kind, name)
    stage = name.partition("/")[0] if kind == "parsers" else ""
    target = settings / kind / stage / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source)
    return source


def _scenarios(collection: str) -> set[str]:
    known = yaml.safe_load(_file("collections", collection).read_text())
    return set(known.get("scenarios", ())).union(*(_scenarios(name) for name in known.get("collections", ())))


def _data_files(scenario: Path, data: Path) -> None:
    """Lists a scenario needs, under the names it wants; Debian ships them under those of their addresses."""
    for document in yaml.safe_load_all(scenario.read_text()):
        for wanted in (document or {}).get("data", ()):
            shipped = HUB.parent / "data" / Path(wanted["source_url"]).name
            target = data / wanted["dest_file"]
            if not target.exists():
                target.write_bytes(shipped.read_bytes() if shipped.exists() else b"")
