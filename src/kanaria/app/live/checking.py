"""Whether settings can work here: what each source and channel needs, looked at without running anything."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace

from kanaria.app.config import Config
from kanaria.app.config_live import Channel as Settings
from kanaria.app.config_live import Source
from kanaria.app.live.checking_places import places
from kanaria.app.live.telling import channels
from kanaria.app.live.watching import LISTEN, name_of, watched
from kanaria.app.secret_values import secret
from kanaria.core.errors import ConfigError, KanariaError, MissingExtra, SourceError, system_words
from kanaria.core.extras import install_command
from kanaria.core.network import place
from kanaria.core.text import printable
from kanaria.core.types import Text
from kanaria.core.values import dataclass
from kanaria.respond.channels import Channel
from kanaria.respond.message import notice
from kanaria.respond.webhook import PREFIX
from kanaria.respond.words import SEVERITY

NOBODY = Text(
    en="Nobody is notified: there is no [[notify]] in the settings.",
    ja="通知先がありません: 設定に [[notify]] を追加してください。",
)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    good: bool
    words: Text


def checks(config: Config) -> Iterator[Check]:
    """Everything that can be looked at before the service runs."""
    if not (config.sources or config.host.check):
        yield _bad(
            Text(
                en="There is nothing to watch: no [[sources]].",
                ja="監視対象がありません: [[sources]] を追加してください。",
            )
        )
    yield from map(_bad, places(config))
    if config.host.check:
        yield _host()
    for number, source in enumerate(config.sources, 1):
        yield from _source(source, name_of(source, number))
    if not config.notify:
        yield _bad(NOBODY)
    for number, channel in enumerate(config.notify, 1):
        try:
            made = channels(config, only=number)[0]
        except KanariaError as error:
            yield _no_channel(number, error)
        else:
            least, name = channel.severity, made.plan.name
            yield from _unheeded(channel, name)
            yield Check(
                True,
                Text(
                    en=f"notify {name}: from {least} on",
                    ja=f"通知先 {name}: 重大度「{SEVERITY[least].ja}」({least})以上",
                ),
            )


def tried(config: Config, only: str | None) -> Iterator[Check]:
    """A test message through every channel, or the one of a name. Raises ConfigError when there is no such channel."""
    tries: list[Channel | Check] = []
    for number, settings in enumerate(config.notify, 1):
        try:
            tries += [made for made in channels(config, only=number) if only in {None, made.plan.name}]
        except KanariaError as error:  # the others can be tried all the same
            tries += [_no_channel(number, error)] if only in {None, settings.name} else []
    if not tries:
        raise ConfigError(
            path="settings", key="notify", expected="a channel" + (f" {only}" if only else ""), got="none",
            cause="channels are [[notify]] tables in the settings",
        )  # fmt: skip
    for channel in tries:
        if isinstance(channel, Check):
            yield channel
            continue
        name = channel.plan.name
        try:
            channel.send(notice("test", "test", channel.plan.style, {}))
        except SourceError as error:
            yield _bad(Text(en=f"{name}: {error}", ja=f"{name}: {error.to('ja')}"))
        else:
            yield Check(True, Text(en=f"{name}: the message was accepted.", ja=f"{name}: 通知が受け付けられました。"))


def _leads_somewhere(name: str) -> bool:
    """Whether there is something, or something that this user may not see; a link may lead nowhere, or to itself."""
    try:
        os.stat(name)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _unheeded(channel: Settings, name: str) -> Iterator[Check]:
    """What only a signed webhook does."""
    keys = [key for key, given in (("secret", channel.secret), ("ocsf", channel.ocsf)) if given]
    if keys and not secret(channel.url, "url").startswith(PREFIX):
        named = ", ".join(keys)
        yield _bad(
            Text(
                en=f"notify {name}: {named} has no effect here, only on webhook+https://…",
                ja=f"通知先 {name}: {named} はここでは効きません(webhook+https://… でのみ有効です)",
            )
        )


def _no_channel(number: int, error: KanariaError) -> Check:
    return _bad(Text(en=f"notify {number}: {error}", ja=f"通知先{number}: {error.to('ja')}"))


def _layout(log_format: str) -> None:
    """Raises ConfigError for a layout without a field that is known."""
    from kanaria.formats.web.layout import compile_layout

    try:
        compile_layout(log_format)
    except ConfigError as error:  # which speaks of an option
        raise ConfigError(path="settings", key="log_format", expected=error.expected, got=log_format) from error


def _own(listen: str) -> None:
    """Raises SourceError where the address to listen on is none of this machine's; a port may well be in use, by the
    very service that these settings are of."""
    host, _ = place(listen)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as tried:
        try:
            tried.bind((host, 0))
        except OSError as error:
            raise SourceError(
                source=listen, expected="an address of this machine to listen on", got=system_words(error)
            ) from error


def _host() -> Check:
    import importlib.util

    if importlib.util.find_spec("psutil") is not None:
        return Check(True, Text(en="this machine (host.check)", ja="このマシン(host.check)"))
    command = install_command("host", "psutil")
    return _bad(Text(en=f"host.check needs psutil: {command}", ja=f"host.check には psutil が必要です: {command}"))


def _source(source: Source, name: str) -> Iterator[Check]:
    problem = _problem(source)
    if problem is None:
        yield Check(True, Text(en=f"source {name} ({source.kind})", ja=f"監視対象 {name}({source.kind})"))
    else:
        yield _bad(
            Text(en=f"source {name} ({source.kind}): {problem.en}", ja=f"監視対象 {name}({source.kind}): {problem.ja}")
        )


def _problem(source: Source) -> Text | None:
    try:
        if source.format is not None:
            from kanaria.formats import registry

            registry.get(source.format)
        if source.log_format is not None:
            _layout(source.log_format)
        if source.kind in LISTEN:
            _own(source.listen or LISTEN[source.kind])
        if source.token is not None:
            secret(source.token, "token")
        if source.certificate is not None:
            from kanaria.sources.syslog import tls

            tls(source.listen or source.kind, source.certificate, source.key)
        if source.kind in {"kafka", "redis"}:
            for made in watched(replace(Config(), sources=(source,))):
                made.source.close()
    except (ConfigError, MissingExtra, SourceError) as error:
        return error.text
    if source.kind in {"file", "zeek", "suricata", "docker"} and source.path is not None:
        return _place(source.path, folder=source.kind != "file")
    everywhere = source.interface == "any"
    if source.kind == "interface" and not (everywhere or os.path.exists(f"/sys/class/net/{source.interface}")):
        return Text(en="there is no such interface", ja="そのインターフェースはありません")
    return None


def _place(path: str, folder: bool) -> Text | None:
    import glob

    names = glob.glob(path, recursive=True) if glob.has_magic(path) else [path]
    if not names or not all(map(_leads_somewhere, names)):
        return Text(
            en="nothing there yet; it is watched as soon as it appears", ja="まだ存在しません(現れしだい監視します)"
        )
    denied = [name for name in names if not os.access(name, os.R_OK)]
    if denied:
        shown = printable(denied[0])
        return Text(
            en=f"{shown} may not be read by this user; join the group that may (often adm)",
            ja=f"このユーザーは {shown} を読めません。読めるグループ(多くは adm)に加えてください",
        )
    for name in names:
        if folder and not os.path.isdir(name):
            shown = printable(name)
            return Text(en=f"{shown} is no folder", ja=f"{shown} はフォルダではありません")
        if not (os.path.isfile(name) or os.path.isdir(name)):
            shown = printable(name)
            return Text(
                en=f'{shown} is a pipe or a device, which cannot be followed (kind = "stdin" reads a pipe)',
                ja=f'{shown} はパイプまたはデバイスなので追跡できません(パイプは kind = "stdin" で読めます)',
            )
    return None


def _bad(words: Text) -> Check:
    return Check(False, words)
