"""The words that make a request worth decoding, as Hyperscan expressions; in: nothing, out: two compiled filters.

``WORDS`` occur in the decoded text of every request that a rule on ``payload.decoded`` may match (a test holds the
rules to that). ``HINTS`` only say that a record is wrapped in a way ordinary clients do not use, so that a word may
hide in it. Both run over the record as the log wrote it, hence ``%2f`` and ``\\/`` beside ``/``.
"""

from __future__ import annotations

import base64
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kanaria.core.prefilter import Pattern, Prefilter

_GAP = rb"(?:[ \t+$\"'`\\{<;|&,]|%[0-9a-f])"
_SLASH = rb"(?:\\?/|%2f)"
_OPEN = rb"(?:\(|%28)"

_WORD = rb"(?:[ +_-]|%20)"


def _written(*words: str) -> tuple[bytes, ...]:
    """Words of a script that logs write as it is, in percent signs, or in escapes."""
    encoded = [word.encode() for word in words]
    forms = [b"%%%02x", rb"\\x%02x"]
    return (*encoded, *(b"".join(form % byte for byte in word) for form in forms for word in encoded))


# A command behind a sign that separates commands. One expression for each sign: Hyperscan finds those a fifth faster
# than one for all, whose commonest literals are two letters long.
_COMMAND = (
    rb"(?:\+|%20){0,2}(?:id|whoami|uname|cat|nslookup|sleep|cd|rm|busybox|nc|ls|printf|eval"
    rb"|exec|source|ssh|scp|dd|telnet|echo|export)(?:[^a-z0-9_.=)-]|$)"
)

# Whatever prints it: a shell reads what comes.
_SHELL = rb"(?:[ +]|%20){0,2}(?:ba|da|a|z|k)?sh(?:[^a-z0-9_.=)-]|$)"

WORDS: tuple[bytes, ...] = (
    # a miner's own arguments: a login that is a wallet of Monero
    rb"-u(?:[ +]|%20){1,3}[48][0-9a-z]{50}",
    # commands and downloaders
    rb"(?:curl|wget|chmod|tftp|ftpget|lwp-download)" + _GAP,
    rb"fetch(?:[ +]|%20)(?:-|http)",
    rb"(?:busybox|powershell|certutil|bitsadmin|mshta|regsvr32|downloadstring|downloadfile|invoke-webrequest)",
    rb"bin" + _SLASH + rb"(?:ba|da|a|z)?sh",
    rb"sh(?:[ +]|%20)-c",
    rb"base64(?:[ +]|%20|_decode|" + _SLASH + rb")",
    rb"cmd\.exe",
    # Java: lookups, expression languages, class names
    rb"jndi|xmlapplicationcontext",
    rb"getruntime|processbuilder|java\.lang|java\.io\.|javax\.script|scriptengine|ognl|freemarker|memberaccess|opensymphony",
    rb"actioncontext|classloader|xmldecoder|functionrouter|routing-expression|\.forname|\.execute\(|com\.sun\.|com\.bea\.",
    rb"com\.tangosol|groovy\.|descriptorbyname|scripttext|remoting=|securityrealm",
    # products
    rb"doenterpagevariables|createpage-entervariables|text-inline|bootstrapstatusprovider|setupadministrator",
    rb"setup-restore|wls-wsat|asyncresponseservice|console\.portal|wlstestwsservice",
    rb"containers" + _SLASH + rb"create|cluster" + _SLASH + rb"apps|api" + _SLASH + rb"jobs|hub" + _SLASH + rb"session",
    rb"djvmdirm|at&tform|autodiscover\.json|catalog-portal|wt=velocity|params\.resource\.loader|service"
    + _SLASH
    + rb"extdirect",
    rb"fileserver"
    + _SLASH
    + rb"|jolokia|geoserver|slaveof|replicaof|flushall|execute-solution|upload\.action|actuator"
    + _SLASH,
    rb"config(?:[ +]|%20)set|security attack detected|class\.inspect|x[-_]middleware[-_]subrequest",
    rb"api" + _SLASH + rb"(?:pull|push|create|blobs)(?:[^a-z0-9]|$)",
    rb"action(?::|%3a)(?:\$|%24|%25|%)(?:\{|%7b)|redirect(?::|%3a)(?:\$|%24|%25|%)(?:\{|%7b)|allowstaticmethod",
    rb"post_render|lazy_builder|pre_render|key_velocity|uploadfilename|programexport|groovyprogram|script_fields",
    rb"setup" + _SLASH + rb"setup-",
    # PHP and Node.js
    rb"eval-stdin|allow_url_include|auto_prepend_file|force_redirect|invokefunction|call_user_func|__construct|think(?:%5c|\\|%2f|/)",
    rb"php:" + _SLASH + rb"|pearcmd",
    rb"<\?php|%3c%3f|<\?=|<%@page|<%runtime|shell_exec|passthru|file_put_contents|proc_open|popen" + _OPEN,
    rb"(?:cmd|exec|command|shell|[?&][cx])=(?:id|whoami|uname|ls|cat|pwd|ps|ifconfig|ipconfig|dir|rm|nc|bash|sh|python3?|perl"
    rb"|netstat|hostname|tasklist|systeminfo|nohup|echo|find|ping|net|touch|kill|pkill|crontab)(?:[^a-z0-9_.-]|$)",
    *(sign + _COMMAND for sign in (b";", rb"\|", b"`", b"%3b", b"%7c", b"%60", b"%26%26", b"&&")),
    *(sign + _SHELL for sign in (rb"\|", b"%7c")),
    rb"[a-z](?:\^|%5e)[a-z](?:\^|%5e)[a-z]",
    rb"(?:\$|%24)(?:\(|%28)(?:id|whoami|uname|cat|nslookup|sleep|cd|rm|busybox|nc|ls)(?:[^a-z0-9_.=-]|$)",
    rb"(?:eval|assert|system|exec|phpinfo|md5)" + _OPEN,
    rb"__proto__|child_process|mainmodule|constructor:constructor|execsync|prototype\.",
    # shells in headers, traversal to a CGI
    rb"\(\)(?:[ +]|%20){0,3}(?:\{|%7b)",
    rb"(?:cgi-bin|icons)" + _SLASH + rb"(?:\.|%2e|%%32|%25)",
    rb"etc" + _SLASH + rb"passwd",
    # appliances and routers
    rb"mozi\.|zhttpd|boafrm|wanipcn|gponform|boaform|hnap1|deviceupgrade|stok=|setup\.cgi|nas_sharing|device\.rsp|tmunblock|picdesc\.xml",
    rb"currentsetting\.htm|goform"
    + _SLASH
    + rb"|soap\.cgi|ping\.cgi|diag\.cgi|cgi-bin"
    + _SLASH
    + rb"(?:luci|mainfunction)|shell\?cd|login\.cgi\?cli|dslf-config",
    # mining by name
    rb"xmrig|stratum(?:\+|%2b|%2520|://)|cryptonight|minexmr|c3pool|supportxmr|moneroocean|nicehash|hashvault|nanopool",
    rb"kinsing|kdevtmpfsi|xmr\.sh|monero|donate-level|randomx|minergate|2miners|unmineable|coinhive",
    # rigs and nodes, and what is run through other interfaces
    rb"miner_(?:file|getstat|reboot|restart|setetherbase|start|stop|setgas)|control_gpu|personal_(?:unlock|send)",
    rb"(?:add|switch|remove)pool|command\\{0,2}(?:\x22|\\x22|%22) ?: ?\\{0,2}(?:\x22|\\x22|%22)(?:summary|devs|pools)",
    rb"solrsearch|\{\{groovy|fun(?:=|%3d|\x22: ?\x22)cmd\.|(?:\{|%7b)(?:script|dns|url)(?::|%3a)",
    rb"redirect(?:action)?(?::|%3a)|(?:\?|%3f)action(?::|%3a)|from(?:[ +]|%20)program|libredtail|muhstik",
    # text for a language model
    rb"(?:ignore|disregard|forget|override|bypass)"
    + _WORD
    + rb"{1,3}(?:all|any|the|your|my|previous|prior|above|earlier|every)",
    rb"system" + _WORD + rb"prompt|you" + _WORD + rb"are" + _WORD + rb"(?:now|an?)|authori[sz]ed" + _WORD + rb"mining",
    rb"(?:set|change|lower|raise)" + _WORD + rb"{1,3}(?:the" + _WORD + rb")?(?:severity|verdict|outcome)",
    rb"do"
    + _WORD
    + rb"not"
    + _WORD
    + rb"(?:report|alert|mention|flag)|new"
    + _WORD
    + rb"instructions?"
    + _WORD
    + rb"{0,2}(?::|%3a)",
    rb"benign|harmless|legitimate|false" + _WORD + rb"positive|not" + _WORD + rb"an?" + _WORD + rb"(?:attack|incident)",
    rb"(?:is|as)" + _WORD + rb"(?:clean|safe|authori[sz]ed)(?:[^a-z]|$)",
    rb"(?:<|%3c)(?:\||%7c)(?:im_|system|user|assist|endof)|(?:\[|%5b)(?:/|%2f)?inst(?:\]|%5d)|(?:<|%3c){2}sys(?:>|%3e)",
    rb"(?:<|%3c)(?:/|%2f)?(?:system|assistant)(?:>|%3e)|(?:#|%23){3}" + _WORD + rb"?(?:system|instruction|response)",
    rb"(?:\x22|%22|\\x22)(?:verdict|severity)(?:\x22|%22|\\)",
    *_written(
        "無視",
        "報告して",
        "回答して",
        "判定して",
        "出力して",
        "分類して",
        "記載して",
        "重大度を",
        "判定を",
        "結論を",
        "結果を",
        "しないで",
        "許可されたマイニング",
        "システムプロンプト",
        "新しい指示",
    ),
)
"""Case-insensitive. A decoded text with none of them, nor of ``DECODED``, is ordinary and stays null."""

DECODED: tuple[bytes, ...] = (
    rb"(?:[;|`]|&&) {1,2}(?:id|whoami|uname|cat|nslookup|sleep|cd|rm|busybox|nc|ls)(?:[^a-z0-9_.=)-]|$)",
)
"""Words with a blank that a log line has as ``+`` or ``%20``; on raw lines they would stop at every browser's name."""

_PIPE = rb"(?:\||%7c)"
_DOLLAR = rb"(?:\$|%24)"
_BLANK = rb"(?:[ +\t]|%20|%09)"
_AT = rb"(?:/|%2f)"
_ANY, _STAR = rb"(?:\?|%3f)", rb"(?:\*|%2a)"
_NOTHING = rb"(?:[\x22'\\`]|\\\\|\\[\x22']|%27|%22|%60|\\x22|\\x27)"


def _split(verb: bytes) -> bytes:
    """The verb with signs between two letters that mean nothing to a shell."""
    return rb"|".join(verb[:at] + _NOTHING + verb[at : at + 1] for at in range(1, len(verb)))


# Ways in which a word is hidden from whoever looks for it, or run without being named. Letters and signs written as
# escapes are ``spellings.SPELLED``.
_LOOKALIKE = rb"(?:\xd0[\x90-\xbf]|\xd1[\x80-\x9f]|\xce[\x91-\xbf]|\xcf[\x80-\x8e])"
_SPELT_LOOKALIKE = rb"(?:(?:%|\\x)(?:d[01]|c[ef])(?:%|\\x)[89ab][0-9a-f])"
HINTS: tuple[bytes, ...] = (
    # The header of a server action: who writes headers shows whether its value is one that Next.js gives.
    rb"next[-_]action",
    # A letter of another script, or none that can be seen, inside a Latin word.
    rb"[a-z](?:" + _LOOKALIKE + rb"|" + _SPELT_LOOKALIKE + rb")[a-z]",
    rb"[a-z](?:\xe2\x80[\x8b-\x8f]|\xe2\x81\xa0|\xef\xbb\xbf|(?:%|\\x)e2(?:%|\\x)8[01](?:%|\\x)[8a][0b-f])[a-z]",
    rb"%25(?:25){0,4}(?:2[0-9ef]|3c|7b)",
    rb"%%",
    _DOLLAR + rb"(?:\{|%7b|[@*'\x22(]|%40|%2a|%2[278]|ifs|[0-9][a-z]|[a-z_]{1,12}" + _DOLLAR + rb")",
    rb"[a-z](?:''|\x22\x22|%27%27|%22%22|\\x22\\x22|\\\x22\\\x22|``|%60%60)[a-z]",
    rb"|".join(_split(verb) for verb in (b"curl", b"wget", b"bash", b"python", b"perl", b"chmod", b"fetch", b"base64")),
    rb"(?:'|%27|%22)(?:[ +]|%20)?(?:[+.]|%2b)(?:[ +]|%20)?(?:'|%27|%22)",
    rb"(?:chr|tostring|fromcharcode)" + _OPEN,
    rb"PUT [^ ]{1,200}\.(?:jsp|php|asp)",
    # A pipe into something that runs what it reads, or undoes what hides it.
    _PIPE + _BLANK + rb"{0,3}(?:[$/\x22'\\`(.]|%24|%2f|%2[278]|%5c|%60|(?:sudo|env|xargs|python|perl|php|ruby|node|lua"
    rb"|base32|xxd|rev|tac|tee|awk|sed|openssl|gunzip|zcat|source|[a-z]{0,3}sh)(?:[^a-z]|$))",
    rb"dev" + _SLASH + rb"(?:tcp|udp)" + _SLASH,
    # Names left to the shell to complete: /???/b?n/c*l, /bin/c[u]rl. A star between letters, or letters and a slash, is
    # enough: with the /b or /u in front, which every log is full of, the whole search takes a quarter longer.
    _ANY + _ANY,
    _AT + rb"(?:b%bn|bi%b|%bin|u%br|us%b|%bsr)" % ((_ANY,) * 6) + _AT,
    rb"[a-z]\*[a-z/%]",
    rb"[a-z]%2a[a-z/%]",
    rb"bin" + _AT + rb"[a-z0-9]{0,5}(?:" + _ANY + rb"|" + _STAR + rb")",
    rb"[a-z](?:\[|%5b)[a-z](?:\]|%5d)[a-z]",
    rb"(?:python[0-9.]{0,4}|perl|ruby|php|node|lua)" + _BLANK + rb"{1,3}-[a-z]{0,3}[cerm]",
    rb"[^a-z]n(?:c|cat|etcat)" + _BLANK + rb"{1,2}[-0-9]",
    rb"(?:nohup|setsid|crontab|systemctl|pkill|killall|aria2c|mkfifo|socat|start-process|iwr|irm|iex)" + _BLANK,
    rb"from" + _BLANK + rb"{1,3}program",
    _BLANK + rb"-e(?:c|nc(?:odedcommand)?)?" + _BLANK + rb"{1,3}[a-z0-9+/]{16}",
)

# What commands, and orders to a language model, look like inside base64 that no keyword announces.
_HIDDEN = (
    b"curl ", b"curl -", b"wget ", b"chmod ", b"/bin/", b"|bash", b"| bash", b"http://", b"java.lang", b"<?php",
    b"exec(", b"system(", b"python", b"gnore all ", b"previous ", b" instructions", b" severity ", b"authorised ",
    b" report ", b"system prompt", b"ou are now ", b" is clean", b"false positive",
)  # fmt: skip


def hidden(word: bytes) -> tuple[bytes, ...]:
    """The base64 of a word at each of the three alignments it may have, without the characters its neighbours share."""
    spelt = []
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + word)
        first = (shift * 8 + 5) // 6
        spelt.append(text[first : (shift + len(word)) * 8 // 6])
    return tuple(spelt)


@cache
def candidates() -> Prefilter:
    """Finds records worth decoding, in the form a log wrote them."""
    from kanaria.core.prefilter import Pattern, Prefilter
    from kanaria.mining.spellings import SPELLED

    return Prefilter([*own_patterns(), *map(Pattern, SPELLED)])


def own_patterns() -> list[Pattern]:
    """What ``candidates`` looks for beside letters that are spelled as escapes."""
    from kanaria.core.prefilter import Pattern, literal

    wrapped = [literal(spelling, caseless=False) for word in _HIDDEN for spelling in hidden(word)]
    return [Pattern(word) for word in WORDS + HINTS] + wrapped


@cache
def suspicious() -> Prefilter:
    """Finds decoded texts that are not ordinary."""
    from kanaria.core.prefilter import Pattern, Prefilter

    return Prefilter([Pattern(word) for word in WORDS + DECODED])
