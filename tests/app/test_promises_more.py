"""What the how-to pages promise of Python, the host, the network and rules, sentence by sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import kanaria as package
from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, flow
from tests.app.test_unattended import GOOD, PROBE, TUNNEL
from tests.docs.promises import promised

PYTHON, HOST, NETWORK, NORMAL = "use-from-python", "check-the-host", "network-traffic", "know-your-network"
TIME = "21/Jun/2026:07:01:00 +0000"
FINE, PROBED, MINED = (line.format(time=TIME) for line in (GOOD, PROBE, TUNNEL))


def write(path: Path, *lines: str) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path.name


class TestPython:
    @promised(
        PYTHON,
        "gives the same analysis as the command line, as frozen values",
        "コマンドラインと同じ解析結果を変更不可の値として得られます。",
    )
    @pytest.mark.parametrize("line", [FINE, PROBED, MINED])
    def test_the_same_as_the_command(
        self, kanaria: Kanaria, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
    ) -> None:
        write(tmp_path / "a.log", line)
        monkeypatch.chdir(tmp_path)
        analysis = package.analyse("a.log")
        shown, said = (
            json.loads(package.render(analysis, "json")),
            kanaria("analyze", "a.log", "--format", "json").document,
        )
        assert shown["incidents"] == said["incidents"]
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            analysis.incidents = ()  # type: ignore[misc]
        for incident in analysis.incidents:
            with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
                incident.severity = "low"  # type: ignore[misc]

    @promised(
        PYTHON,
        "`kanaria.explain(line)` does the same for one log line.",
        "`kanaria.explain(line)` は、ログ1行について同じ結果を返します。",
    )
    @pytest.mark.parametrize("line", [PROBED, PROBED.encode(), f"{PROBED}\n"])
    def test_a_line(self, line: str | bytes) -> None:
        (incident,) = package.explain(line).incidents
        assert incident.severity == "informational" and incident.title.en.startswith("Internet-wide probe")

    @promised(PYTHON, "With `store=` incidents and what is normal are kept there, as with `kanaria analyze --store`, and count as told.", "`store=` を指定すると、`kanaria analyze --store` と同じようにインシデントと通常の動作を保存し、通知済みとして扱います。")  # fmt: skip
    def test_a_store(self, kanaria: Kanaria, tmp_path: Path) -> None:
        write(tmp_path / "a.log", PROBED)
        package.analyse(tmp_path / "a.log", store=tmp_path / "s")
        assert "informational" in kanaria("incident", "list", "--store", "s").out
        assert "Nothing new since the last run" in kanaria("analyze", "a.log", "--store", "s").out

    @promised(
        PYTHON, "Errors are subclasses of `kanaria.KanariaError`.", "エラーは `kanaria.KanariaError` のサブクラスです。"
    )
    @pytest.mark.parametrize(
        "wrong",
        [
            lambda place: package.analyse(place / "none.log"), lambda place: package.analyse(place / "a.log", home=["x"]),
            lambda place: package.analyse(place / "a.log", config=place / "none.toml"),
            lambda place: package.analyse(place / "a.log", config=place / "bad.toml"),
            lambda place: package.analyse(place / "a.log", input_format="nosuch"), lambda place: package.explain("x", log_format="none"),
            lambda place: package.analyse(place / "a.log", store=place / "a.log"),
        ],
    )  # fmt: skip
    def test_errors(self, tmp_path: Path, wrong: Callable[[Path], Any]) -> None:
        write(tmp_path / "a.log", PROBED)
        write(tmp_path / "bad.toml", "nonsense = 1")
        with pytest.raises(package.KanariaError) as error:
            wrong(tmp_path)
        assert error.value.to("ja") != str(error.value) or "必要" in error.value.to("ja")

    @promised(
        PYTHON,
        "What stands in `kanaria.__all__` is the public interface, with types",
        "公開インターフェースは、型付きの `kanaria.__all__` にあるものです。",
    )
    def test_the_interface(self) -> None:
        assert {"analyse", "explain", "render", "watch", "KanariaError", "SourceError"} <= set(package.__all__)
        for name in package.__all__:
            found = getattr(package, name)
            assert not callable(found) or isinstance(found, type) or found.__annotations__.keys() >= {"return"}, name
        assert (Path(package.__file__).parent / "py.typed").exists()


PS = "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n"
MINING = "www-data    4242 99.0  1.0 123456 65432 ?        Ssl  08:00 100:00 /tmp/.x/xmrig -o pool.supportxmr.com:3333 -u 44abc -p x\n"
IDLE = "root           1  0.0  0.1 167000 11000 ?        Ss   07:00   0:01 /sbin/init\n"
SS = "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n"


class TestHost:
    @promised(
        HOST,
        "The report names the program, whose account it ran under and what started it.",
        "レポートには、プログラム、実行したアカウント、起動元を示します。",
    )
    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_a_miner_among_programs(self, kanaria: Kanaria, language: str) -> None:
        done = kanaria("analyze", "-", "--full", "--lang", language, text=PS + IDLE + MINING)
        assert done.status == 1
        assert "xmrig" in done.out and "www-data" in done.out

    @promised(
        HOST,
        "What these commands print is read as it is, on any machine",
        "次のコマンドの出力は、どの機器の上でもそのまま読み取れます。",
    )
    @pytest.mark.parametrize(
        ("text", "status"),
        [
            (PS + IDLE, 0),
            (PS + MINING, 1),
            (SS + 'ESTAB 0 0 192.168.1.5:22 192.168.1.9:40000 users:(("sshd",pid=9,fd=4))\n', 0),
        ],
    )
    def test_what_is_harmless_is_no_alarm(self, kanaria: Kanaria, text: str, status: int) -> None:
        done = kanaria("analyze", "-", text=text)
        assert (done.status, "not recognised" in done.err) == (status, False), done.out + done.err

    @promised(
        HOST,
        "A line that only names a miner or a pool is told as that and no more.",
        "マイナーやプールの名前が出てくるだけの行は、その事実だけを伝えます。",
    )
    @pytest.mark.parametrize("line", ["Jan 10 09:00:00 web1 app[9]: see the page about xmrig", "Jan 10 09:00:00 web1 app[9]: article pool.supportxmr.com read"])  # fmt: skip
    def test_a_name_is_no_compromise(self, kanaria: Kanaria, line: str) -> None:
        found = kanaria("analyze", "-", "--format", "json", text=f"{line}\n").document["incidents"]
        assert {one["severity"] for one in found} <= {"informational", "low", "medium"}
        assert not [one for one in found if one["outcome"]["value"] in {"confirmed", "happened"}]


class TestNetwork:
    @promised(NETWORK, "Private addresses count as yours.", "プライベートアドレスは自分のものとみなします。")
    @pytest.mark.parametrize(
        ("device", "home", "ours"),
        [
            ("192.168.1.20", (), True), ("10.1.2.3", (), True), ("172.31.0.9", (), True), ("fd00::20", (), True),
            ("198.51.100.20", (), False), ("198.51.100.20", ("--home", "198.51.100.0/24"), True),
            ("2001:db8::20", ("--home", "2001:db8::/32"), True), ("198.51.100.20", ("--home", "192.0.2.0/24", "--home", "198.51.100.20"), True),
            ("192.168.1.20", ("--home", "198.51.100.0/24"), False),
        ],
    )  # fmt: skip
    def test_whose_it_is(
        self, kanaria: Kanaria, tmp_path: Path, device: str, home: tuple[str, ...], ours: bool
    ) -> None:
        write(tmp_path / "dns.log", f"Mar  2 10:00:00 dnsmasq[7]: query[A] pool.supportxmr.com from {device}")
        found = kanaria("analyze", "dns.log", "--format", "json", *home).document["incidents"]
        assert {name for one in found for name in one["entities"]["devices"]} == ({device} if ours else set())

    @promised(NETWORK, "Addresses to block are written with brackets, `203.0.113[.]38`, so that nobody opens them by accident.", "遮断の対象となるアドレスは、誤って開かないように `203.0.113[.]38` と角括弧を付けて表示します。")  # fmt: skip
    @pytest.mark.parametrize("language", ["en", "ja"])
    @pytest.mark.parametrize("full", [(), ("--style", "story")])
    def test_brackets(self, kanaria: Kanaria, tmp_path: Path, language: str, full: tuple[str, ...]) -> None:
        write(tmp_path / "a.log", PROBED)
        told = kanaria("analyze", "a.log", "--lang", language, *full).out
        assert "203.0.113[.]9" in told
        assert all("203.0.113.9" not in line for line in told.splitlines() if '"' not in line and "`" not in line)


class TestBeacons:
    @promised(
        NORMAL,
        "Two addresses with 24 or more answered calls over six hours are ranked",
        "応答のある通信が6時間以上にわたって24回以上あれば",
    )
    @pytest.mark.parametrize(
        ("calls", "minutes", "listed"),
        [(24, 16, True), (23, 17, False), (30, 10, False), (40, 10, True), (100, 15, True)],
    )
    def test_how_many_over_how_long(
        self, kanaria: Kanaria, tmp_path: Path, calls: int, minutes: int, listed: bool
    ) -> None:
        rows = [
            flow(DAY + timedelta(minutes=minutes * n), n, "192.168.1.20", "203.0.113.7", 8080) for n in range(calls)
        ]
        write(tmp_path / "conn.log", *rows)
        found = json.loads(kanaria("beacons", "conn.log", "--format", "json").out)
        assert bool(found["beacons"] if "beacons" in found else found) is listed, found
