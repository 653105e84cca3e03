"""Did it work? Evidence about the outcome, from the server's answers, from what followed, and from what did not.

An HTTP status alone decides nothing. What counts is whether the server understood the request at all, whether its answer
differs from what it answers everybody, and whether anything that a success would cause was seen, or was not seen in
logs that cover the time in which it would have happened.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta

from kanaria.core.late_regex import late_regex
from kanaria.core.logs import log_of
from kanaria.core.plural import counted
from kanaria.core.text import cut, printable
from kanaria.core.types import Evidence, Record, StratumMessage, Text
from kanaria.incidents.answers import found_at
from kanaria.incidents.case import Case, Surroundings, came_in, got_in, guessed
from kanaria.incidents.suspicion import says_mining
from kanaria.incidents.weighing import evidence

# Cradles fetch and start the miner within seconds to minutes; an hour of covered log without a follow-up is telling.
FOLLOW_UP_WINDOW = timedelta(hours=1)
# Answers of one size to others before we call a size usual, and answers seen before an unseen size is called unusual.
USUAL_ANSWERS = 3
KNOWN_ANSWERS = 20
# nginx logs 444 when it closes without an answer and 499 when the client left; Apache and HAProxy log 0 or -1 then.
CLOSED_WITHOUT_ANSWER = frozenset({0, -1, 444, 499})


def outcome_evidence(case: Case, around: Surroundings, whole: Case | None = None) -> Iterator[Evidence]:
    """All evidence about the outcome of what one actor did; ``whole`` is where what followed an attack is looked for."""
    yield from _answers(case, around)
    yield from _result_in_answer(case, around)
    yield from _follow_up(case, around)
    yield from _network(case, around)
    yield from _mined_after(case, around, whole or case)
    yield from _logons(case, around)


def _logons(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """Password guessing of which every attempt was refused, as far as the logs go."""
    if not guessed(case) or got_in(case):
        return
    tried = [seen for device in case.devices if (seen := around.sessions(device)) is not None]
    attempts = sum(seen.attempts for seen in tried)
    if attempts and not any(seen.logged_on for seen in tried):
        yield evidence(around.facts, "no_session_looks_like_logon", None, Text(
            en=f"of {counted(attempts, 'Remote Desktop attempt')} on the device none looks like somebody logged on",
            ja=f"この機器へのRDPの試行{attempts:,}件の中に、ログオンに成功したとみられるものはありません",
        ))  # fmt: skip
    known = [found for device in case.devices if (found := around.guessers(device)) is not None]
    sources = sum(found.sources for found in known)
    if sources and not any(found.got_in for found in known):
        yield evidence(around.facts, "logons_refused", None, Text(
            en=f"of the sources whose logons failed again and again ({sources}) none logged on later, as far as the logs go",
            ja=f"何度もログオンに失敗した送信元({sources}個)の中に、その後ログオンできたものはログの範囲にありません",
        ))  # fmt: skip


def _answers(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """The server's answers. The least refused request decides: one that got through is enough for an attacker."""
    weighed: dict[tuple[str, object, object], list[tuple[Record, Evidence]]] = {}
    own = Counter(_measure(record) for record in case.web_records)
    for record in case.web_records:
        item = _answer(record, own, around)
        if item is not None:
            key = (item.kind, record.values.get("status"), record.values.get("bytes_out"))
            weighed.setdefault(key, []).append((record, item))
    if not weighed:
        return
    best = max(items[0][1].bits for items in weighed.values())
    for items in weighed.values():
        record, item = items[0]
        decisive = item.bits == best
        yield evidence(
            around.facts,
            item.kind,
            record,
            _counted(item.because, items, more=_left_out(case)),
            factor=1.0 if decisive else 0.0,
        )


Measures = Mapping[tuple[object, object], int]
"""How many requests of a case were answered with a status and a size."""


def _measure(record: Record) -> tuple[object, object]:
    return record.values.get("status"), record.values.get("bytes_out")


def _counted(words: Text, items: list[tuple[Record, Evidence]], *, more: bool) -> Text:
    """With how many answers there were; ``more`` than are kept, where findings count more records than they carry."""
    if len(items) == 1:
        return words
    if more:
        return Text(en=f"{words.en} ({len(items)} requests looked at)", ja=f"{words.ja}(調べた{len(items)}件)")
    return Text(en=f"{words.en} ({len(items)} requests)", ja=f"{words.ja}({len(items)}件)")


def _left_out(case: Case) -> bool:
    return any(int(f.values.get("count", 0)) > len(f.event_ids) for f in case.findings)


# How programs say in their log that they did not take what came: sshd, Postfix, geth, Exim, Dovecot, JSON-RPC servers.
_REFUSAL = late_regex(
    r"bad protocol version|protocol major versions differ|banner exchange: .{0,80}invalid format|non-SMTP command"
    r"|does not exist/is not available|the method .{1,80} (?:does not exist|not found)|method not found|-32601"
    r"|invalid method|unknown method|unrecognized command|unknown command|invalid json request|bad status line"
    r"|bad http|malformed (?:request|http)|protocol synchronization error|command unrecognized|invalid request",
    re.IGNORECASE,
)


def _refused_in_words(record: Record, around: Surroundings) -> Evidence | None:
    """What the program that wrote the line says itself of what it got."""
    said = _REFUSAL.search(record.quote)
    if said is None:
        return None
    words = cut(printable(said[0]), 60)
    return evidence(around.facts, "refused_in_words", record, Text(
        en=f'the program that wrote the log refused it ("{words}")', ja=f"ログを書いたプログラムが拒否しています(「{words}」)"
    ))  # fmt: skip


def _answer(record: Record, own: Measures, around: Surroundings) -> Evidence | None:
    status = record.values.get("status")
    if not isinstance(status, int):
        return _refused_in_words(record, around)
    if status in CLOSED_WITHOUT_ANSWER:
        return evidence(around.facts, "refused_unparsable_400", record, Text(
            en=f"the server closed the connection without an answer (status {status})",
            ja=f"サーバは応答せずに接続を閉じました(ステータス{status})",
        ))  # fmt: skip
    if status == 400 and record.values.get("method") is None:
        return evidence(around.facts, "refused_unparsable_400", record, Text(
            en="the server answered 400 because the line is not an HTTP request it could parse",
            ja="HTTPリクエストとして解釈できない行だったため、サーバは400を返しました",
        ))  # fmt: skip
    unusual = _size(record, status, own[_measure(record)], around)
    if unusual is not None:
        return unusual
    there = found_at(record)
    if there is not None and came_from_outside(record):
        return evidence(around.facts, "interface_answered", record, there)
    if 400 <= status < 500:
        return evidence(around.facts, "client_error_4xx", record, _status_text(status))
    if status >= 500:
        return evidence(around.facts, "server_error_5xx", record, _status_text(status))
    return evidence(around.facts, "success_2xx_alone", record, Text(
        en=f"the server answered {status}; a status alone says nothing about success",
        ja=f"サーバは{status}を返しましたが、ステータスだけでは成功したかどうかは分かりません",
    ))  # fmt: skip


def came_from_outside(record: Record) -> bool:
    """Whether a stranger asked; one's own agents and monitors ask the same interfaces."""
    return record.values.get("direction") != "internal"


def _status_text(status: int) -> Text:
    return Text(en=f"the server answered {status}", ja=f"サーバは{status}を返しました")


def _size(record: Record, status: int, same: int, around: Surroundings) -> Evidence | None:
    """Whether the answer's size is what this server gives everybody for that status and path."""
    size = record.values.get("bytes_out")
    if not isinstance(size, int) or not 200 <= status < 400:
        return None
    url = record.values.get("url")
    path = str(url).split("?", 1)[0] if url else None
    anywhere = dict(around.answers(status, None).sizes).get(size, 0) - same
    here = around.answers(status, path)
    if anywhere >= USUAL_ANSWERS:
        return evidence(around.facts, "size_as_usual_for_status", record, Text(
            en=f"the answer {status} had {size} bytes, the same as {counted(anywhere, 'answer')} to ordinary requests",
            ja=f"{status}応答のサイズは{size}バイトで、通常のリクエストへの{anywhere}件の応答と同じです",
        ))  # fmt: skip
    if path and here.total >= KNOWN_ANSWERS and dict(here.sizes).get(size, 0) <= same:
        shown = cut(printable(path), 40)
        return evidence(around.facts, "size_unusual_for_path", record, Text(
            en=f"the answer {status} had {size} bytes, a size never seen in {counted(here.total, 'other answer')} for {shown}",
            ja=f"{status}応答のサイズ{size}バイトは、{shown}への他の{here.total}件の応答では見られない値です",
        ))  # fmt: skip
    return None


def _result_in_answer(case: Case, around: Surroundings) -> Iterator[Evidence]:
    for message in case.messages:
        record = case.record_of(message)
        if record and came_in(record) and _given(message):
            yield evidence(around.facts, "jsonrpc_result_in_answer", record)
            return
    yield from _not_answered(case, around)


def _not_answered(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """Strangers spoke a mining protocol to ports of ours, and none of these answered in it."""
    asked = [
        r for r in case.records.values() if r.table == "connection" and came_in(r) and r.values.get("mining.dialect")
    ]
    for record in asked[:1]:
        if record.values.get("dst_payload") is None:  # a log that does not say what was answered
            if record.values.get("service") == "ssh":
                yield evidence(around.facts, "refused_in_words", record, Text(
                    en="it was sent to the SSH server, which refused it because it is not SSH",
                    ja="SSHサーバに送られ、SSHの通信ではないとして拒否されました",
                ))  # fmt: skip
            return
        size = _number(record, "dst_payload")
        said = (f"it sent {counted(round(size), 'byte')} that {'is' if round(size) == 1 else 'are'} none", f"別の内容を{size:,.0f}バイト送りました") if size else (
            "it sent nothing", "何も送っていません")  # fmt: skip
        more = Text(en=f" ({len(asked)} connections)", ja=f"({len(asked)}件)") if len(asked) > 1 else Text(en="", ja="")
        yield evidence(around.facts, "stratum_not_answered", record, Text(
            en=f"the server did not answer with a mining message: {said[0]}{more.en}",
            ja=f"サーバはマイニングのメッセージで応答せず、{said[1]}{more.ja}",
        ))  # fmt: skip


# Names that visitors and search engines ask for on every server: that somebody does says nothing.
_EVERYBODYS = frozenset(
    "favicon.ico robots.txt index.html index.php index.htm sitemap.xml ads.txt security.txt style.css main.js"
    " apple-touch-icon.png manifest.json login.php wp-login.php xmlrpc.php wp-cron.php admin-ajax.php".split()
)
_OUT_OF_REACH = ("/tmp/", "/var/tmp/", "/dev/", "/etc/", "/var/run/", "/run/", "/root/", "c:/", "c:\\")  # noqa: S108
# From so many strangers on, a name is one that visitors ask for, not something one attacker left.
ORDINARY_VISITORS = 3


def _used(case: Case, around: Surroundings) -> list[tuple[str, Record]]:
    """Requests that use what the attack would have left: by whoever attacked, or for a name nobody else asks for that
    the web server can reach, and with an answer that is not its usual one."""
    paths = {p for r in case.records.values() for p in str(r.values.get("payload.dropped", "")).split(",") if p}
    attackers = {record.remote for record in case.records.values() if record.values.get("payload.dropped")}
    found = []
    for path in sorted(paths):
        name = path.replace("\\", "/").rsplit("/", 1)[-1]
        later = [r for r in around.later_requests.get(name, ()) if _served(r) and name not in _EVERYBODYS]
        others = {record.remote for record in later} - attackers
        public = not path.lower().startswith(_OUT_OF_REACH) and len(others) < ORDINARY_VISITORS
        found += [(name, r) for r in later if r.remote in attackers or (public and not _usual(r, around))]
    return list({record.event_id: (name, record) for name, record in found}.values())


def _usual(record: Record, around: Surroundings) -> bool:
    """Whether the answer has a size this server gives to others too."""
    status, size = record.values.get("status"), record.values.get("bytes_out")
    if not isinstance(status, int) or not isinstance(size, int):
        return False
    return dict(around.answers(status, None).sizes).get(size, 0) > USUAL_ANSWERS


def _follow_up(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """Requests that use what an exploit would have left behind, or their absence in covered time."""
    used = _used(case, around)
    for name, record in used:
        shown = cut(printable(name), 60)
        yield evidence(around.facts, "followup_uses_dropped_file", record, Text(
            en=f"{shown}, which the exploit would have left behind, was requested later and answered {record.values.get('status')}",
            ja=f"攻撃が残したはずの {shown} が後からリクエストされ、{record.values.get('status')}が返っています",
        ))  # fmt: skip
    if used or not case.times or not case.web_records:
        return
    logs = {log_of(record.source) for record in case.web_records}  # another log says nothing of what this server did
    covered = max((i.last for i in around.inputs if i.last and log_of(i.path) in logs), default=None)
    after = covered - case.times[-1] if covered else timedelta(0)
    if after >= FOLLOW_UP_WINDOW:
        hours = after.total_seconds() / 3600
        yield evidence(around.facts, "no_followup_in_window", None, Text(
            en=f"the logs cover {hours:.1f} h after the last request and show nothing that used a success",
            ja=f"最後のリクエストの後{hours:.1f}時間分のログに、成功を利用した形跡はありません",
        ))  # fmt: skip


def _exchange(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """A pool that sends work: the miner runs. What the shape of traffic says of that is evidence of another kind, which
    the model of the shape brings itself (``mining_shape``) and which confirms nothing."""
    for message in case.messages:
        record = case.record_of(message)
        if record and record.table == "connection" and _given(message) and _ours(record):
            yield evidence(around.facts, "pool_sent_work", record)
            break


def _given(message: StratumMessage) -> bool:
    """Whether a server gave work or a result; a refusal gives neither."""
    return message.direction == "server" and message.fields.get("accepted") != "false"


def _ours(record: Record) -> bool:
    """Whether the miner's end is ours: a stranger who speaks to our port does not make our device mine."""
    return record.values.get("direction") != "inbound"


def _number(record: Record, column: str) -> float:
    value = record.values.get(column)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _served(record: Record) -> bool:
    status = record.values.get("status")
    return isinstance(status, int) and 200 <= status < 400


def _network(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """Mining that left the device."""
    for message in case.messages:
        record = case.record_of(message)
        if record and record.table == "connection" and _ours(record) and message.fields.get("accepted") == "true":
            yield evidence(around.facts, "mining_share_accepted", record)
            break
    yield from _exchange(case, around)


def _mined_after(case: Case, around: Surroundings, whole: Case) -> Iterator[Evidence]:
    """Mining that began after a request, by the device itself or after an attack on it; or that the host shows."""
    first_probe = whole.first_request
    own = {finding.device for finding in case.findings} - {None}
    for finding in whole.mined_outward if first_probe else ():
        if own and finding.device not in own:
            continue
        if says_mining(finding) and first_probe and finding.time and finding.time >= first_probe:
            minutes = (finding.time - first_probe).total_seconds() / 60
            record = next((whole.records[e] for e in finding.event_ids if e in whole.records), None)
            yield evidence(around.facts, "outbound_mining_after", record, Text(
                en=f"{minutes:.0f} min after the request {finding.device} connected to {finding.remote} and mined",
                ja=f"リクエストの{minutes:.0f}分後に {finding.device} が {finding.remote} に接続してマイニングしました",
            ))  # fmt: skip
            return
    for observation in around.host:
        if observation.kind in {"miner_process", "pool_connection"}:
            yield evidence(around.facts, "outbound_mining_after", None, observation.statement)
            return
