"""What to do about requests that reached a web server: what answered them, the server itself, and its log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kanaria.core.text import cut, defang, printable
from kanaria.core.types import Hypothesis, Outcome, Recommendation, Record
from kanaria.incidents.advice_devices import isolate
from kanaria.incidents.advice_pieces import REFUSED, advise
from kanaria.incidents.advice_updates import aimed_at
from kanaria.incidents.answers import WHAT_TO_DO, advice_at, found_at
from kanaria.incidents.case import Case, Surroundings, turned_away

# Drops lines whose request begins with a brace and was refused; ``[^"\\]|\\.`` reads the request to its real end, so that
# nobody hides another line by writing `" 400 ` into it.
QUIETER = r"""grep -vE '^[^"]*"\{([^"\\]|\\.)*" 4[0-9]{2} '"""


def answered_talk(case: Case) -> tuple[Record, ...]:
    """Mining messages that are no HTTP and that something answered all the same with anything but a refusal."""
    spoken = {message.event_id for message in case.messages}
    return tuple(r for r in case.web_records if r.event_id in spoken and r.values.get("method") is None and answered(r))


def talk_of_nobody(case: Case) -> tuple[Record, ...]:
    """Requests that carried a mining message and name no client: a stranger's or one of ours, the record does not say."""
    spoken = {message.event_id for message in case.messages}
    http = (r for r in case.web_records if r.event_id in spoken and r.values.get("method") is not None)
    return tuple(record for record in http if record.remote is None and record.device is None)


def ask_who_sent(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """What nobody is named of may have come from a device of ours: no all-clear."""
    if top in {"internet_wide_scanner", "misdirected_miner"} and result.value in REFUSED and talk_of_nobody(case):
        yield advise(
            "ask_who_sent", 1, result.because,
            "Find out which device sent it: the record names no client. If a stranger did, nothing needs to be done; if one of yours did, look there for the program that mines.",
            "どの機器が送信したかを確認してください。この記録には送信元がありません。外部の第三者であれば、対応は必要ありません。ご自身の機器であれば、その機器でマイニングをしているプログラムを調べます。",
        )  # fmt: skip


def look_at_talk(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """A web server refuses what is no HTTP; something else took it."""
    talked = answered_talk(case)
    if talked and top in {"internet_wide_scanner", "misdirected_miner"} and result.value in REFUSED:
        status = talked[0].values.get("status")
        yield advise(
            "look_at_talk", 1, result.because,
            f"See what answered {status} to it: a web server refuses such a line with 400. Make sure that no proxy, WebSocket or mining service is reachable there.",
            f"{status}と応答したものが何かを確認してください。通常のWebサーバなら、このような行には400を返して拒否します。プロキシ、WebSocket、マイニング用のサービスが外部から届く状態になっていないことを確かめます。",
        )  # fmt: skip


def quieter_log(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    refused = top in {"internet_wide_scanner", "misdirected_miner"} and result.value == "failed"
    if refused and case.messages and any(400 <= status < 500 for status in _statuses(case)):
        yield advise(
            "quieter_log", 1, (),
            f"Optional: such lines come to every server on the Internet. `{QUIETER}` in front of the mail leaves them out (logs of Apache and nginx; only what was refused).",
            f"任意: このような行は、インターネット上のどのサーバにも届きます。メールの手前に `{QUIETER}` を入れると、除外できます(Apacheとnginxのログ用。拒否された行だけを除きます)。",
        )  # fmt: skip


def _statuses(case: Case) -> Iterator[int]:
    """What was answered, as far as the records are those of a web server's log."""
    values = (record.values.get("status") for record in case.web_records)
    return (status for status in values if isinstance(status, int))


def check_host(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """Only where the server's own answer leaves a doubt: advice that comes every day is read on none."""
    unclear = (
        top == "exploitation_attempt"
        and result.value == "no_sign_of_success"
        and not turned_away(case)
        and not list(aimed_at(case, around))
    )
    answered = result.value == "possible" and top not in {"authorised_mining", "benign"}
    if (unclear or answered) and not around.host_checked and case.web_records:
        device = printable(case.blamed[0]) if top == "compromised_device" and case.blamed else ""
        yield advise(
            "check_host", 1, result.because,
            f"Look at {device or 'the server'} itself: run `kanaria analyze --check-host …` there; it checks load, processes and connections.",
            f"{device or 'サーバ'}自体を確認してください。{'その機器' if device else 'サーバ'}上で `kanaria analyze --check-host …` を実行すると、負荷・プロセス・接続を調べます。",
        )  # fmt: skip


def look_at_answer(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """Somebody looked for a door and found one: the door is the task, not the one who looked."""
    answers = [record for record in case.web_records if answered(record)]
    unnamed = top == "exploitation_attempt" and not list(aimed_at(case, around))
    if result.value in REFUSED or not answers or not (unnamed or top in {"internet_wide_scanner", "misdirected_miner"}):
        return
    special = {record.event_id: name for record in answers if (name := advice_at(record)) is not None}
    for name in dict.fromkeys(special.values()):
        words, at = WHAT_TO_DO[name], _paths([record for record in answers if special.get(record.event_id) == name])
        ja = words.ja.format(at=at.replace(", ", "、"))
        yield advise(f"answer_{name}", 1, result.because, words.en.format(at=at), ja)
    rest = _paths([record for record in answers if record.event_id not in special and found_at(record) is not None])
    rest = rest or ("" if special else _paths(answers))
    if rest:
        yield advise(
            "look_at_answer", 1, result.because,
            f"See what answers at {rest}. If it is yours, let nobody but you reach it (login, VPN, firewall); if you do not know it, find out who installed it.",
            f"{rest.replace(', ', '、')} で何が応答しているかを確認してください。ご自身のものであれば、認証・VPN・ファイアウォールなどで他人が届かないようにします。心当たりがなければ、誰が設置したかを調べてください。",
        )  # fmt: skip


def _paths(records: Sequence[Record]) -> str:
    """The first few paths that were asked for, without their parameters."""
    paths = dict.fromkeys(
        cut(printable(str(record.values.get("url") or "/").split("?", 1)[0]), 60) for record in records
    )
    return ", ".join(path if path.startswith("/") else defang(path) for path in list(paths)[:3])


def answered(record: Record) -> bool:
    """Whether the server did anything but refuse: what runs an attack may also fail on it (5xx) or switch protocols (101)."""
    status = record.values.get("status")
    return isinstance(status, int) and (100 <= status < 400 or status >= 500)


def after_success(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if top != "exploitation_attempt" or result.value not in {"possible", "confirmed"}:
        return
    yield advise(
        "search_leftovers", 2, result.because,
        "Search the server for what the attack would leave: new files under the web root and /tmp, new cron jobs, systemd units and SSH keys, processes with high CPU.",
        "攻撃が残すものを探してください。Web公開ディレクトリや/tmpの新しいファイル、cron、systemdユニット、SSH鍵、CPU使用率の高いプロセスなどです。",
    )  # fmt: skip
    if result.value == "confirmed":
        yield from isolate(case, result)
