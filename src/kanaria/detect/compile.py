"""The precompiler: bundled YAML rules in, ``rules/compiled.json`` out. Run ``python -m kanaria.detect.compile``.

Sorted by rule id with sorted keys, so that the file changes only where a rule changed; a test compares it with
the rules. A rule whose body is another than the file has for the same version is refused: findings name the version,
and whoever compares them must be able to tell that another rule made them.
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


def unraised(before: str, after: str) -> list[str]:
    """Rules of two such texts that are not the same under the same version, each in words."""
    bodies = {(rule["id"], rule["version"]): rule.get("body") for rule in json.loads(before)}
    return [
        f"{rule['file']}: changed, and still version {rule['version']}: raise kanaria.version"
        for rule in json.loads(after)
        if bodies.get((rule["id"], rule["version"]), rule["body"]) not in {rule["body"], None}
    ]


def main(target: Path = TARGET) -> int:
    """Write the file; errors go to standard error and give exit status 1, without a file where versions are wrong."""
    text, errors = compiled()
    unchanged = unraised(target.read_text("utf-8"), text) if target.exists() else []
    if not unchanged:
        target.write_text(text, "utf-8")
    for error in (*errors, *unchanged):
        print(error, file=sys.stderr)
    return 1 if errors or unchanged else 0


if __name__ == "__main__":
    sys.exit(main())
