"""Sentences of the report in both languages, with named places to fill. Placeholders are the same in both."""

from __future__ import annotations

from collections.abc import Mapping

from kanaria.core.plural import fill
from kanaria.core.types import Language, Text
from kanaria.report.phrases_brief import BRIEF
from kanaria.report.phrases_story import STORY

HEADINGS: Mapping[str, Text] = {
    "identification": Text(en="What it is", ja="これは何か"),
    "news": Text(en="Since the last run", ja="前回の解析との違い"),
    "outcome": Text(en="Did it work?", ja="成功したか"),
    "timeline": Text(en="Timeline", ja="時系列"),
    "normal": Text(en="What was normal before", ja="それまでの通常"),
    "messages": Text(en="Message by message", ja="メッセージごとの説明"),
    "findings": Text(en="What was detected", ja="検知した内容"),
    "techniques": Text(en="ATT&CK techniques", ja="ATT&CKのテクニック"),
    "vulnerabilities": Text(en="Vulnerabilities", ja="関連する脆弱性"),
    "impact": Text(en="Impact", ja="影響"),
    "recommendations": Text(en="What to do", ja="推奨する対応"),
    "looked_at": Text(en="What was looked at, and what was not", ja="調べた範囲と調べていない範囲"),
    "similar": Text(en="Similar incidents", ja="類似のインシデント"),
    "story": Text(en="The story", ja="経緯と説明"),
    "evidence": Text(en="Evidence", ja="根拠"),
    "inputs": Text(en="Inputs", ja="入力"),
    "indicators": Text(en="Indicators", ja="痕跡情報(IoC)"),
    "severity": Text(en="Severity", ja="重大度"),
    "verdict": Text(en="Verdict", ja="結論"),
    "report": Text(en="Kanaria report", ja="Kanaria レポート"),
}

_FULL: Mapping[str, Text] = {
    "nothing_found": Text(
        en="Nothing of mining was found in {rows} {records} of {inputs} {files}.",
        ja="{inputs}個の入力、{rows}件の記録を調べましたが、マイニングに関係するものは見つかりませんでした。",
    ),
    "nothing_found_in_rest": Text(
        en="Nothing of mining was found in the other {rows} {records}.",
        ja="読み取れた{rows}件には、マイニングに関係するものは見つかりませんでした。",
    ),
    "unread": Text(
        en="{share} % of the records could not be read ({unread} of {records}), and nothing is claimed of them.",
        ja="記録の{share}%({records}件中{unread}件)は読み取れず、その内容については何も言えません。",
    ),
    "unread_searched": Text(
        en="They were only searched for mining messages, names of miners and download commands.",
        ja="これらについては、マイニングのメッセージ、マイナーの名前、ダウンロードコマンドの有無だけを調べました。",
    ),
    "unread_searched_part": Text(
        en="Those of them that are text were only searched for mining messages, names of miners and download commands.",
        ja="このうちテキストの行については、マイニングのメッセージ、マイナーの名前、ダウンロードコマンドの有無だけを調べました。",
    ),
    "unread_searched_found": Text(
        en="What the search found, if anything, is told below.",
        ja="見つかったものがあれば、以下に示します。",
    ),
    "unread_inputs": Text(
        en="Inputs in no known format: {count} ({paths}).",
        ja="形式を判別できない入力: {count}個({paths})。",
    ),
    "unread_failed": Text(
        en="Inputs that could not be opened: {count} ({paths}).",
        ja="開けなかった入力: {count}個({paths})。",
    ),
    "verdict_do_nothing": Text(en="{title}. Nothing needs to be done.", ja="{title}。対応は必要ありません。"),
    "verdict_act": Text(en="{title}. {advice}", ja="{title}。{advice}"),
    "hypothesis": Text(
        en="Most probably: {name} ({probability}, {bits} bits).",
        ja="最も可能性が高いのは「{name}」です(確率{probability}、{bits}ビット)。",
    ),
    "runner_up": Text(
        en="Next best explanation: {name} ({probability}).", ja="次に考えられるのは「{name}」です({probability})。"
    ),
    "because": Text(en="Reason: {reason} ({bits} bits).", ja="理由: {reason}({bits}ビット)。"),
    "because_not": Text(en="Also seen, decides nothing here: {reason}.", ja="判断材料にならない観測: {reason}。"),
    "not_an_attack": Text(
        en="This is not an attack on this server: the sender looks for exposed pools and proxies everywhere and does not know what it reached.",
        ja="このサーバを狙った攻撃ではありません。送信者は公開されたプールやプロキシを無差別に探しており、相手がどんなサーバかを見ずに送っています。",
    ),
    "stray": Text(
        en="This looks like somebody's own miner that reaches the wrong address, not like an attack.",
        ja="攻撃ではなく、誰かのマイナーが誤った宛先に接続しているように見えます。",
    ),
    "no_miner_runs": Text(
        en="No miner runs on this server because of it.",
        ja="この通信によって、このサーバでマイナーが動くことはありません。",
    ),
    "outcome_not_seen": Text(en="Mining itself was not seen.", ja="マイニング自体は確認されていません。"),
    "outcome_failed": Text(en="It failed.", ja="失敗に終わっています。"),
    "outcome_no_sign_of_success": Text(en="There is no sign that it worked.", ja="成功した形跡はありません。"),
    "outcome_possible": Text(en="It may have worked.", ja="成功した可能性があります。"),
    "outcome_found": Text(
        en="It found something that answers; whether anybody used it cannot be told from here.",
        ja="目当てのものが応答しています。悪用されたかどうかは、この記録だけでは分かりません。",
    ),
    "outcome_active": Text(
        en="What was seen fits a program that runs; it is not proved.",
        ja="実際に動いているとみられますが、確証はありません。",
    ),
    "outcome_logged_on": Text(
        en="A logon after the failures seems to have succeeded; whether it was one of yours cannot be told from here.",
        ja="失敗の後に、ログインに成功したとみられます。ご自身や利用者によるものかどうかは、この記録だけでは分かりません。",
    ),
    "outcome_confirmed": Text(en="It worked.", ja="成功しています。"),
    "outcome_nothing_known": Text(
        en="Nothing in the input says whether it worked.", ja="成功したかどうかを示す情報は入力にありません。"
    ),
    "also_seen": Text(
        en="Also seen ({count}); the whole reports are in --format html or json:",
        ja="ほかに検知したもの({count}件。全文は --format html または json にあります):",
    ),
    "also_known": Text(
        en="Reported before, and of the same kind as then ({count}); kanaria incident show ID tells each in full:",
        ja="報告済みで、新しい種類の検知がないもの({count}件。全文は kanaria incident show ID で表示できます):",
    ),
    "nothing_new": Text(
        en="Nothing new since the last run: everything found here was reported before.",
        ja="前回の解析から新しいものはありません。今回見つかったものは、すべて報告済みです。",
    ),
    "seen_once": Text(en="seen once, {last}", ja="1回検知、{last}"),
    "seen": Text(en="seen {count:time|times}, last {last}", ja="{count}回検知、最後は{last}"),
    "brief": Text(en="  (seen {count:time|times})", ja="  ({count}回検知)"),
    "brief_runs": Text(en="  (seen {count:time|times}, in {runs:run|runs})", ja="  ({count}回検知、解析{runs}回)"),
    "news_new": Text(en="New: no earlier run had found it.", ja="今回の解析で初めて見つかりました。"),
    "news_escalated": Text(
        en="It got worse since it was reported (up to {told}): {because}.",
        ja="前回の報告({told}まで)の後、次の変化がありました: {because}。",
    ),
    "news_reminder": Text(
        en="It still goes on; it was reported up to {told}, and {runs:run has|runs have} added to it by now.",
        ja="まだ続いています。前回の報告は{told}までで、これまでに{runs}回の解析で記録が増えています。",
    ),
    "news_repeated": Text(
        en="More of what was reported (up to {told}), nothing of a new kind; {runs:run has|runs have} added to it by now.",
        ja="報告済み({told}まで)の内容が続いていますが、新しい種類の検知はありません。これまでに{runs}回の解析で記録が増えています。",
    ),
    "news_known": Text(
        en="Reported before (up to {told}); this run read the same records again and adds nothing.",
        ja="報告済み({told}まで)です。今回は同じ記録を読み直しただけで、新しい記録はありません。",
    ),
    "news_seen": Text(en="{title}: {seen}.", ja="{title}: {seen}。"),
    "and_others": Text(en="{named} and {count:other|others}", ja="{named} ほか{count}件"),
    "and_more": Text(en="… and {count} more", ja="…ほか{count}件"),
    "quoted_at": Text(en="(quoted at [{number}])", ja="(引用は[{number}]と同じ)"),
    "quote_binary": Text(en="binary data; legible in it: {parts}", ja="バイナリデータ。読み取れる部分: {parts}"),
    "worth_success": Text(en="success", ja="成功"),
    "worth_for": Text(en="{bits} bits for: {about}", ja="{bits}ビット(支持: {about})"),
    "worth_against": Text(en="{bits} bits against: {about}", ja="{bits}ビット(否定: {about})"),
    "worth_none": Text(en="decides nothing about: {about}", ja="判断材料にならない(対象: {about})"),
    "message": Text(en="{place}: {dialect} {method} — {meaning}", ja="{place}: {dialect} {method} — {meaning}"),
    "finding_more": Text(
        en="… and {count} more of the same kinds, by other senders.",
        ja="…ほかの送信元による同じ種類の検知が、さらに{count}件あります。",
    ),
    "message_more": Text(
        en="… and {count:more message|more messages} of the same kinds.",
        ja="…ほかに同じ種類のメッセージが{count}件あります。",
    ),
    "cve_none": Text(
        en="Nothing here uses a vulnerability. A mining message is not an exploit; no CVE belongs to it.",
        ja="脆弱性を利用する通信はありません。マイニングのメッセージは攻撃コードではなく、対応するCVEはありません。",
    ),
    "cve_unnamed": Text(
        en="What was seen belongs to no known vulnerability (CVE). A mining message itself is no exploit.",
        ja="観測した内容に、特定の脆弱性(CVE)に対応するものはありません。マイニングのメッセージ自体は攻撃コードではありません。",
    ),
    "cve_matched": Text(
        en="{cve} ({product}): an attempt was seen. {scores}. Affected: {affected}. {summary}{kev}",
        ja="{cve}({product}): 攻撃の試みを確認しました。{scores}。影響を受ける版: {affected}。{summary}{kev}",
    ),
    "cve_context": Text(
        en="For context only, not related to what was seen: miners usually get in through holes such as {cve} ({product}). {scores}. Affected: {affected}. {summary}{kev}",
        ja="参考情報です(今回の通信とは関係ありません)。マイナーの侵入によく使われる脆弱性の例: {cve}({product})。{scores}。影響を受ける版: {affected}。{summary}{kev}",
    ),
    "cve_unknown": Text(
        en="{cve}: an attempt was seen; no further facts are held.",
        ja="{cve}: 攻撃の試みを確認しました。詳細情報は保持していません。",
    ),
    "cve_score": Text(
        en="{scorer} {score} (CVSS {version}, {vector}, {date})",
        ja="{scorer} {score}(CVSS {version}、{vector}、{date})",
    ),
    "cve_no_score": Text(en="No score is held", ja="スコアの情報はありません"),
    "cve_kev": Text(
        en=" In CISA's catalogue of exploited vulnerabilities since {date}.",
        ja="CISAの悪用が確認された脆弱性カタログに{date}から掲載されています。",
    ),
    "impact_not_checked": Text(
        en="The load of the machine was not checked. To check it, run `kanaria analyze --check-host` on the server.",
        ja="サーバの負荷は調べていません。調べるには、サーバ上で `kanaria analyze --check-host` を実行してください。",
    ),
    "impact_checked": Text(en="Checked on this machine: {checked}.", ja="このマシンで調べたもの: {checked}。"),
    "impact_none_expected": Text(
        en="Answering it cost the server no more than an ordinary error page.",
        ja="この通信への応答にかかった負荷は、通常のエラーページと変わりません。",
    ),
    "impact_estimate": Text(
        en="Estimate, not a measurement: {hours} h of mining × {cores:core|cores} = {core_hours} core-hours; × {watts_per_core} W per core ÷ 1,000 = {kwh} kWh; × {price_per_kwh} per kWh = {cost}.",
        ja="推定です(測定値ではありません)。マイニング{hours}時間 × {cores}コア = {core_hours}コア時間、× 1コアあたり{watts_per_core} W ÷ 1,000 = {kwh} kWh、× 1 kWhあたり{price_per_kwh} = 約{cost}。",
    ),
    "impact_month": Text(
        en="If it went on like this for a month: about {cost} for power alone.",
        ja="このまま1か月続いた場合の電気代は、約{cost}になります。",
    ),
    "impact_inputs": Text(en="Inputs of the estimate: {inputs}.", ja="推定に使った値: {inputs}"),
    "input_hours": Text(en="hours", ja="時間"),
    "input_cores": Text(en="cores", ja="コア数"),
    "input_watts_per_core": Text(en="watts per core", ja="1コアあたりのワット数"),
    "input_price_per_kwh": Text(en="price", ja="電力料金"),
    "input_observed_hours": Text(en=" as seen in mining connections", ja="はマイニング通信が続いた時間です(観測値)"),
    "input_observed_cores": Text(en=" as this machine has them", ja="はこのマシンの値です(観測値)"),
    "input_configured": Text(en=" as set ({source})", ja="は設定値です({source})"),
    "input_assumed": Text(en=" assumed: {why} ({source})", ja="は仮定です。{why}({source})"),
    "impact_published": Text(
        en="For scale: in a published estimate, {rate} dollars of cloud bills came to the victim for every dollar mined ({paid} against {mined} dollars). An estimate for clouds, not a measurement here. Source: {source}.",
        ja="規模の目安: 公表された推定では、攻撃者が1ドル採掘するごとに、被害者のクラウド料金は約{rate}ドルでした({mined}ドルに対し{paid}ドル)。クラウドでの推定であり、ここでの測定値ではありません。出典: {source}。",
    ),
    "place_input": Text(en="standard input, line {line}", ja="標準入力の{line}行目"),
    "place_input_name": Text(en="standard input", ja="標準入力"),
    "place_line": Text(en="line {line}", ja="{line}行目"),
    "place_line_name": Text(en="the line given", ja="指定された行"),
    "format_fragment": Text(en="fragments of log lines", ja="ログの行の断片"),
    "checked_load now": Text(en="load now", ja="現在の負荷"),
    "checked_processes": Text(en="processes", ja="プロセス"),
    "checked_connections": Text(en="connections", ja="接続"),
    "checked_load history (sar)": Text(en="load history (sar)", ja="負荷の履歴(sar)"),
    "money_jpy": Text(en="{amount} JPY", ja="{amount}円"),
    "money": Text(en="{amount} {currency}", ja="{amount} {currency}"),
    "looked_at_input": Text(
        en="{path}: {format}, {rows} {records}{rejected}{covers}", ja="{path}: {format}、{rows}件{rejected}{covers}"
    ),
    "looked_at_rejected": Text(en=", {count} not readable", ja="、読み取れない行{count}件"),
    "looked_at_covers": Text(en=", {first} to {last}", ja="、{first}から{last}まで"),
    "looked_at_unknown": Text(
        en="{path}: format not recognised, nothing was read", ja="{path}: 形式を判別できず、読み取っていません"
    ),
    "similar": Text(
        en="{title} ({when}, {id}): {percent} % alike; shared: {shared}",
        ja="{title}({when}、{id}): 類似度{percent}%。共通点: {shared}",
    ),
    "similar_kept": Text(
        en="{title} ({when}, {id}, from an earlier run): {percent} % alike; shared: {shared}",
        ja="{title}({when}、{id}、以前の解析で検知): 類似度{percent}%。共通点: {shared}",
    ),
    "similar_more": Text(en="… and {count} more alike.", ja="…ほか{count}件。"),
    "similar_day": Text(
        en="Findings on {day}: {count}, against {usual} on a usual day of the {days:day|days} looked at.",
        ja="{day}の検知は{count}件で、対象期間{days}日間の通常の日は{usual}件です。",
    ),
    "shared_wallet": Text(en="payout address {values}", ja="送金先アドレス {values}"),
    "shared_account": Text(en="account {values}", ja="アカウント {values}"),
    "shared_remote": Text(en="other side {values}", ja="相手 {values}"),
    "shared_indicator": Text(en="indicator {values}", ja="痕跡情報 {values}"),
    "shared_model": Text(en="model {values}", ja="ルール {values}"),
    "shared_technique": Text(en="technique {values}", ja="テクニック {values}"),
    "no_times": Text(
        en="The records carry no time, so nothing can be said about when, how often or what followed.",
        ja="記録に時刻がないため、いつ、どのくらいの頻度で起きたか、その後に何が起きたかは分かりません。",
    ),
    "no_clients": Text(
        en="The records carry no client address, so nothing can be said about who sent them.",
        ja="記録に送信元アドレスがないため、誰が送ったかは分かりません。",
    ),
}


PHRASES: Mapping[str, Text] = {**_FULL, **BRIEF, **STORY}


def place(source: str, line: int | None, language: Language) -> str:
    """Where a record stands: file and line, or that it was typed or piped in."""
    if source in _TYPED:
        return PHRASES[_TYPED[source]].to(language).format(line=line)
    return f"{source}:{line}"


_TYPED = {"-": "place_input", "line": "place_line"}


def input_name(path: str, language: Language) -> str:
    """An input as a reader knows it."""
    return PHRASES[f"{_TYPED[path]}_name"].to(language) if path in _TYPED else path


def sentence(words: str, language: Language) -> str:
    """The words as one sentence with its end."""
    whole = words.rstrip("。.")
    return f"{whole}。" if language == "ja" else f"{whole[:1].upper()}{whole[1:]}."


def phrase(key: str, language: Language, /, **values: object) -> str:
    """A sentence with its places filled."""
    return fill(PHRASES[key].to(language), **values)
