"""What people ask about an incident, recognised by their words.

Takes a question in English or Japanese; returns the topics it asks for, in the order in which it does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal, get_args

from kanaria.core.late_regex import late_regex

Topic = Literal[
    "unknown_owner", "stop_mails", "stray", "attack", "worked", "data", "do", "next", "again", "sure", "why", "cve", "cost",
    "terms", "coin", "device", "since", "when", "looked_at", "similar", "normal", "techniques", "indicators", "lines",
    "severity", "who", "what",
]  # fmt: skip
TOPICS: tuple[Topic, ...] = get_args(Topic)
MOST = 2
"""Topics that one question may ask for; who asks for more wants the report."""

_WORDS: Mapping[Topic, str] = {
    "unknown_owner": r"which country|what country|where .*(located|from geograph)|nationality|real name|identity of|who owns|organi[sz]ation|arrest"
    r"|どの国|何国|国籍|どこの国|本名|身元|所有者は|どこの会社|どこの組織|個人を特定|逮捕",
    "stop_mails": r"(stop|fewer|filter|mute|silence|exclude|get rid of|less).*(mail|alert|notif|message|line)|(メール|通知|警告|アラート).*(止め|減ら|停止|消|除外|来ない|うるさ)",
    "stray": r"\bstray\b|misdirect|by mistake|wrong address|accident(al|ally)?\b|went astray|誤送|間違え|誤って|宛先違い|手違い|誤配",
    "attack": r"false (positive|alarm)|誤検知|\battack(?!er)|\bhack(ed|ing)?\b|\btarget(ed)?\b|aimed at|malicious|攻撃(?!者)|狙われ|狙っ|標的|ハッキング|悪意",
    "worked": r"\bwork(ed)?\b|succe(ed|ss)|did they get in|get in\b|got in|infected|compromised|broke(n)? in|成功|うまくい|侵入され|感染|乗っ取|やられ|入られ",
    "data": r"\bdata\b|\bleak|stolen|steal|password.*(safe|lost|changed)|safe\b|personal information|データ|漏れ|漏え|漏洩|流出|盗ま|個人情報|安全|大丈夫|無事",
    "do": r"what (should|must|can|do) (i|we|you)\b(?!.*(look|check))|what to do|\bfix\b|respond|remed|next step|action|do (i|we) (need|have) to|(can|may|should) (i|we) ignore|ignore (it|this)|どうすれば|どうしたら|何をすれば|何をしたら|すべき(こと|です)|無視して(も|よ|い)|放置|対応|対処|対策|すべきこと|やること|直し",
    "next": r"look(ed)? (at )?next|check next|investigate (next|further)|what (would|should) (you|i|we) (look|check)|what else|(他|ほか)に調べ|次に(何を)?(調べ|見|確認)|さらに調べ|追加で調べ|何を調べれば|どこを(見|調べ)",
    "again": r"look again|worry|when should i (care|worry)|keep an eye|もう一度|再び|心配すべき|心配(しなく|いら|ない|は)|注意すべき|いつ気にす",
    "sure": r"\bsure\b|certain|confiden|probab|how likely|確か|確率|確信|自信|可能性はどの|信頼|どれくらい(正し|確)",
    "why": r"\bwhy\b|reason|what makes you|evidence|proof|how do you know|なぜ|どうして|理由|根拠|証拠|なんで",
    "cve": r"\bcves?\b|cve-|vulnerab|\bcvss|exploit|脆弱性|弱点",
    "cost": r"\bcost|\bprice|money|electric|\bbill\b|\byen\b|費用|いくら|お金|被害額|金額|電気代|料金|コスト|損害",
    "terms": r"what('s| is| are| does)( an?| the)? (stratum|(mining )?pool|wallet|proxy|miner|mining)\b|(stratum|プール|ウォレット|ストラタム|プロキシ|マイナー|マイニング)(と|って|とは|って何|の意味).*(何|なに|は|意味|教え)|用語",
    "coin": r"which (coin|wallet|pool|program|miner)|what (coin|wallet|program|miner)|whose wallet|送金先|どんな(通貨|コイン|プール|プログラム|マイナー)|どの(通貨|コイン|ウォレット|プール|プログラム|マイナー)|何の(通貨|コイン)|暗号資産の種類",
    "device": r"which (device|machine|server|host|computer)|what (device|machine|host)|(どの|どちらの)(機器|端末|サーバ|マシン|ホスト|パソコン)|対象の機器",
    "since": r"since when|how long|began|begin|start(ed)?\b|timeline|order of events|in what order|いつから|何日前|開始|始まっ|時系列|経緯|どのくらいの期間|どれくらいの期間",
    "when": r"\bwhen\b|what time|which day|date\b|いつ|何時|日時|何日",
    "looked_at": r"looked at|look at|checked|did you (read|check|see|look)|inputs?\b|coverage|調べた|何を見|見たもの|確認した|対象範囲|調査範囲|読んだ",
    "similar": r"similar|other incidents|happened before|seen before|related|seen (it|this|that|them) before|似た|類似|過去に|以前(に|から)|同様の|同じような|以前にも|前にも|ほかのインシデント|他のインシデント",
    "normal": r"\bnormal|\busual|ordinary|baseline|普段|通常|平常|いつもは",
    "techniques": r"att&?ck|techniques?|mitre|戦術|技法|手法|テクニック",
    "indicators": r"indicator|\biocs?\b|block(list)?\b|痕跡|指標|遮断すべき|ブロックすべき",
    "lines": r"which (lines?|records?)|show (me )?(the )?(lines?|records?|logs?)|raw|どの行|ログの(どこ|何行)|ログの行|該当(の)?行|元のログ|生ログ",
    "severity": r"sever|\bimpact\b|\bharm|\bdangerous\b|how (bad|serious|dangerous|urgent)|priority|影響|被害(?!額)|重大|深刻|危険|緊急|優先",
    "who": r"\bwho\b|whom|attacker|sender|source|\bip\b|address|where .*from|come from|誰(?!か)|だれ(?!か)|送信元|攻撃者|送ってき|相手|アドレス|どこから",
    "what": r"what happened|what is (this|it|going on)|what was|summar|explain|tell me|何が(あった|起き|起こ)|これは何|何ですか|概要|要約|説明|教えて",
}
_COMPILED = {topic: late_regex(words, re.IGNORECASE | re.ASCII) for topic, words in _WORDS.items()}
# A question for the first is no question for the second, whose words it holds.
_INSTEAD: Mapping[Topic, frozenset[Topic]] = {
    "unknown_owner": frozenset({"who", "what"}),
    "stop_mails": frozenset({"do", "what", "indicators"}),
    "stray": frozenset({"attack", "who"}),
    "next": frozenset({"do", "looked_at", "what"}),
    "again": frozenset({"when", "do"}),
    "since": frozenset({"when"}),
    "terms": frozenset({"what", "coin", "why"}),
    "coin": frozenset({"what"}),
    "sure": frozenset({"attack", "worked", "why", "what"}),
    "why": frozenset({"attack", "what"}),
    "data": frozenset({"what"}),
    "device": frozenset({"attack"}),
    "looked_at": frozenset({"what"}),
}


def topics(question: str) -> tuple[Topic, ...]:
    """The topics a question asks for, at most two; none when no words of it are known."""
    text = unicodedata.normalize("NFKC", question)[:500]
    places = {topic: match.start() for topic in TOPICS if (match := _COMPILED[topic].search(text))}
    for topic in [*places]:
        for other in _INSTEAD.get(topic, ()):
            places.pop(other, None)
    if len(places) > 1:
        places.pop("what", None)
    return tuple(sorted(places, key=lambda topic: places[topic])[:MOST])
