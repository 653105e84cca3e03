"""What to do where mining is only named: by a question for a pool, a line of a log, or another sensor."""

from __future__ import annotations

from collections.abc import Iterator

from kanaria.core.glossary import ASKED_FROM_OUTSIDE, asked_from_outside, mining_only_named, speaks_of_mining
from kanaria.core.text import defang
from kanaria.core.types import Finding, Hypothesis, Outcome, Recommendation
from kanaria.incidents.advice_pieces import (
    MOST_IN_TITLE,
    MOST_NAMED,
    REFUSED,
    advise,
    listed,
    pools_named,
    programs_in_lines,
)
from kanaria.incidents.case import Case, Surroundings


def only_named(case: Case, result: Outcome) -> bool:
    """Whether a pool or a miner was only named, in a question, in a line of a log, or by another sensor."""
    names_alone = all(speaks_of_mining([finding], ()) and _asked_or_told(finding) for finding in case.findings)
    return names_alone and mining_only_named(case.findings) and result.value in REFUSED and not case.messages


def _asked_or_told(finding: Finding) -> bool:
    asked = all(item.kind == "pool_asked_of_proxy" for item in finding.evidence)
    return finding.table in {"dns", "process", "alert"} or asked


NAMES_ASKED = frozenset((53, 853))
"""Ports of questions for names (RFC 1035, RFC 7858)."""


def look_who_asked(case: Case, result: Outcome) -> Iterator[Recommendation]:
    """A name is no miner: a list of addresses to block, an article or a curious person asks for it too."""
    device = listed(case.blamed, MOST_NAMED)
    forwarded = any(r.table == "alert" and r.values.get("dst_port") in NAMES_ASKED for r in case.records.values())
    pools = "" if forwarded else pools_named(case) or programs_in_lines(case)  # the other side is a resolver
    for_en = (
        " If that device answers names for others, it asked for one of them: its own log says for whom." * forwarded
    )
    for_ja = (
        "その機器が他の機器の名前解決を代行している場合は、どの機器のための問い合わせかを、その記録で確認してください。"
        * forwarded
    )
    what_en, what_ja = (pools, f"{pools} に") if pools else ("it", "これに")
    yield advise(
        "look_who_asked", 1, result.because,
        f"Look on {device.en or 'the machine that wrote the log'} for a program that has to do with {what_en}: processes with constant load, scheduled jobs, new files. If nobody knows of one, or if it connects there, take the machine off the network; keep it running for evidence.{for_en}",
        f"{device.ja or 'ログを書いた機器'}に、{what_ja}関係するプログラムがないかを調べてください(高い負荷の続くプロセス、定期実行の設定、新しいファイル)。心当たりのないものが見つかった場合や、実際に接続している場合は、機器をネットワークから切り離します。証拠保全のため電源は切らないでください。{for_ja}",
    )  # fmt: skip


def whose_question(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """A stranger's question asks for one look: whether the address is a stranger's, and whether the server answers any."""
    if top not in ASKED_FROM_OUTSIDE or not asked_from_outside(case.findings):
        return
    asked = [finding for finding in case.findings if asked_from_outside([finding])]
    who = listed([defang(name) for name in dict.fromkeys(f.remote for f in asked if f.remote)], MOST_IN_TITLE)
    server = listed([name for name in dict.fromkeys(f.device for f in asked if f.device)], MOST_IN_TITLE)
    if _answered_stranger(case):
        en = f"If not, {server.en or 'the server'} answers strangers' questions: let only your own networks ask it, for strangers use it and send floods of answers to others through it (BIND: allow-recursion)."
        ja = f"そうでなければ、{server.ja or 'このサーバ'}は第三者の問い合わせに応答しています。第三者に利用され、他人への大量の応答にも悪用されるため、自分のネットワークからの問い合わせだけに応答させてください(BINDではallow-recursion)。"
    else:
        en = f"If not, see whether {server.en or 'the server'} answers such a question from outside (`dig @SERVER example.com` from another network): a resolver should answer your own networks only; a server for your own domains refuses it, and nothing needs to be done."
        ja = f"そうでなければ、{server.ja or 'このサーバ'}が外部からのこのような問い合わせに応答するかを確認してください(別のネットワークから `dig @サーバ example.com`)。リゾルバは自分のネットワークからの問い合わせだけに応答させます。自分のドメインのためのサーバで、拒否していれば、対応は必要ありません。"
    yield advise(
        "look_whose_client", 1, tuple(item.id for finding in asked for item in finding.evidence),
        f"See whether {who.en or 'the address'} is yours; if so, look there for the program that asked, and put your networks into the settings (`home`). {en}",
        f"{who.ja or '問い合わせ元'} が自分のものかを確認してください。自分のものであれば、問い合わせたプログラムを調べ、自分のネットワークを設定(`home`)に加えます。{ja}",
    )  # fmt: skip


def _answered_stranger(case: Case) -> bool:
    """Whether a record shows an answer to one of these questions, of a server that looks names up for whoever asks."""
    questions = (r for r in case.records.values() if r.table == "dns" and r.values.get("direction") == "inbound")
    return any(record.values.get("rcode") == "NOERROR" and record.values.get("answers") for record in questions)
