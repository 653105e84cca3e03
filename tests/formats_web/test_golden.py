"""Golden files: ``golden/<format>.log`` read by that format gives ``golden/<format>.json``, the whole normalised output.

Re-baseline with ``python tests/formats_web/test_golden.py`` and review the difference.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from kanaria.core.stream import ReadContext
from kanaria.formats import registry

HERE = Path(__file__).parent
GOLDEN = sorted((HERE / "golden").glob("*.log"))
CONTEXT = ReadContext(year=2026, layout='%h %{%Y}t %t %>s %D "%r" %v')

_spec = importlib.util.spec_from_file_location("kit_formats", HERE / "kit_formats.py")
assert _spec and _spec.loader
kit = sys.modules.setdefault("kit_formats", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(kit)


def normalised(path: Path) -> object:
    batches = kit.read_all(registry.get(path.stem), path.read_bytes(), CONTEXT, path.name)
    rows = [row for batch in batches for row in batch.tables["http"].to_pylist()]
    return {
        "rows": [{key: shown(value) for key, value in row.items() if value is not None} for row in rows],
        "rejects": [[reject.row, reject.reason, shown(reject.raw)] for b in batches for reject in b.rejects],
        "counts": [sum(b.rows for b in batches), sum(b.rejected for b in batches)],
    }


def shown(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("latin-1")  # every byte is one character, so the file shows the bytes
    return value if isinstance(value, (int, str)) else str(value)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    assert normalised(path) == json.loads(path.with_suffix(".json").read_text())


@pytest.mark.parametrize("path", [p for p in GOLDEN if p.stem != "logformat"], ids=lambda path: path.stem)
def test_detected(path: Path) -> None:
    found = registry.detect(kit.BytesStream(path.read_bytes()))
    assert found is not None
    assert found.name == path.stem


@pytest.mark.parametrize("path", [p for p in GOLDEN if p.stem != "logformat"], ids=lambda path: path.stem)
def test_truncated_anywhere(path: Path) -> None:
    data, known = path.read_bytes(), registry.get(path.stem)
    for cut in range(0, len(data), max(1, len(data) // 60)):
        kit.check_batches(known, kit.read_all(known, data[:cut], CONTEXT))


if __name__ == "__main__":
    for log in GOLDEN:
        text = json.dumps(normalised(log), indent=1, ensure_ascii=False)
        log.with_suffix(".json").write_text(text + "\n")
