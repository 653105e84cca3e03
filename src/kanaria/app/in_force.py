"""Which settings and facts of the user's a run works with: a settings file in, or none; sentences for the report out.

Only a file that was named, or that lies in a place of the user's or the administrator's own, is read. A file in the
working directory may have come with the evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kanaria.app.config import Config
from kanaria.app.config_file import chosen_file, closed
from kanaria.app.folders import facts_folder
from kanaria.core.text import cut, printable
from kanaria.core.types import Text

IN_THE_WAY = ("kanaria.toml", "kanaria.yaml")


def in_force(named: Path | None, config: Config) -> tuple[Text, ...]:
    """What the report says about settings and facts: nothing where the bundled ones alone are in force."""
    return tuple(_sentences(named, config))


def _sentences(named: Path | None, config: Config) -> Iterator[Text]:
    used = chosen_file(named)
    if closed(used):
        yield Text(
            en=f"This machine's settings, {used}, may not be read by this user: they are not in force.",
            ja=f"このマシンの設定 {used} は、このユーザーには読めないため、使用していません。",
        )
    elif used is not None:
        yield Text(en=f"Settings in force: {_shown(used)}.", ja=f"使用した設定ファイル: {_shown(used)}。")
    facts = facts_folder(config.knowledge)
    if facts is not None:
        yield Text(en=f"Facts of your own in force: {_shown(facts)}.", ja=f"使用した独自の知識: {_shown(facts)}。")
    for path in (Path(name) for name in IN_THE_WAY):
        if path.is_file() and (used is None or used.resolve() != path.resolve()):
            yield Text(
                en=f"The working directory has a {path}, which was not read: name it with --config if it is yours.",
                ja=f"作業フォルダの {path} は読み込んでいません。ご自身のものであれば --config で指定してください。",
            )


def _shown(path: Path) -> str:
    return cut(printable(str(path)), 200)
