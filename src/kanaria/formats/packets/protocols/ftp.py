"""FTP logons (RFC 959): both text streams come in, (user, success) of every attempt goes out."""

from __future__ import annotations

from kanaria.core.late_regex import late_regex

_USER = late_regex(rb"(?im)^(USER|PASS) ?([^\r\n]{0,256})")
_REPLY = late_regex(rb"(?m)^(230|530|430|421) ")
_ATTEMPTS = 64


def attempts(client: bytes, server: bytes) -> list[tuple[str | None, bool | None]]:
    """Every PASS with the user before it and the server's verdict, None when no verdict was seen."""
    user: str | None = None
    tried: list[str | None] = []
    for word, value in _USER.findall(client)[: 2 * _ATTEMPTS]:
        if word.upper() == b"USER":
            user = value.decode("utf-8", "backslashreplace")
        else:
            tried.append(user)
    verdicts = [code == b"230" for code in _REPLY.findall(server)]
    return [(name, verdicts[index] if index < len(verdicts) else None) for index, name in enumerate(tried)]
