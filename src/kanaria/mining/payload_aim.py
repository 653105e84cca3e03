"""Whom a request is meant for, and when a command in it is only quoted.

In: a request's columns or one of its values, decoded. Out: yes or no. Each answer rests on one place: the path says
which program is asked, and a command is excused only by the value it stands in itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kanaria.core.late_regex import late_regex
from kanaria.core.network import parse_address
from kanaria.mining.deeds import Deeds
from kanaria.mining.request_values import Value, text_of

# Paths of routers, cameras, recorders and their kin, from public reports on Mozi, Mirai, Gafgyt and other botnets.
_ROUTER_PATH = late_regex(
    r"^(?:https?://[^/]*)?/*(?:gponform/|boaform/|boafrm/|hnap1|ctrlt/|setup\.cgi|cgi-bin/nas_sharing|device\.rsp"
    r"|cgi-bin/luci(?:/|;)|tmunblock|hndunblock|picsdesc\.xml|picdesc\.xml|goform/|currentsetting\.htm|cgi-bin/mainfunction"
    r"|login\.cgi\?cli=|dslf-config|bin/zhttpd|ping\.cgi|diag\.cgi|soap\.cgi|wanipcn\.xml|upnpisapi|board\.cgi|stssys"
    r"|apply\.cgi|cgi-bin/viewlog|language/swedish|cgi-bin/(?:;|%3b)|cgi-bin/downloadfile|stainfo\.cgi|shell\?cd[ +%]"
    r"|cgi-bin/supervisor|cgi-bin/popen|tr069|ud/act|cgi-bin/execute_cmd|cgi-bin/account_mgr|cgi-bin/webproc)",
    re.IGNORECASE,
)
_ROUTER_PROGRAM = late_regex(r"mozi\.[am]\b|\.selfrep\b|\bjaws\b|/(?:mips|mipsel|arm[4567]?|mpsl)\b", re.IGNORECASE)
_DOTS = late_regex(r"(?:^|/)(?:\.\.|%2e%2e)(?:/|$)", re.IGNORECASE)
# Parameters in which people type, share and search text.
_TEXT_NAMES = frozenset(
    "q s search query keyword keywords text content body message msg title description comment note notes snippet code"
    " paste share preview input term terms find kw word words question prompt url u link quote subject".split()
)
_PAGES = late_regex(
    r"^(?:[\w\s.,:?!'’、。「」()-]{0,200}\s|[^\x00-\x7f\s]{0,40})?\s*(?:\$\s+)?(?:sudo\s+)?(?:curl|wget|bash|sh|fetch|powershell|iwr|irm|apt|pip|npm|docker|brew)\b",
    re.I,
)
_HOST = late_regex(r"^(?:[a-z]+://)?(\[[^\]]*\]|[^/:?#]+)", re.IGNORECASE)


def at_router(record: Mapping[str, object], acting: str) -> bool:
    """Whether the path is a router's, or the command that acts fetches a program for one."""
    url = text_of(record.get("url") or record.get("request"))
    return bool(_ROUTER_PATH.match(url) and not _DOTS.search(url.partition("?")[0])) or bool(
        _ROUTER_PROGRAM.search(acting)
    )


def merely_quoted(value: Value, text: str, deeds: Deeds) -> bool:
    """A command somebody pasted or searched for: in a field for text, from its first letter, an installer from a named
    host, and nothing that an installer does not do."""
    if value.place not in ("parameter", "body") or value.name.rsplit("[", 1)[0] not in _TEXT_NAMES:
        return False
    if deeds.names & {"hidden", "shell", "miner", "persist", "kill"} or not _PAGES.match(text):
        return False
    return bool(deeds.remotes) and all(_named(remote) for remote in deeds.remotes)


def _named(remote: str) -> bool:
    """Whether the address is a host's name: attackers fetch from bare addresses, documented installers never."""
    match = _HOST.match(remote)
    host = match[1].strip("[]") if match else ""
    return "." in host and parse_address(host) is None and not host.replace(".", "").isdigit()
