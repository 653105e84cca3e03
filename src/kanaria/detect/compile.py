"""The precompiler: bundled YAML rules in, ``rules/compiled.json`` out. Run ``python -m kanaria.detect.compile``.

Sorted by rule id with sorted keys, so that the file changes only where a rule changed; a test compares it with
the rules.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from kanaria.core.conversion import plain
from kanaria.detect.parse import parse

RULES = Path(__file__).resolve().parent.parent / "rules"
TARGET = RULES / "compiled.json"


def compiled() -> tuple[str, list[str]]:
    """The JSON text for all bundled rules, and what is wrong with those that do not compile."""
    parsed = parse([RULES], base=RULES)
    rules = sorted(parsed.rules.values(), key=lambda rule: rule.id)
    text = json.dumps(plain(rules), ensure_ascii=False, indent=1, sort_keys=True)
    return text + "\n", [str(error) for error in parsed.errors]


def main() -> int:
    """Write the file; errors go to standard error and give exit status 1."""
    text, errors = compiled()
    TARGET.write_text(text, "utf-8")
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
