"""The one glossary: names of hypotheses, outcomes, severities and dialects in both languages.

Titles, reports, pages and docs take their words from here. The ids themselves are never translated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kanaria.core.rule_tags import MINERS, MINING
from kanaria.core.types import Finding, StratumMessage, Text

HYPOTHESES: Mapping[str, Text] = {
    "internet_wide_scanner": Text(
        en="Internet-wide probe for mining pools and proxies", ja="マイニングプール・プロキシを探す無差別スキャン"
    ),
    "misdirected_miner": Text(en="Somebody's miner with a wrong address", ja="宛先を間違えた誰かのマイナー"),
    "exploitation_attempt": Text(en="Attempt to break in", ja="侵入の試み"),
    "compromised_device": Text(en="Compromised device mining coins", ja="乗っ取られた機器によるマイニング"),
    "authorised_mining": Text(en="Mining the owner allows", ja="所有者が許可しているマイニング"),
    "benign": Text(en="Ordinary traffic", ja="通常の通信"),
}

# The same explanations where nothing of mining was seen, only scanning, password guessing or a break-in.
WITHOUT_MINING: Mapping[str, Text] = {
    "internet_wide_scanner": Text(
        en="Scanning and password guessing that hits everybody", ja="相手を選ばないスキャンやパスワード推測"
    ),
    "compromised_device": Text(en="Compromised device", ja="乗っ取られた機器"),
}
WITHOUT_SEEING: Mapping[str, Text] = {
    "compromised_device": Text(
        en="Device that may be mining for somebody", ja="マイニングに使われている疑いのある機器"
    ),
}
"""... where mining was named, reported or prepared, and not seen."""
ASKED_FROM_OUTSIDE: Mapping[str, Text] = {
    "misdirected_miner": Text(
        en="A stranger's miner that asks this DNS server", ja="このDNSサーバに問い合わせた第三者のマイナー"
    ),
    "internet_wide_scanner": Text(en="A search for open DNS servers", ja="公開DNSサーバを探すスキャン"),
    "benign": Text(en="A stranger's ordinary question", ja="第三者による通常の問い合わせ"),
}
"""... where all that is known is that a public address asked a DNS server for a pool."""


IN_BROWSER: Mapping[str, Text] = {
    "compromised_device": Text(en="Web page that mines in a browser", ja="ブラウザでマイニングをするWebページ"),
}
"""... where a page mined in the browser that showed it: nobody entered the device."""
BROWSER = "browser"
"""What a device is called in the archive of a browser, which does not name its machine."""


def about_mining(finding: Finding) -> bool:
    """Whether the finding says that mining goes on."""
    return MINING in finding.tags


def speaks_of_mining(findings: Iterable[Finding], messages: Iterable[StratumMessage]) -> bool:
    """Whether anything of mining was found at all."""
    return any(True for _ in messages) or any(map(_of_mining, findings))


def _of_mining(finding: Finding) -> bool:
    return MINING in finding.tags or MINERS in finding.tags


NAMED = frozenset(
    "pool_name_asked pool_name_asked_here pool_name_asked_from_outside pool_asked_of_proxy"
    " mining_pool_in_log mining_program_in_log mining_in_text"
    " sensor_alert_mining command_in_text installer_in_text miner_in_payload exploit_payload"
    " exploit_request"
    " stratum_request stratum_from_outside miner_file_probe miner_agent open_proxy_probe script_fetched_and_run".split()
)
"""Evidence in which mining is only named, by a question, a log, a text, another sensor or a stranger."""
NEAR = frozenset(
    "pool_name_in_tls proxy_opened_tunnel mining_program_named mining_program_connected outbound_pool_connection mining_message_unanswered"
    " stratum_served_inside stratum_answered miner_agent_outbound miner_fetched miner_hosted miner_program_started"
    " host_delivery cloud_order own_log_of_idle_miner mining_message_sent_outward browser_miner antivirus_mining_alert mining_message_in_alert"
    " mining_message_in_named_alert mining_on_server mining_beside_other_findings tunnel_port browser_mining_messages".split()
)
"""... in which a program for mining, its way to a pool or one side of its talk was seen, and no work."""


SEEN = frozenset(
    "outbound_mining_flow own_log_of_miner miner_tells_of_itself mining_shape mining_shape_of_coin"
    " mining_shape_for_hours".split()
)
"""... in which work was done, or messages went to and fro as they do then."""


def mining_seen(findings: Iterable[Finding]) -> bool:
    """Whether a finding about mining rests on more than a name, a report, a program or a way to a pool."""
    kinds = _kinds_of_mining(findings)
    return not kinds or any(not each <= NAMED | NEAR for each in kinds)


def mining_only_named(findings: Iterable[Finding]) -> bool:
    """Whether nothing but names speak of mining."""
    kinds = _kinds_of_mining(findings)
    return bool(kinds) and all(each <= NAMED for each in kinds)


_BESIDE_A_PAGE = NAMED | {"pool_name_in_tls"}


def in_browser(findings: Iterable[Finding]) -> bool:
    """Whether all that mined was a page in a browser: the rest are names it asked for, or other words for the same."""
    every = [(finding, {item.kind.partition(".")[0] for item in finding.evidence}) for finding in findings]
    pages = {event for finding, kinds in every if _of_page(finding, kinds) for event in finding.event_ids}
    return bool(pages) and all(
        pages.issuperset(finding.event_ids)
        if finding.event_ids and not kinds <= _BESIDE_A_PAGE
        else kinds <= _BESIDE_A_PAGE
        for finding, kinds in every
    )


def _of_page(finding: Finding, kinds: set[str]) -> bool:
    archived = finding.device == BROWSER and finding.table == "connection"
    return "browser_mining_messages" in kinds or (archived and speaks_of_mining([finding], ()))


_FROM_OUTSIDE = frozenset(("pool_name_asked_from_outside",))
_ASKED = _FROM_OUTSIDE | {"pool_name_asked", "pool_name_asked_here", "asked_for_others"}


def asked_from_outside(findings: Iterable[Finding]) -> bool:
    """Whether nothing but questions for a pool are known, and public addresses asked some of them: who is behind such an
    address, and whether it is anybody of ours, is not known."""
    kinds = _kinds_of_mining(findings)
    return all(each <= _ASKED for each in kinds) and any(each <= _FROM_OUTSIDE for each in kinds)


def _kinds_of_mining(findings: Iterable[Finding]) -> list[set[str]]:
    """Kinds of evidence of the findings about mining, those that are the same once: of hundreds most are."""
    about = {tuple(item.kind for item in found.evidence) for found in findings if found.evidence and _of_mining(found)}
    return [{kind.partition(".")[0] for kind in kinds} for kinds in about]


POOLS_OWN = frozenset(
    (
        "job",
        "mining.notify",
        "mining.set_difficulty",
        "mining.set_target",
        "mining.set_extranonce",
        "mining.set",
        "result",
    )
)
"""Messages that a pool begins. Whatever else it says answers a message of that name."""


def answers(message: StratumMessage) -> bool:
    """Whether the message is a pool's answer to the miner's message of the same name."""
    return message.direction == "server" and message.method not in POOLS_OWN


def hypothesis_name(name: str, *, mining: bool, seen: bool) -> Text:
    """What an explanation is called where mining was ``seen``, where something of it was found, or nothing."""
    if mining and not seen:
        return WITHOUT_SEEING.get(name, HYPOTHESES[name])
    return HYPOTHESES[name] if mining else WITHOUT_MINING.get(name, HYPOTHESES[name])


def called(name: str, findings: Sequence[Finding], messages: Iterable[StratumMessage]) -> Text:
    """What an explanation is called beside these findings and messages: no more is said than was seen."""
    if name in ASKED_FROM_OUTSIDE and asked_from_outside(findings):
        return ASKED_FROM_OUTSIDE[name]
    if name in IN_BROWSER and in_browser(findings):
        return IN_BROWSER[name]
    return hypothesis_name(name, mining=speaks_of_mining(findings, messages), seen=mining_seen(findings))


OUTCOMES: Mapping[str, Text] = {
    "failed": Text(en="failed", ja="失敗"),
    "no_sign_of_success": Text(en="no sign of success", ja="成功した形跡なし"),
    "possible": Text(en="success possible", ja="成功した可能性あり"),
    "confirmed": Text(en="confirmed", ja="成功を確認"),
}

WHETHER_IT_MINES: Mapping[str, Text] = {
    "failed": Text(en="mining itself not seen", ja="マイニング自体は未確認"),
    "no_sign_of_success": Text(en="mining itself not seen", ja="マイニング自体は未確認"),
    "possible": Text(en="it may be mining", ja="マイニングの可能性あり"),
    "confirmed": Text(en="confirmed", ja="成功を確認"),
}
"""Outcomes where a device is looked at and mining was not seen."""

SEVERITIES: Mapping[str, Text] = {
    "informational": Text(en="informational", ja="情報"),
    "low": Text(en="low", ja="低"),
    "medium": Text(en="medium", ja="中"),
    "high": Text(en="high", ja="高"),
    "critical": Text(en="critical", ja="重大"),
}

STATES: Mapping[str, Text] = {
    "open": Text(en="open", ja="未対応"),
    "acknowledged": Text(en="acknowledged", ja="確認済み"),
    "contained": Text(en="contained", ja="封じ込め済み"),
    "dismissed": Text(en="dismissed", ja="却下"),
    "closed": Text(en="closed", ja="完了"),
}

STAGES: Mapping[str, Text] = {
    "reconnaissance": Text(en="Reconnaissance", ja="偵察"),
    "initial_access": Text(en="Initial access", ja="初期侵入"),
    "execution": Text(en="Execution", ja="実行"),
    "persistence": Text(en="Persistence", ja="永続化"),
    "lateral_movement": Text(en="Lateral movement", ja="横展開"),
    "command_and_control": Text(en="Command and control", ja="遠隔操作"),
    "impact": Text(en="Impact", ja="影響"),
}

DIALECTS: Mapping[str, Text] = {
    "stratum_v1": Text(en="Stratum v1 (Bitcoin family)", ja="Stratum v1(Bitcoin系)"),
    "cryptonote": Text(en="CryptoNote (Monero family)", ja="CryptoNote(Monero系)"),
    "eth_proxy": Text(en="eth-proxy (Ethereum family)", ja="eth-proxy(Ethereum系)"),
    "ethereum_stratum": Text(en="EthereumStratum (NiceHash)", ja="EthereumStratum(NiceHash)"),
    "getwork": Text(en="getwork (Bitcoin node)", ja="getwork(Bitcoinノード)"),
    "zcash": Text(en="Zcash Stratum (Equihash)", ja="Zcash Stratum(Equihash)"),
    "stratum_v2": Text(en="Stratum V2", ja="Stratum V2"),
    "websocket": Text(en="browser miner over WebSocket", ja="WebSocketのブラウザマイナー"),
    "kawpow": Text(en="KawPoW Stratum (Ravencoin)", ja="KawPoW Stratum(Ravencoin)"),
    "grin": Text(en="Grin Stratum", ja="Grin Stratum"),
    "beam": Text(en="Beam Stratum", ja="Beam Stratum"),
}

# What values of columns are called in sentences. Rules and JSON keep the values themselves.
VALUES: Mapping[str, Mapping[str, Text]] = {
    "result": {
        "refused": Text(en="refused", ja="拒否"),
        "handshake": Text(en="handshake only", ja="ハンドシェイクのみ"),
        "encrypted": Text(en="encrypted, result not visible", ja="暗号化され、成否は見えない"),
        "likely_success": Text(en="probably logged on", ja="おそらくログオン成功"),
        "likely_failure": Text(en="probably no logon", ja="おそらくログオン失敗"),
        "success": Text(en="logged on", ja="ログオン成功"),
        "failure": Text(en="logon failed", ja="ログオン失敗"),
    },
    "device.role": {
        "dns_server": Text(en="DNS server", ja="DNSサーバ"),
        "domain_controller": Text(en="domain controller", ja="ドメインコントローラ"),
        "gateway": Text(en="gateway", ja="ゲートウェイ"),
        "mail_server": Text(en="mail server", ja="メールサーバ"),
        "web_server": Text(en="web server", ja="Webサーバ"),
        "database_server": Text(en="database server", ja="データベースサーバ"),
        "file_server": Text(en="file server", ja="ファイルサーバ"),
        "workstation": Text(en="workstation", ja="業務端末"),
        "printer": Text(en="printer", ja="プリンタ"),
    },
}
