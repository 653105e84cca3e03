"""One way to reach somebody: an Apprise URL or a signed webhook. A call that hangs is given up, not waited for."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kanaria.core.errors import ConfigError, MissingExtra, SourceError
from kanaria.core.types import Severity
from kanaria.core.values import dataclass
from kanaria.respond import webhook
from kanaria.respond.message import Message, Style

if TYPE_CHECKING:
    import apprise

GIVEN_UP = 30.0
"""Seconds after which a call counts as hanging: Apprise's own timeouts end after 4 to 10."""
PLAIN = {"json": "http", "jsons": "https"}
MOST_HANGING = 3
"""Calls that may hang at once; beyond it a channel fails at once, so that threads do not pile up."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a channel gets, and when. Ranks are places in ``SEVERITIES``; quiet hours are minutes of the local day."""

    name: str
    severity: Severity
    digest: str
    digest_at: int
    quiet: tuple[int, int] | None
    quiet_severity: Severity
    style: Style
    escalate_minutes: float | None = None
    """Only told when nobody has acknowledged an incident for so long."""
    events: Callable[[str], list[dict[str, Any]]] | None = None
    """Events of an incident that a webhook's body has besides, under ``ocsf``."""


class Channel:
    """Sends messages to one URL. Raises ConfigError for a URL or secret that is none; ``send`` raises SourceError when
    a message was not accepted."""

    def __init__(self, plan: Plan, url: str, secret: str | None = None) -> None:
        self.plan = plan
        self._url, self._secret = url, secret
        self._hanging: list[threading.Thread] = []
        if url.startswith(webhook.PREFIX):
            webhook.place(url)
            if secret is not None:
                webhook.signed(secret, "", b"", 0)  # refused now, and not when something has to be told
        self._sending = self._webhook if url.startswith(webhook.PREFIX) else self._plain(url) or self._apprise(url)

    def send(self, message: Message) -> None:
        """Hand the message over, within ``GIVEN_UP`` seconds."""
        self._hanging = [thread for thread in self._hanging if thread.is_alive()]
        if len(self._hanging) >= MOST_HANGING:
            raise self._refused(got="earlier attempts still hang")
        outcome: list[SourceError | None] = []

        def work() -> None:
            try:
                self._sending(message)
                outcome.append(None)
            except SourceError as error:
                outcome.append(error)

        thread = threading.Thread(target=work, name=f"notify {self.plan.name}", daemon=True)
        thread.start()
        thread.join(GIVEN_UP)
        if thread.is_alive():
            self._hanging.append(thread)
            raise self._refused(got=f"no answer within {GIVEN_UP:g} s")
        if not outcome:
            raise self._refused(got="the attempt broke off")
        if outcome[0] is not None:
            raise outcome[0]

    def _webhook(self, message: Message) -> None:
        data: dict[str, Any] = {"id": message.id, "title": message.title, "text": message.body, **(message.data or {})}
        if self.plan.events and data.get("type") == "incident":
            data["ocsf"] = self.plan.events(data["incident"]["id"])
        webhook.post(self._url, self._secret, message.id, data)

    def _plain(self, url: str) -> Callable[[Message], None] | None:
        """``json://`` without Apprise: the same body, by our own means; None for everything else."""
        scheme, _, rest = url.partition("://")
        if scheme not in PLAIN or importlib.util.find_spec("apprise") is not None:
            return None

        def send(message: Message) -> None:
            data = {"version": "1.0", "title": message.title, "message": message.body, "type": message.kind}
            webhook.post(f"{PLAIN[scheme]}://{rest}", None, message.id, data)

        return send

    def _apprise(self, url: str) -> Callable[[Message], None]:
        made = _opened(url, self.plan.name)

        def send(message: Message) -> None:
            accepted = made.notify(
                body=message.body, title=message.title, notify_type=message.kind, body_format="text"
            )  # fmt: skip
            if not accepted:
                raise self._refused(got="not accepted (network, address or key?)")

        return send

    def _refused(self, *, got: str) -> SourceError:
        return SourceError(source=self.plan.name, expected="that the message is accepted", got=got)


def _opened(url: str, name: str) -> apprise.Apprise:
    try:
        import apprise
    except ImportError as error:
        raise MissingExtra(package="apprise", extra="serve", purpose="notifying somebody") from error
    # A POST that is redirected becomes a GET without its message, and the answer to that says that all is well.
    made = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False))
    if not made.add(url):
        kind = url.partition(":")[0]
        raise ConfigError(
            path="settings", key=f"notify {name}", expected="a URL that Apprise knows", got=f"{kind}:…",
            cause="see https://github.com/caronc/apprise/wiki for how each service is written",
        )  # fmt: skip
    return made
