"""The picture of the architecture, drawn from the imports of the program itself: nothing in, an SVG a language out.

Where a room stands and what it is called is said here; which lines there are is read from the source. A room that has
no place here is refused, so that none is forgotten.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from html import escape
from itertools import pairwise
from pathlib import Path

import kanaria
from kanaria.core.types import Language, Text
from kanaria.core.values import dataclass

WIDTH, MARGIN, GAP = 1080, 30, 30
BOX = (WIDTH - 2 * MARGIN - 4 * GAP) / 5, 74
ROWS = (130, 250, 370, 490)
"""Tops of the rows between the band of ``app`` and that of ``core``."""
APP, CORE, HEIGHT = 30, 610, 730
BAND = 64
PATH = ("sources", "formats", "wire", "knowledge", "mining", "baseline", "detect", "incidents", "report")
"""The way of an event."""


@dataclass(frozen=True)
class Room:
    """A package: the row and the column of its box, and what it is for, in two lines."""

    row: int
    column: float
    words: Text


ROOMS = {
    "host": Room(0, 2, Text(en="what this machine shows:|processes, load", ja="このマシンの様子:|プロセスと負荷")),
    "sources": Room(
        1, 0, Text(en="where bytes come from:|files, captures, ports", ja="入力元: ファイル、|キャプチャ、ポート")
    ),
    "formats": Room(1, 1, Text(en="bytes become rows of|normalised tables", ja="バイト列を|正規化テーブルの行へ")),
    "wire": Room(1, 2, Text(en="order of time, doubles,|home networks", ja="時刻順、重複、|自ネットワーク")),
    "knowledge": Room(
        1, 3, Text(en="pools, networks, CVEs:|facts with sources", ja="プール、ネットワーク、|CVEの出典付き情報")
    ),
    "mining": Room(1, 4, Text(en="Stratum, in the clear|and under encryption", ja="平文と暗号化された|Stratum")),
    "baseline": Room(2, 4, Text(en="what is normal;|surprise in bits", ja="普段の動作と、|意外さ(ビット)")),
    "detect": Room(2, 3, Text(en="Sigma rules and|correlations", ja="Sigmaルールと|相関ルール")),
    "incidents": Room(2, 2, Text(en="findings become cases,|weighed and judged", ja="検知をまとめて|比較・判定する")),
    "report": Room(2, 1, Text(en="words, JSON and|exchange formats", ja="文章、JSON、|交換形式")),
    "analyst": Room(3, 0, Text(en="a model's sentences,|checked; questions", ja="言語モデルの文の検査と|質問への回答")),
    "respond": Room(3, 1, Text(en="messages through|channels", ja="通知先への|メッセージ")),
    "store": Room(3, 2, Text(en="tables on disk:|incidents, outbox", ja="ディスク上の表:|インシデント、送信箱")),
    "memory": Room(3, 3, Text(en="what the next run|begins with", ja="次の実行に|引き継ぐもの")),
    "lab": Room(3, 4, Text(en="scripted traffic|for tests", ja="テスト用に|作る通信")),
}
BANDS = {
    "app": Text(
        en="wiring only: commands (one module a command), run (inputs to analysis), live (the service). It imports every room.",
        ja="組み立てだけを担当: commands(コマンドごとに1モジュール)、run(入力から解析まで)、live(常駐サービス)。全パッケージに依存。",
    ),
    "core": Text(
        en="the words everybody uses: table schemas, value types, errors, the clock. Every room imports it; it imports none.",
        ja="共通の語彙: テーブルの定義、値の型、エラー、時計。どのパッケージも依存し、自らはどれにも依存しない。",
    ),
}  # fmt: skip
_TITLE = Text(en="The rooms of Kanaria and what they import", ja="Kanariaのパッケージと依存関係")
_WAY = Text(en="the way of an event", ja="イベントが通る順")
_IMPORT = Text(en="imports", ja="依存(import)")
_STYLE = """
text{font-family:'Noto Sans','Noto Sans CJK JP','Hiragino Sans','Yu Gothic',Meiryo,sans-serif;fill:#24303c}
.name{font:600 17px ui-monospace,'DejaVu Sans Mono',Consolas,monospace}
.words{font-size:13px}.box{fill:#fff;stroke:#8a99a8}.band{fill:#eef2f6;stroke:#8a99a8}.way .box{fill:#fff8e0;stroke:#c9a227}
.flow{fill:none;stroke:#c9a227;stroke-width:4}.import{fill:none;stroke:#4a6fa5;stroke-width:1.6;stroke-dasharray:5 4}
""".strip().replace("\n", "")


def picture(language: Language) -> str:
    """The whole SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">',
        f"<title>{escape(_TITLE.to(language))}</title>",
        f"<style>{_STYLE}</style>",
        f"<defs>{_arrow('flow', '#c9a227', 3)}{_arrow('import', '#4a6fa5', 6)}</defs>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#fbfcfd"/>',
        _band("app", APP, language),
        *(_line("import", _between(here, there)) for here, there in imports()),
        *(_line("flow", _between(here, there)) for here, there in pairwise(PATH)),
        *(_box(name, language) for name in ROOMS),
        _band("core", CORE, language),
        *_legend(language),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


@cache
def imports() -> tuple[tuple[str, str], ...]:
    """Which room imports which, but for what holds of all: ``app`` imports everybody, everybody imports ``core``."""
    root = Path(kanaria.__file__).parent
    rooms = {path.parent.name for path in root.glob("*/__init__.py")}
    if rooms != set(ROOMS) | set(BANDS):
        message = f"the picture of the architecture has no place for {sorted(rooms ^ (set(ROOMS) | set(BANDS)))}"
        raise KeyError(message)
    pairs = {
        (room, there)
        for room in ROOMS
        for path in (root / room).rglob("*.py")
        for there in _imported(ast.parse(path.read_bytes()))
    }
    return tuple(sorted((here, there) for here, there in pairs if there in ROOMS and here != there))


def _imported(module: ast.Module) -> Iterator[str]:
    """Rooms that a module imports, also where it does so late or for types only."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[1] for name in names if name.startswith("kanaria."))


def _place(name: str) -> tuple[float, float]:
    """The upper left corner of a room's box."""
    room = ROOMS[name]
    return MARGIN + room.column * (BOX[0] + GAP), ROWS[room.row]


def _between(here: str, there: str) -> str:
    """A line from one box to another: straight beside each other, curved from row to row."""
    (x, y), (to_x, to_y) = _place(here), _place(there)
    width, height = BOX
    if y == to_y:
        begin, end = (x + width, to_x - 4) if x < to_x else (x, to_x + width + 4)
        return f"M{begin:.0f} {y + height / 2:.0f} L{end:.0f} {to_y + height / 2:.0f}"
    begin, end = (y + height, to_y - 4) if y < to_y else (y, to_y + height + 4)
    middle, lean = (begin + end) / 2, (to_x - x) / 10
    x, to_x = x + width / 2 + lean, to_x + width / 2 - lean
    return f"M{x:.0f} {begin:.0f} C{x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {end:.0f}"


def _line(kind: str, way: str) -> str:
    return f'<path class="{kind}" d="{way}" marker-end="url(#{kind})"/>'


def _arrow(name: str, colour: str, size: int) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="{size}" markerHeight="{size}" orient="auto">'
        f'<path d="M0 0 L10 5 L0 10 z" fill="{colour}"/></marker>'
    )


def _box(name: str, language: Language) -> str:
    (x, y), (width, height) = _place(name), BOX
    centre = x + width / 2
    lines = ROOMS[name].words.to(language).split("|")
    words = "".join(
        f'<text class="words" x="{centre:.0f}" y="{y + 44 + 17 * number:.0f}" text-anchor="middle">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f"<g{' class=' + chr(34) + 'way' + chr(34) if name in PATH else ''}>"
        f'<rect class="box" x="{x:.0f}" y="{y}" width="{width:.0f}" height="{height}" rx="6"/>'
        f'<text class="name" x="{centre:.0f}" y="{y + 24}" text-anchor="middle">{name}</text>{words}</g>'
    )


def _band(name: str, top: int, language: Language) -> str:
    return (
        f'<rect class="band" x="{MARGIN}" y="{top}" width="{WIDTH - 2 * MARGIN}" height="{BAND}" rx="6"/>'
        f'<text class="name" x="{WIDTH / 2:.0f}" y="{top + 26}" text-anchor="middle">{name}</text>'
        f'<text class="words" x="{WIDTH / 2:.0f}" y="{top + 48}" text-anchor="middle">'
        f"{escape(BANDS[name].to(language))}</text>"
    )


def _legend(language: Language) -> Iterator[str]:
    for number, (kind, words) in enumerate((("flow", _WAY), ("import", _IMPORT))):
        x, y = MARGIN + 250 * number, HEIGHT - 28
        yield _line(kind, f"M{x} {y} L{x + 44} {y}")
        yield f'<text class="words" x="{x + 58}" y="{y + 5}">{escape(words.to(language))}</text>'
