"""How much one network's memory may hold: each limit is a setting, and what goes beyond it is the least important.

The defaults are some ten times what a company of a thousand devices fills; each says what it costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from kanaria.core.values import dataclass
from kanaria.core.words import Text

FromZero = Annotated[float, "0 or more"]
"""A number of a setting that 0 turns off; other numbers of settings are above 0."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Most of each kind that is remembered from run to run; what was forgotten is said in the report's notes."""

    findings: int = 2_000
    """Findings of open cases, the most severe and latest first; of one case a quarter of them. Some 7 kB each."""
    records: int = 10_000
    """Log records these findings quote. Some 1 kB each."""
    sources: int = 5_000
    """Inputs that are recognised when they are read again, the last read first. Some 150 bytes each."""
    pairs: int = 20_000
    """Pairs of device and remote of open incidents that teach nothing, the newest incidents first."""
    contacts: int = 500
    """Pairs of device and remote whose hours of contact are counted over all runs, those last in touch first."""
    correlation_events: int = 20_000
    """Events that one correlation keeps, the newest first. Some 400 bytes each."""
    pictured_devices: int = 2_000
    """Devices whose surprise is kept for pictures, the most surprising first. Some 20 kB each."""


@dataclass(frozen=True, kw_only=True)
class EventLimits:
    """How much of what crossed the wire a store keeps, so that later runs know what was before an incident."""

    # A picture shows what was normal for an hour by the same hour of up to 28 days before.
    days: FromZero = 30.0
    """Rows of connections, names asked for, handshakes and logons are kept so many days; `0` keeps none. Days are days
    of the records: the newest one counts, not the clock on the wall."""
    # 43 bytes a connection (Zeek's, 200,000 of them): some 45 million.
    megabytes: float = 2000.0
    """Most disk space they take; beyond that the oldest go. Web servers' own logs are not kept a second time."""


_FORGOTTEN: Mapping[str, Text] = {
    "findings": Text(
        en="{n} findings are more than is remembered at once (the least severe and oldest of large campaigns): what a "
        "later run finds will not be joined with them. Their incidents are kept.",
        ja="一度に記憶できる数を超えた{n}件の検知(大規模な活動のうち重大度が低く古いもの)は、次回以降の検知と"
        "結び付けません。インシデントとしては保存されています。",
    ),
    "sources": Text(
        en="{n} inputs are more than is remembered: those not read for longest count as new when they are read again.",
        ja="記憶できる数を超えた{n}件の入力(最後に読んだ時期が古いもの)は、次に読んだとき初めての入力として扱います。",
    ),
    "pairs": Text(
        en="{n} pairs of device and remote of open incidents are more than is remembered: those of the oldest "
        "incidents may become part of what is normal.",
        ja="記憶できる数を超えた、未解決のインシデントの機器と相手の組{n}件(古いインシデントのもの)は、"
        "通常の動作として学習されることがあります。",
    ),
    "contacts": Text(
        en="{n} pairs of device and remote are more than is remembered: the hours of those longest out of touch "
        "begin anew.",
        ja="記憶できる数を超えた機器と相手の組{n}件(最後の通信が古いもの)は、接続時間を最初から数え直します。",
    ),
    "correlation_events": Text(
        en="{n} events are more than correlations remember: the oldest count no longer for what comes next.",
        ja="相関ルールが記憶できる数を超えた{n}件のイベント(古いもの)は、今後の判定に数えません。",
    ),
    "pictured_devices": Text(
        en="{n} devices are more than pictures are drawn of: those least surprising are shown without the time before.",
        ja="図に描ける数を超えた{n}台の機器(異常度が低いもの)については、それまでの経過を図に示しません。",
    ),
}

KINDS = tuple(_FORGOTTEN)
"""In the order in which notes name them."""


def forgotten(kind: str, count: int) -> Text:
    """The note that so many are more than the limit of that kind allows, what that means, and which setting it is."""
    number, words = f"{count:,}", _FORGOTTEN[kind]
    return Text(en=f"{words.en.format(n=number)} (limits.{kind})", ja=f"{words.ja.format(n=number)}(limits.{kind})")
