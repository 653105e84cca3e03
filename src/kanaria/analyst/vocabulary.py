"""Words that claim nothing by themselves, and words that deny or hedge, by language."""

from __future__ import annotations

import re

from kanaria.core.late_regex import late_regex

ARTICLES = frozenset({"a", "an", "the"})
ADDING = {
    "en": late_regex(
        r"^and\b|^(?:in addition|additionally|furthermore|moreover|besides|further)\b|\balso\b|\btoo$", re.IGNORECASE
    ),
    "ja": late_regex(r"^(?:なお|また|さらに|加えて|そして|そのほか)(?![ぁ-ゖ])"),
}
"""What only adds one sentence to another."""
ADDING_WORDS = frozenset("in addition additionally furthermore moreover besides further also too and 加".split())
ANNOUNCING = {
    "en": late_regex(
        r"^(?:the reason is this|what speaks most clearly for this|taken together|together)\s*[:,]\s*", re.IGNORECASE
    ),
    "ja": late_regex(r"^(?:最も強い根拠は次のとおりです。|そう判断した理由は次のとおりです。|これらを合わせると、)"),
}
"""What only announces the rest of a sentence of ours."""
BEGINS_CLAUSE = frozenset({"because", "at", "on", "between", "for", "when", "while", "("})
"""With these an English clause can be put in front without changing who does what."""
NEGATIONS = late_regex(
    r"\b(?:not|no|never|nor|neither|none|nobody|nothing|without|cannot|unable|fail(?:s|ed)?\s+to)\b|n['’]t\b", re.I
)
HEDGES = late_regex(
    r"\b(?:may|might|could|possibl[ey]|perhaps|maybe|probabl[ey]|likely|unlikely|seems?|appears?|apparently|suspected|suggests?)\b",
    re.I,
)
NEGATIONS_JA = late_regex(r"ない(?!よう)|ません|なかった|なく(?:$|[、,])|なし|ずに|[未不無非](?=[一-鿿])|以外")
HEDGES_JA = late_regex(r"可能性|かもしれ|とみられ|とみら|おそれ|恐れ|疑い|でしょう|ようです|らしい|推定|推測")
