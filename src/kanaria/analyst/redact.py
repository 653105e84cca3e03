"""What must not leave the machine, replaced before a model reads it and put back into what the model wrote.

Takes text; returns the same text with placeholders such as ``[SECRET-1]``; the same value always gets the same one.
Secrets, tokens, cookies and mail addresses always; internal addresses and host names when asked for.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import field

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass

_NAMED = (
    r"(?:pass(?:word|wd)?|pwd|secret|token|api[_-]?key|access[_-]?key|auth|sig(?:nature)?|session(?:id)?|sid|jwt|code)"
)
_SECRETS = (
    late_regex(r"(?i)(?:bearer|basic)\s+([A-Za-z0-9._~+/=-]{6,})"),
    late_regex(r"(?i)cookie\s*:\s*([^\"\\\r\n]{3,400})"),
    late_regex(rf"(?i)\b[\w-]*{_NAMED}[\\\"']*\s*[=:]\s*[\\\"']*([^\s\"'\\&;,}}]{{3,400}})"),
    late_regex(r"\b((?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20,}|xox[abprs]-[A-Za-z0-9-]{10,})"),
    late_regex(r"\b(sk-[A-Za-z0-9_-]{16,}|glpat-[A-Za-z0-9_-]{16,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9._-]{8,})"),
    late_regex(r"://[^/\s:@]+:([^/\s@]+)@"),
    # Forty characters: a SHA-1 and every key length in use; a word of a language is never as long.
    late_regex(r"(?<![A-Za-z0-9])((?=[A-Za-z+_-]*[0-9])[A-Za-z0-9+_-]{40,}={0,2})"),
)
_MAIL = late_regex(r"([A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\[?\.\]?[A-Za-z0-9-]+)+)")
_ADDRESS = late_regex(
    r"(?<![\w.])(\d{1,3}(?:\[?\.\]?\d{1,3}){3}|[0-9A-Fa-f]{1,4}(?:\[?:\]?[0-9A-Fa-f]{0,4}){2,7})(?![\w.]*\w)"
)
_HOST = late_regex(
    r"(?i)\b([a-z0-9-]+(?:\[?\.\]?[a-z0-9-]+)*\[?\.\]?(?:local|lan|internal|intranet|intra|corp|home|localdomain))\b"
)
_PLACEHOLDER = late_regex(r"\[(?:SECRET|MAIL|ADDRESS|HOST)-\d+\]")


@dataclass
class Redactor:
    """Remembers what stands for what; one for all requests of a run."""

    internal: bool = False
    names: Iterable[str] = ()
    """Host names of our devices, hidden with ``internal``."""
    _by_value: dict[str, str] = field(default_factory=dict)

    def hide(self, text: str) -> str:
        """The text as it may leave the machine."""
        text = _PLACEHOLDER.sub(lambda match: match[0].replace("[", "(").replace("]", ")"), text)  # not ours
        for pattern in _SECRETS:
            text = pattern.sub(lambda match: self._inside(match, "SECRET"), text)
        text = _MAIL.sub(lambda match: self._inside(match, "MAIL"), text)
        return self._hide_internal(text) if self.internal else text

    def restore(self, text: str) -> str:
        """What a model wrote, with the values again."""
        values = {placeholder: value for value, placeholder in self._by_value.items()}
        return _PLACEHOLDER.sub(lambda match: values.get(match[0], match[0]), text)

    def _hide_internal(self, text: str) -> str:
        text = _ADDRESS.sub(lambda match: self._inside(match, "ADDRESS") if _internal(match[1]) else match[0], text)
        text = _HOST.sub(lambda match: self._inside(match, "HOST"), text)
        for name in sorted(
            (name for name in self.names if len(name) > 2 and not _address(name)), key=len, reverse=True
        ):
            pattern = re.compile(rf"(?<![\w-])({re.escape(name)})(?![\w-])")
            text = pattern.sub(lambda match: self._inside(match, "HOST"), text)
        return text

    def _inside(self, match: re.Match[str], kind: str) -> str:
        value = match[1]
        if _PLACEHOLDER.search(value):
            return match[0]
        if value not in self._by_value:
            number = sum(kind in placeholder for placeholder in self._by_value.values()) + 1
            self._by_value[value] = f"[{kind}-{number}]"
        start, end = match.start(1) - match.start(), match.end(1) - match.start()
        return match[0][:start] + self._by_value[value] + match[0][end:]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.replace("[", "").replace("]", ""))
    except ValueError:
        return None


# Private space of RFC 1918, 4193, link-local and shared address space; documentation addresses are nobody's.
_INTERNAL = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10"),
    )
)


def _internal(text: str) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in _INTERNAL)
