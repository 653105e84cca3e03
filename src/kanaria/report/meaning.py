"""What one mining message says, in one sentence for a person who never heard of Stratum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kanaria.core.facts import SampleValue
from kanaria.core.glossary import answers
from kanaria.core.text import cut, printable
from kanaria.core.types import Language, StratumMessage, Text

# First match wins: (method, meaning). A method not listed is named without a meaning of its own.
_METHODS: Mapping[str, Text] = {
    "login": Text(en="a miner logs in to a pool", ja="マイナーがプールにログインする際のメッセージです"),
    "mining.subscribe": Text(
        en="a miner asks a pool for work",
        ja="マイナーがプールに、計算の課題(ジョブ)を受け取りたいと伝えるメッセージです",
    ),
    "mining.authorize": Text(
        en="a miner gives its worker name and password", ja="マイナーがワーカー名とパスワードを伝えるメッセージです"
    ),
    "mining.submit": Text(
        en="a miner hands in a result (a share)", ja="マイナーが計算結果(シェア)を提出するメッセージです"
    ),
    "mining.notify": Text(en="a pool sends work", ja="プールが計算の課題(ジョブ)を配るメッセージです"),
    "mining.set_difficulty": Text(
        en="a pool sets how hard the work is", ja="プールが課題の難易度を設定するメッセージです"
    ),
    "mining.configure": Text(
        en="a miner negotiates protocol extensions", ja="マイナーがプロトコルの拡張機能を確認するメッセージです"
    ),
    "submit": Text(en="a miner hands in a result (a share)", ja="マイナーが計算結果(シェア)を提出するメッセージです"),
    "job": Text(en="a pool sends work", ja="プールが計算の課題(ジョブ)を配るメッセージです"),
    "keepalived": Text(en="a miner keeps its connection open", ja="マイナーが接続を維持するためのメッセージです"),
    "getjob": Text(en="a miner asks for work", ja="マイナーが計算の課題(ジョブ)を要求するメッセージです"),
    "eth_submitLogin": Text(
        en="an Ethereum miner introduces itself", ja="Ethereumのマイナーがログインする際のメッセージです"
    ),
    "eth_getWork": Text(
        en="an Ethereum miner asks for work", ja="Ethereumのマイナーが計算の課題を要求するメッセージです"
    ),
    "eth_submitWork": Text(
        en="an Ethereum miner hands in a result", ja="Ethereumのマイナーが計算結果を提出するメッセージです"
    ),
    "getwork": Text(
        en="a miner asks a Bitcoin node for work", ja="マイナーがBitcoinノードに計算の課題を要求するメッセージです"
    ),
    "getblocktemplate": Text(
        en="a miner asks a Bitcoin node for work", ja="マイナーがBitcoinノードに計算の課題を要求するメッセージです"
    ),
    "auth": Text(en="a browser miner introduces itself", ja="ブラウザマイナーがログインする際のメッセージです"),
    "result": Text(en="a pool answers", ja="プールの応答です"),
}

_OTHER = Text(en="a mining message", ja="マイニングのメッセージです")
_LOGIN = Text(en="login {value}", ja="ログイン名 {value}")
_DETAILS: tuple[tuple[str, Text], ...] = (
    ("wallet", Text(en="paid to {value}", ja="送金先アドレス {value}")),
    ("worker", Text(en="worker {value}", ja="ワーカー {value}")),
    ("password", Text(en="password {value}", ja="パスワード {value}")),
    ("agent", Text(en="program {value}", ja="プログラム {value}")),
    ("coin", Text(en="coin {value}", ja="通貨 {value}")),
    ("job_id", Text(en="job {value}", ja="ジョブ {value}")),
)


# A public copy of LemonDuck's Linux script sends exactly this login to every public address that its victim has a
# connection to (seen 2026-11-28); others may send it too.
_RIVAL_CHECK = Text(
    en="the same login is in a public copy of the script of LemonDuck, a miner's botnet, which sends it to every address "
    "its victim is connected to, looking for a rival's pool; so the sender may be an infected client of yours, as one "
    "possible sender among others",
    ja="マイナーを広めるボットネットLemonDuckのスクリプト(公開されている写し)に、同じログインがあります。感染した機器が、"
    "接続中のすべてのアドレスに競合のプールがないかを尋ねるものです。ほかの送信者も考えられますが、感染した利用者の機器から"
    "届いた可能性もあります",
)


def checks_for_rivals(message: StratumMessage) -> bool:
    """Whether it is word for word the login with which LemonDuck looks for rivals."""
    named = (message.method, message.agent, message.wallet or message.worker)
    return named == ("login", "XMRig/5.13.1", "x") and {"cn/xao", "rx/keva"} <= set(message.algorithms)


_ANSWERS: Mapping[str | None, Text] = {
    "true": Text(en="the pool's answer: accepted", ja="プールの応答です(受理)"),
    "false": Text(en="the pool's answer: refused", ja="プールの応答です(拒否)"),
    None: Text(en="the pool's answer", ja="プールの応答です"),
}


def message_meaning(message: StratumMessage, samples: Sequence[SampleValue], language: Language) -> str:
    """The sentence, with who is paid and what the program calls itself; texts from the wire are cut and made printable."""
    answer = _ANSWERS.get(message.fields.get("accepted"), _ANSWERS[None]) if answers(message) else None
    sentence = (answer or _METHODS.get(message.method, _OTHER)).to(language)
    details = []
    for name, words in _DETAILS:
        value = getattr(message, name)
        guessed = name == "coin" and message.fields.get("coin_from") == "dialect"  # a default, not something seen
        if value and not guessed:
            words = _LOGIN if name == "wallet" and not message.wallet_valid else words
            details.append(words.to(language).format(value=cut(printable(str(value)), 48)))
    if message.algorithms:
        count = len(message.algorithms)
        details.append(f"アルゴリズム{count}種" if language == "ja" else f"{count} algorithms")
    if message.truncated:
        details.append("途中で切れています" if language == "ja" else "cut off")
    remarks = _meanings(samples, language)
    if checks_for_rivals(message):
        remarks.append(_RIVAL_CHECK.to(language))
    if language == "ja":
        return "。".join([f"{sentence}({'、'.join(details)})" if details else sentence, *remarks])
    return ". ".join([f"{sentence} ({'; '.join(details)})" if details else sentence, *remarks])


def _meanings(samples: Sequence[SampleValue], language: Language) -> list[str]:
    """What is known of the values; several of which the same is known share a sentence."""
    grouped: dict[str, list[str]] = {}
    for sample in samples:
        value = cut(printable(sample.value), 20)
        same = grouped.setdefault(sample.meaning.to(language).rstrip("。."), [])
        if value not in same:
            same.append(value)
    return [f"{', '.join(values)}: {meaning}" for meaning, values in grouped.items()]
