"""Sentences of a story, in both languages, with named places to fill. They stand in paragraphs, so each is whole."""

from __future__ import annotations

from collections.abc import Mapping

from kanaria.core.types import Text

STORY: Mapping[str, Text] = {
    "story_messages": Text(
        en="{when}{place} recorded {count:message|messages} of the kind that programs for mining coins send: {methods}.",
        ja="{when}{place}に、暗号資産のマイニング用プログラムが送るメッセージが{count}件記録されました。内訳は {methods} です。",
    ),
    "story_message": Text(
        en="{when}{place} recorded a message of the kind that programs for mining coins send: {methods}.",
        ja="{when}{place}に、暗号資産のマイニング用プログラムが送るメッセージが1件記録されました。種類は {methods} です。",
    ),
    "story_web": Text(en="the web server's log", ja="Webサーバのログ"),
    "story_network": Text(en="the network's traffic", ja="ネットワークの通信"),
    "story_between": Text(en="Between {first} and {last}, ", ja="{first}から{last}までの間に、"),
    "story_at": Text(en="At {first}, ", ja="{first}に、"),
    "story_from": Text(en="They came from {remote}.", ja="送信元は{remote}です。"),
    "story_with": Text(en="The other side was {remote}.", ja="通信の相手は{remote}です。"),
    "story_from_nobody": Text(
        en="The log does not say who sent them.", ja="誰が送ったのかは、ログに記録されていません。"
    ),
    "story_more": Text(en="{remote} and {more:other address|other addresses}", ja="{remote}ほか{more}個のアドレス"),
    "story_findings": Text(
        en="{when}Kanaria noticed the following{device}: {titles}.",
        ja="{when}{device}次のことを検知しました。{titles}です。",
    ),
    "story_on": Text(en=" on {device}", ja="{device}で"),
    "story_and_more": Text(en=" and {more} more", ja="ほか{more}種類"),
    "story_at_time": Text(en="at {clock}", ja="{clock}に"),
    "story_hours_later": Text(en="about {hours:hour|hours} later, at {clock},", ja="その約{hours}時間後の{clock}に"),
    "story_minutes_later": Text(en="{minutes:minute|minutes} later, at {clock},", ja="その{minutes}分後の{clock}に"),
    "story_rdp": Text(
        en="{when} Remote Desktop connections from the Internet began to reach {device}; {count:was|were} counted.",
        ja="{when}、インターネットから{device}へのリモートデスクトップ(RDP)接続が届き始め、{count}件を数えました。",
    ),
    "story_open_rdp": Text(
        en="Its Remote Desktop answers to the Internet.", ja="この機器のRDPは、インターネットに公開されています。"
    ),
    "story_cookie": Text(
        en="The first one that named a user in its RDP cookie named “{cookie}”.",
        ja="RDPクッキーでユーザー名を名乗った最初の接続は、「{cookie}」と名乗っていました。",
    ),
    "story_guessing": Text(en="They look like password guessing.", ja="パスワードの総当たり攻撃とみられます。"),
    "story_mines": Text(
        en="{when} {device} began to talk to {remote} as a miner talks to its pool.",
        ja="{when}、{device}が、マイナーがプールとやり取りするときと同じ通信を{remote}との間で始めました。",
    ),
    "story_no_list": Text(
        en="This was noticed by the pattern of the messages alone, without a list of known addresses.",
        ja="これは、既知のアドレスの一覧を使わず、通信のパターンだけから見つけたものです。",
    ),
    "story_smb": Text(
        en="{when} file sharing (SMB) that {device} does not usually have was seen with {remote}.",
        ja="{when}、{device}と{remote}との間で、普段は見られないファイル共有(SMB)の通信がありました。",
    ),
    "story_outside": Text(
        en="{when} {device} connected to {remote}, where nothing here had connected before.",
        ja="{when}、{device}が、これまでどの機器も接続したことのない{remote}に接続しました。",
    ),
    "story_noticed": Text(
        en="{when} this was noticed on {device}: {titles}.", ja="{when}、{device}で{titles}を検知しました。"
    ),
    "story_went_on": Text(en="The like went on until {until}.", ja="同様の動きは{until}まで続きました。"),
    "story_reason": Text(
        en="What speaks most clearly for this: {reason}.", ja="最も強い根拠は次のとおりです。{reason}。"
    ),
    "story_reason_too": Text(en="Besides, {reason}.", ja="また、{reason}。"),
    "story_sure": Text(
        en="Taken together, the probability of this explanation is {probability}.",
        ja="これらを合わせると、この説明が正しい確率は{probability}です。",
    ),
    "story_worked": Text(en="The reason is this: {reason}.", ja="そう判断した理由は次のとおりです。{reason}。"),
    "story_harmless": Text(
        en="For you this means that no harm was done that these records show.",
        ja="この記録から見る限り、実害はありません。",
    ),
    "story_serious": Text(
        en="For you this means that somebody else may be using this machine, at your cost and with access to what is on it.",
        ja="誰かがこの機器を勝手に使っている可能性があります。その場合、電力などの費用だけでなく、機器の中のデータにも影響が及びます。",
    ),
    "story_allowed": Text(
        en="For you this means only that the settings and what was seen agree.",
        ja="設定の内容と、観測した通信が一致しています。",
    ),
    "story_open": Text(
        en="Whether harm was done cannot be told from these records alone.",
        ja="実害の有無は、この記録だけではわかりません。",
    ),
    "story_unsaid": Text(
        en="No vulnerability is involved: none of these messages uses one.",
        ja="脆弱性は関係していません。これらのメッセージは、脆弱性を利用するものではありません。",
    ),
    "story_cve": Text(
        en="One attempt aims at {cve} in {product}: {summary}.",
        ja="{product}の脆弱性{cve}を狙った試みがあります。{summary}。",
    ),
    "story_alike": Text(
        en="{count:incident is|incidents are} alike, and this is the story of one of them.",
        ja="同じ内容のインシデントが{count}件あり、これはその1件です。",
    ),
    "story_again": Text(en="Look again if {when}", ja="次の場合は、もう一度調べてください。{when}"),
}
