"""Answers to questions about one incident, from what was written about it and no more.

Takes the incident object of the JSON document, a question, a language; returns sentences with their evidence. What the
facts do not say is said to be so, with what could be looked at to know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from kanaria.analyst.questions import Topic, topics
from kanaria.core.glossary import SEEN, SEVERITIES, hypothesis_name
from kanaria.core.story import parts_of
from kanaria.core.text import cut, defang, printable
from kanaria.core.types import Claim, Language, Text

Document = Mapping[str, Any]
SHOWN = 8
"""Sentences or names of one kind in an answer."""
_SAID: Mapping[str, Text] = {
    "unsaid": Text(en="The facts of this incident do not say.", ja="このインシデントの事実からは、わかりません。"),
    "ask": Text(
        en="You can ask who, when, since when, which device, whether it is an attack, stray, whether it worked, how sure that is and why, what it cost, which CVE, what to do, what was looked at, what is normal, and for similar incidents.",
        ja="質問できるのは、誰が、いつ、いつから、どの機器か、攻撃か誤送か、成功したか、どのくらい確かか、理由、費用、関連するCVE、対応、調べた範囲、普段の動作、類似のインシデントなどです。",
    ),
    "who": Text(en="It came from {names}.", ja="送信元は{names}です。"),
    "with": Text(en="The other side is {names}.", ja="通信の相手は{names}です。"),
    "who_behind": Text(
        en="An address does not say which person is behind it.", ja="アドレスから、背後にいる人物まではわかりません。"
    ),
    "nobody": Text(en="The records do not name a sender.", ja="送信元は記録されていません。"),
    "owner": Text(
        en="To know who an address belongs to, install network data: `kanaria knowledge update --download`.",
        ja="アドレスの所有者を知るには、ネットワーク情報を導入してください: `kanaria knowledge update --download`。",
    ),
    "when": Text(en="From {first} to {last}.", ja="{first}から{last}までです。"),
    "at": Text(en="At {first}.", ja="{first}です。"),
    "no_time": Text(en="The records have no time.", ja="記録に日時がありません。"),
    "device": Text(en="It concerns {names}.", ja="対象の機器は{names}です。"),
    "no_device": Text(
        en="No device of yours is named by the records; they are those of the machine that wrote the log.",
        ja="記録に機器の名前はありません。ログを書き出したマシン自身の記録です。",
    ),
    "sure": Text(
        en="“{name}” has a probability of {percent} ({bits:+.1f} bits).", ja="「{name}」の確率は{percent}です({bits:+.1f}ビット)。"
    ),
    "severity": Text(en="The severity is: {severity}.", ja="重大度は「{severity}」です。"),
    "techniques": Text(en="ATT&CK techniques: {names}.", ja="該当するATT&CKの技術は{names}です。"),
    "indicator": Text(en="{kind}: {value} ({comment})", ja="{kind}: {value}({comment})"),
    "line": Text(en="{place}: {quote}", ja="{place}: {quote}"),
    "no_estimate": Text(
        en="What it cost cannot be estimated: nothing says how long one of your machines mined.",
        ja="費用は推定できません。こちらのマシンがマイニングした時間を示す記録がありません。",
    ),
    "data": Text(
        en="Whether data was read or taken is not in these records.", ja="データが読まれた、または持ち出されたかどうかは、この記録には現れません。"
    ),
    "host": Text(
        en="To know more, look at the machine itself with `kanaria analyze --check-host` and at the logs of what it sent.",
        ja="さらに知るには、マシン上で `kanaria analyze --check-host` を実行し、送信側の通信の記録を確認してください。",
    ),
    "no_similar": Text(en="No similar incident is kept with it.", ja="類似のインシデントは記録されていません。"),
    "more_runs": Text(
        en="Incidents are compared when they are kept: `kanaria analyze --store DIR`.",
        ja="比較の対象は、`kanaria analyze --store フォルダ` で保存したインシデントです。",
    ),
    "dismiss": Text(
        en="If you know it to be harmless: `kanaria incident set {id} dismissed --why \"…\"`; it is not reported again unless it gets worse.",
        ja="無害とわかっている場合は `kanaria incident set {id} dismissed --why \"…\"` を実行してください。悪化しない限り、再び通知しません。",
    ),
}  # fmt: skip


def answer(document: Document, question: str, language: Language) -> tuple[Claim, ...]:
    """Sentences that answer the question; never none."""
    asked = topics(question)
    teller = _Teller(document, language)
    claims: list[Claim] = []
    for topic in asked:
        claims += list(_ANSWERS[topic](teller)) or [teller.say("unsaid"), teller.say("host")]
    if not asked:
        claims = [teller.say("unsaid"), *teller.section("looked_at")[-2:], teller.say("ask")]
    return tuple({claim.text: claim for claim in claims}.values())


class _Teller:
    """What was written about the incident, in one language."""

    def __init__(self, document: Document, language: Language) -> None:
        self.document, self.language = document, language
        self.report: Mapping[str, Any] = document["report"][language]

    def say(self, key: str, /, evidence: Sequence[str] = (), **values: object) -> Claim:
        return Claim(text=_SAID[key].to(self.language).format(**values), evidence=tuple(evidence))

    def section(self, name: str, most: int = SHOWN) -> list[Claim]:
        return self._claims(self.report["sections"], name)[:most]

    def brief(self, name: str) -> list[Claim]:
        """Of the short report; one kept by an older version has none."""
        return self._claims(self.report.get("brief", ()), name)

    def story(self, part: str) -> list[Claim]:
        sentences = self.document.get("story", {}).get(self.language, ())
        parts = parts_of(self.document, self.language)
        return [_claim(sentence) for sentence, of in zip(sentences, parts, strict=True) if of == part]

    def _claims(self, sections: Sequence[Mapping[str, Any]], name: str) -> list[Claim]:
        return [_claim(claim) for section in sections if section["id"] == name for claim in section["claims"]]


def _claim(item: Mapping[str, Any]) -> Claim:
    return Claim(text=item["text"], evidence=tuple(item["evidence"]))


def _names(values: Sequence[str], language: Language) -> str:
    shown = ("、" if language == "ja" else ", ").join(cut(defang(printable(value)), 60) for value in values[:SHOWN])
    return shown + (f" +{len(values) - SHOWN}" if len(values) > SHOWN else "")


def _who(teller: _Teller) -> Iterator[Claim]:
    entities = teller.document["entities"]
    if not entities["remotes"]:
        yield teller.say("nobody")
        return
    proofs = [e["id"] for e in teller.document["evidence"] if e["source"]][:SHOWN]
    names = _names(entities["remotes"], teller.language)
    yield teller.say("with" if entities["devices"] else "who", proofs, names=names)
    yield teller.say("who_behind")


def _owner(teller: _Teller) -> Iterator[Claim]:
    yield teller.say("unsaid")
    yield from _who(teller)
    yield teller.say("owner")


def _when(teller: _Teller) -> Iterator[Claim]:
    first, last = teller.document["first_seen"], teller.document["last_seen"]
    if not first:
        yield teller.say("no_time")
        return
    proofs = [e["id"] for e in teller.document["evidence"] if e["time"] in {first, last}][:SHOWN]
    shown = [f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M:%S} UTC" for time in (first, last or first)]
    yield teller.say("when" if shown[0] != shown[1] else "at", proofs, first=shown[0], last=shown[1])


def _since(teller: _Teller) -> Iterator[Claim]:
    yield from _when(teller)
    yield from teller.section("timeline")


def _device(teller: _Teller) -> Iterator[Claim]:
    devices = teller.document["entities"]["devices"]
    yield teller.say("device", names=_names(devices, teller.language)) if devices else teller.say("no_device")
    yield from teller.section("normal", 1)


def _attack(teller: _Teller) -> Iterator[Claim]:
    yield from teller.brief("aimed") or teller.story("attack")


def _stray(teller: _Teller) -> Iterator[Claim]:
    yield from _attack(teller)
    yield from _probability(teller, {"misdirected_miner"})


def _sure(teller: _Teller) -> Iterator[Claim]:
    yield from _probability(teller, {item["name"] for item in teller.document["hypotheses"][:2]})


def _probability(teller: _Teller, names: set[str]) -> Iterator[Claim]:
    mining = bool(teller.document["messages"]) or "T1496" in " ".join(teller.document["techniques"])
    kinds = {item["kind"] for item in teller.document["evidence"]}
    for item in teller.document["hypotheses"]:
        if item["name"] in names:
            proofs = [e["id"] for e in teller.document["evidence"] if e["about"] == item["name"]][:SHOWN]
            name = hypothesis_name(item["name"], mining=mining, seen=not SEEN.isdisjoint(kinds)).to(teller.language)
            shown = _percent(item["probability"], teller.language)
            yield teller.say("sure", proofs, name=name, percent=shown, bits=item["bits"])


def _percent(probability: float, language: Language) -> str:
    """As reports show it: beyond a tenth of a percent nobody is that sure."""
    if probability > 0.999:
        return "99.9%超" if language == "ja" else "over 99.9 %"
    if probability < 0.001:
        return "0.1%未満" if language == "ja" else "under 0.1 %"
    return f"{100 * probability:.1f}{'' if language == 'ja' else ' '}%"


def _worked(teller: _Teller) -> Iterator[Claim]:
    yield from teller.brief("worked") or teller.section("outcome")


def _data(teller: _Teller) -> Iterator[Claim]:
    yield from teller.story("meaning")[:2]
    yield from _worked(teller)
    yield teller.say("data")
    yield teller.say("host")


def _cost(teller: _Teller) -> Iterator[Claim]:
    if not teller.document["impact"]["estimate"]:
        yield teller.say("no_estimate")
    yield from teller.section("impact")


def _looked(teller: _Teller) -> Iterator[Claim]:
    yield from teller.section("looked_at")


def _next(teller: _Teller) -> Iterator[Claim]:
    yield teller.say("host")
    yield from teller.section("looked_at")[-2:]
    yield from teller.brief("again")


def _mails(teller: _Teller) -> Iterator[Claim]:
    yield from (
        claim for claim in teller.section("recommendations") if "grep" in claim.text or "allowed." in claim.text
    )
    yield teller.say("dismiss", id=teller.document["id"])


def _similar(teller: _Teller) -> Iterator[Claim]:
    claims = teller.section("similar")
    yield from claims or [teller.say("no_similar"), teller.say("more_runs")]


def _techniques(teller: _Teller) -> Iterator[Claim]:
    names = teller.document["techniques"]
    if names:
        yield teller.say("techniques", names=_names(names, teller.language).replace("[.]", "."))


def _indicators(teller: _Teller) -> Iterator[Claim]:
    for item in teller.document["indicators"][:SHOWN]:
        comment = item["comment"][teller.language]
        yield teller.say("indicator", kind=item["type"], value=cut(defang(item["value"]), 100), comment=comment)


def _lines(teller: _Teller) -> Iterator[Claim]:
    seen: set[str] = set()
    for item in teller.document["evidence"]:
        place = f"{item['source']}:{item['line']}"
        if item["source"] and item["quote"] and place not in seen and len(seen) < SHOWN:
            seen.add(place)
            yield teller.say("line", [item["id"]], place=place, quote=cut(printable(item["quote"]), 200))


def _severity(teller: _Teller) -> Iterator[Claim]:
    shown = SEVERITIES[teller.document["severity"]].to(teller.language)
    yield teller.say("severity", teller.document["outcome"]["because"][:SHOWN], severity=shown)
    yield from teller.story("meaning")[:1]


def _from(*names: str) -> Callable[[_Teller], Iterator[Claim]]:
    """The first of these sections, short or long, that says anything."""

    def tell(teller: _Teller) -> Iterator[Claim]:
        yield from next((claims for name in names if (claims := teller.section(name) or teller.brief(name))), [])

    return tell


_ANSWERS: Mapping[Topic, Callable[[_Teller], Iterator[Claim]]] = {
    "unknown_owner": _owner, "stop_mails": _mails, "stray": _stray, "attack": _attack, "worked": _worked, "data": _data,
    "do": _from("recommendations"), "next": _next, "again": _from("again"), "sure": _sure, "why": _from("identification"),
    "cve": _from("vulnerabilities", "cve"), "cost": _cost, "terms": _from("terms"), "coin": _from("messages"),
    "device": _device, "since": _since, "when": _when, "looked_at": _looked, "similar": _similar,
    "normal": _from("normal"), "techniques": _techniques, "indicators": _indicators, "lines": _lines,
    "severity": _severity, "who": _who, "what": lambda teller: iter(teller.story("what") or teller.section("findings")),
}  # fmt: skip

__all__ = ["answer"]
