"""Flow records and mining: from tables of connections to the sentence about them.

A flow record has totals and no content, so that it alone never says that somebody mines. A reader who gave nothing else
gets told, with the flows that come nearest and what speaks for them, instead of a clean bill of health.
"""

from __future__ import annotations

from dataclasses import field

import pyarrow as pa

from kanaria.core.text import defang, printable
from kanaria.core.types import Text
from kanaria.core.values import dataclass

SHOWN = 3
_COLUMNS = (
    "src_ip", "dst_ip", "dst_port", "transport", "mining.grammar_bits", "mining.grammar_because_en",
    "mining.grammar_because_ja",
)  # fmt: skip
_Pair = tuple[str, str, int | None]


@dataclass
class FlowCandidates:
    """Connections of which only totals are known, and the nearest of them to mining."""

    flows: int = 0
    others: int = 0
    nearest: dict[_Pair, dict[str, object]] = field(default_factory=dict)

    def add(self, connection: pa.Table) -> None:
        """Take in rows of ``connection`` with the columns of the flow grammar."""
        import pyarrow.compute as pc

        bare = pc.and_(pc.is_null(connection["messages"]), pc.is_null(connection["src_first"]))
        flows = connection.filter(bare)
        self.flows += len(flows)
        self.others += len(connection) - len(flows)
        near = flows.filter(pc.fill_null(pc.greater(flows["mining.grammar_bits"], 0.0), False))
        for row in near.select(_COLUMNS).sort_by([("mining.grammar_bits", "descending")])[:SHOWN].to_pylist():
            pair = (row["src_ip"] or "", row["dst_ip"] or "", row["dst_port"])
            if _bits(row) > _bits(self.nearest.get(pair, {})):
                self.nearest[pair] = row
        self.nearest = dict(sorted(self.nearest.items(), key=lambda item: -_bits(item[1]))[:SHOWN])

    def text(self) -> Text | None:
        """What the report says of them; None when anything but flow records was read."""
        if not self.flows or self.others:
            return None
        en = (
            f"Only flow records were read ({self.flows:,} connections). They have totals and no content, and never "
            "show mining by themselves. "
        )
        ja = (
            f"読み取ったのはフロー記録だけです(通信{self.flows:,}件)。フロー記録には合計値しかなく内容がないため、"
            "それだけでマイニングと判断することはありません。"
        )
        if not self.nearest:
            return Text(en=f"{en}None of them comes near it.", ja=f"{ja}マイニングに近い形の通信はありませんでした。")
        listed = list(self.nearest.values())
        near_en = "; ".join(_english(row) for row in listed)
        near_ja = "、".join(_japanese(row) for row in listed)
        return Text(
            en=f"{en}Nearest to it: {near_en}. Look at the program on the device, or capture packets, to decide.",
            ja=f"{ja}形が近いのは次の通信です: {near_ja}。判断するには、機器のプログラムを調べるか、"
            "パケットをキャプチャしてください。",
        )


def _bits(row: dict[str, object]) -> float:
    bits = row.get("mining.grammar_bits")
    return bits if isinstance(bits, float) else 0.0


def _english(row: dict[str, object]) -> str:
    port = f" port {row['dst_port']}" if row["dst_port"] is not None else ""
    return f"{_ends(row)}{port} ({_bits(row):+.1f} bits: {row['mining.grammar_because_en']})"


def _japanese(row: dict[str, object]) -> str:
    port = f" のポート{row['dst_port']}" if row["dst_port"] is not None else ""
    because = str(row["mining.grammar_because_ja"] or "").rstrip("。")
    return f"{_ends(row)}{port}({_bits(row):+.1f}ビット: {because})"


def _ends(row: dict[str, object]) -> str:
    return f"{printable(str(row['src_ip'] or '?'))} → {defang(printable(str(row['dst_ip'] or '?')))}"
