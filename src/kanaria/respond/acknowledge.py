"""Links that acknowledge an incident: an id goes in, a signed token comes out, which is good once and for a while.

A token is ``incident.expires.nonce.signature`` with an HMAC-SHA256 over the rest; it expires by the outbox's time. The
key is made once and lies in the outbox, as does what was used, until it would have expired anyway.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from kanaria.store.outbox import Outbox

KEY, USED = "acknowledge_key", "acknowledged:"
HOUR = 3600.0


class Links:
    """Makes tokens, and says what a token is worth. Safe to share between threads, as the outbox is."""

    def __init__(self, outbox: Outbox, hours: float) -> None:
        self._outbox, self._hours = outbox, hours
        if outbox.fact(KEY) is None:
            outbox.remember(KEY, secrets.token_hex(32))
        self._key = bytes.fromhex(outbox.fact(KEY) or "")

    def token(self, incident: str, now: float | None = None) -> str:
        """A new token for an incident; without ``now`` the outbox says what time it is, here as below."""
        now = self._outbox.time.now() if now is None else now
        signed = f"{incident}.{int(now + self._hours * HOUR)}.{secrets.token_urlsafe(9)}"
        return f"{signed}.{self._mac(signed)}"

    def incident(self, token: str, now: float | None = None) -> str | None:
        """The incident that a token may acknowledge now; None for one that is forged, expired or used."""
        now = self._outbox.time.now() if now is None else now
        signed, _, mac = token.rpartition(".")
        parts = signed.split(".")
        if len(parts) != 3 or not hmac.compare_digest(mac.encode(), self._mac(signed).encode()):
            return None
        incident, expires, nonce = parts
        good = now < int(expires) <= now + self._hours * HOUR
        return incident if good and self._outbox.fact(f"{USED}{nonce}") is None else None

    def use(self, token: str, now: float | None = None) -> str | None:
        """The same, and the token is used up: of several who come at once, one gets the incident."""
        now = self._outbox.time.now() if now is None else now
        incident = self.incident(token, now)
        if incident is None:
            return None
        _, expires, nonce, _ = token.split(".")
        self._outbox.forget_facts(USED, now)
        return incident if self._outbox.remember_once(f"{USED}{nonce}", expires) else None

    def _mac(self, signed: str) -> str:
        return hmac.new(self._key, signed.encode(), hashlib.sha256).hexdigest()
