"""What a carrier says itself of what it carries: the alerts of Wazuh's own rules that name mining, and what was said on
a WebSocket that a browser's archive keeps.

From a record to rows, whatever is read of the line inside: sensors' alerts inside are left to their readers.
"""

from __future__ import annotations

import json
from functools import cache

from kanaria.core.late_regex import late_regex
from kanaria.formats.carriers.messages import opened
from kanaria.formats.carriers.records import Record
from kanaria.formats.carriers.web_archives import MARK, connection_of
from kanaria.formats.logons.emit import Taken
from kanaria.formats.mapped.layout import load
from kanaria.formats.mapped.mapped import Mapped

_MAY = late_regex(rb"(?i)min(?:er|ing)|xmr|crypto|stratum|kinsing|kdevtmpfsi")
"""What the layout's names have in common; a line without costs no reading."""


@cache
def _layout() -> Mapped:
    return Mapped(load("wazuh-alert"))


def own_words(record: Record) -> list[Taken]:
    """Rows of what the record says itself; most say nothing."""
    value = record.value
    if record.broken or isinstance(value, str):
        return []
    if value is None:
        if b'"rule"' not in record.line or not _MAY.search(record.line):
            return []
        try:
            value = json.loads(record.line)
        except (ValueError, RecursionError):
            return []
    if MARK in value:
        heard = connection_of(value)
        return [("connection", heard)] if heard else []
    return _layout().rows_of(opened(value)) if isinstance(value, dict) else []
