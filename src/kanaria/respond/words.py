"""Words of messages, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from kanaria.core.plural import fill
from kanaria.core.types import Language, Text

SEVERITY: Mapping[str, Text] = {
    "informational": Text(en="Info", ja="情報"),
    "low": Text(en="Low", ja="低"),
    "medium": Text(en="Medium", ja="中"),
    "high": Text(en="High", ja="高"),
    "critical": Text(en="Critical", ja="重大"),
}
PHRASES: Mapping[str, Text] = {
    "title": Text(en="[{severity}] {title}", ja="[{severity}] {title}"),
    "between": Text(en="{devices} ↔ {remotes}", ja="{devices} ↔ {remotes}"),
    "since": Text(en="since {time}", ja="{time}から"),
    "sure": Text(en="{percent} sure", ja="確度{percent}"),
    "almost": Text(en="over 99.9 %", ja="99.9%超"),
    "percent": Text(en="{value} %", ja="{value}%"),
    "again": Text(en="Still going on.", ja="引き続き発生しています。"),
    "open": Text(en="The connection is still open.", ja="この接続は今も続いています。"),
    "unacknowledged": Text(
        en="Nobody has acknowledged this for {minutes:minute|minutes}.",
        ja="{minutes}分たっても、誰も対応を引き受けていません。",
    ),
    "maintenance": Text(
        en="This waited for the end of a maintenance window.", ja="メンテナンスが終わるまで、通知を保留していました。"
    ),
    "acknowledge": Text(en="Acknowledge: {link}", ja="対応を引き受ける: {link}"),
    "worse": Text(en="It got worse: {because}.", ja="深刻になりました: {because}。"),
    "todo": Text(en="What to do:", ja="対応:"),
    "more": Text(en="and {count} more", ja="ほか{count}件"),
    "reference": Text(en="Incident {id}, severity {severity}", ja="インシデント {id}、重大度: {severity}"),
    "command": Text(en="Details: kanaria incident show {id}", ja="詳細: kanaria incident show {id}"),
    "joined": Text(
        en="[{severity}] {count:incident|incidents}: {title}", ja="[{severity}] {count}件のインシデント: {title}"
    ),
    "joined_mixed": Text(en="[{severity}] {count:incident|incidents}", ja="[{severity}] {count}件のインシデント"),
    "digest_none": Text(
        en="Kanaria: all quiet, nothing needs to be done", ja="Kanaria: 異常なし、対応は必要ありません"
    ),
    "digest_harmless": Text(
        en="Kanaria: nothing needs to be done ({count} noticed)", ja="Kanaria: 対応は必要ありません(記録{count}件)"
    ),
    "digest_one": Text(
        en="Kanaria: {count} incident, not urgent", ja="Kanaria: 急がないインシデント{count}件があります"
    ),
    "digest_some": Text(
        en="Kanaria: {count:incident|incidents}, none urgent", ja="Kanaria: 急がないインシデント{count}件があります"
    ),
    "digest_read": Text(en="Watched since {since}: {sources}.", ja="{since}からの監視対象: {sources}。"),
    "digest_probed": Text(
        en="Probes and attacks without a sign of success: {count} (incidents){whom}.",
        ja="成功した形跡のない探索や攻撃: インシデント{count}件{whom}。",
    ),
    "digest_by": Text(en=", by {names}", ja="、送信元: {names}"),
    "digest_on": Text(en=", on {names}", ja="、対象: {names}"),
    "others": Text(en="{shown} and others", ja="{shown}ほか"),
    "digest_budget": Text(
        en="Anomalies that nothing explains: {used}; you want {budget} a day at most.",
        ja="理由を説明できない異常: {used}件(上限の目安は1日{budget}件)。",
    ),
    "digest_source": Text(en="{name} ({records:record|records})", ja="{name}({records}件)"),
    "digest_nothing": Text(en="Nothing needs to be done.", ja="対応は必要ありません。"),
    "dead": Text(
        en="[High] Messages through {channel} could not be delivered",
        ja="[高] {channel} への通知を届けられませんでした",
    ),
    "dead_body": Text(
        en="{count:message was|messages were} given up after {attempts:attempt|attempts}. Last reason: {error}",
        ja="{attempts}回試みましたが届かず、{count}件の通知を断念しました。最後の理由: {error}",
    ),
    "mended": Text(
        en="[High] Kanaria: the store was damaged; watching goes on",
        ja="[高] Kanaria: ストアが壊れていましたが、監視は続けています",
    ),
    "mended_body": Text(en="{what}", ja="{what}"),
    "disk": Text(en="[High] Kanaria: the disk is almost full", ja="[高] Kanaria: ディスクの空きが残りわずかです"),
    "disk_body": Text(
        en="{free} MB are free on the disk of {folder}; the warning threshold is {least} MB. Kanaria stops keeping "
        "incidents when nothing is left.",
        ja="{folder} のディスクの空きは{free} MBです(警告のしきい値は{least} MB)。空きがなくなると、インシデントを保存"
        "できなくなります。",
    ),
    "shed": Text(
        en="[High] Kanaria: the disk is full but for a little, and less is kept",
        ja="[高] Kanaria: ディスクの空きがほとんどないため、保存する内容を減らしました",
    ),
    "shed_body": Text(
        en="{free} MB are free on the disk of {folder} (the threshold is {least} MB). Records that could not be read "
        "were deleted, and neither they nor OCSF lines are kept now. Incidents and messages still are, until nothing "
        "is left.",
        ja="{folder} のディスクの空きは{free} MBです(しきい値は{least} MB)。読めなかった記録を削除しました。空きが"
        "増えるまで、読めなかった記録とOCSFの出力は保存しません。インシデントと通知は、空きがなくなるまで保存を"
        "続けます。",
    ),
    "silent": Text(en="[Medium] Kanaria: {name} has gone silent", ja="[中] Kanaria: {name} からの記録が途絶えています"),
    "silent_body": Text(
        en="Nothing has come from {name} for {minutes:minute|minutes}; usually something comes every "
        "{gap:second|seconds}.",
        ja="{name} からは{minutes}分間、記録がありません。普段は{gap}秒ごとに届きます。",
    ),
    "clock": Text(
        en="[Medium] Kanaria: the clock of this machine was set", ja="[中] Kanaria: このマシンの時計が変更されました"
    ),
    "clock_body": Text(
        en="It moved by {minutes:minute|minutes} at once. Waiting messages are sent as if it had not; times in logs "
        "written "
        "before and after do not fit together.",
        ja="時計が一度に{minutes}分動きました。送信待ちの通知には影響しません。ただし、変更の前後に書かれたログの時刻は"
        "つながりません。",
    ),
    "clock_doubtful": Text(
        en="[High] Kanaria: the clock of this machine moved by more than a day",
        ja="[高] Kanaria: このマシンの時計が1日以上ずれました",
    ),
    "clock_doubtful_body": Text(
        en="It moved by {minutes:minute|minutes} at once. If that is not right, set it right. Until then, and for at "
        "most "
        "{hours:hour|hours}, records with its times are judged, but what is normal learns nothing from them.",
        ja="時計が一度に{minutes}分動きました。正しくない場合は直してください。直るまで(最長{hours}時間)、この時計による"
        "記録は調べますが、平常時の学習には使いません。",
    ),
    "test": Text(en="Kanaria: test message", ja="Kanaria: テスト通知"),
    "test_body": Text(
        en="This channel works. Real messages say what was found, where, since when, how sure it is and what to do.",
        ja="この送信先は正しく動いています。実際の通知では、何が、どこで、いつから、どの程度確かか、何をすべきかを"
        "お知らせします。",
    ),
}


def say(name: str, language: Language, /, **values: object) -> str:
    """A phrase with its values filled in."""
    return fill(PHRASES[name].to(language), **values)
