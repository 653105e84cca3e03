"""Server actions of Next.js that were never given: the header ``Next-Action`` of a request that no page made.

In: a record of a web request with its ``raw`` line, in whatever way a server or a sensor writes headers (JSON of Caddy,
nginx or a firewall in the cloud, ModSecurity's audit log, a quoted header in a format of one's own). Out: the header's
value where it is no id, or None.

A page sends the id that the build gave the action: SHA-1 in hexadecimal, 40 characters, in Next.js 15 and later behind
two more for the kind (``generateActionId`` in ``packages/next-swc``'s server actions transform). Tools that try
CVE-2025-55182 need no action that exists, because the body is deserialised before the id is looked up; they send ``x``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kanaria.core.late_regex import late_regex
from kanaria.mining.request_values import text_of

_HEADER = late_regex(
    r"next[-_]action[\\\"']{0,4}\s?[:=,]\s?(?:[\\\"']{0,4}value[\\\"']{0,4}\s?:\s?)?[\[\s\\\"']{0,6}(?P<value>[^\\\"'\],}\s]{1,100})",
    re.IGNORECASE,
)
_GIVEN = late_regex(r"(?:[0-9a-f]{2})?[0-9a-f]{40}", re.IGNORECASE)
_UNSAID = late_regex(r"-|\W*|\*+|null|none|nil|undefined|true|false|\W?redacted\W?|\W?filtered\W?", re.IGNORECASE)
"""What logs write where there was no header, or where its value is kept from them."""


_SUBREQUEST = late_regex(
    r"x[-_]middleware[-_]subrequest[\\\"']{0,4}\s?[:=,]\s?(?:[\\\"']{0,4}value[\\\"']{0,4}\s?:\s?)?[\[\s\\\"']{0,6}(?P<value>[\w./:-]{1,200})",
    re.IGNORECASE,
)


def subrequest(record: Mapping[str, object]) -> str | None:
    """The header by which a request calls itself one of Next.js' own (CVE-2025-29927), with its name; else None."""
    raw = record.get("raw")
    if not isinstance(raw, bytes) or b"subrequest" not in raw.lower():
        return None
    match = _SUBREQUEST.search(text_of(raw))
    return None if match is None or _UNSAID.fullmatch(match["value"]) else f"x-middleware-subrequest: {match['value']}"


def forged_action(record: Mapping[str, object]) -> str | None:
    """The value that no build gave, at most 100 characters; None as well for requests without the header."""
    raw = record.get("raw")
    if not isinstance(raw, bytes) or b"action" not in raw.lower():
        return None
    for match in _HEADER.finditer(text_of(raw)):
        value = match["value"]
        if not _GIVEN.fullmatch(value) and not _UNSAID.fullmatch(value):
            return value
    return None
