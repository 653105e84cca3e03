"""From settings to senders: one channel, one thread; what goes wrong with one is told through the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from kanaria.app.config import Config, hours, moment, quiet_hours
from kanaria.app.config_live import Channel as Settings
from kanaria.app.config_live import Weekday
from kanaria.app.live.acknowledging import PATH
from kanaria.app.live.service_log import Log
from kanaria.app.secret_values import secret
from kanaria.core.errors import sentence_in_japanese
from kanaria.core.types import Language, Text
from kanaria.respond.acknowledge import Links
from kanaria.respond.channels import Channel, Plan
from kanaria.respond.dispatch import dispatch
from kanaria.respond.maintenance import Window
from kanaria.respond.message import Message, Style, notice
from kanaria.respond.sender import Pace, Sender, entry_of
from kanaria.store.outbox import Outbox


def message_language(config: Config) -> Language:
    """The language of messages: as set, else the locale's."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return config.language or ("ja" if locale.startswith("ja") else "en")


Events = Callable[[str], list[dict[str, Any]]]


def channels(
    config: Config, only: int | None = None, links: Links | None = None, events: Events | None = None
) -> list[Channel]:
    """Everybody who is to be notified, or ``only`` the n-th; ``links`` make messages that can be acknowledged,
    ``events`` an incident's OCSF.

    Raises ConfigError or MissingExtra when one cannot be."""
    wanted = [(number, settings) for number, settings in enumerate(config.notify, 1) if only in {None, number}]
    return [_channel(config, settings, number, links, events) for number, settings in wanted]


def _channel(config: Config, settings: Settings, number: int, links: Links | None, events: Events | None) -> Channel:
    url = secret(settings.url, f"notify[{number}].url")
    plan = Plan(
        name=settings.name or f"{url.partition(':')[0]} {number}",
        severity=settings.severity,
        digest=settings.digest,
        digest_at=hours(settings.digest_at) or 0,
        quiet=quiet_hours(settings.quiet) if settings.quiet else None,
        quiet_severity=settings.quiet_severity,
        style=Style(
            language=settings.language or message_language(config),
            link=config.serve.link,
            acknowledge=_linking(config, links),
        ),
        escalate_minutes=settings.escalate_minutes,
        events=events if settings.ocsf else None,
    )
    signing = secret(settings.secret, f"notify[{number}].secret") if settings.secret else None
    return Channel(plan, url, signing)


def _linking(config: Config, links: Links | None) -> Callable[[str], str] | None:
    base = config.serve.acknowledge
    if base is None or links is None:
        return None
    return lambda incident: f"{base.rstrip('/')}{PATH}{links.token(incident)}"


def windows(config: Config) -> list[Window]:
    """Maintenance windows as settings have them."""
    return [
        Window(
            begin=moment(one.begin) if one.begin else None, end=moment(one.end) if one.end else None,
            hours=quiet_hours(one.hours) if one.hours else None, devices=frozenset(one.devices), severity=one.severity,
            days=frozenset(map(get_args(Weekday).index, one.days)) or frozenset(range(7)),
        )
        for one in config.maintenance
    ]  # fmt: skip


class Telling:
    """All senders of the service."""

    def __init__(
        self, config: Config, outbox: Outbox, watched: Callable[[], Mapping[str, Any]], log: Log, *,
        links: Links | None = None, events: Events | None = None,
        handled: Callable[[str], bool] = lambda _incident: False,
    ) -> None:  # fmt: skip
        pace = Pace(per_hour=config.serve.messages_per_hour, join_seconds=config.serve.join_minutes * 60)
        made = channels(config, links=links, events=events)
        self._windows = windows(config)
        self._outbox = outbox
        self._plans = [channel.plan for channel in made]
        self.senders = {
            channel.plan.name: Sender(channel, outbox, pace, watched, self._dead, log, handled) for channel in made
        }

    def start(self) -> None:
        for sender in self.senders.values():
            sender.start()

    def close(self) -> None:
        for sender in self.senders.values():
            sender.close()

    def tell(self, news: Sequence[Mapping[str, Any]]) -> None:
        """Address news of incidents to everybody who is to hear of them, and wake their senders."""
        if news and self._plans:
            dispatch(news, self._plans, self._outbox, self._outbox.time.now(), self._windows)
            self._wake()

    def notice(
        self, name: str, message_id: str, values: Mapping[str, object], *, kind: str = "failure", but: str = ""
    ) -> None:
        """Tell everybody (``but`` one) about Kanaria itself; the same id is told once."""
        made = [
            (plan.name, notice(name, message_id, plan.style, values, kind=kind))
            for plan in self._plans
            if plan.name != but
        ]
        self._outbox.add([_notice(message, channel) for channel, message in made], [], self._outbox.time.now())
        self._wake()

    def _dead(self, channel: str, count: int, attempts: int, error: str) -> None:
        """A channel gave up messages: the others say so."""
        message_id = f"dead-{channel}-{int(self._outbox.time.now())}"
        values: dict[str, object] = {"channel": channel, "count": count, "attempts": attempts}
        values["error"] = Text(en=error, ja=sentence_in_japanese(error))
        self.notice("dead", message_id, values, but=channel)

    def _wake(self) -> None:
        for sender in self.senders.values():
            sender.wake()


def _notice(message: Message, channel: str) -> Any:
    return entry_of(message, channel, "notice", "high")
