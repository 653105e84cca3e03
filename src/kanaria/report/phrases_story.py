"""Sentences of a story, in both languages, with named places to fill. They stand in paragraphs, so each is whole."""

from __future__ import annotations

from collections.abc import Mapping

from kanaria.core.types import Text

STORY: Mapping[str, Text] = {
    "story_messages": Text(
        en="{when}{place} recorded {count} messages of the kind that programs for mining coins send: {methods}.",
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
    "story_more": Text(en="{remote} and {more} other addresses", ja="{remote}ほか{more}個のアドレス"),
    "story_findings": Text(
        en="{when}Kanaria noticed the following{device}: {titles}.",
        ja="{when}{device}次のことを検知しました。{titles}です。",
    ),
    "story_on": Text(en=" on {device}", ja="{device}で"),
    "story_first": Text(
        en="It began at {time}{device}: {titles}.", ja="最初に検知したのは{time}で、{device}{titles}がありました。"
    ),
    "story_then": Text(en="At {time} followed: {titles}.", ja="{time}には、{titles}が続きました。"),
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
        en="{count} incidents are alike, and this is the story of one of them.",
        ja="同じ内容のインシデントが{count}件あり、これはその1件です。",
    ),
    "story_again": Text(en="Look again if {when}", ja="次の場合は、もう一度調べてください。{when}"),
}
