"""What one mining message says, in one sentence for a person who never heard of Stratum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kanaria.core.facts import SampleValue
from kanaria.core.text import cut, printable
from kanaria.core.types import Language, StratumMessage, Text

# First match wins: (method, meaning). A method not listed is named without a meaning of its own.
_METHODS: Mapping[str, Text] = {
    "login": Text(en="a miner introduces itself to a pool", ja="マイナーがプールに名乗り出ています"),
    "mining.subscribe": Text(
        en="a miner asks a pool for work", ja="マイナーがプールに仕事の受け取りを申し込んでいます"
    ),
    "mining.authorize": Text(
        en="a miner gives its worker name and password", ja="マイナーがワーカー名とパスワードを送っています"
    ),
    "mining.submit": Text(en="a miner hands in a result (a share)", ja="マイナーが計算結果(シェア)を提出しています"),
    "mining.notify": Text(en="a pool sends work", ja="プールが仕事を配っています"),
    "mining.set_difficulty": Text(en="a pool sets how hard the work is", ja="プールが仕事の難易度を設定しています"),
    "mining.configure": Text(
        en="a miner negotiates protocol extensions", ja="マイナーがプロトコル拡張を交渉しています"
    ),
    "submit": Text(en="a miner hands in a result (a share)", ja="マイナーが計算結果(シェア)を提出しています"),
    "job": Text(en="a pool sends work", ja="プールが仕事を配っています"),
    "keepalived": Text(en="a miner keeps its connection open", ja="マイナーが接続を維持しています"),
    "getjob": Text(en="a miner asks for work", ja="マイナーが仕事を要求しています"),
    "eth_submitLogin": Text(en="an Ethereum miner introduces itself", ja="Ethereumマイナーが名乗り出ています"),
    "eth_getWork": Text(en="an Ethereum miner asks for work", ja="Ethereumマイナーが仕事を要求しています"),
    "eth_submitWork": Text(en="an Ethereum miner hands in a result", ja="Ethereumマイナーが計算結果を提出しています"),
    "getwork": Text(en="a miner asks a Bitcoin node for work", ja="マイナーがBitcoinノードに仕事を要求しています"),
    "getblocktemplate": Text(
        en="a miner asks a Bitcoin node for work", ja="マイナーがBitcoinノードに仕事を要求しています"
    ),
    "auth": Text(en="a browser miner introduces itself", ja="ブラウザマイナーが名乗り出ています"),
    "result": Text(en="a pool answers", ja="プールが応答しています"),
}

_OTHER = Text(en="a mining message", ja="マイニングのメッセージです")
_DETAILS: tuple[tuple[str, Text], ...] = (
    ("wallet", Text(en="paid to {value}", ja="送金先 {value}")),
    ("worker", Text(en="worker {value}", ja="ワーカー {value}")),
    ("password", Text(en="password {value}", ja="パスワード {value}")),
    ("agent", Text(en="program {value}", ja="プログラム {value}")),
    ("coin", Text(en="coin {value}", ja="通貨 {value}")),
    ("job_id", Text(en="job {value}", ja="ジョブ {value}")),
)


def message_meaning(message: StratumMessage, samples: Sequence[SampleValue], language: Language) -> str:
    """The sentence, with who is paid and what the program calls itself; texts from the wire are cut and made printable."""
    parts = [_METHODS.get(message.method, _OTHER).to(language)]
    for name, words in _DETAILS:
        value = getattr(message, name)
        guessed = name == "coin" and message.fields.get("coin_from") == "dialect"  # a default, not something seen
        if value and not guessed:
            parts.append(words.to(language).format(value=cut(printable(str(value)), 48)))
    if message.algorithms:
        count = len(message.algorithms)
        parts.append(f"アルゴリズム{count}種" if language == "ja" else f"{count} algorithms")
    if message.truncated:
        parts.append("途中で切れています" if language == "ja" else "cut off")
    for sample in samples:
        parts.append(f"{cut(printable(sample.value), 20)}: {sample.meaning.to(language)}")
    return ("、" if language == "ja" else "; ").join(parts)
