"""Which versions a vulnerability affects, in words of either language.

Takes the English phrase that ``knowledge`` holds (``before 6.13.23; 6.14.0 to 7.4.10``); returns the same in Japanese;
version numbers and product names stay as they are.
"""

from __future__ import annotations

import re

from kanaria.core.types import Language

_VERSION = r"[\w.\-+]*\d[\w.\-+]*"
_MONTHS = "January February March April May June July August September October November December".split()
_UPDATE = r"\b(?:updates?|Security Alert|Critical Patch Update)"
# In this order: the more particular first.
_RULES: tuple[tuple[str, str], ...] = (
    (r"^PHP as CGI$", "CGI版のPHP"),
    (r"^(\S+) on Windows$", r"Windows版の\1"),
    (r" \(as in (\S+)\)", r"(\1など)"),
    (r"\ball before the fixed versions\b", "修正版より前のすべて"),
    (r"\bany version whose dashboard is reachable\b", "ダッシュボードに到達できるすべての版"),
    (r" \(except (.+?) and later of those lines\)", r"(ただし\1とそれぞれの系列の以降の版を除く)"),
    (r" \(except (.+?)\)", r"(\1を除く)"),
    (r"; complete in ", "(完全な修正は次の版: "),
    (r" \(the fix in (\S+) was incomplete\)", r"(\1の修正は不完全)"),
    (r", and products that contain it", "、およびこれを含む製品"),
    (r", with the ThinkPHP 5 it contains", "(同梱のThinkPHP 5)"),
    (r", as CGI on Windows", "(WindowsでCGIとして動作する場合)"),
    (r", as CGI\b", "(CGIとして動作する場合)"),
    (r", on JDK 9\+ as a WAR on Tomcat", "(JDK 9以降のTomcatにWARで配置した場合)"),
    (r"\bin debug mode\b", "(デバッグモード)"),
    (r"\bas reported\b", "(報告された版)"),
    (r"\bas shipped with\b", "次の製品に同梱された版:"),
    (r"\bpackages before (\S+)", r"のパッケージで\1より前"),
    (r"\bpackages of (\S+)", r"\1のパッケージ"),
    (r"\bwithout the updates of (" + "|".join(_MONTHS) + r") (\d{4})", r"で\2年<\1>の更新が未適用"),
    (r"\bVista to 10\b", "Vista〜10"),
    (
        r"\b(?:updates?|Security Alert|Critical Patch Update) (?:of )?(" + "|".join(_MONTHS) + r") (\d{4})",
        r"\2年<\1>の更新",
    ),
    (r"\bwithout the (" + "|".join(_MONTHS) + r") (\d{4}) update", r"で\2年<\1>の更新が未適用"),
    (r"\bwithout the (\d{4})年", r"で\1年"),
    (r"\bwithout (\S+)", r"で\1が未適用"),
    (r"\bupdates? (?:of )?(\S+)", r"更新\1"),
    (r" \((" + "|".join(_MONTHS) + r") (\d{4})\)", r"(\2年<\1>)"),
    (r"(" + _VERSION + r") before (" + _VERSION + r")", r"\1系のうち\2より前"),
    (r"\bbefore (" + _VERSION + r")", r"\1より前"),
    (r"\bup to (" + _VERSION + r")", r"\1以前"),
    (r"(" + _VERSION + r") (?:and|or) (?:earlier|older)\b", r"\1以前"),
    (r" and older\b", "とそれ以前"),
    (r"(" + _VERSION + r") to (" + _VERSION + r")", r"\1〜\2"),
    (r"\bpackages\b", "パッケージ"),
    (r"\bfixed React パッケージ", "修正済みのReactパッケージ"),
    (r"\bothers\b", "その他"),
    (r" by line\b", "(系列ごと)"),
    (r" and ", "、"),
    (r"[;,] ", "、"),
    (r"\.x系", ".x系"),
)


def in_words(phrase: str, language: Language) -> str:
    """The phrase in the language; what nobody has words for stays English."""
    if language == "en":
        return phrase
    for pattern, replacement in _RULES:
        phrase = re.sub(pattern, replacement, phrase)
    if "(完全な修正は次の版: " in phrase:
        phrase += ")"
    phrase = re.sub(r"<(\w+)>", lambda match: f"{_MONTHS.index(match[1]) + 1}月", phrase)
    return re.sub(r" +(?=[(ぁ-んァ-ヶ一-龥])|(?<=[)、ぁ-んァ-ヶ一-龥:]) +(?=[ぁ-んァ-ヶ一-龥])", "", phrase)
