"""What is wrong with the service, in words: from its state and its settings to findings with a remedy each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kanaria.app.config import Config
from kanaria.app.kept import kept
from kanaria.core.errors import SourceError, sentence_in_japanese
from kanaria.core.text import printable
from kanaria.core.types import Text

Json = dict[str, Any]


def service_of(store: Path) -> Json:
    """The state of the service that has this store. Raises SourceError when none has."""
    with kept(store) as opened:
        state = opened.status()
    if state["command"] != "serve" or "sources" not in state:
        got = f"kanaria {state['command']} (process {state['pid']})"
        cause = "it is starting; ask again in a moment" if state["command"] == "serve" else "wait for its end"
        raise SourceError(source=str(store), expected="a running kanaria serve", got=got, cause=cause)
    return state


def damage(store: Path) -> list[SourceError]:
    """What is damaged in a store that nobody has; who has one put aside what was."""
    from kanaria.app.mending import look
    from kanaria.store.alone import owned

    try:
        return [] if owned(store) else list(look(store))
    except SourceError as error:
        return [error]
    except OSError:  # somebody else's: whoever asks for the service says so
        return []


def findings(state: Json, config: Config) -> Iterator[Text]:
    """Everything somebody should look at, the worst first; nothing when all is well."""
    if not state["alive"]:
        yield Text(
            en="The service hangs: no batch was finished for two minutes. Restart it; its log says what it was doing.",
            ja="サービスが停止しています(2分間、処理が進んでいません)。再起動してください。ログに直前の処理があります。",
        )
    for mended in state.get("mended", ()):
        yield Text(
            en=f"The store was damaged when the service began; it goes on without. {mended['en']}",
            ja=f"起動時にストアが壊れていたため、その部分を除いて監視を続けています。{mended['ja']}",
        )
    yield from _disk(state, config)
    for source in state["sources"]:
        yield from _source(source)
    for channel in state["channels"]:
        yield from _channel(channel)
    if config.notify and not state["channels"]:
        yield Text(
            en="Nobody is notified: the service began before the settings had a [[notify]]. Restart it.",
            ja="通知先がありません: 設定に [[notify]] を追加する前に起動したサービスです。再起動してください。",
        )
    for place, lines in state.get("unread_in", {}).items():
        name = printable(place)
        yield Text(
            en=f"{name}: {lines:,} lines are in no known format; name it with format or log_format (kanaria formats).",
            ja=f"{name}: {lines:,}行の形式を判別できません。"
            "format または log_format で指定してください(kanaria formats)。",
        )


def _disk(state: Json, config: Config) -> Iterator[Text]:
    free = state["free_bytes"] / 1e6
    if free < config.serve.disk_warn_mb:
        yield Text(
            en=f"Only {free:,.0f} MB are free on the disk of {state['store']}: make room.",
            ja=f"{state['store']} のディスクの空きが{free:,.0f} MBしかありません。空きを増やしてください。",
        )


def _source(source: Json) -> Iterator[Text]:
    name = source["name"]
    if source["problem"]:
        problem = Text(en=source["problem"], ja=source.get("problem_ja") or source["problem"])
        yield Text(en=f"{name} cannot be read: {problem.en}", ja=f"{name} を読めません: {problem.ja}")
    elif source["last"] is None:
        yield Text(
            en=f"{name}: nothing has come yet. Is it the right place, and does anything write there?",
            ja=f"{name}: まだ何も届いていません。場所が正しいか、書き込みがあるかを確認してください。",
        )
    if source["silent_for"]:
        minutes = f"{source['silent_for'] / 60:,.0f}"
        yield Text(
            en=f"{name} has been silent for {minutes} minutes, far longer than usual.",
            ja=f"{name} からの記録が{minutes}分間途絶えています。普段よりはるかに長い時間です。",
        )
    if source["lost"] and source.get("lost_how"):
        yield Text(
            en=f"{name}: {source['lost']:,} records were lost. Last: {source['lost_how']}",
            ja=f"{name}: {source['lost']:,}件の記録が失われました。最後の例: {source['lost_how_ja']}",
        )
    elif source["lost"]:
        yield Text(
            en=f"{name}: {source['lost']:,} records were lost because they came faster than they could be read.",
            ja=f"{name}: 処理が追いつかず、{source['lost']:,}件の記録を取りこぼしました。",
        )
    if source["refused"]:
        yield Text(
            en=f"{name}: {source['refused']:,} records were refused (sender, token or shape).",
            ja=f"{name}: {source['refused']:,}件の記録を受け付けませんでした(送信元、トークン、または形式)。",
        )


def _channel(channel: Json) -> Iterator[Text]:
    name, error = channel["name"], channel["last_error"]
    reason = sentence_in_japanese(error)
    if channel["dead"]:
        yield Text(
            en=f"{name}: {channel['dead']:,} messages were given up. Last reason: {error}",
            ja=f"{name}: {channel['dead']:,}件の通知を断念しました。最後の理由: {reason}",
        )
    elif channel["failures"]:
        yield Text(
            en=f"{name} cannot be reached ({channel['failures']} attempts in a row): {error}",
            ja=f"{name} に届きません(連続{channel['failures']}回失敗): {reason}",
        )


def status_lines(state: Json) -> Iterator[Text]:
    """A screen about a running service, or another run that has the store."""
    up = _span(state["uptime"])
    if "sources" not in state:
        who, records = f"kanaria {state['command']} ({state['pid']})", f"{state['records']:,}"
        yield Text(
            en=f"{who} has used the store for {up.en} and has read {records} records so far.",
            ja=f"{who} が{up.ja}前からこのストアを使用しており、これまでに{records}件を読み取りました。",
        )
        return
    yield Text(
        en=f"Running for {up.en}: {state['records']:,} records, {state['batches']:,} batches, {state['news']:,} news.",
        ja=f"稼働時間 {up.ja}: {state['batches']:,}回の処理で{state['records']:,}件を調べ、{state['news']:,}件を検知。",
    )
    for source in state["sources"]:
        last, wait = _ago(source["last"]), source.get("behind_records")
        behind = Text(en=f", {wait:,} waiting", ja=f"、未読 {wait:,}件") if wait is not None else Text(en="", ja="")
        yield Text(
            en=f"  source {source['name']}: {source['records']:,} records, last {last.en}{behind.en}",
            ja=f"  監視対象 {source['name']}: {source['records']:,}件、最後の記録 {last.ja}{behind.ja}",
        )
    for channel in state["channels"]:
        last, sent, waiting = _ago(channel["last_sent"]), f"{channel['sent']:,}", f"{channel['waiting']:,}"
        yield Text(
            en=f"  channel {channel['name']}: {sent} sent, {waiting} waiting, last {last.en}",
            ja=f"  通知先 {channel['name']}: 送信済み{sent}件、待機中{waiting}件、最後の送信 {last.ja}",
        )
    if state.get("incident_bytes"):
        size, removed = f"{state['incident_bytes'] / 1e6:,.1f}", f"{state['removed_incidents']:,}"
        yield Text(
            en=f"  store: {size} MB of incidents; {removed} old ones removed since the start",
            ja=f"  ストア: インシデント {size} MB、起動後に古いもの{removed}件を削除",
        )
    if "events" in state:
        yield from _events(state["events"])
    for note in state["notes"]:
        yield Text(en=f"  note: {note['en']}", ja=f"  注意: {note['ja']}")


def _events(kept: Json) -> Iterator[Text]:
    if kept["rows"]:
        rows, size = f"{kept['rows']:,}", f"{kept['bytes'] / 1e6:,.1f}"
        since = f"{datetime.fromtimestamp(kept['first'] / 1e6, UTC):%Y-%m-%d}"
        yield Text(
            en=f"  earlier rows: {rows} since {since}, {size} MB",
            ja=f"  過去の記録: {since} 以降の{rows}件、{size} MB",
        )


def _ago(moment: float | None) -> Text:
    if moment is None:
        return Text(en="never", ja="なし")
    span = _span(max(0.0, time.time() - moment))
    return Text(en=f"{span.en} ago", ja=f"{span.ja}前")


def _span(seconds: float) -> Text:
    for size, en, ja in ((86_400, "d", "日"), (3_600, "h", "時間"), (60, "min", "分")):
        if seconds >= size:
            return Text(en=f"{seconds / size:.0f} {en}", ja=f"{seconds / size:.0f}{ja}")
    return Text(en=f"{seconds:.0f} s", ja=f"{seconds:.0f}秒")
