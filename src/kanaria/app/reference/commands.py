"""Commands: the command line's own help, command by command."""

from __future__ import annotations

from collections.abc import Iterator

import click

from kanaria.app.reference import markup
from kanaria.core.types import Language, Text

WIDTH = 80
"""Columns of the help texts: what a terminal shows when it does not say otherwise."""

_HEADING = Text(en="Commands", ja="コマンド")
_INTRO = Text(
    en="What `--help` says. Exit status: 0 nothing found, 1 something found, 2 wrong usage or nothing readable, "
    "3 nothing found but not everything could be read, 70 an error in Kanaria itself.",
    ja="`--help` の出力です。終了ステータスは、0が検知なし、1が検知あり、2が使い方の誤りまたは入力を"
    "まったく読めない場合、3が「読めた範囲では検知なし、ただし読めない部分があった」場合、70がKanaria自体のエラーです。",
)


def page(language: Language) -> str:
    """One heading and one help text per command, groups before their members."""
    lines = markup.title(_HEADING, _INTRO, language)
    for path, text in helps(language):
        lines += [f"## {path}", "", *markup.fenced(text)]
    return markup.page(lines)


def helps(language: Language) -> list[tuple[str, str]]:
    """(command as typed, its help text) of every command there is."""
    from kanaria.app.commands.main import cli
    from kanaria.app.commands.options import speaking

    with speaking(language):
        return list(_walk(cli, "kanaria", None))


def _walk(command: click.Command, path: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    context = click.Context(
        command,
        info_name=path.rsplit(" ", 1)[-1],
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    yield path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from _walk(inner, f"{path} {name}", context)
