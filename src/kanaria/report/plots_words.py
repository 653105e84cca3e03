"""Words in and around pictures, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from kanaria.core.extras import install_command
from kanaria.core.glossary import SEVERITIES, STAGES
from kanaria.core.types import Text

# Lanes of a picture: short, and one for what belongs to no stage.
LANES: Mapping[str, Text] = {
    **STAGES,
    "command_and_control": Text(en="Command, control", ja="遠隔操作"),
    "other": Text(en="Other", ja="その他"),
}

LABELS: Mapping[str, Text] = {
    **SEVERITIES,
    "left_out": Text(
        en="{count:less severe model is|less severe models are} not shown", ja="重大度の低い{count}件は省略しています"
    ),
    "findings_per_day": Text(en="findings per day", ja="1日あたりの検知数"),
    "this_incident": Text(en="this incident", ja="このインシデント"),
    "surprise": Text(en="surprise (bits)", ja="意外さ(ビット)"),
    "surprise_of_hour": Text(en="most surprising of the hour", ja="その時間で最も意外なもの"),
    "threshold": Text(en="alert threshold by the budget then", ja="その時点の通知のしきい値(1日の通知数から決定)"),
    "above_threshold": Text(en="above it", ja="しきい値以上"),
    "from_client": Text(en="from the device (bytes)", ja="機器から(バイト)"),
    "from_server": Text(en="from the other side (bytes)", ja="相手から(バイト)"),
    "seconds": Text(en="seconds since the first message", ja="最初のメッセージからの秒数"),
    "normal": Text(en="normal before (median of the same hour)", ja="それまでの通常(同じ時間帯の中央値)"),
    "volume": Text(en="bytes per hour", ja="1時間あたりのバイト数"),
}

CAPTIONS: Mapping[str, Text] = {
    "timeline": Text(en="Timeline of the incident", ja="インシデントの時系列"),
    "counts": Text(en="Findings per day around the incident", ja="インシデント前後の1日あたりの検知数"),
    "surprise": Text(en="How unusual the device behaved", ja="機器のふるまいの意外さ"),
    "volume": Text(en="Traffic per hour against what was normal before", ja="1時間ごとの通信量と、それまでの通常"),
    "messages": Text(
        en="Message lengths of the connection: upwards from the device, downwards from the other side",
        ja="通信のメッセージ長: 上が機器から、下が相手から",
    ),
}

NO_FONT = Text(
    en="The labels in the pictures are English: no Japanese font is installed (on Debian: fonts-ipaexfont-gothic).",
    ja="図中の表記は英語です: 日本語フォントがインストールされていません(Debianでは fonts-ipaexfont-gothic)。",
)


def no_library() -> Text:
    """Why a report has no pictures, and what adds them."""
    command = install_command("plot", "matplotlib")
    return Text(
        en=f"Pictures are left out: matplotlib is not installed ({command}).",
        ja=f"図は省略しています: matplotlibが未導入です({command})。",
    )
