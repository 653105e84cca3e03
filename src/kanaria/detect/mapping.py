"""Which table a Sigma log source means and what its field names are called there. The data is in ``mappings/*.yaml``.

A rule's log source in, table name and field mapping out. ``{product: kanaria, category: <table>}`` is our own and maps
to itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cache
from importlib.resources import files
from typing import Any

from kanaria.core.schema import TABLES
from kanaria.core.values import dataclass
from kanaria.detect.columns import FIELD


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """A log source Kanaria has a table for.

    ``where`` limits the table to the rows of that source, when rows of others are in it too. ``own`` is true for our
    own log sources, whose fields are columns by name.
    """

    table: str
    fields: Mapping[str, str]
    where: Mapping[str, object] = field(default_factory=dict)
    own: bool = False
    rest: bool = False
    """Whether fields without a column are looked for among all that an event says."""

    def column(self, name: str) -> str:
        """What a field is called here."""
        column = self.fields.get(name)
        return column or (FIELD + name.lower().replace(" ", "") if self.rest else name)


def find(logsource: Mapping[str, str]) -> FieldMapping | None:
    """The mapping of the most specific known log source that agrees with everything the rule asks for.

    ``{product: windows, category: firewall}`` is a firewall for us; a ``service`` must be known, because it names a log
    of its own.
    """
    if logsource.get("product") == "kanaria" and logsource.get("category") in TABLES:
        return FieldMapping(logsource["category"], {}, own=True)
    fitting = [
        (len(keys), entry)
        for keys, entry in entries()
        if all(logsource.get(key) == value for key, value in keys.items())
        and ("service" not in logsource or "service" in keys)
    ]
    return max(fitting, key=lambda match: match[0])[1] if fitting else None


@cache
def entries() -> tuple[tuple[Mapping[str, str], FieldMapping], ...]:
    """Every log source with a mapping, and what it is."""
    import yaml

    mappings: list[tuple[Mapping[str, str], FieldMapping]] = []
    for file in sorted(files("kanaria.detect").joinpath("mappings").iterdir(), key=lambda path: path.name):
        entries: list[dict[str, Any]] = yaml.safe_load(file.read_text("utf-8"))
        for entry in entries:
            mapping = FieldMapping(
                entry["table"], entry["fields"], entry.get("where", {}), rest=bool(entry.get("rest"))
            )
            mappings += [(keys, mapping) for keys in entry["logsource"]]
    return tuple(mappings)
