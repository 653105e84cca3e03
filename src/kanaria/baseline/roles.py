"""What a device is, from what it serves and uses, and what that makes of it: peer group and criticality.

Evidence is the services others were answered on (with the most distinct clients of any hour) and how many different
places the device itself goes to. Configuration wins over inference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kanaria.baseline.shape import LANDMARK, LARGEST_EXPONENT
from kanaria.core.text import decimal
from kanaria.core.types import Text
from kanaria.core.values import dataclass

if TYPE_CHECKING:
    import duckdb

    from kanaria.baseline.state import State

ROLES: Mapping[str, Text] = {
    "domain_controller": Text(en="domain controller", ja="ドメインコントローラ"),
    "dns_server": Text(en="DNS server", ja="DNSサーバ"),
    "gateway": Text(en="gateway", ja="ゲートウェイ"),
    "mail_server": Text(en="mail server", ja="メールサーバ"),
    "database_server": Text(en="database server", ja="データベースサーバ"),
    "file_server": Text(en="file server", ja="ファイルサーバ"),
    "printer": Text(en="printer", ja="プリンタ"),
    "camera": Text(en="camera", ja="ネットワークカメラ"),
    "web_server": Text(en="web server", ja="Webサーバ"),
    "rdp_server": Text(en="remote desktop server", ja="リモートデスクトップサーバ"),
    "server": Text(en="server", ja="サーバ"),
    "workstation": Text(en="workstation", ja="業務端末"),
    "iot": Text(en="single-purpose device", ja="IoT機器"),
    "unknown": Text(en="not known yet", ja="未判定"),
}
CRITICAL = frozenset({"domain_controller", "dns_server", "gateway", "mail_server", "database_server", "file_server"})
"""Roles whose loss stops other people's work."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """``clients`` maps an offered service (``tcp/53``) to its most distinct clients in one hour."""

    clients: Mapping[str, int]
    places: int = 0
    """Different addresses the device itself opened connections to."""


# Ports are those of the IANA registry. Each rule: role, ports, how many of them, how many distinct clients in an hour.
# Two clients tell a server from a machine somebody tried once; a resolver or a domain serves more than a pair.
_RULES: tuple[tuple[str, frozenset[int], int, int], ...] = (
    ("domain_controller", frozenset({88, 389, 464, 636, 3268, 3269}), 2, 2),
    ("gateway", frozenset({67, 547, 1900, 5351}), 1, 2),
    ("dns_server", frozenset({53, 853}), 1, 3),
    ("mail_server", frozenset({25, 110, 143, 465, 587, 993, 995}), 1, 2),
    ("database_server", frozenset({1433, 1521, 3306, 5432, 6379, 9042, 9200, 27017}), 1, 1),
    ("printer", frozenset({515, 631, 9100}), 1, 1),
    ("camera", frozenset({554, 8554, 37777}), 1, 1),
    ("file_server", frozenset({139, 445, 548, 2049}), 1, 2),
    ("web_server", frozenset({80, 443, 8000, 8080, 8443}), 1, 2),
    ("rdp_server", frozenset({3389}), 1, 2),
)
_FEW_PLACES = 8
"""A device that only ever talks to so few places does one thing; offices of people reach more within an hour."""


def infer(evidence: Evidence) -> str:
    """The role, or ``unknown`` while there is too little to say."""
    ports: dict[int, int] = {}
    for service, clients in evidence.clients.items():
        number = decimal(service.rpartition("/")[2])
        if number is not None:
            ports[number] = max(ports.get(number, 0), clients)
    for role, wanted, least, clients in _RULES:
        if sum(ports.get(port, 0) >= clients for port in wanted) >= least:
            return role
    if any(clients >= 3 for clients in ports.values()):
        return "server"
    if evidence.places > _FEW_PLACES:
        return "workstation"
    return "iot" if evidence.places else "unknown"


_GROUPS: dict[str, int] = {}


def group_of(engine: duckdb.DuckDBPyConnection, role: str) -> int:
    """The peer group's id in the history: the engine's hash, which is the same for all engines of one process."""
    if role not in _GROUPS:
        row = engine.execute("SELECT (hash('role', $1) >> 1)::BIGINT", [role]).fetchone()
        _GROUPS[role] = int(row[0]) if row else 0
    return _GROUPS[role]


def assign(state: State, configured: Mapping[str, str], half_life_hours: float) -> bool:
    """Give every device its role of today; what peers have in common is counted anew when a role changed.

    Returns whether one did: only then do ties and totals say something else than before.
    """
    execute, alias = state.engine.execute, state.alias
    clients = served(state)
    rows = state.statements.run(
        f"""SELECT d.actor, d.device, d.role, coalesce(sum(t.types), 0) FROM {alias}.devices d
            LEFT JOIN {alias}.totals t ON t.subject = d.actor AND t.kind = 0 GROUP BY ALL"""  # noqa: S608
    ).fetchall()
    changed = []
    for actor, device, role, places in rows:
        now = configured.get(device) or infer(Evidence(clients=clients.get(device, {}), places=int(places)))
        if now != role:
            changed.append((actor, now, group_of(state.engine, now)))
    if not changed:
        return False
    for actor, role, group in changed:
        execute(f"UPDATE {alias}.devices SET role = $2, grp = $3 WHERE actor = $1", [actor, role, group])  # noqa: S608
    _regroup(state, half_life_hours)
    return True


def _regroup(state: State, half_life_hours: float) -> None:
    """Peer-level ties, totals and quantities from the devices' own."""
    run, fill, alias = state.statements.run, state.statements.fill, state.alias
    exponent = f"least((last - {LANDMARK}) / {half_life_hours}, {LARGEST_EXPONENT})"  # as ``expressions.growth``
    fill(
        "own_ties",
        f"""SELECT d.grp, t.kind, t.value, max(t.last) AS last FROM {alias}.ties t
            JOIN {alias}.devices d ON d.actor = t.subject GROUP BY d.grp, d.actor, t.kind, t.value""",  # noqa: S608
    )
    fill(
        "old_groups",
        f"""SELECT DISTINCT subject FROM {alias}.ties
            WHERE subject <> 0 AND subject NOT IN (SELECT actor FROM {alias}.devices)""",  # noqa: S608
    )
    for name in ("ties", "totals"):
        run(f"DELETE FROM {alias}.{name} WHERE subject IN (FROM old_groups)")  # noqa: S608
    fill(
        "peer_ties",
        f"""SELECT xor(grp, value) AS tie, grp AS subject, kind, value,
                sum(pow(2, greatest({exponent}, -{LARGEST_EXPONENT}))) AS weight, max(last) AS last
            FROM own_ties GROUP BY grp, kind, value""",  # noqa: S608
    )
    run(f"INSERT INTO {alias}.ties FROM peer_ties")
    run(f"INSERT INTO {alias}.totals SELECT subject, kind, sum(weight), count(*) FROM peer_ties GROUP BY ALL")  # noqa: S608
    for name in ("hourly", "flows"):
        run(f"UPDATE {alias}.{name} h SET grp = d.grp FROM {alias}.devices d WHERE d.actor = h.actor")  # noqa: S608


def served(state: State) -> dict[str, dict[str, int]]:
    """Offered services by device, with the most distinct clients in one hour."""
    rows = state.statements.run(
        f"SELECT device, service, max(clients) FROM {state.alias}.services GROUP BY ALL ORDER BY ALL"  # noqa: S608
    ).fetchall()
    services: dict[str, dict[str, int]] = {}
    for device, service, clients in rows:
        services.setdefault(device, {})[service] = int(clients)
    return services


def serves(state: State) -> dict[str, str]:
    """Offered services by device as text, most used first."""
    return {
        device: ", ".join(sorted(offered, key=lambda service: (-offered[service], service))[:20])
        for device, offered in served(state).items()
    }
