"""The words by which deeds are told: names of programs, options, and signs in code, as expressions and sets.

In: nothing. Out: constants that ``deeds`` reads command lines with.
"""

from __future__ import annotations

import re

from kanaria.core.late_regex import late_regex

EXECUTABLE = late_regex(r"[0-7]*[1357][0-7]*|[ugoa]*\+[rwst]*x[rwx]*")
MODE = late_regex(r"[0-7]{3,4}|[ugoa]*[+-]\w+|-\w+")
FILTERS = frozenset("rev tac xxd base64 base32 openssl gunzip zcat gzip uudecode tr sed".split())
INTERPRETERS = frozenset(
    "sh bash dash ash zsh ksh tcsh csh source . eval python python2 python3 perl php ruby node lua pwsh".split()
)
CODE = frozenset("python python2 python3 perl php ruby node lua".split())
FETCHERS = frozenset("curl wget fetch lwp-download lwp-request ftpget tftp aria2c axel certutil bitsadmin http".split())
PREFIXES = frozenset(
    "sudo env nohup nice setsid busybox exec command time stdbuf then do else if while xargs start doas !".split()
)
MINERS = late_regex(
    r"xmrig|xmr-?stak|ethdcrminer"
    r"|(?:cpu|cc|eth|cg|bfg|s?g|claymore|phoenix|nb|srb|team ?red|lol|nano|gm|bz|wildrig)-?miner"
    r"|^minerd$|^t-rex|^rigel$|^onezerominer|^wildrig|kdevtmpfsi|kinsing|^sysrv|^xmr$|^xmr[._-]|moneroocean_miner|c3pool_miner",
    re.IGNORECASE,
)
MINING_WORDS = late_regex(
    r"stratum[12]?\+(?:tcp|ssl|tls|udp|ws)|--donate-level|--cpu-max-threads-hint|--randomx|moneroocean|c3pool|supportxmr|hashvault"
    r"|nanopool|minexmr|2miners|unmineable|herominers|nicehash",
    re.IGNORECASE,
)
WALLET = late_regex(r"(?<![\w])(?:[48][0-9A-Za-z]{94}|0x[0-9a-fA-F]{40}|[13bt][0-9A-Za-z]{25,60})(?![0-9A-Za-z])")
LONG_WALLET = late_regex(r"\b[48][0-9A-Za-z]{94}\b")
"""An address of Monero, which no other word is as long as; set-up scripts of miners take one."""
REMOTE = late_regex(
    r"(?:https?|ftps?|tftp)://(?!%s)[^\s'\"]{3,}|\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?:/\S*)?"
    r"|(?:0x[0-9a-f]{8}|\d{9,10})(?::\d{1,5})?/\S+"
    r"|\[[0-9a-f:]{3,}\]\S*|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,18}(?::\d{1,5})?/\S*",
    re.IGNORECASE,
)
NAME = late_regex(r"[\w-]+(?:\.[\w-]+)*\.[a-z]{2,18}", re.IGNORECASE)
URL = late_regex(r"(?:https?|ftps?|tftp)://[^\s'\"`<>|;&)(}\\,$]{3,300}", re.IGNORECASE)
TEMPORARY = late_regex(r"^(?:/tmp|/var/tmp|/dev/shm|/var/run|/run|/mnt|\./|%temp%|\$env:temp|c:\\windows\\temp)", re.I)
STARTED = late_regex(r"^(?:\./|/(?:tmp|var/tmp|dev/shm|var/run)/)\S")
KEPT = late_regex(
    r"/etc/cron|/var/spool/cron|\.bashrc|\.profile|authorized_keys|/etc/systemd|/lib/systemd|rc\.local|init\.d|ld\.so\.preload",
    re.IGNORECASE,
)
SOCKET = late_regex(r"/(?:dev/(?:tcp|udp)|inet[46]?/(?:tcp|udp)/\d{1,5})/([\w.:-]{3,100})/(\d{1,5})")
"""Bash's and gawk's names for a connection."""
RESOLVERS = frozenset("nslookup dig host drill kdig".split())
TEXT_RECORD = late_regex(r"-?(?:(?:q|query|query-?type|type|t)=)?txt", re.IGNORECASE)
"""What asks for a text that anybody may have put there."""
NETWORK_CODE = late_regex(
    r"urlopen|urlretrieve|urllib|requests?\.|httplib|http\.client|LWP|getstore|\bget\b|file_get_contents|curl_|http\.get"
    r"|https?\.request|fetch\(|open-uri|URI\.(?:open|parse)|Net::HTTP|IO::Socket|socket",
    re.IGNORECASE,
)
RUN_CODE = late_regex(
    r"exec|eval|system|popen|subprocess|spawn|passthru|shell_exec|`|\bos\.|call\(|fork|assert|include|require", re.I
)
SHELL_CODE = late_regex(r"dup2|/bin/(?:ba|da)?sh|pty\.spawn|>&S|STDIN", re.IGNORECASE)
WINDOWS_FETCH = late_regex(
    r"downloadstring|downloadfile|downloaddata|invoke-webrequest|invoke-restmethod|\biwr\b|\birm\b|\bcurl\b|\bwget\b"
    r"|start-bitstransfer|openread|webclient",
    re.IGNORECASE,
)
POWERSHELL = late_regex(r"\b(?:powershell|pwsh)(?:\.exe)?[ \"'](.{1,4000})", re.IGNORECASE | re.DOTALL)
WINDOWS_RUN = late_regex(r"\biex\b|invoke-expression|start-process|\bsaps\b|invoke-item|\bstart\s|&\s*['\"$]", re.I)
VERBS = late_regex(
    r"curl|wget|chmod|bash|\bsh\b|nohup|base64|/dev/tcp|\bnc\b|python|perl|php|ruby|powershell|certutil|bitsadmin|mshta"
    r"|xmrig|miner|crontab|pkill|killall|fetch|tftp|\brm\b|busybox|\becho\b|printf|\bkill\b|regsvr32|\bcmd\b|systemctl|stratum[12]?\+|\s--?(?:algo|pool)\b|socat|s_client|\s-u\s+[48][0-9A-Za-z]{50}",
    re.IGNORECASE,
)
POOL = late_regex(r"(?:^|\s)(?:-o|--url|-pool|-epool|--pool)[ =]\S+[:.]\S+")
SERVER = late_regex(r"(?:^|\s)(?:--server|-s|-P)[ =]\S+[:.]\S+")
ALGORITHM = late_regex(r"(?:^|\s)(?:-a|--algo(?:rithm)?)[ =]\S")
"""Beside an algorithm a server is a pool: programs of other kinds have servers, too."""
CONNECTORS = frozenset("nc ncat netcat telnet socat".split())
PLACE = late_regex(
    r"(?i:(?:tcp[46]?|ssl|openssl)[:-](?:connect:)?)?(?P<host>[\w-]+(?:\.[\w-]+)+)(?::(?P<port>\d{1,5}))?(?:,\S*)?"
)
RUNS = late_regex(r"-\w{0,4}[ec]|--exec|--sh-exec|exec:.*", re.IGNORECASE)
PLACEHOLDER = late_regex(
    r"\b(?:your|my)[-_ ]?(?:own[-_ ]?)?(?:\w{1,8}[-_ ])?(?:wallet|address|payout)\w*|\bwallet[-_]?(?:address|here)\b"
    r"|<[^>]{0,20}(?:wallet|address)[^>]{0,20}>|\$\{?\w{0,12}wallet\w{0,8}\}?|(?:ウォレット|あなたの)\S{0,12}アドレス",
    re.IGNORECASE,
)
"""What instructions write where a command that runs has a payout address."""
TAG = late_regex(r"</?[\w:.-]+(?:\s[^<>]{0,200})?>")
LISTED = late_regex(r"(['\"])\s{0,4},\s{0,4}(['\"])")
CALLED = late_regex(r"(?<=['\"])\s{0,4}\.(?=[A-Za-z]{2,20}\()")
STRING = late_regex(r"\"((?:[^\"\\\n]|\\.){4,2000})\"|'((?:[^'\\\n]|\\.){4,2000})'")
FIELDS = late_regex(r"^\s*(?:[\d*/,-]+\s+){5}|^\s*@(?:reboot|hourly|daily)\s+")
NOT_FILES = frozenset(("", "-", "1", "2", "&1", "&2", "/dev/null", "/dev/stdout", "/dev/stderr", "*", "."))


# Options of downloaders that take a word, which is then no address.
SAVES = late_regex(r"^(?:--output(?:-document)?|--out|-[a-zA-Z]{0,6}[oO])$")
SAVES_JOINED = late_regex(r"^(?:--output(?:-document)?=|--out=|-[a-zA-Z]{0,5}[oO])(.+)$")


WINDOWS = frozenset("powershell pwsh mshta regsvr32 rundll32 msiexec cmd wmic start-process iex".split())
