"""Logs that are known by name though no reader reads them: what they are, and which log would say more. And what lies
beside logs in an archive and is none.

In: the beginning of an input in no known format. Out: a remark for the reader, or None. To add one, add a row.
"""

from __future__ import annotations

import re

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass
from kanaria.core.words import Text

_LOOKED_AT = 64 << 10
_MOST = 0.5
"""Share of the first lines that have to look like it."""


@dataclass(frozen=True)
class KnownLog:
    """``line`` is found in a line of such a log."""

    line: re.Pattern[bytes]
    words: Text


def _made(pattern: bytes, en: str, ja: str) -> KnownLog:
    return KnownLog(re.compile(pattern), Text(en=en, ja=ja))


_GIVE_EN = "it was only searched; the log of the server in front says more"
KNOWN: tuple[KnownLog, ...] = (
    _made(
        rb"\[pool\] \(Thread \d|StratumServer\b|\bstratum[ _-]?(?:server|proxy)\b|\[(?:payments|unlocker|api|charts|cryptonote)\] |ckpool|\bNOMP\b",
        "the log of a mining pool's own software, by its looks. Mining messages are its daily business: strangers who send it other things are scanners, and no sign of an attack.",
        "マイニングプールのソフトウェア自身のログとみられます。マイニングのメッセージが届くのは通常の動作で、それ以外のものを送ってくる相手はスキャナであり、攻撃の形跡ではありません。",
    ),
    _made(
        rb"\blvl=(?:info|warn|eror|dbug)\b.*\bmsg=|^(?:INFO|WARN|ERROR|DEBUG) +\[\d\d-\d\d\|\d\d:\d\d:\d\d",
        "the log of an Ethereum node (geth), by its looks; it was only searched for orders from strangers.",
        "Ethereumノード(geth)のログとみられます。外部からの命令がないかだけを調べました。",
    ),
    _made(
        rb" fail2ban\.(?:filter|actions|jail|server)\b",
        f"the log of fail2ban, by its looks; {_GIVE_EN} (fail2ban reads it too).",
        "fail2banのログとみられます。検索だけ行いました。fail2banが監視している元のログを渡すと、詳しく調べられます。",
    ),
    _made(
        rb"\[\d+\](?: \S+@\S+)? (?:LOG|ERROR|STATEMENT|FATAL|DETAIL|HINT|WARNING|NOTICE): ",
        "the log of PostgreSQL, by its looks; only commands in statements were searched for.",
        "PostgreSQLのログとみられます。文に含まれるコマンドだけを調べました。",
    ),
    _made(
        rb"\[homeassistant\.|\[aiohttp\.server\]",
        f"the log of Home Assistant, by its looks; {_GIVE_EN}.",
        "Home Assistantのログとみられます。検索だけ行いました。手前のWebサーバのログを渡すと、詳しく調べられます。",
    ),
    _made(
        rb"\b(?:Jellyfin|Emby|MediaBrowser)\.",
        f"the log of Jellyfin or Emby, by its looks; {_GIVE_EN}.",
        "JellyfinまたはEmbyのログとみられます。検索だけ行いました。手前のWebサーバのログを渡すと、詳しく調べられます。",
    ),
    _made(
        rb"User \[[^\]]*\] from \[[^\]]*\]|\"Severity Level\",\"Date\",\"Time\"|\buhttpd\[\d+\]: ",
        f"the log of a NAS's or router's logons, by its looks; {_GIVE_EN}.",
        "NASやルータのログイン記録とみられます。検索だけ行いました。Webサーバのログがあれば、そちらを渡すと詳しく調べられます。",
    ),
    _made(
        rb"Logwatch|-{5,} \w+ (?:Begin|End) -{5,}",
        "a summary of Logwatch, by its looks: it names requests without who sent them and when. The access log itself says more.",
        "Logwatchの要約とみられます。送信元や時刻は書かれていません。元のアクセスログを渡すと、詳しく調べられます。",
    ),
)  # fmt: skip


def remark(head: bytes) -> Text | None:
    """What the input is, by the lines it begins with."""
    if _BASE64.fullmatch(head[:_LOOKED_AT]):
        return _BASE64_WORDS
    lines = [line for line in head[:_LOOKED_AT].split(b"\n")[:50] if line.strip()]
    for known in KNOWN:
        found = sum(known.line.search(line) is not None for line in lines)
        if found and (found >= _MOST * len(lines) or known is KNOWN[-1]):
            return known.words
    return None


_DOCUMENT = late_regex(
    r"(?:readme|licen[cs]e|copying|notice|changelog|changes|authors|(?:sha\d+|md5)sums?)(?:[.-]\w+)*|.+\.(?:md|rst|adoc)",
    re.I,
)
_DOCUMENT_WORDS = Text(
    en="a document and no log, by its name: passed over, only searched.",
    ja="ファイル名からみて、ログではなく文書です。読み飛ばし、検索だけ行いました。",
)
_SUMMARY = late_regex(rb"\s*>== (?:Total|Incoming|Outgoing) ===")
_SUMMARY_WORDS = Text(
    en="Zeek's summary of connections (trace-summary): passed over, conn.log says the same connection by connection.",
    ja="Zeekの通信の要約(trace-summary)です。同じ内容が通信ごとに conn.log にあるため、読み飛ばしました。",
)

_BASE64 = late_regex(
    rb"(?=[^\n]*[G-Z])(?=[^\n]*[g-z])(?=[^\n]*[0-9])(?:[A-Za-z0-9+/]{60,}+\r?\n?)++[A-Za-z0-9+/]{0,59}+={0,2}\s*"
)
"""Long lines of its letters and nothing else; a list of hashes has the first six alone, a line of one letter says nothing."""
_BASE64_WORDS = Text(
    en="text in Base64, by its looks: nothing of it was read; decode it (`base64 -d`) and give the result.",
    ja="Base64で符号化されたテキストとみられます。中身は読み取っていません。`base64 -d` で復号してから指定してください。",
)


_ARCHIVES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"PK\x03\x04", "zip"), (0, b"7z\xbc\xaf\x27\x1c", "7z"), (0, b"Rar!\x1a\x07", "rar"), (257, b"ustar", "tar"),
)  # fmt: skip
"""Where which bytes stand in archives of files."""


def archive(head: bytes) -> Text | None:
    """What to do with an archive of files, in which a search finds texts out of their place."""
    kind = next((kind for at, magic, kind in _ARCHIVES if head[at:].startswith(magic)), None)
    if kind is None:
        return None
    return Text(
        en=f"an archive of files ({kind}): nothing of it was read; unpack it and give the folder.",
        ja=f"ファイルをまとめたアーカイブ({kind})です。中身は読み取っていません。展開してフォルダを指定してください。",
    )


def beside(head: bytes, name: str) -> Text | None:
    """What the input is that lies beside logs without being one."""
    if _SUMMARY.match(head):
        return _SUMMARY_WORDS
    return _DOCUMENT_WORDS if _DOCUMENT.fullmatch(name.rpartition("/")[2]) else None
