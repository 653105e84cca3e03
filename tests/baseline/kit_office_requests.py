"""The synthetic office's web requests, as a sensor sees them behind a proxy that opens TLS: invented, with deviations.

``kanaria.lab.office`` goes in, its log comes out with an ``http`` table beside. The connections stay as they are; what is
asked inside them is thrown with dice of its own:

* Every fifth visit of a workstation shows one to three requests. 85 % are of its browser (four in the house, of unequal
  popularity, a new release every three days), the others of its three desktop programs out of 40 (Zipf, exponent 1.1).
* One workstation in 20 has a program that names itself anew in every request.
* One workstation in 20 takes up a program that nobody here ever used, on one day, with a site it likes.
* The resolver, the file server and the cameras have one program each for their updates, backups and clouds.

Four deviations: the resolver's nightly update is fetched by another program; so is a camera's report; the backup goes to
its usual address under a name nobody ever asked for; and a workstation's program nobody knows fetches from a host nobody
knows, in a connection that is told of as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kanaria.core import schema
from kanaria.core.direction import orient
from kanaria.core.ids import first_event_id
from kanaria.core.network import HomeNetworks
from kanaria.lab import office

BROWSERS = ("Mozilla/5.0 (Desk 11) Wide/{}", "Mozilla/5.0 (Desk 11) Fire/{}", "Mozilla/5.0 (Mac) Wide/{}", "Sea/{}")
SHARES = (0.55, 0.25, 0.15, 0.05)
DAY_US = 86_400_000_000
PROGRAMS, NEW_TOOL, LOADER = 40, "Fetch/8.1", "loader/2.31"
ANEW = 20
"""One workstation in so many names itself anew, and one in so many takes up something new."""

Row = dict[str, Any]


def with_requests(log: office.Office, seed: int) -> tuple[office.Office, dict[str, frozenset[int]]]:
    """The log with an ``http`` table, and the event ids of each deviation among the requests."""
    dice = np.random.default_rng(1_000 + seed)
    rows, connections = _ordinary(log, dice), log.tables["connection"]
    start = pc.min(connections["time"].cast(pa.int64())).as_py() // DAY_US
    marked: dict[str, list[Row]] = {}
    for name, (where, change) in _DEVIATIONS.items():
        found = next((row for row in _conversations(connections) if where(row, row["time"] // DAY_US - start)), None)
        if found is None:  # the office's own deviations were left out
            continue
        marked[name] = [_request(found, **change)]
        if name != "unknown program":  # in place of what is asked there every day
            rows = [row for row in rows if row["conversation"] != found["event_id"]]
    every = sorted(rows + [row for found in marked.values() for row in found], key=lambda row: row["time"])
    first = first_event_id("office requests")
    ids = {name: frozenset(first + every.index(row) for row in found) for name, found in marked.items()}
    columns = {name: [row[name] for row in every] for name in every[0] if name != "conversation"}
    common = {
        "event_id": range(first, first + len(every)),
        "source": ["office"] * len(every),
        "sensor": ["lab"] * len(every),
    }
    typed = {
        name: pa.array(values, schema.TABLES["http"].column(name).type)
        for name, values in {**columns, **common}.items()
    }
    http = orient(schema.conform("http", typed), HomeNetworks())
    return office.Office({**log.tables, "http": http}, log.deviations), ids


def _ordinary(log: office.Office, dice: np.random.Generator) -> list[Row]:
    popularity = np.cumsum(1.0 / np.arange(1, PROGRAMS + 1) ** 1.1)
    popularity /= popularity[-1]
    people: dict[str, dict[str, Any]] = {}
    rows: list[Row] = []
    for row in _conversations(log.tables["connection"]):
        day, src = row["time"] // DAY_US, row["src_ip"]
        if program := _machine(row):
            rows.append(_request(row, user_agent=program))
        if not src.startswith(("10.0.1.", "10.0.2.")) or row["sni"] is None:
            continue
        if src not in people:
            people[src] = {
                "browser": BROWSERS[int(dice.choice(4, p=SHARES))],
                "programs": [int(np.searchsorted(popularity, dice.random())) for _ in range(3)],
                "anew": dice.random() < 1 / ANEW,
                "takes_up": day + int(dice.integers(14)) if dice.random() < 1 / ANEW else -1,
            }
        if dice.random() < 0.2:
            rows += [
                _request(row, user_agent=_program(people[src], day, dice)) for _ in range(int(dice.integers(1, 4)))
            ]
    return rows


def _program(person: Mapping[str, Any], day: int, dice: np.random.Generator) -> str:
    if day == person["takes_up"] and dice.random() < 0.2:
        return f"New-{''.join(map(chr, 97 + person['takes_up'] % 26 * np.ones(3, np.int64)))}{person['programs']}/1.0"
    if dice.random() < 0.85:
        return str(person["browser"].format(day // 3))
    if person["anew"] and dice.random() < 0.5:
        return "Sync (" + "".join(map(chr, dice.integers(97, 123, 12).tolist())) + ")"
    letter = person["programs"][int(dice.integers(3))]
    return f"Desk-{chr(97 + letter % 26)}{'x' * (letter // 26)}/{day // 5}"


def _machine(row: Row) -> str | None:
    """The one program of servers and things."""
    known = {
        "updates.os.example": "Updater/3.{}",
        "backup.example": "Backup/9.{}",
        "cloud.camera.example": "Camera/2.{}",
    }
    return known[row["sni"]].format(row["time"] // DAY_US // 7) if row["sni"] in known else None


def _request(row: Row, **values: object) -> Row:
    same = ("time", "src_ip", "src_port", "dst_ip", "dst_port")
    asked = {"host": row["sni"], "method": "GET", "url": "/", "status": 200, "user_agent": None}
    return {**{name: row[name] for name in same}, **asked, "conversation": row["event_id"], **values}


def _conversations(connections: pa.Table) -> list[Row]:
    names = ["event_id", "time", "src_ip", "src_port", "dst_ip", "dst_port", "sni"]
    plain = connections.select(names)
    at = plain.schema.get_field_index("time")
    rows: list[Row] = plain.set_column(at, "time", plain["time"].cast(pa.int64())).to_pylist()
    return rows


Where = Callable[[Row, int], bool]
_DEVIATIONS: Mapping[str, tuple[Where, Row]] = {
    "update": (lambda row, day: row["sni"] == "updates.os.example" and day == 9, {"user_agent": NEW_TOOL}),
    "camera": (lambda row, day: row["sni"] == "cloud.camera.example" and day == 10, {"user_agent": "Grab/1.2"}),
    "backup": (
        lambda row, day: row["sni"] == "backup.example" and day == 11,
        {"user_agent": "Backup/9.0", "host": "files.unknown-host.example"},
    ),
    "unknown program": (
        lambda row, day: row["dst_ip"] == "198.51.100.9",
        {"user_agent": LOADER, "host": "files.strange.example"},
    ),
}
