"""What a rule says of itself beside its logic, as tags ``kanaria.…``: meaning that no name carries.

Rules name them in YAML, findings carry them, and whoever judges or tells asks for them. A rule that is renamed means
what it meant; a rule of one's own gets the same words and advice as a bundled one by the same tag.
"""

from __future__ import annotations

from collections.abc import Mapping

from kanaria.core.types import Text

NAMESPACE = "kanaria."
MINING, MINERS = "kanaria.mining", "kanaria.miners"
GUESSER_IS_DEVICE, GUESSER_IS_REMOTE = "kanaria.guesser.device", "kanaria.guesser.remote"
INSTALLER = "kanaria.installer"
CHAIN = "kanaria.chain"
STORY_RDP, STORY_RDP_OPEN = "kanaria.story.rdp", "kanaria.story.rdp-open"
STORY_RDP_GUESSING = "kanaria.story.rdp-guessing"
STORY_MINING, STORY_SMB, STORY_OUTSIDE = "kanaria.story.mining", "kanaria.story.smb", "kanaria.story.outside"

MEANINGS: Mapping[str, Text] = {
    MINING: Text(en="Mining goes on.", ja="マイニングが行われています。"),
    MINERS: Text(
        en="It is about miners or their protocol in any other way.", ja="マイナーやそのプロトコルに関するものです。"
    ),
    GUESSER_IS_DEVICE: Text(
        en="A machine of yours tries passwords: the finding's device.",
        ja="自分の機器がパスワードを試しています(検知のdevice)。",
    ),
    GUESSER_IS_REMOTE: Text(
        en="A machine of yours tries passwords on another: the finding's remote.",
        ja="自分の機器が、別の機器に対してパスワードを試しています(検知のremote)。",
    ),
    INSTALLER: Text(
        en="A documented installer that everybody uses; being written somewhere, it asks for nothing.",
        ja="広く使われている、公開されたインストーラです。どこかに書かれているだけでは、対応は必要ありません。",
    ),
    CHAIN: Text(
        en="It counts what other rules found, and adds no observation of its own.",
        ja="ほかのルールの検知を数えたもので、それ自体は新しい観測ではありません。",
    ),
    STORY_RDP: Text(
        en="The story tells it as Remote Desktop at the device.",
        ja="経過の説明では、機器へのリモートデスクトップとして述べます。",
    ),
    STORY_RDP_OPEN: Text(en="... which the Internet can reach.", ja="同上。インターネットから届く状態です。"),
    STORY_RDP_GUESSING: Text(
        en="... whose passwords somebody seems to try.", ja="同上。パスワードが試されているようです。"
    ),
    STORY_MINING: Text(en="The story tells it as mining.", ja="経過の説明では、マイニングとして述べます。"),
    STORY_SMB: Text(
        en="The story tells it as unusual file sharing.", ja="経過の説明では、普段と異なるファイル共有として述べます。"
    ),
    STORY_OUTSIDE: Text(
        en="The story tells it as an unusual exchange with the outside.",
        ja="経過の説明では、外部との普段と異なる通信として述べます。",
    ),
}
"""Every tag of ours and what it says; a rule with another one in this namespace is refused."""
