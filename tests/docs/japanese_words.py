"""One spelling of every term in Japanese: what must not be written, and what is written instead.

Katakana words of four and more characters lose a final long mark, as in JIS Z 8301; shorter ones keep it. A UNIX machine is
logged in to (ログイン), Windows is logged on to (ログオン). Half-width digits stand close to their unit.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import yaml

from tests.docs.doc_pages import ROOT

SOURCE = ROOT / "src" / "kanaria"
_JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龥]")

# Pattern: what is written instead.
FORBIDDEN: dict[str, str] = {
    r"サーバー": "サーバ",
    r"コントローラー": "コントローラ",
    r"プリンター": "プリンタ",
    r"フォルダー": "フォルダ",
    r"プロキシー": "プロキシ",
    r"ヘッダー": "ヘッダ",
    r"リゾルバー": "リゾルバ",
    r"ルーター": "ルータ",
    r"クラスター": "クラスタ",
    r"フィルター": "フィルタ",
    r"スキャナー": "スキャナ",
    r"ブラウザー": "ブラウザ",
    r"インストーラー": "インストーラ",
    r"コンピューター": "コンピュータ",
    r"パラメーター": "パラメータ",
    r"インタフェース|インターフェイス": "インターフェース",
    r"ユーザ(?![ァ-ヶー])": "ユーザー",
    r"センサ(?![ァ-ヶー])": "センサー",
    r"マイナ(?![ァ-ヶー])": "マイナー",
    r"ファイアーウォール|ファイヤウォール": "ファイアウォール",
    r"暗号通貨|仮想通貨": "暗号資産",
    r"(?<!言語)モデル": "ルール",
    r"ログ源": "ログの送信元",
    r"SSH(で|への|の|に)?ログオン": "SSHログイン",
    r"作業端末": "業務端末",
    r"そぐわない": "普段と異なる",
    r"Remote Desktop": "リモートデスクトップ",
    r"[0-9０-９}] (バイト|ビット|秒|件|回|個|日|分|時間|台|行|コア)": "数字と単位の間に空白を入れない",
    r"[０-９Ａ-Ｚａ-ｚ％]": "半角の数字・英字・%",
    r"確率> ": "99.9%超",
    r"[一-龥ぁ-ん]> ?[0-9]": "「〜超」",
    r"(?<![ぁ-んァ-ヶ一-龥a-z`])不明 が": "送信元不明の相手から",
    r"\bCPU 使用": "CPU使用率",
    r"おります": "います",
    r"下さい": "ください",
    r"出来(る|ま)": "できる",
    r"全て": "すべて",
    r"即ち|但し|並びに|又は|若しくは": "かな書き",
    r"名乗り出": "ログインする",
    r"誤検出": "誤検知",
}


def texts() -> Iterator[tuple[str, str]]:
    """Every Japanese text a reader may meet, with its place: strings in code, words in YAML, pages."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            said = _said(node)
            if said and _JAPANESE.search(said):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", said
    for path in sorted([*SOURCE.rglob("*.yml"), *SOURCE.rglob("*.yaml")]):
        for document in yaml.load_all(path.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            yield from ((f"{path.relative_to(ROOT)}", said) for said in _japanese(document))
    pages = [*ROOT.glob("*.ja.md"), *(ROOT / "docs").rglob("*.ja.md")]
    for path in sorted(page for page in pages if "reference" not in page.parts):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if _JAPANESE.search(line):
                yield f"{path.relative_to(ROOT)}:{number}", line


def wrong(text: str) -> list[str]:
    """Words in the text that are written in another way."""
    return [f"{found[0]} → {better}" for form, better in FORBIDDEN.items() if (found := re.search(form, text))]


def _said(node: ast.AST) -> str:
    """A string as it stands in the code; the places of an f-string are braces."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)  # type: ignore[misc]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _japanese(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "ja" or str(key).endswith("_ja"):
                yield str(value)
            else:
                yield from _japanese(value)
    elif isinstance(node, list):
        for item in node:
            yield from _japanese(item)
