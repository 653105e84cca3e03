"""What to do, in order of effort. "Nothing" is an answer, and the commonest one.

Each piece of advice is a value with a condition beside it, so that a reader sees at once when it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from kanaria.core.facts import Vulnerability
from kanaria.core.glossary import ASKED_FROM_OUTSIDE, asked_from_outside, mining_only_named, speaks_of_mining
from kanaria.core.rule_tags import GUESSER_IS_DEVICE, GUESSER_IS_REMOTE, INSTALLER
from kanaria.core.text import cut, defang, printable
from kanaria.core.types import Finding, Hypothesis, Language, Outcome, OutcomeValue, Recommendation, Record, Text
from kanaria.core.versions import in_words
from kanaria.incidents.advice_programs import programs_named
from kanaria.incidents.answers import WHAT_TO_DO, advice_at, found_at
from kanaria.incidents.case import Case, Surroundings, got_in, guessed, mines, turned_away
from kanaria.incidents.permission import beside_mining, claimed_by

NOTHING = "none"
# What may stand beside the advice to do nothing: it says itself that it is optional.
OPTIONAL = frozenset({"quieter_log", "harden_logon", "allow_if_yours"})
REFUSED: frozenset[OutcomeValue] = frozenset({"failed", "no_sign_of_success"})
# A title is one line in a mail's subject; the advice to block or to isolate names all of them.
MOST_IN_TITLE = 8
# A firewall's operator works through a list; beyond this the JSON is the list.
MOST_NAMED = 200

Advice = Callable[[Case, Surroundings, Hypothesis, Outcome], Iterator[Recommendation]]


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
    found = [
        item
        for advice in (_SUSPECTED if suspected else _ADVICE)
        for item in advice(about if about and advice in _OF_VERDICT else case, around, top, result)
    ]
    found = one_voice(found) or list(_look(case, around, top, result))
    distinct = {item.id: item for item in reversed(found)}
    return tuple(sorted(distinct.values(), key=lambda item: (item.effort, [i.id for i in found].index(item.id))))


def one_voice(found: Sequence[Recommendation]) -> list[Recommendation]:
    """Without the advice to do nothing where there is something to do that is more than optional."""
    if all(item.id in {NOTHING, *OPTIONAL} for item in found):
        return list(found)
    return [item for item in found if item.id != NOTHING]


def _nothing(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    harmless = top in {"internet_wide_scanner", "misdirected_miner", "benign"} and result.value in REFUSED
    beside = beside_mining(case, around.allowed) if top == "authorised_mining" else ()
    if beside:
        yield _advise(
            "beside_mining", 1, tuple(item.id for finding in beside for item in finding.evidence),
            "The mining is allowed, but not what was found about access to the device: see whether that was one of yours.",
            "マイニングは許可されていますが、機器への接続についての検知は別です。ご自身によるものか確認してください。",
        )  # fmt: skip
    elif top == "benign" and case.findings and all(_only_written(f) for f in case.findings):
        yield _advise(
            "text_only", 0, result.because,
            "Nothing follows from the text alone. If it is from or about a machine of yours, look there for what it names, and give that machine's own log, crontab or shell history to Kanaria.",
            "テキストだけからは何もいえません。ご自身の機器の出力や、その機器についてのものであれば、書かれているものがその機器にないかを調べ、その機器のログ、crontab、シェルの履歴そのものをKanariaに渡してください。",
        )  # fmt: skip
    elif (harmless and not _talked(case) and not asked_from_outside(case.findings)) or top == "authorised_mining":
        yield _advise(NOTHING, 0, result.because, "Nothing needs to be done.", "対応は必要ありません。")
    elif top == "exploitation_attempt" and _fended_off(case, result) and not list(_known(case, around)):
        yield _advise(
            NOTHING, 0, result.because,
            "Nothing needs to be done beyond keeping the server's software up to date.",
            "サーバのソフトウェアを最新に保つほかに、対応は必要ありません。",
        )  # fmt: skip


def _only_written(finding: Finding) -> bool:
    """Whether a line alone says it, with neither a time nor a program, and not of an installer that everybody uses."""
    return finding.values.get("kind") in {"line", "text"} and INSTALLER not in finding.tags


def _talked(case: Case) -> tuple[Record, ...]:
    """Mining messages that are no HTTP and that something answered all the same with anything but a refusal."""
    spoken = {message.event_id for message in case.messages}
    return tuple(r for r in case.web_records if r.event_id in spoken and r.values.get("method") is None and answered(r))


def _look_at_talk(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """A web server refuses what is no HTTP; something else took it."""
    talked = _talked(case)
    if talked and top in {"internet_wide_scanner", "misdirected_miner"} and result.value in REFUSED:
        status = talked[0].values.get("status")
        yield _advise(
            "look_at_talk", 1, result.because,
            f"See what answered {status} to it: a web server refuses such a line with 400. Make sure that no proxy, WebSocket or mining service is reachable there.",
            f"{status}と応答したものが何かを確認してください。通常のWebサーバなら、このような行には400を返して拒否します。プロキシ、WebSocket、マイニング用のサービスが外部から届く状態になっていないことを確かめます。",
        )  # fmt: skip


def _fended_off(case: Case, result: Outcome) -> bool:
    """Whether the server refused all of it: what runs nothing that was asked for needs no hand."""
    return result.value == "failed" or (result.value == "no_sign_of_success" and turned_away(case))


def _ask_if_yours(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if top == "benign" and result.value not in REFUSED:
        who = defang(printable(case.remotes[0])) if case.remotes else ""
        yield _advise(
            "ask_if_yours", 1, result.because,
            f"Ask whether this was a program or a person of yours{f' ({who})' if who else ''}. If it was, nothing needs to be done.",
            f"ご自身や、ご自身のプログラムによる通信か{f'({who})' if who else ''}を確認してください。そうであれば、対応は必要ありません。",
        )  # fmt: skip


# Drops lines whose request begins with a brace and was refused; ``[^"\\]|\\.`` reads the request to its real end, so that
# nobody hides another line by writing `" 400 ` into it.
QUIETER = r"""grep -vE '^[^"]*"\{([^"\\]|\\.)*" 4[0-9]{2} '"""


def _quieter_log(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    refused = top in {"internet_wide_scanner", "misdirected_miner"} and result.value == "failed"
    if refused and case.web_records and case.messages:
        yield _advise(
            "quieter_log", 1, (),
            f"Optional: such lines come to every server on the Internet. `{QUIETER}` in front of the mail leaves them out (logs of Apache and nginx; only what was refused).",
            f"任意: このような行は、インターネット上のどのサーバにも届きます。メールの手前に `{QUIETER}` を入れると、除外できます(Apacheとnginxのログ用。拒否された行だけを除きます)。",
        )  # fmt: skip


def _check_host(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """Only where the server's own answer leaves a doubt: advice that comes every day is read on none."""
    unclear = (
        top == "exploitation_attempt"
        and result.value == "no_sign_of_success"
        and not turned_away(case)
        and not list(_known(case, around))
    )
    answered = result.value == "possible" and top not in {"authorised_mining", "benign"}
    if (unclear or answered) and not around.host_checked and case.web_records:
        device = printable(case.blamed[0]) if top == "compromised_device" and case.blamed else ""
        yield _advise(
            "check_host", 1, result.because,
            f"Look at {device or 'the server'} itself: run `kanaria analyze --check-host …` there; it checks load, processes and connections.",
            f"{device or 'サーバ'}自体を確認してください。{'その機器' if device else 'サーバ'}上で `kanaria analyze --check-host …` を実行すると、負荷・プロセス・接続を調べます。",
        )  # fmt: skip


def _look_at_answer(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """Somebody looked for a door and found one: the door is the task, not the one who looked."""
    found = [record for record in case.web_records if answered(record)]
    unnamed = top == "exploitation_attempt" and not list(_known(case, around))
    if result.value in REFUSED or not found or not (unnamed or top in {"internet_wide_scanner", "misdirected_miner"}):
        return
    special = {record.event_id: name for record in found if (name := advice_at(record)) is not None}
    for name in dict.fromkeys(special.values()):
        said, at = WHAT_TO_DO[name], _paths([record for record in found if special.get(record.event_id) == name])
        yield _advise(f"answer_{name}", 1, result.because, said.en.format(at=at), said.ja.format(at=at))
    rest = _paths([record for record in found if record.event_id not in special and found_at(record) is not None])
    rest = rest or ("" if special else _paths(found))
    if rest:
        yield _advise(
            "look_at_answer", 1, result.because,
            f"See what answers at {rest}. If it is yours, let nobody but you reach it (login, VPN, firewall); if you do not know it, find out who installed it.",
            f"{rest} で何が応答しているかを確認してください。ご自身のものであれば、認証・VPN・ファイアウォールなどで他人が届かないようにします。心当たりがなければ、誰が設置したかを調べてください。",
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


def _look(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """Where nothing else is known to advise."""
    device = printable(case.devices[0]) if case.devices else ""
    yield _advise(
        "look", 1, result.because,
        f"Look at {device or 'the machine'}: whether what was found is something you know. `--full` shows the records it rests on.",
        f"{device or '機器'}を確認し、見つかったものに心当たりがあるかを調べてください。根拠となった記録は `--full` で表示できます。",
    )  # fmt: skip


def _update_products(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if result.value in REFUSED and top not in {"exploitation_attempt", "compromised_device"}:
        return
    products: dict[str, list[tuple[str, Finding, Vulnerability]]] = {}
    for cve, finding, known in _known(case, around):
        products.setdefault(known.product, []).append((cve, finding, known))
    if len(products) > 1 and _fended_off(case, result):
        yield _update_any(products)
        return
    for product, found in products.items():
        yield _update(
            product, {cve: (finding, known) for cve, finding, known in found}, failed=_fended_off(case, result)
        )


def _update_any(products: Mapping[str, Sequence[tuple[str, Finding, Vulnerability]]]) -> Recommendation:
    """One sentence about several products whose holes were tried in vain."""
    proof = dict.fromkeys(
        item.id for found in products.values() for _, finding, _ in found for item in finding.evidence
    )
    holes = {product: list(dict.fromkeys(cve for cve, _, _ in found)) for product, found in products.items()}
    en = "; ".join(f"{product} ({', '.join(cves)})" for product, cves in holes.items())
    ja = "、".join(f"{in_words(product, 'ja')}({'、'.join(cves)})" for product, cves in holes.items())
    return _advise(
        "update_any", 0, tuple(proof),
        f"Nothing needs to be done unless you run one of these; then make sure that it is up to date: {en}.",
        f"次のいずれも使っていなければ、対応は必要ありません。使っている場合は、最新の版であることを確認してください: {ja}。",
    )  # fmt: skip


def _update(product: str, holes: Mapping[str, tuple[Finding, Vulnerability]], *, failed: bool) -> Recommendation:
    """What to make sure of about one product, with all its vulnerabilities that were tried."""
    proof = dict.fromkeys(item.id for finding, _ in holes.values() for item in finding.evidence)
    holes_en = ", ".join(_hole(cve, known, "en") for cve, (_, known) in holes.items())
    holes_ja = "、".join(_hole(cve, known, "ja") for cve, (_, known) in holes.items())
    name = in_words(product, "ja")
    if failed:
        return _advise(
            f"update_{next(iter(holes))}", 0, tuple(proof),
            f"Nothing needs to be done unless you run {product}; then make sure that it is not affected by {holes_en}.",
            f"{name} を使っていなければ、対応は必要ありません。使っている場合は、{holes_ja}の影響を受けない版であることを確認してください。",
        )  # fmt: skip
    return _advise(
        f"update_{next(iter(holes))}", 2, tuple(proof),
        f"If you run {product}, make sure it is not affected by {holes_en}. If you do not run it, the attempt cannot work.",
        f"{name} を使っている場合は、{holes_ja}の影響を受けない版であることを確認してください。使っていなければ、この攻撃は成立しません。",
    )  # fmt: skip


def _hole(cve: str, known: Vulnerability, language: Language) -> str:
    affected = in_words(known.affected, language)
    fixed = in_words(known.fixed, language) if known.fixed else ""
    if language == "ja":
        return f"{cve}(影響を受ける版: {affected}{f'。修正版: {fixed}' if fixed else ''})"
    return f"{cve} (affected: {affected}{f'; fixed in {fixed}' if fixed else ''})"


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


def _ordered(case: Case) -> bool:
    """Whether all that is known are orders of an account to a cloud or cluster."""
    return all(finding.values.get("kind") == "order" for finding in case.findings)


def _compromised(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if top != "compromised_device":
        return
    if _only_named(case, result):
        yield from _look_who_asked(case, result)
        return
    if _ordered(case):
        yield _advise(
            "ask_whose_order", 1, result.because,
            "Ask whoever owns the account whether this was meant. If not: revoke its keys and sessions, stop what it started (keep a snapshot), and list in the audit log what else it did.",
            "この操作が意図したものかを、アカウントの持ち主に確認してください。心当たりがなければ、鍵とセッションを無効にし、起動されたものをスナップショットを残してから止め、そのアカウントのほかの操作を監査ログで調べます。",
        )  # fmt: skip
        return
    if (mines(case) and not mining_only_named(case.findings)) or result.value == "confirmed" or _reached(case):
        yield from _isolate(case, result)
    elif _own_guessers(case):  # a program with an old password is as likely
        return
    elif result.value in REFUSED:
        yield _advise(
            "make_sure", 1, result.because,
            "Make sure first: look at the processes, logons and scheduled jobs of the device. The signs do not prove a break-in.",
            "まず確認してください。機器のプロセス、ログイン、定期実行の設定を調べます。見つかった兆候だけでは、侵入されたとはいえません。",
        )  # fmt: skip
        return
    elif any(finding.table in {"process", "host"} for finding in case.findings):
        device, machine = (printable(case.blamed[0]),) * 2 if case.blamed else ("the machine", "その機器")
        yield _advise(
            "ask_whose_command", 1, result.because,
            f"Find out now whether this was one of yours. If nobody knows it, take {device} off the network and look at its processes, scheduled jobs and new files; keep it running for evidence.",
            f"まず、ご自身や管理者が行ったものかを確認してください。心当たりがなければ{machine}をネットワークから切り離し、プロセス、定期実行の設定、新しいファイルを調べます。証拠保全のため電源は切らないでください。",
        )  # fmt: skip
    yield _advise(
        "find_entrance", 2, result.because,
        "Find out how they came in before you rebuild: exposed remote desktop, SMB, SSH or web applications, and reused passwords.",
        "再構築の前に侵入経路を突き止めてください。公開されているリモートデスクトップ、SMB、SSH、Webアプリケーション、使い回しのパスワードなどです。",
    )  # fmt: skip
    yield _advise(
        "rebuild", 3, result.because,
        "If the device was entered, rebuild it from a known good state and change every password and key that was on it.",
        "侵入されていた場合は、機器を信頼できる状態から再構築し、保存されていたパスワードと鍵をすべて変更してください。",
    )  # fmt: skip


def _look_and_ask(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """A shape is no proof: who looks at the program knows in a minute, and nothing is cut meanwhile."""
    shaped = [finding for finding in case.findings if finding.remote and finding.table == "connection"]
    device = printable(case.devices[0]) if case.devices else "the device"
    machine = printable(case.devices[0]) if case.devices else "機器"
    port = shaped[0].values.get("dst_port") if shaped else None
    to = f"{defang(shaped[0].remote or '?')}{f' port {printable(port)}' if port else ''}" if shaped else "the address"
    dest = f"{defang(shaped[0].remote or '?')}{f' のポート{printable(port)}' if port else ''}" if shaped else "この宛先"
    cited = tuple(dict.fromkeys(item.id for finding in shaped for item in finding.evidence))
    yield _advise(
        "look_at_process", 1, cited,
        f"Look which program on {device} holds the connection to {to} (Linux: ss -tnp, Windows: Get-NetTCPConnection), and whether the processor is busy.",
        f"{machine}で、{dest} への接続を持つプログラムを調べてください(Linux: ss -tnp、Windows: Get-NetTCPConnection)。CPU使用率も確認してください。",
    )  # fmt: skip
    yield _advise(
        "ask_owner", 1, cited,
        "Ask the owner of the device whether they know it: wallets, chat, sensors and VPNs can have this shape. Watch on until you know; nothing needs to be cut for the shape alone.",
        "機器の所有者に心当たりを確認してください。ウォレット、チャット、センサー、VPNも同じ形になることがあります。分かるまで監視を続けてください。形だけを理由に遮断する必要はありません。",
    )  # fmt: skip


def _ask_who_logged_on(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """A logon after many failures is a person who remembered, or somebody who guessed: only the person knows."""
    found = got_in(case)
    if found is None or top == "authorised_mining":
        return
    source, device = defang(found.remote or "?"), printable(found.device or "?")
    yield _advise(
        "ask_who_logged_on", 1, tuple(item.id for item in found.evidence),
        f"Ask whether the logon to {device} from {source} after the failures was one of yours; if not, end the session, change the password and look at what the account did since.",
        f"失敗が続いた後の、{source} から {device} へのログオンが身に覚えのあるものかを確認してください。そうでなければ、セッションを切断し、パスワードを変更し、そのアカウントがその後に行ったことを調べてください。",
    )  # fmt: skip


def _own_guessers(case: Case) -> list[str]:
    """Machines of ours that try passwords, by what the rules say of their findings."""
    guessers = [finding.device for finding in case.findings if GUESSER_IS_DEVICE in finding.tags]
    guessers += [finding.remote for finding in case.findings if GUESSER_IS_REMOTE in finding.tags]
    return list(dict.fromkeys(one for one in guessers if one))


def _look_at_guesser(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    own = _own_guessers(case)
    if guessed(case) and own and top != "authorised_mining":
        shown = ", ".join(printable(address) for address in own[:3])
        yield _advise(
            "look_at_guesser", 1, tuple(e.id for f in case.findings if {f.device, f.remote} & {*own} for e in f.evidence),
            f"Look at the machine the attempts come from ({shown}): is it a program with an old password, or did somebody take it over?",
            f"試行元の機器({shown})を調べてください。古いパスワードを使い続けるプログラムか、乗っ取られているかのどちらかが考えられます。",
        )  # fmt: skip


def _harden_logon(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if not guessed(case) or not any(finding.table == "logon" for finding in case.findings):
        return
    inside = got_in(case) is not None or bool(_own_guessers(case))
    en, ja = ("", "") if inside else ("Optional while every attempt fails: ", "試行が失敗し続けている間は任意です: ")
    yield _advise(
        "harden_logon", 2 if inside else 1, (),
        f"{en}{'A' if inside else 'a'}llow keys or certificates only, limit who may reach the logon, and lock out sources that keep failing.",
        f"{ja}鍵や証明書だけを許可し、ログオンできる送信元を制限し、失敗を繰り返す送信元を締め出してください。",
    )  # fmt: skip


def _only_named(case: Case, result: Outcome) -> bool:
    """Whether a pool or a miner was only named, in a question, in a line of a log, or by another sensor."""
    told = all(speaks_of_mining([finding], ()) and _asked_or_told(finding) for finding in case.findings)
    return told and mining_only_named(case.findings) and result.value in REFUSED and not case.messages


def _asked_or_told(finding: Finding) -> bool:
    asked = all(item.kind == "pool_asked_of_proxy" for item in finding.evidence)
    return finding.table in {"dns", "process", "alert"} or asked


def _reached(case: Case) -> bool:
    """Whether a proxy opened the way to a pool that was asked for."""
    return any(item.kind == "proxy_opened_tunnel" for finding in case.findings for item in finding.evidence)


NAMES_ASKED = frozenset((53, 853))
"""Ports of questions for names (RFC 1035, RFC 7858)."""


def _look_who_asked(case: Case, result: Outcome) -> Iterator[Recommendation]:
    """A name is no miner: a list of addresses to block, an article or a curious person asks for it too."""
    device = listed(case.blamed, MOST_NAMED)
    forwarded = any(r.table == "alert" and r.values.get("dst_port") in NAMES_ASKED for r in case.records.values())
    pools = "" if forwarded else _pools(case)  # the other side is a resolver
    for_en = (
        " If that device answers names for others, it asked for one of them: its own log says for whom." * forwarded
    )
    for_ja = (
        "その機器が他の機器の名前解決を代行している場合は、どの機器のための問い合わせかを、その記録で確認してください。"
        * forwarded
    )
    what_en, what_ja = (pools, f"{pools} に") if pools else ("it", "これに")
    yield _advise(
        "look_who_asked", 1, result.because,
        f"Look on {device.en or 'the machine that wrote the log'} for a program that has to do with {what_en}: processes with constant load, scheduled jobs, new files. If nobody knows of one, or if it connects there, take the machine off the network; keep it running for evidence.{for_en}",
        f"{device.ja or 'ログを書いた機器'}に、{what_ja}関係するプログラムがないかを調べてください(高い負荷の続くプロセス、定期実行の設定、新しいファイル)。心当たりのないものが見つかった場合や、実際に接続している場合は、機器をネットワークから切り離します。証拠保全のため電源は切らないでください。{for_ja}",
    )  # fmt: skip


def _whose_question(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
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
    yield _advise(
        "look_whose_client", 1, tuple(item.id for finding in asked for item in finding.evidence),
        f"See whether {who.en or 'the address'} is yours; if so, look there for the program that asked, and put your networks into the settings (`home`). {en}",
        f"{who.ja or '問い合わせ元'} が自分のものかを確認してください。自分のものであれば、問い合わせたプログラムを調べ、自分のネットワークを設定(`home`)に加えます。{ja}",
    )  # fmt: skip


def _answered_stranger(case: Case) -> bool:
    """Whether a record shows an answer to one of these questions, of a server that looks names up for whoever asks."""
    questions = (r for r in case.records.values() if r.table == "dns" and r.values.get("direction") == "inbound")
    return any(record.values.get("rcode") == "NOERROR" and record.values.get("answers") for record in questions)


def _isolate(case: Case, result: Outcome) -> Iterator[Recommendation]:
    devices, several = listed(case.blamed, MOST_NAMED), len(case.blamed) > 1
    pools, way = _pools(case), _way(case)
    least_en, least_ja = "", ""
    if mines(case):
        least_en = f", or at least block {'their' if several else 'its'} connections to {pools or 'the pool'}{way.en}"
        least_ja = f"か、少なくとも{f' {pools} ' if pools else 'プール'}への{way.ja}接続を遮断して"
    yield _advise(
        "isolate", 1, result.because,
        f"Take {devices.en or 'the server'} off the network now{least_en}; keep {'them' if several else 'it'} running for evidence.",
        f"{devices.ja or 'サーバ'}を今すぐネットワークから切り離{'す' if least_ja else 'して'}{least_ja}ください。証拠保全のため電源は切らないでください。",
    )  # fmt: skip


def _pools(case: Case) -> str:
    """Whom the devices mined for: of other sides inside, which pass work on, only when there is none outside. Who asked
    a device of ours for something is nobody's pool."""
    impact = [f for f in case.findings if f.stage == "impact" and f.values.get("dst_ip") != f.device]
    paid = list(dict.fromkeys(f.remote for f in impact if f.remote))
    outside = [remote for remote in paid if remote not in case.devices]
    if not paid:
        said = (f.values.get(name) for f in case.findings for name in ("mining.pool", "query", "mining.named"))
        paid = list(dict.fromkeys(printable(str(name)) for name in said if name))
    return ", ".join(defang(remote) for remote in (outside or paid)[:3])


def _way(case: Case) -> Text:
    """The proxies that the mining went through: blocking at them is what stops it, and nothing is wrong with them."""
    through = dict.fromkeys(
        str(f.values["dst_ip"]) for f in case.findings if f.values.get("mining.target") and f.values.get("dst_ip")
    )
    shown = ", ".join(defang(printable(address)) for address in list(through)[:3])
    return Text(en=f" (through the proxy {shown})", ja=f"(プロキシ {shown} 経由の)") if shown else Text(en="", ja="")


def _look_at_program(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    named = list(programs_named(case)) if top == "compromised_device" else []
    if named:
        en, ja = "; ".join(text.en for text, _ in named), "、".join(text.ja for text, _ in named)
        yield _advise(
            "look_at_program", 1, tuple(e.id for _, finding in named for e in finding.evidence),
            f"Keep a copy of the program and its settings, stop it, and remove what starts it (services, tasks, cron): {en}.",
            f"次のプログラムと設定ファイルのコピーを保全してから停止し、起動の設定(サービス、タスク、cron)を取り除いてください: {ja}。",
        )  # fmt: skip


def listed(names: Sequence[str], most: int) -> Text:
    """The names one after the other, and how many more there are."""
    shown, more = [printable(name) for name in names[:most]], len(names) - most
    en, ja = ", ".join(shown), "、".join(shown)
    return Text(en=f"{en} and {more} more", ja=f"{ja} ほか{more}台") if more > 0 else Text(en=en, ja=ja)


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
    if top != "compromised_device" or not mines(case):
        return
    if around.allowed.pools and (said := claimed_by(case, around.allowed)):
        name = cut(printable(said[0]), 60)
        yield _advise(
            "allow_if_yours", 1, (),
            f"Only the device itself calls the other side {name}, so that your permission does not cover it. If this miner is yours, allow the device or the payout address (`allowed.devices`, `allowed.wallets`).",
            f"相手を {name} と呼んでいるのは機器自身だけなので、許可の対象になりません。ご自身のマイナーであれば、機器か送金先アドレスを許可してください(`allowed.devices`、`allowed.wallets`)。",
        )  # fmt: skip
    else:
        yield _advise(
            "allow_if_yours", 1, (),
            "If this miner is yours, say so in the configuration (`allowed.pools`, `allowed.wallets`, `allowed.devices`) and it will be reported as authorised.",
            "このマイナーがご自身のものであれば、設定(`allowed.pools`、`allowed.wallets`、`allowed.devices`)に書くと、許可済みとして報告します。",
        )  # fmt: skip


_ADVICE: tuple[Advice, ...] = (
    _nothing, _look_at_talk, _whose_question, _ask_if_yours, _ask_who_logged_on, _look_at_guesser, _look_at_answer, _compromised, _look_at_program, _check_host, _quieter_log, _update_products, _after_success, _close_doors,
    _harden_logon, _allow,
)  # fmt: skip


# Where only the shape of traffic speaks of a device; what others did at its doors is advised on all the same.
_SUSPECTED: tuple[Advice, ...] = (
    _look_and_ask, _ask_who_logged_on, _look_at_guesser, _update_products, _close_doors, _harden_logon, _allow,
)  # fmt: skip

# What is said of the compromised devices, not of those who came by.
_OF_VERDICT = frozenset({_compromised, _look_at_program, _allow, _look_and_ask})


def _known(case: Case, around: Surroundings) -> Iterator[tuple[str, Finding, Vulnerability]]:
    """The vulnerabilities that attempts aimed at, as far as facts are held."""
    for finding in case.findings:
        for cve in finding.cves:
            if cve in around.facts.vulnerabilities:
                yield cve, finding, around.facts.vulnerabilities[cve]


def _advise(id: str, effort: int, evidence: tuple[str, ...], en: str, ja: str) -> Recommendation:
    return Recommendation(id=id, effort=effort, text=Text(en=en, ja=ja), evidence=evidence)
