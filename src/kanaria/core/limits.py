"""How much one network's memory may hold: each limit is a setting, and what goes beyond it is the least important.

The defaults are some ten times what a company of a thousand devices fills; each says what it costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from kanaria.core.plural import fill
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
    identities: int = 10_000
    """Miners (address, login, program) whose rhythm of logins is counted, those that log in most often first. Some 400
    bytes each."""
    # A busy server's log of 9 million requests had 150,000.
    web_answers: int = 2_000_000
    """Answers of web servers (status, path, size) that are counted, to know what is usual; beyond that those seen once
    count without their path, and of too many sizes the commonest. Some 30 bytes each."""
    web_clients: int = 100_000
    """Clients remembered for requests that could not be parsed, of every status alike. Some 40 bytes each."""
    # What is written with each checkpoint: to count 5,000 takes 10 ms of processor time, 200,000 take 70.
    web_answers_kept: int = 20_000
    """Answers of web servers that `kanaria serve` still knows after a restart; beyond that those seen once are known
    without their path, and the commonest of them. Some 70 bytes each, with every checkpoint."""
    web_clients_kept: int = 10_000
    """Clients that sent what could not be parsed which `kanaria serve` still knows after a restart, of every status
    alike."""
    hosts: int = 20_000
    """Hosts whose falling silent is noticed, each in each log it writes into: those that write regularly first, then
    those heard last. Some 200 bytes each."""
    told_connections: int = 10_000
    """Connections told of as anomalies, the latest first: requests in them are not told of a second time. Some 400
    bytes each."""
    places: int = 1_000
    """Senders with their programs, or files that records name, of one source of `kanaria serve` that is sent its lines
    (syslog, HTTP, Kafka, Redis): each is read as a log of its own. One that wrote nothing for a day makes room for
    another; as long as there is none, the lines of further ones are read as one log."""
    # A quarter of the positions that are kept: files that records name have theirs.
    partitions: int = 500
    """Partitions that one source of `kanaria serve` reads (Kafka), those first that were read before, and half of
    `limits.positions` at most: of each is kept how far it was read. Further ones are not read."""
    positions: int = 2_000
    """Files of one source of `kanaria serve` of which is kept how far they were read, the last read first. Some 500
    bytes each."""
    # Each place takes up to 0.3 kB an address: 5 MB.
    addresses: int = 16_384
    """Addresses and names whose meaning is remembered in each of eleven places, those last met first. What is forgotten
    is worked out anew: it costs time and changes no result."""


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
        en="{n:finding is|findings are} more than is remembered at once (the least severe and oldest of large "
        "campaigns): what a "
        "later run finds will not be joined with them. Their incidents are kept.",
        ja="一度に記憶できる数を超えた{n}件の検知(大規模な活動のうち重大度が低く古いもの)は、次回以降の検知と"
        "結び付けません。インシデントとしては保存されています。",
    ),
    "sources": Text(
        en="{n:input is|inputs are} more than is remembered: those not read for longest count as new when they are "
        "read again.",
        ja="記憶できる数を超えた{n}件の入力(最後に読んだ時期が古いもの)は、次に読んだとき初めての入力として扱います。",
    ),
    "pairs": Text(
        en="{n:pair of device and remote of open incidents is|pairs of device and remote of open incidents are} more "
        "than is remembered: those of the oldest "
        "incidents may become part of what is normal.",
        ja="記憶できる数を超えた、未解決のインシデントの機器と相手の組{n}件(古いインシデントのもの)は、"
        "通常の動作として学習されることがあります。",
    ),
    "contacts": Text(
        en="{n:pair of device and remote is|pairs of device and remote are} more than is remembered: the hours of "
        "those longest out of touch "
        "begin anew.",
        ja="記憶できる数を超えた機器と相手の組{n}件(最後の通信が古いもの)は、接続時間を最初から数え直します。",
    ),
    "correlation_events": Text(
        en="{n:event is|events are} more than correlations remember: the oldest count no longer for what comes next.",
        ja="相関ルールが記憶できる数を超えた{n}件のイベント(古いもの)は、今後の判定に数えません。",
    ),
    "pictured_devices": Text(
        en="{n:device is|devices are} more than pictures are drawn of: those least surprising are shown without the "
        "time before.",
        ja="図に描ける数を超えた{n}台の機器(異常度が低いもの)については、それまでの経過を図に示しません。",
    ),
    "identities": Text(
        en="{n:miner is|miners are} more than is remembered: how regularly those log in that did so least is counted "
        "anew.",
        ja="記憶できる数を超えた{n}個のマイナー(ログインの少ないもの)は、ログインの間隔を最初から数え直します。",
    ),
    "web_answers": Text(
        en="{n:answer of web servers is|answers of web servers are} more than is counted: those seen once count "
        "without their path.",
        ja="数えられる数を超えたWebサーバの応答{n}種類(1回しか見ていないもの)は、パスなしで数えます。",
    ),
    "web_clients": Text(
        en="{n:client that sent what could not be parsed is|clients that sent what could not be parsed are} more "
        "than is remembered: of statuses with many such "
        "clients some are counted no longer.",
        ja="解釈できないリクエストを送ったクライアントのうち、記憶できる数を超えた{n}個"
        "(同じステータスが多数あるもの)は数えません。",
    ),
    "web_answers_kept": Text(
        en="{n:answer of web servers is|answers of web servers are} more than are known after a restart: those seen "
        "once are known without "
        "their path then.",
        ja="再起動後も保持できる数を超えたWebサーバの応答{n}種類のうち、1回しか見ていないものは、"
        "再起動後はパスなしで数えます。",
    ),
    "web_clients_kept": Text(
        en="{n:client that sent what could not be parsed is|clients that sent what could not be parsed are} more "
        "than are known after a restart: of statuses with "
        "many such clients some are counted anew then.",
        ja="解釈できないリクエストを送ったクライアントのうち、再起動後も保持できる数を超えた{n}個"
        "(同じステータスが多数あるもの)は、再起動後に数え直します。",
    ),
    "hosts": Text(
        en="{n:host is|hosts are} more than is remembered of who writes into logs: those that write seldom, and "
        "those silent "
        "for longest, are not missed when they stop.",
        ja="ログへの書き込みを記憶できる数を超えた{n}台のホスト(書き込みが不定期なもの、途絶えて久しいもの)は、"
        "書き込みが止まっても検知しません。",
    ),
    "told_connections": Text(
        en="{n:connection told of as an anomaly is|connections told of as anomalies are} more than is remembered: a "
        "request in the oldest of them may be "
        "told of a second time.",
        ja="異常として通知した接続のうち、記憶できる数を超えた{n}件(古いもの)では、"
        "接続内のリクエストを重ねて通知することがあります。",
    ),
    "places": Text(
        en="{n:line|lines} came from more senders, programs or files than are told apart: those of the newest are "
        "read as "
        "one log.",
        ja="区別できる数を超えた送信元、プログラム、ファイル(新しく現れたもの)の{n}行は、"
        "1つのログとしてまとめて読みます。",
    ),
    "partitions": Text(
        en="{n:partition is|partitions are} more than one source reads: those found last are not read. Share them "
        "among several "
        "sources.",
        ja="1つのソースで読める数を超えた{n}個のパーティション(あとから見つかったもの)は読みません。"
        "複数のソースに分けてください。",
    ),
    "positions": Text(
        en="{n:file is|files are} more than positions are kept of: those not read for longest are read from their "
        "beginning "
        "if they are met again after a restart.",
        ja="読み取り位置を記憶できる数を超えた{n}個のファイル(最後に読んだ時期が古いもの)は、再起動後に見つかると"
        "先頭から読み直します。",
    ),
}

KINDS = tuple(_FORGOTTEN)
"""In the order in which notes name them."""


def forgotten(kind: str, count: int) -> Text:
    """The note that so many are more than the limit of that kind allows, what that means, and which setting it is."""
    number, words = f"{count:,}", _FORGOTTEN[kind]
    return Text(en=f"{fill(words.en, n=number)} (limits.{kind})", ja=f"{words.ja.format(n=number)}(limits.{kind})")
