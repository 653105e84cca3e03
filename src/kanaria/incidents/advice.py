"""What to do, in order of effort. "Nothing" is an answer, and the commonest one.

Each piece of advice is a value with a condition beside it, so that a reader sees at once when it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kanaria.core.text import defang
from kanaria.core.types import Finding, Hypothesis, Outcome, Recommendation, Text
from kanaria.incidents.case import Case, Surroundings

Advice = Callable[[Case, Surroundings, Hypothesis, Outcome], Iterator[Recommendation]]


def recommendations(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> tuple[Recommendation, ...]:
    """Everything worth doing, least effort first."""
    found = [item for advice in _ADVICE for item in advice(case, around, top, result)]
    distinct = {item.id: item for item in reversed(found)}
    return tuple(sorted(distinct.values(), key=lambda item: (item.effort, [i.id for i in found].index(item.id))))


def _nothing(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    harmless = top in {"internet_wide_scanner", "misdirected_miner", "benign"} and result.value in {
        "failed",
        "no_sign_of_success",
    }
    if harmless or top == "authorised_mining":
        yield _advise("none", 0, result.because, "Nothing needs to be done.", "対応は必要ありません。")


def _quieter_log(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if top in {"internet_wide_scanner", "misdirected_miner"} and result.value == "failed" and case.web_records:
        yield _advise(
            "quieter_log", 1, (),
            "Optional: leave lines that are no HTTP out of the alert mail; they come to every server on the Internet.",
            "任意: HTTPではない行を警告メールの対象から外すと静かになります。このような行はインターネット上のどのサーバにも届きます。",
        )  # fmt: skip


def _check_host(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    doubtful = result.value in {"no_sign_of_success", "possible"} and top != "authorised_mining"
    if doubtful and not around.host_checked and case.web_records:
        yield _advise(
            "check_host", 1, result.because,
            "Look at the server itself: run `kanaria analyze --check-host …` there; it checks load, processes and connections.",
            "サーバ自体を確認してください。サーバ上で `kanaria analyze --check-host …` を実行すると、負荷・プロセス・接続を調べます。",
        )  # fmt: skip


def _update_products(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    for cve, finding in _matched(case):
        known = around.facts.vulnerabilities.get(cve)
        if known is None:
            continue
        fixed_en = f"; fixed in {known.fixed}" if known.fixed else ""
        fixed_ja = f"。修正版: {known.fixed}" if known.fixed else ""
        yield _advise(
            f"update_{cve}", 1 if result.value == "failed" else 2, tuple(item.id for item in finding.evidence),
            f"If you run {known.product}, make sure it is not affected by {cve} (affected: {known.affected}{fixed_en}). If you do not run it, the attempt cannot work.",
            f"{known.product} を使っている場合は、{cve} の影響を受けない版であることを確認してください(影響: {known.affected}{fixed_ja})。使っていなければ、この攻撃は成立しません。",
        )  # fmt: skip


def _after_success(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if top != "exploitation_attempt" or result.value not in {"possible", "confirmed"}:
        return
    yield _advise(
        "search_leftovers", 2, result.because,
        "Search the server for what the attack would leave: new files under the web root and /tmp, new cron jobs, systemd units and SSH keys, processes with high CPU.",
        "攻撃が残すものを探してください。Web公開ディレクトリや/tmpの新しいファイル、cron、systemdユニット、SSH鍵、CPU使用率の高いプロセスなどです。",
    )  # fmt: skip
    if result.value == "confirmed":
        yield from _isolate(case, result)


def _compromised(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if top == "compromised_device":
        yield from _isolate(case, result)
        yield _advise(
            "find_entrance", 2, result.because,
            "Find out how they came in before you rebuild: exposed remote desktop, SMB, SSH or web applications, and reused passwords.",
            "再構築の前に侵入経路を突き止めてください。公開されているリモートデスクトップ、SMB、SSH、Webアプリケーション、使い回しのパスワードなどです。",
        )  # fmt: skip
        yield _advise(
            "rebuild", 3, result.because,
            "Rebuild the device from a known good state and change every password and key that was on it.",
            "機器を信頼できる状態から再構築し、保存されていたパスワードと鍵をすべて変更してください。",
        )  # fmt: skip


def _isolate(case: Case, result: Outcome) -> Iterator[Recommendation]:
    device = case.devices[0] if case.devices else None
    paid = [f.remote for f in case.findings if f.stage == "impact" and f.remote]
    pools = ", ".join(defang(remote) for remote in list(dict.fromkeys(paid))[:3])
    yield _advise(
        "isolate", 1, result.because,
        f"Take {device or 'the server'} off the network now, or at least block its connections to {pools or 'the pool'}; keep it running for evidence.",
        f"{device or 'サーバ'}を今すぐネットワークから切り離すか、少なくとも {pools or 'プール'} への接続を遮断してください。証拠保全のため電源は切らないでください。",
    )  # fmt: skip


def _close_doors(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    tables = {finding.table for finding in case.findings}
    for table, name in (("rdp", "RDP"), ("smb", "SMB")):
        if table in tables:
            yield _advise(
                f"close_{table}", 2, tuple(e.id for f in case.findings if f.table == table for e in f.evidence),
                f"Do not answer {name} from the Internet: put it behind a VPN or restrict it to known addresses.",
                f"インターネットからの{name}に応答しないようにしてください。VPNの内側に置くか、既知のアドレスに限定します。",
            )  # fmt: skip


def _allow(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if top == "compromised_device":
        yield _advise(
            "allow_if_yours", 1, (),
            "If this miner is yours, say so in the configuration (`allowed.pools`, `allowed.wallets`, `allowed.devices`) and it will be reported as authorised.",
            "このマイナーがご自身のものであれば、設定(`allowed.pools`、`allowed.wallets`、`allowed.devices`)に書くと、許可済みとして報告します。",
        )  # fmt: skip


_ADVICE: tuple[Advice, ...] = (_nothing, _quieter_log, _check_host, _update_products, _after_success, _compromised, _close_doors, _allow)  # fmt: skip


def _matched(case: Case) -> Iterator[tuple[str, Finding]]:
    for finding in case.findings:
        for cve in finding.cves:
            yield cve, finding


def _advise(id: str, effort: int, evidence: tuple[str, ...], en: str, ja: str) -> Recommendation:
    return Recommendation(id=id, effort=effort, text=Text(en=en, ja=ja), evidence=evidence)
