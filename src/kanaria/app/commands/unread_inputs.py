"""What commands without a report say of inputs they could not read: from accounts of inputs to a status.

The same words and statuses as ``kanaria analyze``: an empty list must not look like an all-clear.
"""

from __future__ import annotations

from collections.abc import Collection

import click

from kanaria.app.commands.options import IN_PART, NOTHING
from kanaria.app.run.input_accounts import Inputs
from kanaria.core.coverage import Coverage
from kanaria.core.words import Language, Text

_UNREAD = Text(
    en="kanaria: {share} % of the records could not be read ({unread} of {records}); nothing is claimed of them.",
    ja="kanaria: レコードの{share}%({records}件中{unread}件)を読み取れませんでした。"
    "この部分については何も判断していません。",
)
_NO_CONNECTIONS = Text(
    en="kanaria: what was read holds no network connections, which is what this command looks at.",
    ja="kanaria: 読み取った入力に、このコマンドが調べる通信の記録はありませんでした。",
)


def tell(inputs: Inputs, language: Language, *, seen: Collection[str], needed: Collection[str]) -> int:
    """Says on standard error what could not be read, and that none of the ``needed`` tables was ``seen``.

    Returns ``IN_PART`` where something was unreadable, else ``NOTHING``. Raises SourceError when nothing was readable.
    """
    inputs.require_recognised(found=False)
    counted = Coverage(
        records=sum(item.rows for item in inputs.summaries.values()),
        unread=sum(item.unread for item in inputs.summaries.values()),
    )
    lines = [f"kanaria: {remark.to(language)}" for remark in inputs.remarks(all_rejects=True)]
    if counted.unread:
        numbers = {"share": counted.percent, "unread": f"{counted.unread:,}", "records": f"{counted.records:,}"}
        lines.insert(0, _UNREAD.to(language).format(**numbers))
    if counted.records and not set(seen) & set(needed):
        lines.append(_NO_CONNECTIONS.to(language))
    for line in lines:
        click.echo(line, err=True)
    return IN_PART if counted.unread else NOTHING
