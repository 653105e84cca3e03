"""Signed webhooks as standardwebhooks.com has them: id, time and HMAC-SHA256 in three headers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import json
import time
import urllib.parse
from collections.abc import Mapping
from typing import Any

from kanaria.core.errors import ConfigError, SourceError
from kanaria.core.late_regex import late_regex

PREFIX = "webhook+"
TIMEOUT = 10.0
"""Seconds for each step of the exchange: Standard Webhooks recommends 15 to 30 for all of it."""


def signed(secret: str, message_id: str, body: bytes, now: int) -> dict[str, str]:
    """The three headers for a body. Raises ConfigError when the secret is none of the standard's."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ConfigError(
            path="settings", key="notify.secret", expected="whsec_ and Base64", got="something else", cause=str(error)
        ) from error
    content = f"{message_id}.{now}.".encode() + body
    mac = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode("ascii")
    return {"webhook-id": message_id, "webhook-timestamp": str(now), "webhook-signature": f"v1,{mac}"}


def place(url: str) -> urllib.parse.SplitResult:
    """Where a webhook is. Raises ConfigError for what is no address of one; its path is a secret and not shown."""
    try:
        parts = urllib.parse.urlsplit(url.removeprefix(PREFIX))
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        good = good and not _UNPRINTABLE.search(url)
    except ValueError:  # a port or an address that is none
        good = False
    if not good:
        raise ConfigError(
            path="settings", key="notify.url", expected="webhook+https:// with a host, or webhook+http://",
            got="another text", cause="the URL is not shown because it may hold a password",
        )  # fmt: skip
    return parts


_UNPRINTABLE = late_regex(r"[^\x21-\x7e]")


def post(url: str, secret: str | None, message_id: str, data: Mapping[str, Any]) -> None:
    """Send a JSON body to ``webhook+https://…``. Raises SourceError when it is not accepted (2xx)."""
    parts = place(url)
    body = json.dumps(data, ensure_ascii=False).encode("utf-8")
    headers = {"content-type": "application/json", "user-agent": "kanaria"}
    headers |= signed(secret, message_id, body, int(time.time())) if secret else {}
    made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = made(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.request("POST", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise _refused(parts.hostname, str(error) or type(error).__name__) from error
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise _refused(parts.hostname, f"status {status}")


def _refused(host: str | None, got: str) -> SourceError:
    return SourceError(source=f"webhook at {host}", expected="a 2xx answer", got=got)
