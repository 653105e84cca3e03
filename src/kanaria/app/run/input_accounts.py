"""Keeps account of what was read: per input its format, rows, rejected rows and the time it covers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace
from datetime import UTC, datetime

import pyarrow as pa

from kanaria.app.run.closed_tunnels import ClosedTunnels
from kanaria.app.run.flow_candidates import FlowCandidates
from kanaria.core.errors import KanariaError, SourceError
from kanaria.core.japanese import in_japanese
from kanaria.core.stream import Stream
from kanaria.core.text import cut, printable
from kanaria.core.types import Batch, InputSummary, Text
from kanaria.core.values import dataclass
from kanaria.core.words import LANGUAGES

REMARKS = 3
"""As many inputs as a report lists one by one."""
LONGEST_GUESS = 240
"""Columns of a learned layout that are shown."""
LONGEST_US = 366 * 86_400_000_000
"""Flows that claim to have lasted a year and more come from exporters whose clock jumped."""
_EMPTY = Text(en="empty.", ja="空です。")
_UNKNOWN = Text(
    en="format not recognised, nothing was read, only searched (kanaria formats shows what can be read).",
    ja="形式を判別できず、読み取っていません(検索だけ行いました。読める形式は kanaria formats で確認できます)。",
)
_BINARY = Text(
    en="format not recognised, nothing was read or searched: it is no text (kanaria formats shows what can be read).",
    ja="形式を判別できず、読み取っていません(テキストではないため、検索もしていません。"
    "読める形式は kanaria formats で確認できます)。",
)


@dataclass
class Inputs:
    """Summaries in the order inputs were opened, and notes for the reader."""

    summaries: dict[str, InputSummary] = field(default_factory=dict)
    notes: list[Text] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    """Why the first rejected record of an input was rejected."""
    failures: dict[str, KanariaError] = field(default_factory=dict)
    """Why an input could not be read at all, or not to its end."""
    wrong_clocks: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    """By input: how many records have a time that cannot be right, and the first such time."""
    flows: FlowCandidates = field(default_factory=FlowCandidates)
    closed: ClosedTunnels = field(default_factory=ClosedTunnels)
    named: set[str] = field(default_factory=set)
    """Inputs in no format of which it is known all the same what they are: the search of them is an answer."""
    _read: dict[str, None] = field(default_factory=dict)
    doubles: int = 0
    """Rows left out because a better sensor saw the same flow."""

    def open(self, name: str, format_name: str) -> None:
        self.summaries.setdefault(name, InputSummary(path=name, format=format_name, rows=0, rejected=0))
        self._read.pop(name, None)  # the last read stand last
        self._read[name] = None

    def forget(self, most: int) -> None:
        """Keep account of this many inputs, the last read: a run without an end meets new names for ever."""
        for name in self._longest_unread(most) if len(self.summaries) > most else ():
            for kept in (self.summaries, self.reasons, self.failures, self.wrong_clocks, self._read):
                kept.pop(name, None)
            self.named.discard(name)

    def _longest_unread(self, most: int) -> list[str]:
        """Those that are more: first what was never opened, as nobody knows its format."""
        ordered = [*(name for name in self.summaries if name not in self._read), *self._read]
        return ordered[: len(ordered) - most]

    def guessed(self, name: str, layout: str | None) -> None:
        """An input whose layout was learned from its own lines; the reader sees how it was read."""
        if layout:
            shown = cut(printable(layout), LONGEST_GUESS)
            note = Text(
                en=f"no known layout; read as {shown} ($- is not used; --log-format says it better).",
                ja=f"既知の形式ではないため、次のように読み取りました: {shown} "
                "($- は使わない項目。--log-format で指定できます)。",
            )
            self.summaries[name] = replace(self.summaries[name], note=note)

    def remarked(self, name: str, remark: Text | None) -> None:
        """What a format says of an input that it reads."""
        if remark is not None:
            self.summaries[name] = replace(self.summaries[name], note=remark)

    def unknown(self, stream: Stream, remark: Text | None = None, *, is_log: bool = True) -> None:
        """An input nobody recognised; ``remark`` is what it is by name."""
        if remark is not None and is_log:
            self.named.add(stream.name)
        from kanaria.formats.unknown import searchable

        head = stream.head()
        binary = bool(head) and not searchable(head)
        note = _damage(stream) or remark or (_BINARY if binary else _UNKNOWN if head else _EMPTY)
        lost = int(_damage(stream) is not None)
        self.summaries[stream.name] = InputSummary(
            path=stream.name, format=None, rows=lost, rejected=0, unread=lost, unsearched=lost + binary, note=note
        )

    def failed(self, name: str, error: KanariaError) -> None:
        """An input that cannot be read takes no other along: it is named with the reason and the way out."""
        summary = self.summaries.get(name) or InputSummary(path=name, format=None, rows=0, rejected=0)
        en, ja = (printable(error.to(language)) for language in LANGUAGES)
        note = Text(en=f"could not be read: {en}", ja=f"読み取れませんでした({ja})。")
        self.failures[name] = error
        self.summaries[name] = replace(
            summary,
            rows=summary.rows + 1,
            unread=summary.unread + 1,
            unsearched=summary.unsearched + 1,
            note=note,
            failed=True,
        )

    def done(self, stream: Stream) -> None:
        """An input was read to its end, which damage may have brought about early; a live one may have lost some."""
        summary = self.summaries[stream.name]
        ended = getattr(stream, "ended", None)
        note = ended() if ended else _damage(stream)
        lost = int(_damage(stream) is not None and summary.format is not None)
        self.summaries[stream.name] = replace(summary, note=note or summary.note, unsearched=summary.unsearched + lost)

    def remarks(self, *, all_rejects: bool) -> list[Text]:
        """What a reader must know about inputs that were not read completely; the first few are named.

        With ``all_rejects`` every input with rejected records is named, else those of which nothing was readable.
        """
        remarks = []
        for item in self.summaries.values():
            path = printable(item.path)
            if item.note:
                remarks.append(Text(en=f"{path}: {item.note.en}", ja=f"{path}: {item.note.ja}"))
            if item.rejected and (all_rejects or item.rejected >= item.rows):
                remarks.append(_rejected(path, item, self.reasons.get(item.path, "")))
        for source, (rows, first) in self.wrong_clocks.items():
            remarks.append(_wrong_clock(printable(source), rows, first))
        more = len(remarks) - REMARKS
        tail = [Text(en=f"… and {more} more inputs like these.", ja=f"…ほか{more}個の入力も同様です。")]
        return remarks[:REMARKS] + (tail if more > 0 else [])

    def require_recognised(self, *, found: bool) -> None:
        """Raises SourceError when inputs had content, and nothing of it was in a format anybody knows, or readable.

        What the search ``found`` in it all the same is an answer.
        """
        if found or (self.named and self.named >= {item.path for item in self.summaries.values() if item.rows}):
            return
        if self.failures and all(item.unread >= item.rows for item in self.summaries.values()):
            raise next(iter(self.failures.values()))
        unread = [item.path for item in self.summaries.values() if item.format is None and item.note != _EMPTY]
        if unread and all(item.format is None for item in self.summaries.values()):
            raise SourceError(
                source=printable(unread[0]), expected="a log or capture in a known format", got="something else",
                cause="kanaria formats shows what can be read; --input-format or --log-format says what it is",
            )  # fmt: skip
        given = [item for item in self.summaries.values() if item.unread or item.rows]
        if given and all(item.unread >= item.rows for item in given):
            first = given[0]
            raise SourceError(
                source=printable(first.path), got="none",
                expected=f"at least one readable record of {first.format or 'a known format'}",
                cause=self.reasons.get(first.path, ""),
            )  # fmt: skip

    def count_doubles(self, rows: int) -> None:
        """So many rows were left out because a better sensor saw the same flow."""
        self.doubles += rows

    def note(self, notes: Iterable[Text]) -> None:
        """Something for the reader, once."""
        self.notes += [one for one in notes if one not in self.notes]

    def wrong_clock(self, batch: Batch, rows: int, first: datetime) -> None:
        """Records of the batch have a time that cannot be right; the first of them was that."""
        before = self.wrong_clocks.get(batch.source)
        self.wrong_clocks[batch.source] = (rows + (before[0] if before else 0), before[1] if before else first)

    def count(self, batch: Batch) -> None:
        summary = self.summaries[batch.source]
        if "connection" in batch.tables:
            self.closed.count(batch.tables["connection"])
        low, high = summary.first, summary.last
        for table in batch.tables.values():
            first, last = _span(table)
            low = min(filter(None, (low, first)), default=None)
            high = max(filter(None, (high, last)), default=None)
        rejected = summary.rejected + max(len(batch.rejects), batch.rejected)
        if batch.rejects:
            self.reasons.setdefault(batch.source, printable(batch.rejects[0].reason))
        self.summaries[batch.source] = replace(
            summary,
            rows=summary.rows + batch.rows,
            rejected=rejected,
            first=low,
            last=high,
            unread=summary.unread + batch.unread,
        )


def _damage(stream: Stream) -> Text | None:
    """Why a compressed input ended early, when it did."""
    damage = getattr(stream, "damage", None)
    if not damage:
        return None
    return Text(
        en=f"only the part before damage was read: {damage}.",
        ja=f"破損箇所より前の部分だけを読み取りました({in_japanese(damage)})。",
    )


def _rejected(path: str, item: InputSummary, reason: str) -> Text:
    count, rows = f"{item.rejected:,}", f"{item.rows:,}"
    return Text(
        en=f"{path}: {count} of {rows} records could not be read as {item.format}, the first because of: {reason} "
        "(--rejects FILE keeps them).",
        ja=f"{path}: {rows}件中{count}件を{item.format}として読み取れませんでした。最初の理由: {in_japanese(reason)}"
        "(--rejects ファイル名 で保存できます)。",
    )


def _wrong_clock(path: str, rows: int, first: datetime) -> Text:
    shown = f"{first:%Y-%m-%d %H:%M:%S} UTC"
    records = "1 record has" if rows == 1 else f"{rows:,} records have"
    return Text(
        en=f"{path}: {records} a time that cannot be right (the first: {shown}). They were judged without it "
        "and teach nothing about what is normal; check the clock of the device that wrote them.",
        ja=f"{path}: {rows:,}件の記録の時刻は正しくありえません(最初のもの: {shown})。時刻なしで判定し、"
        "通常の動作の学習には使っていません。記録した機器の時計を確認してください。",
    )


def _span(table: pa.Table) -> tuple[datetime | None, datetime | None]:
    """From the first begin to the last end of anything in the table."""
    import pyarrow.compute as pc

    if not len(table):
        return None, None
    ends = pc.min_max(table["time"]).as_py()
    if "duration_us" in table.column_names:
        lasted = pc.fill_null(table["duration_us"], 0)
        lasted = pc.if_else(pc.and_(pc.greater(lasted, 0), pc.less(lasted, LONGEST_US)), lasted, 0)
        ends["max"] = pc.max(pc.add(table["time"], pc.cast(lasted, pa.duration("us")))).as_py()
    return tuple(end.astimezone(UTC) if end else None for end in (ends["min"], ends["max"]))  # type: ignore[return-value]
