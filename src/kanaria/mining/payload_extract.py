"""What a decoded request would do: in, text from ``payload_decode``; out, URL, command, files and call-back host."""

from __future__ import annotations

import re

from kanaria.core.late_regex import late_regex

COMMAND_LIMIT = 500
"""Characters of a command kept: enough for a cradle with its fallback, short enough for one line of a report."""
URL_LIMIT = 300

_VERB = r"(?:curl|wget|fetch|lwp-download|ftpget|aria2c|axel)"
_HTTP = r"(?:https?|ftp|tftp)://[^\s'\"`<>|;&)(}\\,$]{3,300}"
_URL_AFTER = late_regex(
    rf"(?:{_VERB}|powershell|certutil|bitsadmin|mshta|downloadstring|downloadfile|invoke-webrequest|iwr|urlopen"
    rf"|urlretrieve|file_get_contents|requests\.get|busybox)\b[^\n]{{0,200}}?({_HTTP})",
    re.IGNORECASE,
)
# A downloader also takes host/path without a scheme. Without a slash or a port only an address counts: x.sh is a file.
_BARE_AFTER = late_regex(
    rf"\b{_VERB}(?:\s+[^\s|;&]+){{0,12}}?\s+(\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d{{1,5}})?(?:/[^\s'\"`<>|;&)(}}\\]{{0,300}})?"
    r"|[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d{1,5})?/[^\s'\"`<>|;&)(}\\]{0,300})",
    re.IGNORECASE,
)
_TFTP = late_regex(r"\btftp\b[^\n;|]{0,60}?(\d{1,3}(?:\.\d{1,3}){3})", re.IGNORECASE)
_REMOTE_CLASS = late_regex(
    r"(?:ClassPathXmlApplicationContext|FileSystemXmlApplicationContext|allow_url_include|auto_prepend_file)"
    rf"[^\n]{{0,80}}?({_HTTP})",
    re.IGNORECASE,
)

# Downloaders before mere shells: in ["/bin/sh","-c","curl …"] the last part says what is wanted.
_SHELL_WORDS = tuple(
    late_regex(expression, re.IGNORECASE)
    for expression in (
        r"\b(?:curl|wget|tftp|ftpget|fetch|certutil|bitsadmin|mshta|lwp-download)(?:\.exe)?\s+\S"
        r"|\bpowershell(?:\.exe)?\s+\S",
        r"\b(?:chmod|nohup|busybox)\s+\S|\b(?:ba|da|a|z)?sh\s+-[ci]\b|/bin/(?:ba|da|a)?sh\b|\bcmd(?:\.exe)?\s+/c"
        r"|\becho\s+\S+\s*\||\b(?:cat|id|uname|whoami|ping|nslookup|rm|cd|python3?|perl)\s+[-/.\w]",
    )
)
_ARGUMENT = late_regex(
    r"(?:\bexec(?:Sync|ute)?|\bsystem|\bpassthru|\bshell_exec|\bpopen|\bstart|\bspawn(?:Sync)?)\s*\(\s*(?:new\s+String\[\]\s*)?"
    r"[({\[]{0,3}\s*([\"'])(.{1,1000}?)\1\s*[)}\],;]",
    re.IGNORECASE | re.DOTALL,
)
_JSON_COMMAND = late_regex(
    r"\"(?:cmd|command|entrypoint|Entrypoint)\"\s*:\s*(?:\[([^\]]{1,1000})\]|\"([^\"]{1,1000})\")", re.IGNORECASE
)
_PARAMETER = late_regex(
    r"[?&](?:cmd|exec|command|execute|c|shell|code|ip|host|ping|vars\[1\]\[\]|dev_name)=([^&\n]{2,1000})", re.IGNORECASE
)
_START = late_regex(r"[=?\n\"'`{(]")
# A quote directly behind -c opens the command's own argument, every other one closes what surrounds the command.
_END = late_regex(r"\n|(?<!-c )(?<!Command )\"|'\s?[)\]]|</|\}\s|\sHTTP/1|&[\w\[\]]+=", re.IGNORECASE)

_SAVED = (
    late_regex(
        r"\b(?:curl|wget)\b[^\n;|&]{0,300}?\s(?:-O|-o|--output|--output-document)[ =]?\s*([\w./~+@-]{2,120})", re.I
    ),
    late_regex(r"(?<![?\w)])(?<!\w-)>{1,2}\s*((?:/|\.{1,2}/|~/)[\w./-]{1,80})"),
    late_regex(r"(?<![?)-])>{1,2}\s*([\w.-]{1,60}\.(?:sh|php|phtml|jspx?|aspx?|py|pl|exe|elf))\b", re.I),
    late_regex(r"(?:file_put_contents|fopen|copy|fwrite)\s*\(\s*[\"']([\w./~-]{2,120})[\"']", re.I),
    late_regex(r"\bchmod\s+(?:-R\s+)?(?:[0-7]{3,4}|[ugoa]*\+[rwx]+)\s+([\w./~*-]{2,120})", re.I),
    late_regex(r"file_put_contents\b[^\n]{0,20}vars\[1\]\[\d?\]=([\w./-]{2,120})", re.I),
    late_regex(r"\bfilename=[\"']?([\w./-]{1,100}\.(?:php\d?|phtml|jspx?|aspx?|war|sh))\b", re.I),
    late_regex(r"-OutFile\s+[\"']?([\w.:\\/~$-]{2,120})", re.I),
)
_NOT_FILES = {"", "-", "/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tcp", "*", "."}

_JNDI = late_regex(
    r"\$\{jndi:(?:ldaps?|rmi|dns|iiop|corba|nis|nds|https?):/{0,2}((?:\$\{[^}]{0,60}\}|[^/}\s'\"$]){3,200})",
    re.IGNORECASE,
)
_OAST = late_regex(
    r"(?<![\w.-])((?:[\w-]+\.)+(?:oast\.(?:fun|pro|live|site|online|me|us)|interact\.sh|burpcollaborator\.net|oastify\.com"
    r"|dnslog\.(?:cn|store)|ceye\.io|bxss\.me|eyes\.sh|requestrepo\.com|canarytokens\.com|pipedream\.net))",
    re.IGNORECASE,
)
_REVERSE = late_regex(
    r"/dev/tcp/([\w.-]{3,100})/(\d{1,5})|\bnc(?:\.\w+)?\s+(?:-\w+\s+(?:/\S+\s+)?){0,6}([\w.-]*\.[\w.-]{1,100})\s+(\d{1,5})"
)


def download_url(text: str) -> str | None:
    """The first address something would be fetched from; without a scheme when the command gave none."""
    for pattern in (_URL_AFTER, _REMOTE_CLASS, _BARE_AFTER, _TFTP):
        match = pattern.search(text)
        if match:
            return match[1].rstrip(".,")[:URL_LIMIT]
    return None


def command(text: str) -> str | None:
    """The shell command inside the text, at most ``COMMAND_LIMIT`` characters; the most decoded reading wins."""
    lines = text.split("\n")[::-1]
    for word in _SHELL_WORDS:
        for line in lines:
            if match := word.search(line):
                return tidy(_around(line, match.start()))
    for pattern in (_JSON_COMMAND, _ARGUMENT, _PARAMETER):
        if argument := pattern.search(text):
            return tidy(argument[argument.lastindex or 0])
    return None


def dropped(text: str) -> str | None:
    """Names of files the request would leave behind, comma separated, in order of appearance."""
    names: dict[str, None] = {}
    for pattern in _SAVED:
        for match in pattern.finditer(text):
            name = match[1].strip("'\"").rstrip(".,;")
            if name.rstrip("/") not in _NOT_FILES and not name.startswith(("/dev/", "//")):
                names.setdefault(name, None)
    return ",".join(list(names)[:8]) or None


def callback(text: str) -> str | None:
    """The host that the victim would call back: JNDI server, out-of-band test service or reverse shell."""
    if match := _JNDI.search(text):
        return match[1]
    if match := _OAST.search(text):
        return match[1]
    if match := _REVERSE.search(text):
        return f"{match[1] or match[3]}:{match[2] or match[4]}"
    return None


def _around(line: str, at: int) -> str:
    """The command that the shell word at ``at`` belongs to: back to where its argument begins, on to where it ends."""
    begin = max(0, at - 200)
    if begin == 0 and line[:1] not in {"/", ""} and _is_command(line[:at]):
        return _until_end(line, 0, at)
    for mark in _START.finditer(line, begin, at):
        if not line[mark.end() : at].strip() or _is_command(line[mark.end() : at]):
            begin = mark.end()
            break
    else:
        begin = at
    return _until_end(line, begin, at)


def _until_end(line: str, begin: int, at: int) -> str:
    end = _END.search(line, at)
    return line[begin : end.start() if end else len(line)]


def _is_command(text: str) -> bool:
    """Words, paths and separators only: the part before the shell word is shell as well."""
    return bool(re.fullmatch(r"[\s\w./;|&<>*$@+:~()-]*[;|&(`\s(]\s*", text))


def tidy(text: str) -> str:
    """One line, without what surrounds a command, at most ``COMMAND_LIMIT`` characters."""
    return " ".join(text.strip(" ;|&'\"").split())[:COMMAND_LIMIT]
