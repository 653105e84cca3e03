"""Each setting of an analysis: a run that did not heed it would find, keep or say something else."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kanaria.app.config import Config
from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import prepare
from kanaria.core.limits import Limits
from kanaria.sources import open_inputs
from tests.app.running import Done, Kanaria
from tests.app.test_cli_incident import DAY, MINER_HOST, SERVER, flow, guessing
from tests.app.test_what_teaches import hourly, write

WALLET = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"
POOL = "pool.supportxmr.com"
PROBE = r'203.0.113.9 - - [{time}] "{{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}}" 400 0 "-" "-"'

Run = Callable[..., Done]


@pytest.fixture
def run(kanaria: Kanaria, tmp_path: Path) -> Run:
    """``kanaria analyze`` of these inputs with settings of this text, as JSON."""

    def analyze(settings: str, *arguments: str) -> Done:
        (tmp_path / "k.toml").write_text(settings)
        return kanaria("analyze", "--config", "k.toml", "--format", "json", *arguments)

    return analyze


def asked(path: Path, *devices: str) -> str:
    """A log of name requests in which these devices ask for a pool."""
    lines = [f"Mar  2 10:0{n}:00 dnsmasq[7]: query[A] {POOL} from {device}" for n, device in enumerate(devices)]
    return write(path, lines)


def likeliest(done: Done) -> set[str]:
    return {incident["hypotheses"][0]["name"] for incident in done.document["incidents"]}


@pytest.mark.parametrize(
    ("allowed", "is_ours"),
    [(f'pools = ["{POOL}"]', True), ('devices = ["192.168.1.20"]', True), ('devices = ["192.168.1.21"]', False),
     ('pools = ["supportxmr.com"]', True), ('pools = ["xmr.com"]', False)],
)  # fmt: skip
def test_mining_that_is_allowed_is_no_alarm(run: Run, tmp_path: Path, allowed: str, is_ours: bool) -> None:
    done = run(f"[allowed]\n{allowed}\n", asked(tmp_path / "dns.log", "192.168.1.20"))
    assert (likeliest(done) == {"authorised_mining"}) is is_ours, likeliest(done)
    assert done.status == (0 if is_ours else 1)


def test_a_wallet_that_is_allowed_is_no_alarm(run: Run, tmp_path: Path) -> None:
    params = {"login": WALLET, "pass": "x", "agent": "XMRig/6.21"}
    log = write(tmp_path / "texts.log", [json.dumps({"id": 1, "method": "login", "params": params})])
    assert "authorised_mining" in likeliest(run(f'[allowed]\nwallets = ["{WALLET}"]\n', log))
    assert "authorised_mining" not in likeliest(run("", log))


def test_what_happens_to_a_critical_machine_is_critical(run: Run, tmp_path: Path) -> None:
    """What may have worked."""
    log = write(tmp_path / "auth.log", list(guessing(DAY, "203.0.113.9")))
    settings = ("", '[devices]\ncritical = ["gate"]\n')
    assert [run(text, log).incident["severity"] for text in settings] == ["high", "critical"]


def test_a_device_has_the_role_that_settings_say(kanaria: Kanaria, tmp_path: Path) -> None:
    log = write(tmp_path / "conn.log", hourly(2))
    (tmp_path / "k.toml").write_text(f'[devices]\nroles = {{ "{SERVER}" = "printer" }}\n')
    listed = json.loads(kanaria("devices", log, "--config", "k.toml", "--format", "json").out)["devices"]
    assert {device["address"]: device["role"] for device in listed}[SERVER] == "printer"
    kanaria("baseline", "learn", log, "--config", "k.toml", "--store", "s")
    assert f"{SERVER} looks like a printer" in kanaria("baseline", "show", SERVER, "--store", "s").out


def test_addresses_of_home_are_ours(run: Run, tmp_path: Path) -> None:
    log = asked(tmp_path / "dns.log", "198.51.100.20")
    ours, others = 'home = ["198.51.100.0/24"]\n', 'home = ["192.0.2.0/24"]\n'
    assert run(ours, log).incident["entities"]["devices"] == ["198.51.100.20"]
    assert run(ours, log).incident["severity"] == "medium"
    assert [one["severity"] for one in run(others, log).document["incidents"]] == ["low"]  # it may be a stranger
    assert run(others, "--home", "198.51.100.0/24", log).incident["entities"]["devices"] == ["198.51.100.20"]


class TestBaseline:
    @pytest.fixture
    def shown(self, kanaria: Kanaria, tmp_path: Path) -> Callable[..., str]:
        """What ``baseline show`` says after three days were learned by settings."""

        def show(settings: str, *device: str) -> str:
            log = write(tmp_path / "conn.log", [*hourly(3), *late()])
            (tmp_path / "k.toml").write_text(settings)
            assert kanaria("baseline", "learn", log, "--config", "k.toml", "--store", "s").status == 0
            return kanaria("baseline", "show", *device, "--config", "k.toml", "--store", "s").out

        def late() -> list[str]:
            """A device that joins in the last hours, and asks somebody new in the very last."""
            start = DAY + timedelta(hours=66)
            return [flow(start + timedelta(hours=n), 900 + n, MINER_HOST, "192.168.1.1", 53) for n in range(6)]

        return show

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ("", " of 7 d)"),
            ("[baseline]\nwarm_up_days = 2\n", "settled ("),
            ("alerts_per_day = 4\n", "a budget of 4"),
        ],
    )
    def test_how_far_learning_got(self, shown: Callable[..., str], settings: str, words: str) -> None:
        assert words in shown(settings)

    @pytest.mark.parametrize(("hours", "words"), [(None, "learning (6 h of 1 d)"), (4, "settled (6 h learned)")])
    def test_a_device_that_joined_later(self, shown: Callable[..., str], hours: int | None, words: str) -> None:
        more = "" if hours is None else f"device_warm_up_hours = {hours}\n"
        assert words in shown(f"[baseline]\nwarm_up_days = 2\n{more}", MINER_HOST)

    def test_what_is_long_ago_counts_less_by_the_half_life(self, kanaria: Kanaria, tmp_path: Path) -> None:
        """Two days at one resolver, and a week later two days at another."""
        first, then = hourly(2), hourly(2, DAY + timedelta(days=7))
        write(tmp_path / "conn.log", [*first, *(line.replace('"192.168.1.1"', '"192.168.1.2"') for line in then)])
        said = []
        for days in (7, 70):
            (tmp_path / "k.toml").write_text(f"[baseline]\nhalf_life_days = {days}\n")
            kanaria("baseline", "learn", "conn.log", "--config", "k.toml", "--store", f"s{days}")
            said.append(kanaria("baseline", "show", SERVER, "--config", "k.toml", "--store", f"s{days}").out)
        assert "192.168.1.2 (67 %)" in said[0], said[0]
        assert "192.168.1.2 (52 %)" in said[1], said[1]

    def test_a_store_that_learned_with_another_half_life_says_what_to_do(
        self, kanaria: Kanaria, tmp_path: Path
    ) -> None:
        log = write(tmp_path / "conn.log", hourly(1))
        kanaria("baseline", "learn", log, "--store", "s")
        (tmp_path / "k.toml").write_text("[baseline]\nhalf_life_days = 9\n")
        done = kanaria("analyze", log, "--config", "k.toml", "--store", "s")
        assert done.status == 2
        assert "baseline.half_life_days: expected 14, with which this store" in done.err and "set it back" in done.err

    def test_incidents_are_learned_only_when_asked_for(self, kanaria: Kanaria, tmp_path: Path) -> None:
        """Handshakes with a pool."""
        write(tmp_path / "conn.log", hourly(1))
        write(tmp_path / "ssl.log", [hello(DAY + timedelta(minutes=n), n, "203.0.113.44") for n in range(20)])
        usual = []
        for learn in ("false", "true"):
            (tmp_path / "k.toml").write_text(f"[baseline]\nlearn_incidents = {learn}\n")
            kanaria("analyze", "conn.log", "ssl.log", "--config", "k.toml", "--store", learn)
            usual.append(kanaria("baseline", "show", SERVER, "--store", learn).out)
        assert "203.0.113.44" not in usual[0] and "192.168.1.1" in usual[0]
        assert "203.0.113.44" in usual[1]


def test_an_incident_that_goes_on_is_news_again_after_the_hours_that_are_set(run: Run, tmp_path: Path) -> None:
    def probes(*hours: int) -> str:
        times = [DAY + timedelta(hours=hour) for hour in hours]
        return write(tmp_path / "access.log", [PROBE.format(time=f"{time:%d/%b/%Y:%H:%M:%S} +0000") for time in times])

    for hours, kinds in ((24, ["new", "repeated"]), (2, ["new", "reminder"])):
        settings, store = f"realert_hours = {hours}\n", f"s{hours}"
        alerts = [run(settings, probes(*times), "--store", store).incident["alert"]["kind"] for times in ((1,), (1, 4))]
        assert alerts == kinds


def test_what_a_miner_costs_is_counted_with_what_is_known(run: Run, tmp_path: Path) -> None:
    connection = flow(DAY, 1, MINER_HOST, "203.0.113.44", 3333, seconds=7200.0)
    write(tmp_path / "conn.log", [connection])
    names = [f"Mar  1 23:59:00 dnsmasq[7]: query[A] {POOL} from {MINER_HOST}",
             f"Mar  1 23:59:01 dnsmasq[7]: reply {POOL} is 203.0.113.44"]  # fmt: skip
    write(tmp_path / "dns.log", names)
    given = {"cores": 8, "watts_per_core": 10, "price_per_kwh": 0.5}
    text = "".join(f"{name} = {value}\n" for name, value in given.items())
    done = run(f'[impact]\n{text}currency = "EUR"\n', "conn.log", "dns.log")
    estimates = (incident["impact"]["estimate"] for incident in done.document["incidents"])
    (cost,) = [one for one in estimates if one]
    told = {item["name"]: (item["value"], item["origin"]) for item in cost["inputs"]}
    assert {name: told[name] for name in given} == {name: (value, "configured") for name, value in given.items()}
    assert (cost["currency"], cost["kwh"]) == ("EUR", 0.16)


class TestModel:
    """What a language model would be sent, without one."""

    @pytest.fixture
    def prompt(self, kanaria: Kanaria, tmp_path: Path) -> Callable[[str], str]:
        log = asked(tmp_path / "dns.log", "192.168.1.20")

        def shown(more: str) -> str:
            (tmp_path / "k.toml").write_text(f'[llm]\nbase_url = "http://192.0.2.1/v1"\nmodel = "scripted"\n{more}')
            return kanaria("analyze", log, "--config", "k.toml", "--show-prompt", "--writer", "llm").out

        return shown

    def test_internal_addresses_are_hidden_when_asked_for(self, prompt: Callable[[str], str]) -> None:
        assert "192.168.1.20" in prompt("")
        assert "192.168.1.20" not in prompt("hide_internal = true\n")

    def test_the_model_and_the_longest_answer_are_as_set(self, prompt: Callable[[str], str]) -> None:
        shown = prompt("max_tokens = 321\n")
        assert '"scripted"' in shown and "321" in shown
        assert "800" in prompt("")


def test_rules_of_ones_own_are_applied(run: Run, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "write-a-rule.md").read_text()
    (tmp_path / "own").mkdir()
    text = page.partition("```yaml file=my-rules/intranet_logon.yml\n")[2].partition("```")[0]
    (tmp_path / "own" / "intranet.yml").write_text(text)
    line = '203.0.113.7 - - [21/Jun/2026:07:01:00 +0000] "GET /intranet/logon HTTP/1.1" 404 9 "-" "Mozilla/5.0"'
    log = write(tmp_path / "access.log", [line])
    found = run('rules = ["own"]\n', log).incident["findings"]
    assert "intranet_logon_from_outside" in {finding["rule"] for finding in found}


class TestEvents:
    """How much of what crossed the wire is kept."""

    @pytest.fixture
    def rows(self, run: Run, tmp_path: Path) -> Callable[[str], int]:
        log = write(tmp_path / "conn.log", hourly(3))

        def kept(settings: str) -> int:
            assert run(settings, log, "--store", "s").status == 0
            db = sqlite3.connect(tmp_path / "s" / "incidents.sqlite")
            try:
                return int(db.execute("SELECT coalesce(sum(records), 0) FROM part").fetchone()[0])
            finally:
                db.close()

        return kept

    @pytest.mark.parametrize(
        ("settings", "count"), [("", 144), ("[events]\ndays = 0\n", 0), ("[events]\nmegabytes = 0.000001\n", 0)]
    )
    def test_rows_are_kept_as_far_as_is_set(self, rows: Callable[[str], int], settings: str, count: int) -> None:
        assert rows(settings) == count

    def test_those_of_long_ago_are_left_out(self, run: Run, tmp_path: Path) -> None:
        log = write(tmp_path / "conn.log", [*hourly(1), *hourly(1, DAY + timedelta(days=90))])
        for days, said in ((30, True), (100, False)):
            notes = run(f"[events]\ndays = {days}\n", log, "--store", f"s{days}").document["notes"]
            assert any("(events.days)" in note["en"] for note in notes) is said


def test_a_number_that_may_be_0_and_one_that_may_not(run: Run) -> None:
    assert "events.days: expected a number from 0 on; got -1" in run("[events]\ndays = -1\n", "x").err
    assert "events.megabytes: expected a number above 0; got 0" in run("[events]\nmegabytes = 0\n", "x").err


class TestLimits:
    def kept(self, folder: Path, name: str) -> Any:
        from kanaria.store.incidents import IncidentStore

        with IncidentStore(folder / "s") as store:
            return store.state()[name]["content"]

    def test_records_of_findings(self, run: Run, tmp_path: Path) -> None:
        """Of two who got in, those of one."""
        for n in (1, 2):
            write(tmp_path / f"auth{n}.log", list(guessing(DAY + timedelta(hours=n), f"203.0.113.{n}")))
        for most, few in ((60, True), (6000, False)):
            run(f"[limits]\nrecords = {most}\n", "auth1.log", "auth2.log", "--store", "s")
            carried = len(self.kept(tmp_path, "carried")["records"])
            assert (0 < carried <= 60) is few, carried
            shutil.rmtree(tmp_path / "s")

    def test_pairs_that_teach_nothing(self, run: Run, tmp_path: Path) -> None:
        names = [write(tmp_path / f"auth{n}.log", list(guessing(DAY, f"203.0.113.{n}"))) for n in range(1, 4)]
        run("", *names, "--store", "s")
        for settings, said in (("", False), ("[limits]\npairs = 2\n", True)):
            notes = run(settings, *names, "--store", "s").document["notes"]
            assert any("(limits.pairs)" in note["en"] for note in notes) is said

    def test_pairs_whose_hours_are_counted(self, run: Run, tmp_path: Path) -> None:
        """Of a device with four places of a pool."""
        flows = [flow(DAY + timedelta(minutes=n), n, SERVER, f"203.0.113.{50 + n}", 443, 60.0) for n in range(4)]
        write(tmp_path / "conn.log", flows)
        write(tmp_path / "ssl.log", [hello(DAY + timedelta(minutes=n), n, f"203.0.113.{50 + n}") for n in range(4)])
        notes = run("[limits]\ncontacts = 2\n", "conn.log", "ssl.log", "--store", "s").document["notes"]
        assert any("(limits.contacts)" in note["en"] for note in notes), notes

    def test_events_of_a_correlation(self, run: Run, tmp_path: Path) -> None:
        log = write(tmp_path / "auth.log", list(guessing(DAY, "203.0.113.9"))[:9])
        notes = run("[limits]\ncorrelation_events = 4\n", log, "--store", "s").document["notes"]
        assert any("(limits.correlation_events)" in note["en"] for note in notes), notes

    def test_devices_in_pictures(self, tmp_path: Path) -> None:
        """A run without an end forgets with each checkpoint."""
        devices = [f"192.168.1.{n}" for n in range(20, 24)]
        rows = [flow(DAY + timedelta(minutes=3 * n), n, devices[n % 4], "192.168.1.1", 53) for n in range(180)]
        write(tmp_path / "conn.log", rows)
        asked(tmp_path / "dns.log", *devices)
        setup = prepare(Config(limits=Limits(pictured_devices=2)), store=tmp_path / "s")
        with Engine(setup, lateness=timedelta(0)) as engine:
            for name in ("conn.log", "dns.log"):
                engine.take(engine.read(open_inputs([str(tmp_path / name)])))
            judged, keeper = engine.hurry(), engine._series
            assert len({one.device for one in keeper.about(devices)}) == 4
            engine.commit(judged)
            assert len({one.device for one in keeper.about(devices)}) == 2


def hello(time: datetime, number: int, remote: str) -> str:
    """A line of Zeek's ssl.log: a handshake with a pool."""
    row = {
        "ts": time.timestamp(), "uid": f"C{number}", "id.orig_h": SERVER, "id.orig_p": 30000 + number, "id.resp_h": remote,
        "id.resp_p": 443, "version": "TLSv12", "server_name": POOL, "established": True,
    }  # fmt: skip
    return json.dumps(row)
