"""What to do, in order of effort. "Nothing" is an answer, and the commonest one.

Each piece of advice is a value with a condition beside it, so that a reader sees at once when it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kanaria.core.glossary import asked_from_outside
from kanaria.core.rule_tags import INSTALLER
from kanaria.core.text import defang, printable
from kanaria.core.types import Finding, Hypothesis, Outcome, Recommendation
from kanaria.incidents.advice_devices import allow, compromised, look_and_ask, look_at_program
from kanaria.incidents.advice_logons import ask_who_logged_on, close_doors, harden_logon, look_at_guesser
from kanaria.incidents.advice_names import whose_question
from kanaria.incidents.advice_pieces import NOTHING, REFUSED, Advice, advise
from kanaria.incidents.advice_updates import aimed_at, fended_off, update_products
from kanaria.incidents.advice_web import (
    after_success,
    answered_talk,
    ask_who_sent,
    check_host,
    look_at_answer,
    look_at_talk,
    quieter_log,
    talk_of_nobody,
)
from kanaria.incidents.case import Case, Surroundings
from kanaria.incidents.permission import beside_mining

# What may stand beside the advice to do nothing: it says itself that it is optional.
OPTIONAL = frozenset({"quieter_log", "harden_logon", "allow_if_yours"})


def recommendations(
    case: Case,
    around: Surroundings,
    top: Hypothesis,
    result: Outcome,
    about: Case | None = None,
    *,
    suspected: bool = False,
) -> tuple[Recommendation, ...]:
    """Everything worth doing, least effort first; ``about`` is the part of the case the verdict is about, ``suspected``
    that only the shape of traffic speaks of it."""
    items = [
        item
        for advice in (_SUSPECTED if suspected else _ADVICE)
        for item in advice(about if about and advice in _OF_VERDICT else case, around, top, result)
    ]
    items = one_voice(items) or list(look(case, around, top, result))
    distinct = {item.id: item for item in reversed(items)}
    return tuple(sorted(distinct.values(), key=lambda item: (item.effort, [i.id for i in items].index(item.id))))


def one_voice(items: Sequence[Recommendation]) -> list[Recommendation]:
    """Without the advice to do nothing where there is something to do that is more than optional."""
    if all(item.id in {NOTHING, *OPTIONAL} for item in items):
        return list(items)
    return [item for item in items if item.id != NOTHING]


def _nothing(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    harmless = top in {"internet_wide_scanner", "misdirected_miner", "benign"} and result.value in REFUSED
    beside = beside_mining(case, around.allowed) if top == "authorised_mining" else ()
    if beside:
        yield advise(
            "beside_mining", 1, tuple(item.id for finding in beside for item in finding.evidence),
            "The mining is allowed, but not what was found about access to the device: see whether that was one of yours.",
            "マイニングは許可されていますが、機器への接続についての検知は別です。ご自身によるものか確認してください。",
        )  # fmt: skip
    elif top == "benign" and case.findings and all(_only_written(f) for f in case.findings):
        yield advise(
            "text_only", 0, result.because,
            "Nothing follows from the text alone. If it is from or about a machine of yours, look there for what it names, and give that machine's own log, crontab or shell history to Kanaria.",
            "テキストだけからは何もいえません。ご自身の機器の出力や、その機器についてのものであれば、書かれているものがその機器にないかを調べ、その機器のログ、crontab、シェルの履歴そのものをKanariaに渡してください。",
        )  # fmt: skip
    elif (harmless and not _in_doubt(case)) or top == "authorised_mining":
        yield advise(NOTHING, 0, result.because, "Nothing needs to be done.", "対応は必要ありません。")
    elif top == "exploitation_attempt" and fended_off(case, result) and not list(aimed_at(case, around)):
        yield advise(
            NOTHING, 0, result.because,
            "Nothing needs to be done beyond keeping the server's software up to date.",
            "サーバのソフトウェアを最新に保つほかに、対応は必要ありません。",
        )  # fmt: skip


def _in_doubt(case: Case) -> bool:
    """Whether something has to be looked at before a harmless explanation is an all-clear."""
    return bool(answered_talk(case) or talk_of_nobody(case) or asked_from_outside(case.findings))


def _only_written(finding: Finding) -> bool:
    """Whether a line alone says it, with neither a time nor a program, and not of an installer that everybody uses."""
    return finding.values.get("kind") in {"line", "text"} and INSTALLER not in finding.tags


def _ask_if_yours(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if top == "benign" and result.value not in REFUSED:
        who = defang(printable(case.remotes[0])) if case.remotes else ""
        yield advise(
            "ask_if_yours", 1, result.because,
            f"Ask whether this was a program or a person of yours{f' ({who})' if who else ''}. If it was, nothing needs to be done.",
            f"ご自身や、ご自身のプログラムによる通信か{f'({who})' if who else ''}を確認してください。そうであれば、対応は必要ありません。",
        )  # fmt: skip


def look(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """Where nothing else is known to advise."""
    device = printable(case.devices[0]) if case.devices else ""
    yield advise(
        "look", 1, result.because,
        f"Look at {device or 'the machine'}: whether what was found is something you know. `--full` shows the records it rests on.",
        f"{device or '機器'}を確認し、見つかったものに心当たりがあるかを調べてください。根拠となった記録は `--full` で表示できます。",
    )  # fmt: skip


_ADVICE: tuple[Advice, ...] = (
    _nothing, look_at_talk, ask_who_sent, whose_question, _ask_if_yours, ask_who_logged_on, look_at_guesser, look_at_answer, compromised, look_at_program, check_host, quieter_log, update_products, after_success, close_doors,
    harden_logon, allow,
)  # fmt: skip


# Where only the shape of traffic speaks of a device; what others did at its doors is advised on all the same.
_SUSPECTED: tuple[Advice, ...] = (
    look_and_ask, ask_who_logged_on, look_at_guesser, update_products, close_doors, harden_logon, allow,
)  # fmt: skip


# What is said of the compromised devices, not of those who came by.
_OF_VERDICT = frozenset({compromised, look_at_program, allow, look_and_ask})
