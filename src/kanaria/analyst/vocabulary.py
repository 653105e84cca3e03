"""Words that claim nothing by themselves: what a model may add to the words of the facts, by language.

None of them says that something is bad or good, worked or did not, is large, certain, known, allowed or to be done.
"""

from __future__ import annotations

import re

ENGLISH = frozenset(
    """a an the this that these those it its they them their he she we you your there here who whom whose which what
    when where while and or as at by for from in into of on onto to with within between among about over under
    through during is are was were be been being has have had do does did done so then than also too both each
    such same other others another one's all any some together altogether in addition further furthermore moreover
    besides meanwhile after afterwards before later earlier first next finally at last namely
    according recorded records record shows show shown saw seen see observed observation noticed noted note
    reason reasons because therefore thus hence since follows following listed list including include includes
    consist consists consisted made up came come comes arrived reached received contained contains contain
    found is given named called type types kind kinds form case respect regard as-is entry entries data log logs""".split()
)
NEGATIONS = re.compile(
    r"\b(?:not|no|never|nor|neither|none|nobody|nothing|without|cannot|unable|fail(?:s|ed)?\s+to)\b|n['’]t\b", re.I
)
HEDGES = re.compile(
    r"\b(?:may|might|could|possibl[ey]|perhaps|maybe|probabl[ey]|likely|unlikely|seems?|appears?|apparently|suspected|suggests?)\b",
    re.I,
)
NEGATIONS_JA = re.compile(r"ない(?!よう)|ません|なかった|なく(?:$|[、,])|なし|ずに|[未不無非](?=[一-鿿])|以外")
HEDGES_JA = re.compile(r"可能性|かもしれ|とみられ|とみら|おそれ|恐れ|疑い|でしょう|ようです|らしい|推定|推測")
# Grammar of Japanese: particles, copulas, and endings of verbs. Verbs themselves have to be in the facts.
MORPHEMES = frozenset(
    """は が を に で と も の や へ から まで より など か ね この その あの これ それ あれ ここ そこ こと もの ため とき ところ
    ます ました まして です でした でして ません ませんでした ない なく なり なる なります なっ た て だ であり である であっ
    する し した して しました します している していました しています しており され される された されて されました されます
    されている されています されており いる います いました いて おり ある あり あります ありました ありません
    れる れた られ られる られた られて られました られます また なお そして さらに それぞれ いずれ いずれも すべて うち ほか
    という といった とおり によって により による によると について における において として とともに に対し に対して
    そのため このため その後 ここで つまり すなわち したがって もとに よう ような ように
    い く け せ れ り る え き ち み び げ っ ん め ば""".split()
)
NEUTRAL_JA = frozenset(
    """記録 確認 観測 検知 内訳 次 以下 以上 上記 同 同じ 時 時点 際 後 前 間 理由 根拠 点 内容 種類 届 送 含 見 示 出 来 受 続
    ログ データ 結果 主 等 者 側 方 件 年 月 日 分 秒""".split()
) - {"以上", "結果"}
ROLES = {
    "en": re.compile(r"\b(server|sender|attacker|scanner|miner|device|machine|client|pool|network|host|program)s?\b", re.I),
    "ja": re.compile(r"(サーバ|送信元|送信者|攻撃者|スキャナ|マイナー|機器|端末|クライアント|プール|相手|ネットワーク|プログラム)"),
}  # fmt: skip
"""Who can do something; the first of a sentence is its subject often enough to be compared."""
