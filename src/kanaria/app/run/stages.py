"""The stages of one run, wired together: which facts, rules, engine and settings each works with.

``app.run.pipeline`` says in which order they run; here is what they share. Heavy libraries load when first needed, so
that explaining one line stays fast.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.app.commands.lists import user_facts
from kanaria.app.config import Config
from kanaria.app.live.merge import Together, interleaved, members
from kanaria.app.run.case_file import Material
from kanaria.app.run.input_accounts import Inputs
from kanaria.app.run.plot_series import SeriesKeeper, roles_of
from kanaria.app.run.searching import searched
from kanaria.core.facts import Knowledge
from kanaria.core.memory import give_back_large_blocks
from kanaria.core.network import HomeNetworks, orient
from kanaria.core.stream import Format, ReadContext, Stream
from kanaria.core.types import Analysis, Batch, Finding, HostObservation, RejectedRecord, StratumMessage, Text
from kanaria.formats.unknown import UNKNOWN
from kanaria.memory.network_state import Kept, forgotten
from kanaria.wire.flow_linking import Linker
from kanaria.wire.home_inference import Inferred, asked_in_vain, infer, note
from kanaria.wire.spool import STREAMED, Gathered, Spool

if TYPE_CHECKING:
    import duckdb

    from kanaria.app.live.open_flows import Watch
    from kanaria.baseline.countries import Countries
    from kanaria.baseline.pattern import PatternOfLife
    from kanaria.baseline.requests import OddRequests
    from kanaria.baseline.silence import Silence
    from kanaria.baseline.web import WebProfile
    from kanaria.detect import Detector, RuleSet
    from kanaria.knowledge import NetworkTable

Tables = Mapping[str, pa.Table]

# Tables whose rows are conversations between two addresses.
ORIENTED = frozenset({"connection", "dns", "tls", "rdp", "smb"})
# Tables the pattern of life learns from in slices of time; requests only where a sensor on the wire saw them.
LIVED = frozenset({"connection", "dns", "tls", "rdp", "smb", "logon", "http"})


@dataclass
class Stages:
    """One run. Build it from a ``Config``, hand it to ``app.pipeline.analyse``."""

    config: Config = field(default_factory=Config)
    input_format: str | None = None
    layout: str | None = None
    check_host: bool = False
    """Whether to look at this machine too, when everything was read and it is known which time matters."""
    host: tuple[HostObservation, ...] = ()
    host_checked: tuple[str, ...] = ()
    store: Path | None = None
    home: HomeNetworks = field(default_factory=HomeNetworks)
    """Our networks: configured, inferred from the input, or private address space."""
    lived: bool = False
    """Whether there is, or will be, enough history to say what is normal; too short a capture is not scored."""
    on_reject: Callable[[RejectedRecord], None] | None = None
    on_alert: Callable[[Finding, datetime], None] | None = None
    """Told at once of mining on connections that are still open, and when; the analysis tells of them at the end."""
    sensors: set[str] = field(default_factory=set)
    """Inputs that show connections: requests in them were seen on the wire, others were logged by a web server."""
    inputs: Inputs = field(default_factory=Inputs)
    series: SeriesKeeper = field(default_factory=SeriesKeeper)

    @cached_property
    def kept(self) -> Kept:
        """What earlier runs with this store left for this one."""
        return Kept(self.store)

    @cached_property
    def material(self) -> Material:
        return Material(self.kept.carried)

    @cached_property
    def facts(self) -> Knowledge:
        from kanaria import knowledge

        return knowledge.load(Path(self.config.knowledge) if self.config.knowledge else user_facts())

    @cached_property
    def scratch(self) -> Path:
        """A folder for what does not fit into memory; it goes away with the process."""
        folder = tempfile.mkdtemp(prefix="kanaria-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    @cached_property
    def engine(self) -> duckdb.DuckDBPyConnection:
        """An in-memory engine that spills to a temporary folder and never fetches extensions."""
        import duckdb

        settings: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": "false",
            "temp_directory": str(self.scratch),
            "memory_limit": "600MB",
            "enable_external_file_cache": "false",
        }
        engine = duckdb.connect(config=settings)
        engine.execute("SET TimeZone = 'UTC'")
        return engine

    @cached_property
    def networks(self) -> NetworkTable | None:
        """ASN and country per address, when the user installed that data."""
        from kanaria.knowledge import NetworkTable

        return NetworkTable.open()

    @cached_property
    def web(self) -> WebProfile:
        from kanaria.baseline.web import WebProfile

        return WebProfile(self.engine)

    @cached_property
    def life(self) -> PatternOfLife:
        """What is normal for each device; kept in the store's folder, or for this run only."""
        from kanaria.baseline.pattern import PatternOfLife
        from kanaria.baseline.settings import BaselineSettings

        wanted = self.config.baseline
        settings = BaselineSettings(
            warm_up_days=wanted.warm_up_days,
            device_warm_up_hours=wanted.device_warm_up_hours,
            half_life_days=wanted.half_life_days,
            learn_incidents=wanted.learn_incidents,
            alerts_per_day=self.config.alerts_per_day,
            critical=frozenset(self.config.devices.critical),
            roles=self.config.devices.roles or {},
        )
        folder = self.store / "baseline" if self.store else None
        return PatternOfLife(self.engine, facts=self.facts, settings=settings, directory=folder)

    @cached_property
    def requests(self) -> OddRequests:
        """What is said about surprising requests."""
        from kanaria.baseline.requests import OddRequests

        return OddRequests(self.life)

    @cached_property
    def countries(self) -> Countries:
        """From which countries people log on; kept beside what is normal."""
        from kanaria.baseline.countries import Countries

        return Countries(self.store / "baseline" if self.store else None)

    @cached_property
    def silence(self) -> Silence:
        """Who writes into logs how often; kept with the incidents."""
        from kanaria.baseline.silence import Silence

        return Silence(self.kept.silence)

    @cached_property
    def rules(self) -> RuleSet:
        """Kanaria's models and the user's."""
        from kanaria import detect

        own = [Path(folder) for folder in self.config.rules]
        rules = detect.load(weights=self.facts.weights)
        if own:
            rules = detect.merged(rules, detect.load(own, weights=self.facts.weights, known=rules))
        self.inputs.notes += [Text(en=f"rule not loaded: {e}", ja=f"読み込めないルール: {e}") for e in rules.errors]
        return rules

    @cached_property
    def detector(self) -> Detector:
        from kanaria import detect

        seen = self.kept.ledger.seen if self.store else None
        stored = self.store is not None
        detector = detect.Detector(self.rules, lambda: self.engine, facts=self.facts, seen=seen, remembers=stored)
        changed = detector.load_state(self.kept.correlations) if self.kept.correlations else ()
        if changed:
            self.inputs.notes.append(forgotten(changed))
        return detector

    @cached_property
    def watch(self) -> Watch:
        """Judges connections that are still open."""
        from kanaria.app.live.open_flows import Watch

        return Watch(self)

    def normalise(self, streams: Iterable[Stream | Together]) -> Iterator[Batch]:
        """Bytes to normalised tables. What is not understood is searched; inputs in no known format are noted, too."""
        give_back_large_blocks()
        home, layout = self.config.home_networks, self.layout
        watched = self.on_alert is not None
        context = ReadContext(home=home, engine=lambda: self.engine, layout=layout, open_flows=watched)
        wanted = self.input_format or ("logformat" if self.layout is not None else None)
        for given in streams:
            chosen = [(stream, found) for stream in members(given) if (found := self._recognise(stream, wanted))]
            reads = [searched(found.read(stream, context), stream, context) for stream, found in chosen]
            for batch in interleaved(reads, [partial(self.kept.follow, stream) for stream, _found in chosen]):
                if batch.interim:  # comes again when its connections have ended, and counts then
                    self.watch.look(batch.tables)
                    continue
                self.inputs.count(batch)
                for reject in batch.rejects if self.on_reject else ():
                    assert self.on_reject is not None  # noqa: S101  (the loop runs only when it is set)
                    self.on_reject(reject)
                yield batch
            for stream, _found in chosen:
                self.inputs.done(stream)

    def _recognise(self, stream: Stream, wanted: str | None) -> Format | None:
        """The format of an input: what a live one brings, what the user said, or what it looks like; None is noted."""
        from kanaria.formats import registry

        known = getattr(stream, "format_name", None) or wanted
        chosen = registry.get(known) if known else registry.detect(stream)
        if chosen is None:
            self.inputs.unknown(stream)
            return UNKNOWN if stream.head() else None
        self.inputs.open(stream.name, chosen.name)
        if "connection" in chosen.tables:
            self.sensors.add(stream.name)
        return chosen

    def in_time_order(self, batches: Iterable[Batch]) -> Iterator[Tables]:
        """Web servers' logs as they come, everything else afterwards in order of time."""
        spool: Spool | None = None
        gathered = Gathered()
        for batch in batches:
            logged = frozenset() if batch.source in self.sensors else STREAMED
            streamed = {name: table for name, table in batch.tables.items() if name in logged}
            if streamed and (enough := gathered.add(streamed)):
                yield enough
            if len(streamed) < len(batch.tables):
                spool = spool or Spool(self.engine, self.scratch)
                spool.add({name: table for name, table in batch.tables.items() if name not in logged})
        if rest := gathered.take():
            yield rest
        if spool:
            spool.settle()
            self.lived = bool(self.store) or spool.span() >= timedelta(days=self.config.baseline.warm_up_days)
            inferred = None if self.config.home else infer(self.engine, [n for n in spool.names if n in ORIENTED])
            linker = Linker(self.engine, spool.names)
            for tables in spool.slices():
                self.home = inferred or self.config.home_networks
                linked, doubles = linker.link(tables)
                self.inputs.doubles += doubles
                oriented = self._oriented(linked, inferred) if inferred else linked
                if "connection" in oriented:
                    oriented = {**oriented, "connection": asked_in_vain(oriented["connection"])}
                yield oriented

    def _oriented(self, tables: Tables, home: Inferred) -> Tables:
        """The same tables with direction, device and remote worked out anew from inferred home addresses."""
        sides = ("direction", "device", "remote")
        said = note(home)
        if said not in self.inputs.notes:
            self.inputs.notes.append(said)
        cleared = dict(tables)
        # A request says who serves whom, which is not put at risk for a guess.
        for name in (ORIENTED | {"http"} if home.certain else ORIENTED) & set(tables):
            table = tables[name]
            for side in sides:
                empty = pa.nulls(len(table), pa.string())
                table = table.set_column(table.schema.get_field_index(side), side, empty)
            cleared[name] = orient(table, home)
        return cleared

    def enrich(self, tables: Tables) -> Tables:
        from kanaria import knowledge

        return knowledge.enrich(tables, self.facts, self.networks)

    def read_mining(self, tables: Tables) -> tuple[Tables, tuple[StratumMessage, ...]]:
        from kanaria import knowledge, mining

        reading = mining.read(tables, self.facts)
        tables = knowledge.match_wallets(reading.tables, self.facts.indicators)
        if "connection" in tables:
            from kanaria.mining import grammar, grammar_coin

            tables = {**tables, "connection": grammar_coin.read(grammar.read(tables["connection"], self.facts))}
        return tables, reading.messages

    def score(self, tables: Tables) -> Tables:
        """Surprise in bits for what crosses the wire; for web requests, how this server usually answers."""
        if "http" in tables:
            self.web.absorb(tables["http"], from_engine=self.lives(tables))
        if self.lived and self.lives(tables):
            tables = self.countries.score(self.requests.explain(self.life.score(tables)))
            self.series.thresholds = self.life.alert_bits(roles_of(tables))
        if "logon" not in tables:
            return tables
        fresh = self.kept.ledger.fresh(tables["logon"])
        return {**self.silence.watch({**tables, "logon": fresh}), "logon": tables["logon"]}

    def lives(self, tables: Tables) -> bool:
        """Whether the pattern of life has to do with these tables. Web servers' logs come alone, and are none of it."""
        if set(tables) & (LIVED - STREAMED):
            return True
        requests = tables.get("http")
        return requests is not None and len(requests) > 0 and requests["source"][0].as_py() in self.sensors

    def evaluate(self, tables: Tables) -> list[Finding]:
        return self.detector.evaluate(tables)

    def learn(self, tables: Tables, findings: Iterable[Finding]) -> None:
        """Absorb what is not part of a finding. What web servers log has a profile of its own."""
        if self.lived and self.lives(tables):
            withheld = {event_id for finding in findings for event_id in finding.event_ids}
            fresh = self.kept.fresh(tables)  # the same records again teach nothing
            if set(fresh) & LIVED:
                self.life.learn(fresh, exclude_event_ids=withheld)
                self.countries.learn(fresh, exclude_event_ids=withheld)

    def remember(self, tables: Tables, messages: Iterable[StratumMessage], findings: Sequence[Finding]) -> None:
        self.material.add(tables, messages, findings)
        self.series.add(tables, (e for finding in findings if "mining" in finding.rule for e in finding.event_ids))

    def remember_findings(self, findings: Iterable[Finding]) -> None:
        self.material.add({}, (), findings)

    def close(self) -> list[Finding]:
        """Findings that could only be decided when nothing more can come."""
        if "logon" in self.material.tables_seen:
            silent = self.silence.at_the_end(self.kept.given(self.inputs.summaries))
            if silent is not None:
                self.material.add({"host": silent}, (), self.detector.evaluate({"host": silent}))
        return self.detector.finish()

    def release(self) -> None:
        """Let go of the engine and of the files attached to it, so that another run in this process may open them."""
        opened = vars(self)
        if "life" in opened:
            self.life.state.engine.close()
        if "engine" in opened:
            self.engine.close()

    def conclude(self) -> Analysis:
        """Group the findings, judge each group, and say what was not looked at."""
        from kanaria.app.run.conclude import conclude

        return conclude(self)
