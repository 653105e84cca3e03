"""Tunnels that nobody could look into: from tables of connections to the sentence that says so.

What mines in an encrypted tunnel shows no mining message and no pool; a reader must not take silence for an all-clear.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import field

import pyarrow as pa

from kanaria.core.text import printable
from kanaria.core.types import Text
from kanaria.core.values import dataclass

SERVICES = ("wireguard", "openvpn", "ipsec", "vxlan", "geneve", "tzsp", "gtp", "gtpv1", "l2tp", "teredo", "pptp")
"""As this project's reader and Zeek name them. Where a tunnel could be opened, there is no connection of that name."""
TRANSPORTS = ("gre", "esp", "ipip", "97", "115")
_SHOWN = 3


@dataclass
class ClosedTunnels:
    """How many connections were closed tunnels, by kind."""

    kinds: Counter[str] = field(default_factory=Counter)

    def count(self, connection: pa.Table) -> None:
        """Take in rows of the table ``connection``."""
        import pyarrow.compute as pc

        for column, names in (("service", SERVICES), ("transport", TRANSPORTS)):
            if column in connection.column_names:
                values = connection[column]
                tunnels = values.filter(pc.is_in(values, pa.array(names)))
                for kind in tunnels.value_counts().to_pylist() if len(tunnels) else ():
                    self.kinds[str(kind["values"])] += int(kind["counts"])

    def text(self) -> Text | None:
        """What the report says of them, None without any."""
        total = sum(self.kinds.values())
        if not total:
            return None
        shown = [f"{printable(kind)} {count:,}" for kind, count in self.kinds.most_common(_SHOWN)]
        are = "connection is a tunnel" if total == 1 else "connections are tunnels"
        return Text(
            en=f"{total:,} {are} whose inside could not be read ({', '.join(shown)}): what goes on inside was not "
            "judged. Capture before the tunnel begins, or behind its end, to have it looked at.",
            ja=f"{total:,}件の通信は中身を読み取れないトンネルです({'、'.join(shown)})。その中の通信は判定していません。"
            "調べるには、トンネルに入る前か出た後でキャプチャしてください。",
        )
