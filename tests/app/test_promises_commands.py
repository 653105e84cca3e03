"""What the how-to pages promise of commands, sentence by sentence: logs, results, permission, knowledge, what is kept."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, MINER_HOST, flow
from tests.app.test_records_of_others import WALLET
from tests.app.test_unattended import GOOD, PROBE, TUNNEL
from tests.docs.promises import promised

LOGS, RESULTS, ALLOW, KNOW, NORMAL, MODEL = (
    "web-server-logs", "use-the-results", "allow-your-miner", "update-knowledge", "know-your-network", "write-with-a-model",
)  # fmt: skip
TIME = "21/Jun/2026:07:01:00 +0000"
FINE, PROBED, MINED = (line.format(time=TIME) for line in (GOOD, PROBE, TUNNEL))
BROKEN = "%%% no line of any log \x01\x02"


def write(path: Path, *lines: str) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path.name


class TestWebLogs:
    @promised(LOGS, "compressed and rotated files are read as they are, in order of time", "圧縮ファイルやローテーションされたファイルも、そのまま時刻順に読みます。")  # fmt: skip
    @pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
    def test_packed_and_rotated(self, kanaria: Kanaria, tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
        suffix = {gzip.compress: "gz", bz2.compress: "bz2", lzma.compress: "xz"}[pack]
        logs = tmp_path / "logs"
        logs.mkdir()
        write(logs / "access.log", PROBED.replace("07:01", "09:01"))
        (logs / f"access.log.1.{suffix}").write_bytes(pack(f"{PROBED}\n".encode()))
        for given in ("logs", "logs/*", "logs/access.log*"):
            done = kanaria("analyze", given, "--format", "json").document
            assert [one["rows"] for one in done["inputs"]] == [1, 1]
            assert done["incidents"][0]["first_seen"] == "2026-06-21T07:01:00+00:00"

    @promised(
        LOGS,
        "Files, folders, globs and `-` for standard input",
        "ファイル、フォルダ、グロブ、標準入力を表す `-` を渡せます。",
    )
    def test_standard_input(self, kanaria: Kanaria) -> None:
        done = kanaria("analyze", "-", "--format", "json", text=f"{FINE}\n{PROBED}\n").document
        assert done["inputs"][0]["rows"] == 2 and len(done["incidents"]) == 1

    @promised(LOGS, "Broken records never stop the rest.", "壊れたレコードがあっても、残りは読み続けます。")
    @pytest.mark.parametrize("place", range(4))
    def test_broken_records(self, kanaria: Kanaria, tmp_path: Path, place: int) -> None:
        lines = [FINE, FINE, PROBED]
        lines.insert(place, BROKEN)
        done = kanaria("analyze", write(tmp_path / "access.log", *lines), "--format", "json").document
        (read,) = done["inputs"]
        assert (read["rows"] - read["unread"], read["unread"], len(done["incidents"])) == (3, 1, 1)

    @promised(
        LOGS,
        "written to a file with their place and the reason on request",
        "場所と理由を付けてファイルに書き出すこともできます。",
    )
    def test_rejects(self, kanaria: Kanaria, tmp_path: Path) -> None:
        log = write(tmp_path / "access.log", FINE, BROKEN, PROBED, BROKEN)
        kanaria("analyze", "--rejects", "rejected.tsv", log)
        rows = [line.split("\t") for line in (tmp_path / "rejected.tsv").read_text().splitlines()]
        assert [row for row in rows if row[0].endswith("access.log")]
        assert {row[1] for row in rows if row[0].endswith("access.log")} == {"2", "4"}
        assert "\x01" not in (tmp_path / "rejected.tsv").read_text()

    @promised(
        LOGS, "0 all was read and nothing counts, 1 something counts, 2 wrong use or nothing readable, 3 nothing in what could be read but not all could be read",
        "0はすべて読み取り該当なし、1は該当あり、2は使い方の誤りまたはまったく読めない、3は読めた範囲では該当なし(読めない部分あり)",
    )  # fmt: skip
    @pytest.mark.parametrize(
        ("lines", "options", "status"),
        [
            ([FINE], (), 0), ([FINE, PROBED], (), 0), ([FINE, MINED], (), 1), ([FINE, PROBED], ("--fail-on", "any"), 1),
            ([FINE, BROKEN], (), 3), ([MINED, BROKEN], (), 1), ([FINE], ("--no-such-option",), 2), (["\x00\x01"], (), 2),
            ([FINE], ("none.log",), 2), ([FINE], ("--fail-on", "nobody"), 2),
        ],
    )  # fmt: skip
    def test_status(
        self, kanaria: Kanaria, tmp_path: Path, lines: list[str], options: tuple[str, ...], status: int
    ) -> None:
        files = () if options == ("none.log",) else (write(tmp_path / "access.log", *lines),)
        done = kanaria("analyze", *options, *files)
        assert done.status == status, done.err

    @promised(LOGS, "with `--store` only news counts", "`--store` があれば新しいものだけが該当します。")
    def test_only_news_counts(self, kanaria: Kanaria, tmp_path: Path) -> None:
        log = write(tmp_path / "access.log", FINE, MINED)
        assert [kanaria("analyze", log, "--store", "s").status for _ in range(3)] == [1, 0, 0]
        assert kanaria("analyze", log, "--store", "s", "--fail-on", "any").status == 1

    @promised(LOGS, "with the whole answer as JSON on its standard input whenever the status is not 0; it is no shell", "ステータスが0でないときに、結果全体をJSONで標準入力に渡してプログラムを起動します。シェルを通さない")  # fmt: skip
    def test_exec(self, kanaria: Kanaria, tmp_path: Path) -> None:
        program = f"{sys.executable} -c \"import sys; open(sys.argv[1], 'w').write(sys.stdin.read())\" '$HOME|x'"
        log = write(tmp_path / "access.log", MINED)
        assert kanaria("analyze", log, "--exec", program).status == 1
        assert len(json.loads((tmp_path / "$HOME|x").read_text())["incidents"]) == 1
        (tmp_path / "$HOME|x").unlink()
        assert kanaria("analyze", write(tmp_path / "access.log", FINE), "--exec", program).status == 0
        assert not (tmp_path / "$HOME|x").exists()

    @promised(LOGS, "correct it and pass it with `--log-format`, which `kanaria explain` takes as well", "違っていれば直して `--log-format` に渡してください(`kanaria explain` でも使えます)。")  # fmt: skip
    @pytest.mark.parametrize("command", ["analyze", "explain"])
    def test_a_layout(self, kanaria: Kanaria, tmp_path: Path, command: str) -> None:
        line = r"404|203.0.113.9|{\x22id\x22:1,\x22method\x22:\x22mining.subscribe\x22,\x22params\x22:[]}"
        given = line if command == "explain" else write(tmp_path / "own.log", line)
        layout = ("--log-format", "$status|$remote_addr|$request")
        found = kanaria(command, given, *layout, "--format", "json").incident
        assert found["entities"]["remotes"] == ["203.0.113.9"]


KINDS = ("text", "markdown", "html", "json", "ocsf", "stix", "misp", "navigator", "csv", "iocs")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with one incident of a line that is hostile, and its id."""
    import kanaria

    folder = tmp_path_factory.mktemp("kept")
    hostile = PROBED.replace('"-" "-"', '"https://evil.example/" "<script>x</script>"')
    write(folder / "access.log", FINE, hostile)
    found = kanaria.analyse(folder / "access.log", store=folder / "store")
    return folder, found.incidents[0].id


class TestResults:
    @promised(RESULTS, "writes a kept incident in any of the formats above", "保存済みのインシデントを上記の形式")
    @pytest.mark.parametrize("kind", KINDS[1:])
    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_export(self, kanaria: Kanaria, kept: tuple[Path, str], kind: str, language: str) -> None:
        folder, ident = kept
        done = kanaria(
            "incident", "export", ident, "--format", kind, "--store", str(folder / "store"), "--lang", language
        )
        assert done.status == 0, done.err
        assert "203.0.113" in done.out or kind == "navigator"
        shown = re.sub(r"`[^`]*`", "", done.out) if kind == "markdown" else done.out  # code is shown as it stands
        assert "<script>x" not in shown or kind in {"json", "csv", "ocsf"}

    @promised(RESULTS, "one file to pass on; it loads nothing and executes nothing", "1ファイルで渡す。外部から何も読み込まず、何も実行しない")  # fmt: skip
    def test_html(self, kanaria: Kanaria, kept: tuple[Path, str]) -> None:
        page = kanaria("analyze", str(kept[0] / "access.log"), "--format", "html").out
        assert not re.search(
            r"<script|<iframe|<object|<embed|<form|\bon\w+\s*=|javascript:|@import|url\((?!data:)", page
        )
        assert not re.search(r'\b(?:src|href)="(?!data:|#)', page)
        assert "default-src 'none'" in page

    @promised(RESULTS, "OCSF 1.8 detection findings (2004) and incident findings (2005), one JSON object a line", "OCSF 1.8の検知(2004)とインシデント(2005)を1行に1つのJSONで出力")  # fmt: skip
    def test_ocsf(self, kanaria: Kanaria, kept: tuple[Path, str]) -> None:
        out = kanaria("analyze", str(kept[0] / "access.log"), "--format", "ocsf").out
        events = [json.loads(line) for line in out.splitlines()]
        assert [event["class_uid"] for event in events] == [2004, 2005]
        assert {event["metadata"]["version"] for event in events} == {"1.8.0"}

    @promised(RESULTS, "STIX 2.1 bundle, MISP event", "STIX 2.1のバンドル、MISPのイベント")
    def test_exchange(self, kanaria: Kanaria, kept: tuple[Path, str]) -> None:
        log = str(kept[0] / "access.log")
        bundle, event = (json.loads(kanaria("analyze", log, "--format", kind).out) for kind in ("stix", "misp"))
        assert bundle["type"] == "bundle" and {one.get("spec_version", "2.1") for one in bundle["objects"]} == {"2.1"}
        assert event["Event"]["date"] == "2026-06-21"

    @promised(RESULTS, "indicators for a person to read, defanged", "人が読むための(無害化した)指標の一覧")
    def test_indicators(self, kanaria: Kanaria, kept: tuple[Path, str]) -> None:
        out = kanaria("analyze", str(kept[0] / "access.log"), "--format", "iocs").out
        assert "203.0.113[.]9" in out and "203.0.113.9" not in out and "https://" not in out

    @promised(
        RESULTS,
        "everything Kanaria knows about the run, in both languages",
        "Kanariaが知ったことのすべてを両方の言語で含む",
    )
    def test_json_is_the_same_in_every_language(self, kanaria: Kanaria, kept: tuple[Path, str]) -> None:
        log = str(kept[0] / "access.log")
        english, japanese = (
            kanaria("analyze", log, "--format", "json", "--lang", name).document for name in ("en", "ja")
        )
        assert english["incidents"] == japanese["incidents"]
        title = english["incidents"][0]["title"]
        assert set(title) == {"en", "ja"} and title["en"] != title["ja"]

    @promised(RESULTS, "Every sentence and every finding names evidence by id; `evidence` holds the place, the raw quote and the bits.", "どの文も、どの検知も、証拠をidで示します。`evidence` には場所、元の文字列、ビット数があります。")  # fmt: skip
    def test_evidence(self, kanaria: Kanaria, kept: tuple[Path, str]) -> None:
        found = kanaria("analyze", str(kept[0] / "access.log"), "--format", "json").incident
        known = {one["id"]: one for one in found["evidence"]}
        given = [one["evidence"] for one in _objects(found) if "evidence" in one]
        named = [
            ident for some in given for ident in ([some] if isinstance(some, str) else some) if isinstance(ident, str)
        ]
        assert named and set(named) <= set(known)
        assert all(finding["evidence"] for finding in found["findings"])
        quoted = [one for one in known.values() if one.get("quote")]
        assert quoted and all(one["source"] and one["line"] and one["bits"] is not None for one in quoted)

    @promised(
        RESULTS,
        "the same input gives the same ids, so a second run does not make a second ticket",
        "同じ入力からは同じidができます。",
    )
    def test_ids(self, kanaria: Kanaria, kept: tuple[Path, str], tmp_path: Path) -> None:
        text = (kept[0] / "access.log").read_bytes()
        ids = []
        for name in ("access.log", "access.log"):
            (tmp_path / name).write_bytes(text)
            found = kanaria("analyze", name, "--format", "json").incident
            ids.append(
                [found["id"], *(one["id"] for one in found["findings"]), *(one["id"] for one in found["evidence"])]
            )
        assert ids[0] == ids[1]

    @promised(RESULTS, "What nobody said is assumed: four cores, 3.5 W a core, 31 JPY a kilowatt hour, each with its source.", "設定のない値は仮定です(4コア、1コアあたり3.5 W、1 kWhあたり31円。それぞれ出典を示します)。")  # fmt: skip
    def test_what_a_miner_costs(self, kanaria: Kanaria, tmp_path: Path) -> None:
        write(tmp_path / "conn.log", flow(DAY, 1, MINER_HOST, "203.0.113.44", 3333, seconds=7200.0))
        write(tmp_path / "dns.log", f"Mar  1 23:59:00 dnsmasq[7]: query[A] pool.supportxmr.com from {MINER_HOST}",
              "Mar  1 23:59:01 dnsmasq[7]: reply pool.supportxmr.com is 203.0.113.44")  # fmt: skip
        done = kanaria("analyze", "conn.log", "dns.log", "--format", "json").document
        (cost,) = [one for one in (found["impact"]["estimate"] for found in done["incidents"]) if one]
        assumed = {item["name"]: item for item in cost["inputs"]}
        assert [assumed[name]["value"] for name in ("cores", "watts_per_core", "price_per_kwh")] == [4, 3.5, 31]
        assert cost["currency"] == "JPY"
        assert all(assumed[name]["origin"] != "configured" for name in ("cores", "watts_per_core", "price_per_kwh"))


def _objects(value: Any) -> list[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(value, dict):
        return [value, *(inner for item in value.values() for inner in _objects(item))]
    return [inner for item in value for inner in _objects(item)] if isinstance(value, list) else []


class TestAllowing:
    """Devices that ask for a pool's name."""

    @staticmethod
    def severity(kanaria: Kanaria, folder: Path, allowed: str, name: str) -> str:
        """Of a question for a name that a list of the user's calls a pool's."""
        write(folder / "pools.txt", name.partition(":")[0])
        if not (folder / "facts").exists():
            kanaria("knowledge", "update", "--pools", "pools.txt", "--folder", "facts")
        write(folder / "dns.log", f"Mar  2 10:00:00 dnsmasq[7]: query[A] {name} from {MINER_HOST}")
        write(folder / "k.yaml", "knowledge: facts", allowed)
        found = kanaria("analyze", "dns.log", "--config", "k.yaml", "--format", "json").document["incidents"]
        return str(found[0]["severity"]) if found else "nothing"

    @promised(ALLOW, "`pool.example.org` also means `eu.pool.example.org`, and never `mypool.example.org`.", "`pool.example.org` は `eu.pool.example.org` も意味しますが、`mypool.example.org` は意味しません。")  # fmt: skip
    @pytest.mark.parametrize(
        ("allowed", "name", "is_allowed"),
        [
            ("pool.mining.test", "pool.mining.test", True), ("pool.mining.test", "eu.pool.mining.test", True),
            ("pool.mining.test", "mypool.mining.test", False), ("mining.test", "pool.mining.test", True),
            ("eu.pool.mining.test", "pool.mining.test", False), ("POOL.mining.TEST", "pool.mining.test", True),
            ("pool.mining.test.", "pool.mining.test", True), ("test", "pool.mining.test", False),
        ],
    )  # fmt: skip
    def test_a_pool(self, kanaria: Kanaria, tmp_path: Path, allowed: str, name: str, is_allowed: bool) -> None:
        severity = self.severity(kanaria, tmp_path, f'allowed: {{pools: ["{allowed}"]}}', name)
        assert severity == ("informational" if is_allowed else "medium")

    @promised(ALLOW, "A name without a dot means itself only.", "ドットのない名前は、その名前だけを意味します。")
    def test_a_name_without_a_dot(self, kanaria: Kanaria, tmp_path: Path) -> None:
        assert self.severity(kanaria, tmp_path, "allowed: {pools: [test]}", "a.test") == "medium"

    @promised(ALLOW, "Other mining, by another device or by the same one, stays an incident of its own.", "別の機器によるマイニングも、同じ機器による別のマイニングも、独立したインシデントとして報告します。")  # fmt: skip
    @pytest.mark.parametrize(("device", "severity"), [(MINER_HOST, "informational"), ("192.168.1.21", "medium")])
    def test_another_device(self, kanaria: Kanaria, tmp_path: Path, device: str, severity: str) -> None:
        assert self.severity(kanaria, tmp_path, f"allowed: {{devices: [{device}]}}", "pool.mining.test") == severity

    @promised(ALLOW, "The mining is still reported, as information: an allow list that hides things hides too much.", "許可しても、情報としては報告し続けます。")  # fmt: skip
    def test_it_is_still_told(self, kanaria: Kanaria, tmp_path: Path) -> None:
        self.severity(kanaria, tmp_path, f"allowed: {{devices: [{MINER_HOST}]}}", "pool.mining.test")
        told = kanaria("analyze", "dns.log", "--config", "k.yaml", "--full").out
        assert (
            "Mining the owner allows" in told and MINER_HOST in told and "pool.mining.test" in told.replace("[.]", ".")
        )

    @promised(ALLOW, "where you name wallets, mining that pays another one is never allowed", "送金先を指定した場合、別の送金先へのマイニングが許可されることはありません。")  # fmt: skip
    @pytest.mark.parametrize(("wallet", "is_allowed"), [(WALLET, True), ("4" + "B" * 94, False)])
    def test_a_wallet(self, kanaria: Kanaria, tmp_path: Path, wallet: str, is_allowed: bool) -> None:
        """Also on a device that is allowed."""
        write(tmp_path / "k.toml", f'[allowed]\nwallets = ["{wallet}"]\ndevices = ["{MINER_HOST}"]')
        login = {"id": 1, "method": "login", "params": {"login": WALLET, "pass": "x", "agent": "XMRig/6.21"}}
        write(tmp_path / "texts.log", json.dumps(login))
        found = kanaria("analyze", "texts.log", "--config", "k.toml", "--format", "json").document["incidents"]
        names = {one["hypotheses"][0]["name"] for one in found}
        assert ("authorised_mining" in names) is is_allowed

    @promised(
        ALLOW,
        "Unknown keys are refused, so that a typing error does not silently allow nothing.",
        "知らないキーは拒否します。",
    )
    @pytest.mark.parametrize(
        ("key", "meant"), [("device", "devices"), ("pool", "pools"), ("wallet", "wallets"), ("walets", "wallets")]
    )
    def test_a_typing_error(self, kanaria: Kanaria, tmp_path: Path, key: str, meant: str) -> None:
        write(tmp_path / "k.yaml", "allowed:", f"  {key}: [x]")
        write(tmp_path / "a.log", FINE)
        done = kanaria("analyze", "--config", "k.yaml", "a.log")
        assert done.status == 2 and done.out == ""
        assert f"k.yaml:2: allowed.{key}: expected a known setting; got '{key}' (did you mean {meant}?)" in done.err

    @promised(ALLOW, "A file that merely lies in the working directory is not read, since it may have come with the evidence; the report says which settings were in force.", "作業フォルダに置かれているだけのファイルは、証拠と一緒に持ち込まれた可能性があるため読み込みません。使用した設定ファイルはレポートに示します。")  # fmt: skip
    @pytest.mark.parametrize("name", ["kanaria.toml", "kanaria.yaml", ".kanaria.toml"])
    def test_a_file_that_lies_there(self, kanaria: Kanaria, tmp_path: Path, name: str) -> None:
        write(tmp_path / name, 'nonsense = "x"' if name.endswith("toml") else "nonsense: x")
        write(tmp_path / "a.log", PROBED)
        done = kanaria("analyze", "a.log", "--full")
        assert (done.status, "nonsense" in done.err) == (0, False)
        write(tmp_path / "used.toml", 'language = "en"')
        assert "used.toml" in kanaria("analyze", "a.log", "--full", "--config", "used.toml").out


class TestKnowledge:
    @promised(
        KNOW,
        "names that many unrelated people share are refused with the reason",
        "無関係な多くの人が共有する名前は、理由を示して拒否します。",
    )
    @pytest.mark.parametrize("name", ["github.com", "amazonaws.com", "com", "co.jp", "127.0.0.1", "localhost"])
    def test_a_list_that_goes_too_far(self, kanaria: Kanaria, tmp_path: Path, name: str) -> None:
        write(tmp_path / "miners.txt", "pool.coins.test", name)
        done = kanaria("knowledge", "update", "--pools", "miners.txt", "--folder", "facts")
        kept = "".join(file.read_text() for file in (tmp_path / "facts").rglob("*.yaml"))
        assert "pool.coins.test" in kept and not re.search(rf"(?m)^\W*(?:name:)?\s*{re.escape(name)}\s*$", kept)
        assert done.status == 0 and (name in done.out + done.err or "1 pool name taken" in done.out), done

    @promised(KNOW, "The source is kept with every indicator; importing the same source again replaces its list.", "出典は指標ごとに残り、同じ出典をもう一度取り込むと、その一覧が置き換わります。")  # fmt: skip
    def test_the_same_source_again(self, kanaria: Kanaria, tmp_path: Path) -> None:
        write(tmp_path / "k.toml", 'knowledge = "facts"')
        conns = [flow(DAY, n, "192.168.1.20", f"203.0.113.{n}", 443) for n in (71, 72, 73)]
        write(tmp_path / "conn.log", *conns)
        for source, address in (("CERT", "203.0.113.71"), ("friend", "203.0.113.72"), ("CERT", "203.0.113.73")):
            write(tmp_path / "iocs.txt", address)
            assert kanaria("knowledge", "import", "iocs.txt", "--source", source, "--folder", "facts").status == 0
        found = kanaria("analyze", "conn.log", "--config", "k.toml", "--format", "json").out
        assert [f"203.0.113.{n}" in found for n in (71, 72, 73)] == [False, True, True]
        assert "CERT" in found and "friend" in found

    @promised(
        KNOW,
        "Text, CSV, STIX 2.1 or MISP, defanged or not.",
        "テキスト、CSV、STIX 2.1、MISPを読めます。無害化されていても構いません。",
    )
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.txt", "203.0.113[.]77\n"), ("b.txt", "203.0.113.77 # a pool\n"), ("c.csv", "type,value\nip,203.0.113.77\n"),
            ("d.json", json.dumps({"type": "bundle", "id": "bundle--0", "objects": [{
                "type": "indicator", "id": "indicator--0", "pattern_type": "stix", "pattern": "[ipv4-addr:value = '203.0.113.77']"}]})),
            ("e.json", json.dumps({"Event": {"info": "x", "Attribute": [{"type": "ip-dst", "value": "203.0.113.77", "to_ids": True}]}})),
        ],
    )  # fmt: skip
    def test_each_form(self, kanaria: Kanaria, tmp_path: Path, name: str, text: str) -> None:
        (tmp_path / name).write_text(text)
        done = kanaria("knowledge", "import", name, "--source", "CERT", "--folder", "facts")
        assert (done.status, done.out) == (0, "1 indicator taken, 1 ipv4\n"), done.err

    @promised(KNOW, "An entry with the same id in a folder of yours wins over the bundled one.", "自分のフォルダに同じidの項目があれば、同梱のものより優先されます。")  # fmt: skip
    def test_a_number_of_ones_own(self, kanaria: Kanaria, tmp_path: Path) -> None:
        from kanaria import knowledge

        bundled = knowledge.load().weights
        (source,) = [file for file in (Path(knowledge.__file__).parent / "weights").glob("*.yaml") if "mining_message" in file.read_text()][:1]  # fmt: skip
        (tmp_path / "facts" / "weights").mkdir(parents=True)
        text = re.sub(r"(?m)^(\s+bits: ).*$", r"\g<1>0.125", source.read_text())
        (tmp_path / "facts" / "weights" / "own.yaml").write_text(text)
        own = knowledge.load(tmp_path / "facts").weights
        changed = {name for name in own if own[name] != bundled.get(name)}
        assert changed and set(own) == set(bundled)


class TestKeeping:
    @promised(NORMAL, "A record that was read before counts once: the same file again, a log that has grown, and a log that was rotated are recognised by their content.", "一度読んだ記録は、二度は数えません。同じファイル、追記されたログ、ローテーションされたログは、内容で見分けます。")  # fmt: skip
    @pytest.mark.parametrize("how", ["again", "grown", "rotated", "copied"])
    def test_what_was_read_before(self, kanaria: Kanaria, tmp_path: Path, how: str) -> None:
        lines = [PROBED.replace("07:01", f"07:0{n}") for n in range(1, 6)]
        log = tmp_path / "access.log"
        write(log, *lines[:4])
        kanaria("analyze", "access.log", "--store", "s")
        if how == "rotated":
            log.rename(tmp_path / "access.log.1")
            write(log, lines[4])
        else:
            write(log, *(lines if how == "grown" else lines[:4]))
        (tmp_path / "copy.log").write_bytes(log.read_bytes())
        given = {"rotated": ("access.log.1", "access.log"), "copied": ("copy.log",)}.get(how, ("access.log",))
        kanaria("analyze", *given, "--store", "s")
        count = re.search(r"seen (\d+) times", kanaria("incident", "list", "--store", "s").out)
        assert count and int(count[1]) == (5 if how in {"grown", "rotated"} else 4)

    @promised(NORMAL, "What only goes on takes one line, with how often it was seen and when last", "ただ続いているだけのものは、検知回数と最後の時刻を添えて1行で示します。")  # fmt: skip
    def test_what_only_goes_on(self, kanaria: Kanaria, tmp_path: Path) -> None:
        for hour in ("07", "09"):
            write(tmp_path / "access.log", PROBED.replace("07:01", f"{hour}:01"))
            done = kanaria("analyze", "access.log", "--store", "s")
        assert len(done.out.splitlines()) == 5, "of which a title and the line itself, folded"
        assert "seen 2 times" in " ".join(done.out.split()) and "09:01" in done.out

    @promised(NORMAL, "and keeps who decided and why", "誰がなぜ決めたかを残します。")
    @pytest.mark.parametrize("state", ["acknowledged", "contained", "closed", "dismissed"])
    def test_a_decision(self, kanaria: Kanaria, tmp_path: Path, state: str) -> None:
        write(tmp_path / "access.log", PROBED)
        kanaria("analyze", "access.log", "--store", "s")
        ident = kanaria("incident", "list", "--store", "s").out.split()[0]
        done = kanaria("incident", "set", ident, state, "--why", "our scanner", "--who", "Hanako", "--store", "s")
        assert done.status == 0, done.err
        assert f"Hanako: open → {state} (our scanner)" in kanaria("incident", "show", ident, "--store", "s").out


class TestModel:
    SETTINGS = '[llm]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\ntimeout = 0.5\n'

    @promised(
        MODEL,
        "Without a model in the settings, no model is ever contacted.",
        "設定に言語モデルがなければ、言語モデルには一切接続しません。",
    )
    @pytest.mark.parametrize("command", [("analyze", "a.log"), ("explain", PROBED)])
    def test_without_one(
        self, kanaria: Kanaria, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
    ) -> None:
        monkeypatch.setattr("kanaria.analyst.client.Client._post", lambda *_: pytest.fail("somebody was asked"))
        write(tmp_path / "a.log", PROBED)
        assert kanaria(*command).out
        done = kanaria(*command, "--writer", "llm")
        assert (done.status, done.out) == (2, "") and "llm.base_url" in done.err

    @promised(
        MODEL,
        "prints the requests exactly as they would be sent, and sends nothing",
        "送信するはずのリクエストをそのまま表示し、何も送信しません。",
    )
    def test_the_prompt(self, kanaria: Kanaria, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("kanaria.analyst.client.Client._post", lambda *_: pytest.fail("something was sent"))
        write(tmp_path / "k.toml", self.SETTINGS)
        write(tmp_path / "a.log", PROBED)
        shown = kanaria("analyze", "a.log", "--writer", "llm", "--show-prompt", "--config", "k.toml").out
        assert '"model": "m"' in shown and '"temperature": 0' in shown

    @promised(MODEL, "What is not there by then, Kanaria writes.", "間に合わなかった文はKanariaが書きます。")
    def test_a_server_that_is_not_there(self, kanaria: Kanaria, tmp_path: Path) -> None:
        write(tmp_path / "k.toml", self.SETTINGS)
        write(tmp_path / "a.log", PROBED)
        own = kanaria("analyze", "a.log", "--style", "story", "--config", "k.toml").out
        done = kanaria("analyze", "a.log", "--style", "story", "--writer", "llm", "--config", "k.toml")
        assert done.status == 0 and "†" not in done.out and done.out.startswith(own.strip()[:200])
