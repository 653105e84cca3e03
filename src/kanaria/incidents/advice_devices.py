"""What to do about a device of ours that mines, was entered, or is only suspected."""

from __future__ import annotations

from collections.abc import Iterator

from kanaria.core.glossary import BROWSER, in_browser, mining_only_named
from kanaria.core.text import cut, defang, printable
from kanaria.core.types import Hypothesis, Outcome, Recommendation
from kanaria.incidents.advice_logons import own_guessers
from kanaria.incidents.advice_names import look_who_asked, only_named
from kanaria.incidents.advice_pieces import MOST_NAMED, REFUSED, advise, listed, pools_named, proxies_between
from kanaria.incidents.advice_programs import programs_named
from kanaria.incidents.case import Case, Surroundings, mines
from kanaria.incidents.permission import claimed_by


def _ordered(case: Case) -> bool:
    """Whether all that is known are orders of an account to a cloud or cluster."""
    return all(finding.values.get("kind") == "order" for finding in case.findings)


def compromised(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if top != "compromised_device":
        return
    if only_named(case, result):
        yield from look_who_asked(case, result)
        return
    if in_browser(case.findings):
        yield from close_page(case, result)
        return
    if not case.blamed and any(
        item.kind == "mining_message_sent_outward" for f in case.findings for item in f.evidence
    ):
        yield from find_sender(case, result)
        return
    if _ordered(case):
        yield advise(
            "ask_whose_order", 1, result.because,
            "Ask whoever owns the account whether this was meant. If not: revoke its keys and sessions, stop what it started (keep a snapshot), and list in the audit log what else it did.",
            "この操作が意図したものかを、アカウントの持ち主に確認してください。心当たりがなければ、鍵とセッションを無効にし、起動されたものをスナップショットを残してから止め、そのアカウントのほかの操作を監査ログで調べます。",
        )  # fmt: skip
        return
    if (mines(case) and not mining_only_named(case.findings)) or result.value == "confirmed" or _reached(case):
        yield from isolate(case, result)
    elif own_guessers(case):  # a program with an old password is as likely
        return
    elif result.value in REFUSED:
        yield advise(
            "make_sure", 1, result.because,
            "Make sure first: look at the processes, logons and scheduled jobs of the device. The signs do not prove a break-in.",
            "まず確認してください。機器のプロセス、ログイン、定期実行の設定を調べます。見つかった兆候だけでは、侵入されたとはいえません。",
        )  # fmt: skip
        return
    elif any(finding.table in {"process", "host"} for finding in case.findings):
        device, machine = (printable(case.blamed[0]),) * 2 if case.blamed else ("the machine", "その機器")
        yield advise(
            "ask_whose_command", 1, result.because,
            f"Find out now whether this was one of yours. If nobody knows it, take {device} off the network and look at its processes, scheduled jobs and new files; keep it running for evidence.",
            f"まず、ご自身や管理者が行ったものかを確認してください。心当たりがなければ{machine}をネットワークから切り離し、プロセス、定期実行の設定、新しいファイルを調べます。証拠保全のため電源は切らないでください。",
        )  # fmt: skip
    yield advise(
        "find_entrance", 2, result.because,
        "Find out how they came in before you rebuild: exposed remote desktop, SMB, SSH or web applications, and reused passwords.",
        "再構築の前に侵入経路を突き止めてください。公開されているリモートデスクトップ、SMB、SSH、Webアプリケーション、使い回しのパスワードなどです。",
    )  # fmt: skip
    yield advise(
        "rebuild", 3, result.because,
        "If the device was entered, rebuild it from a known good state and change every password and key that was on it.",
        "侵入されていた場合は、機器を信頼できる状態から再構築し、保存されていたパスワードと鍵をすべて変更してください。",
    )  # fmt: skip


def close_page(case: Case, result: Outcome) -> Iterator[Recommendation]:
    """What mines in a browser ends with its page; nobody entered the device."""
    named = [device for device in case.blamed if device != BROWSER]
    where, there = (f" on {listed(named, MOST_NAMED).en}", f"{listed(named, MOST_NAMED).ja}の") if named else ("", "")
    pools = pools_named(case)
    yield advise(
        "close_page", 1, result.because,
        f"Close the page that mines in the browser{where} (its history says which was open), or remove the extension that does, and block {pools or 'the pool'} for everybody. If the page is one of yours, look for what was put into it.",
        f"{there}ブラウザで、マイニングをしているページを閉じるか(どのページかは閲覧履歴で分かります)、原因の拡張機能を削除し、{f' {pools} ' if pools else 'プール'}への接続を全体で遮断してください。ご自身のページであれば、埋め込まれたものを調べます。",
    )  # fmt: skip


def find_sender(case: Case, result: Outcome) -> Iterator[Recommendation]:
    """The record does not say who sent it, and somebody inside did."""
    pools = pools_named(case) or (defang(printable(case.remotes[0])) if case.remotes else "")
    yield advise(
        "find_sender", 1, result.because,
        f"Find out which device sent it: the record names no client. Ask whoever made the record, or look in the log of the proxy or firewall for who spoke to {pools or 'that address'} then; block the connection until you know.",
        f"送信した機器を突き止めてください。この記録には送信元がありません。記録した人に尋ねるか、プロキシやファイアウォールのログで、その時刻に{f' {pools} ' if pools else 'その宛先'}と通信した機器を調べます。分かるまで、その通信は遮断してください。",
    )  # fmt: skip


def look_and_ask(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """A shape is no proof: who looks at the program knows in a minute, and nothing is cut meanwhile."""
    shaped = [finding for finding in case.findings if finding.remote and finding.table == "connection"]
    device = printable(case.devices[0]) if case.devices else "the device"
    machine = printable(case.devices[0]) if case.devices else "機器"
    port = shaped[0].values.get("dst_port") if shaped else None
    to = f"{defang(shaped[0].remote or '?')}{f' port {printable(port)}' if port else ''}" if shaped else "the address"
    dest = f"{defang(shaped[0].remote or '?')}{f' のポート{printable(port)}' if port else ''}" if shaped else "この宛先"
    cited = tuple(dict.fromkeys(item.id for finding in shaped for item in finding.evidence))
    yield advise(
        "look_at_process", 1, cited,
        f"Look which program on {device} holds the connection to {to} (Linux: ss -tnp, Windows: Get-NetTCPConnection), and whether the processor is busy.",
        f"{machine}で、{dest} への接続を持つプログラムを調べてください(Linux: ss -tnp、Windows: Get-NetTCPConnection)。CPU使用率も確認してください。",
    )  # fmt: skip
    yield advise(
        "ask_owner", 1, cited,
        "Ask the owner of the device whether they know it: wallets, chat, sensors and VPNs can have this shape. Watch on until you know; nothing needs to be cut for the shape alone.",
        "機器の所有者に心当たりを確認してください。ウォレット、チャット、センサー、VPNも同じ形になることがあります。分かるまで監視を続けてください。形だけを理由に遮断する必要はありません。",
    )  # fmt: skip


def _reached(case: Case) -> bool:
    """Whether a proxy opened the way to a pool that was asked for."""
    return any(item.kind == "proxy_opened_tunnel" for finding in case.findings for item in finding.evidence)


def isolate(case: Case, result: Outcome) -> Iterator[Recommendation]:
    devices, several = listed(case.blamed, MOST_NAMED), len(case.blamed) > 1
    pools, way = pools_named(case), proxies_between(case)
    least_en, least_ja = "", ""
    if mines(case):
        least_en = f", or at least block {'their' if several else 'its'} connections to {pools or 'the pool'}{way.en}"
        least_ja = f"か、少なくとも{f' {pools} ' if pools else 'プール'}への{way.ja}接続を遮断して"
    yield advise(
        "isolate", 1, result.because,
        f"Take {devices.en or 'the server'} off the network now{least_en}; keep {'them' if several else 'it'} running for evidence.",
        f"{devices.ja or 'サーバ'}を今すぐネットワークから切り離{'す' if least_ja else 'して'}{least_ja}ください。証拠保全のため電源は切らないでください。",
    )  # fmt: skip


def look_at_program(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    named = list(programs_named(case)) if top == "compromised_device" else []
    if named:
        en, ja = "; ".join(text.en for text, _ in named), "、".join(text.ja for text, _ in named)
        yield advise(
            "look_at_program", 1, tuple(e.id for _, finding in named for e in finding.evidence),
            f"Keep a copy of the program and its settings, stop it, and remove what starts it (services, tasks, cron): {en}.",
            f"次のプログラムと設定ファイルのコピーを保全してから停止し、起動の設定(サービス、タスク、cron)を取り除いてください: {ja}。",
        )  # fmt: skip


def allow(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if top != "compromised_device" or not mines(case) or in_browser(case.findings):
        return
    if around.allowed.pools and (claim := claimed_by(case, around.allowed)):
        name = cut(printable(claim[0]), 60)
        yield advise(
            "allow_if_yours", 1, (),
            f"Only the device itself calls the other side {name}, so that your permission does not cover it. If this miner is yours, allow the device or the payout address (`allowed.devices`, `allowed.wallets`).",
            f"相手を {name} と呼んでいるのは機器自身だけなので、許可の対象になりません。ご自身のマイナーであれば、機器か送金先アドレスを許可してください(`allowed.devices`、`allowed.wallets`)。",
        )  # fmt: skip
    else:
        yield advise(
            "allow_if_yours", 1, (),
            "If this miner is yours, say so in the configuration (`allowed.pools`, `allowed.wallets`, `allowed.devices`) and it will be reported as authorised.",
            "このマイナーがご自身のものであれば、設定(`allowed.pools`、`allowed.wallets`、`allowed.devices`)に書くと、許可済みとして報告します。",
        )  # fmt: skip
