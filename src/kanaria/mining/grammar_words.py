"""Says in words what a connection did that looks like mining: from numbers to one sentence per language."""

from __future__ import annotations

from kanaria.core.types import Text
from kanaria.mining.grammar_sequence import Exchange
from kanaria.mining.grammar_signs import Volume


def of_sequence(
    seen: Exchange, row: int, seconds: float, plain: tuple[float, int] | None = None, measured: Text | None = None
) -> tuple[str, str]:
    """The pattern of one connection: what the client repeats, how it is answered, what the server pushes, how long;
    after how many seconds and messages it was plain, 0 messages where only the connection's length made it so; and what
    was measured of connections looked at for so long."""
    lasted = max(seconds, float(seen.span[row]))
    parts = [_submits(seen, row), _pushes(seen, row)]
    english = [part[0] for part in parts if part] + [_english_time(lasted)]
    japanese = [part[1] for part in parts if part] + [f"継続 {_japanese_time(lasted)}"]
    if plain:
        when, needed = plain
        english.append(f"plain after {_english_time(when)}" + (f" and {needed} messages" if needed else ""))
        japanese.append(
            f"開始から {_japanese_time(when)}"
            + (f"、メッセージ {needed}通" if needed else "")
            + "で判定できる状態でした"
        )
    if measured:
        english.append(measured.en)
        japanese.append(measured.ja)
    return "; ".join(english), "。".join(japanese) + "。"


def of_flow(seen: Volume, row: int) -> tuple[str, str]:
    """The totals of one flow record."""
    seconds = float(seen.seconds[row])
    rate = (seen.up_bytes[row] + seen.down_bytes[row]) / max(seconds, 1.0)
    minute = 60 * (seen.up_packets[row] + seen.down_packets[row]) / max(seconds, 1.0)
    up = seen.up_bytes[row] / max(seen.up_packets[row], 1.0)
    down = seen.down_bytes[row] / max(seen.down_packets[row], 1.0)
    return (
        f"{rate:.0f} bytes/s and {minute:.0f} packets/min without a break for {_english_time(seconds)}, "
        f"{up:.0f} bytes per packet up and {down:.0f} down",
        f"毎秒 {rate:.0f}バイト、毎分 {minute:.0f}パケットの通信が {_japanese_time(seconds)}続いています"
        f"(1パケットあたり送信 {up:.0f}バイト、受信 {down:.0f}バイト)。",
    )


def _submits(seen: Exchange, row: int) -> tuple[str, str] | None:
    count, length, gap = int(seen.submit_count[row]), int(seen.submit[row]), float(seen.gap_mean[row])
    if not count:
        return None
    english = f"{length}-byte message " + (f"every ~{_pace(gap)} s" if count > 1 else "once")
    japanese = f"{length}バイトのメッセージを" + (f"約 {_pace(gap)}秒ごとに送信" if count > 1 else "1回送信")
    if seen.answer_count[row]:
        answer, delay = int(seen.answer[row]), _delay(float(seen.delay[row]))
        each = "each " if count > 1 else ""
        english += f", {each}answered by {answer} bytes within {delay}"
        japanese += f"し、{delay} 以内に {answer}バイトの応答"
    return english, japanese


def _pushes(seen: Exchange, row: int) -> tuple[str, str] | None:
    count, length = int(seen.push_count[row]), int(seen.push[row])
    if not count:
        return None
    similar = f"{count} similar messages" if count > 1 else "1 message"
    return (
        f"server pushed {similar} of {length} bytes nobody asked for",
        f"サーバから要求なしに {length}バイトのほぼ同じ長さのメッセージが {count}回",
    )


def _pace(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}"


def _delay(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _english_time(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def _japanese_time(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.1f}時間"
    return f"{seconds / 60:.0f}分" if seconds >= 120 else f"{seconds:.0f}秒"
