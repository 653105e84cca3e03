"""Host names as they are compared, label by label."""

from __future__ import annotations

from collections.abc import Iterator


def labels(host: str) -> str:
    """A host name as it is compared: lower case, without port, brackets or final dot."""
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    head, colon, port = name.rpartition(":")
    if colon and port.isdigit() and ":" not in head:
        name = head
    return name.rstrip(".")


def suffixes(name: str) -> Iterator[str]:
    """The name and every parent of it with at least two labels: suffixes end at a dot, never inside a label."""
    parts = name.split(".")
    for start in range(len(parts) - 1):
        yield ".".join(parts[start:])
