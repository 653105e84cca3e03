"""What to do about logons: passwords that were tried, by whom, and doors that stand open."""

from __future__ import annotations

from collections.abc import Iterator

from kanaria.core.rule_tags import GUESSER_IS_DEVICE, GUESSER_IS_REMOTE
from kanaria.core.text import defang, printable
from kanaria.core.types import Hypothesis, Outcome, Recommendation
from kanaria.incidents.advice_pieces import advise
from kanaria.incidents.case import Case, Surroundings, got_in, guessed


def ask_who_logged_on(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    """A logon after many failures is a person who remembered, or somebody who guessed: only the person knows."""
    finding = got_in(case)
    if finding is None or top == "authorised_mining":
        return
    source, device = defang(finding.remote or "?"), printable(finding.device or "?")
    yield advise(
        "ask_who_logged_on", 1, tuple(item.id for item in finding.evidence),
        f"Ask whether the logon to {device} from {source} after the failures was one of yours; if not, end the session, change the password and look at what the account did since.",
        f"失敗が続いた後の、{source} から {device} へのログオンが身に覚えのあるものかを確認してください。そうでなければ、セッションを切断し、パスワードを変更し、そのアカウントがその後に行ったことを調べてください。",
    )  # fmt: skip


def own_guessers(case: Case) -> list[str]:
    """Machines of ours that try passwords, by what the rules say of their findings."""
    guessers = [finding.device for finding in case.findings if GUESSER_IS_DEVICE in finding.tags]
    guessers += [finding.remote for finding in case.findings if GUESSER_IS_REMOTE in finding.tags]
    return list(dict.fromkeys(one for one in guessers if one))


def look_at_guesser(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    own = own_guessers(case)
    if guessed(case) and own and top != "authorised_mining":
        shown = ", ".join(printable(address) for address in own[:3])
        yield advise(
            "look_at_guesser", 1, tuple(e.id for f in case.findings if {f.device, f.remote} & {*own} for e in f.evidence),
            f"Look at the machine the attempts come from ({shown}): is it a program with an old password, or did somebody take it over?",
            f"試行元の機器({shown})を調べてください。古いパスワードを使い続けるプログラムか、乗っ取られているかのどちらかが考えられます。",
        )  # fmt: skip


def harden_logon(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if not guessed(case) or not any(finding.table == "logon" for finding in case.findings):
        return
    inside = got_in(case) is not None or bool(own_guessers(case))
    en, ja = ("", "") if inside else ("Optional while every attempt fails: ", "試行が失敗し続けている間は任意です: ")
    yield advise(
        "harden_logon", 2 if inside else 1, (),
        f"{en}{'A' if inside else 'a'}llow keys or certificates only, limit who may reach the logon, and lock out sources that keep failing.",
        f"{ja}鍵や証明書だけを許可し、ログオンできる送信元を制限し、失敗を繰り返す送信元を締め出してください。",
    )  # fmt: skip


def close_doors(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    tables = {finding.table for finding in case.findings}
    for table, name in (("rdp", "RDP"), ("smb", "SMB")):
        if table in tables:
            yield advise(
                f"close_{table}", 2, tuple(e.id for f in case.findings if f.table == table for e in f.evidence),
                f"Do not answer {name} from the Internet: put it behind a VPN or restrict it to known addresses.",
                f"インターネットからの{name}に応答しないようにしてください。VPNの内側に置くか、既知のアドレスに限定します。",
            )  # fmt: skip
