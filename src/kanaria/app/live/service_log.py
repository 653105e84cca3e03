"""The service's own log: one line an event, as text or as a JSON object, on standard error."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from kanaria.core.text import printable

Log = Callable[..., None]
_LOCK = threading.Lock()


def logger(style: str) -> Log:
    """A function that takes what happened and facts about it by name."""

    def log(what: str, /, level: str = "info", **facts: object) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        if style == "json":
            line = json.dumps({"time": now, "level": level, "event": what, **facts}, ensure_ascii=False, default=str)
        else:
            words = " ".join(f"{name}={printable(str(value))}" for name, value in facts.items())
            line = f"{now} {what}{' ' if words else ''}{words}"
        with _LOCK:
            print(line, file=sys.stderr, flush=True)

    return log
