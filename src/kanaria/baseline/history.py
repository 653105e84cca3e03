"""What learning changes: a step of encoded rows in, appended history out; finished hours and days are closed here.

The temporary tables ``encoded`` and ``actors`` are there (``encode``); ``baseline_rows`` is the part of it at hand.
Everything runs inside a transaction that the caller opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kanaria.baseline import encode, handful, roles
from kanaria.baseline.shape import HISTORY, KINDS, PEAKS, RATES

if TYPE_CHECKING:
    from kanaria.baseline.handful import Handful
    from kanaria.baseline.plans import Plans
    from kanaria.baseline.settings import BaselineSettings
    from kanaria.baseline.state import State

WITHHELD_ROWS = 200_000
WITHHELD_HOURS = 24 * 90
_TEXT_KINDS = tuple(kind for kind in KINDS if kind != "slot")


class History:
    """One state's appended tables and the plans that append to them."""

    def __init__(self, state: State, settings: BaselineSettings) -> None:
        self.state = state
        self.settings = settings
        self.regrouped = False
        self._execute = state.engine.execute
        self._statements = state.statements

    def first_hour(self, otherwise: int) -> int:
        return int(self.state.get("first_hour") or otherwise)

    # ---- the step at hand ---------------------------------------------------------------------------------------

    def take(self, low: int, high: int, *, whole: bool) -> None:
        """Make the rows of these hours the step at hand; ``whole`` says that they are all there are."""
        source = "encoded"
        if not whole:
            self.recognise()
            source = "step_rows"
            self._statements.fill(
                "step_rows",
                f"""SELECT e.* REPLACE (a.grp AS grp) FROM encoded e JOIN actors a USING (actor)
                    WHERE hour >= {low} AND hour < {high}""",  # noqa: S608
            )
        self._statements.view("baseline_rows", f"FROM {source}")

    def recognise(self) -> None:
        """What has been learned about the batch's devices meanwhile."""
        self._execute(
            f"""UPDATE actors SET grp = d.grp, role = d.role, first = d.first, known = true
                FROM {self.state.alias}.devices d WHERE d.actor = actors.actor"""  # noqa: S608
        )

    def look_up(self, plans: Plans, *names: str) -> None:
        """Steps of scoring that learning needs too: the choices and amounts of the rows, what is known of them."""
        for name in names:
            self._statements.fill(f"baseline_{name}", plans.score[name])

    def append(self, plans: Plans, *, scored: bool) -> None:
        """Add the step at hand; ``scored`` says that ``baseline_scored`` is about the same rows."""
        self._statements.fill("baseline_grown", plans.absorb["grown"])
        self._unsettled_peaks()
        for name in (name for name in plans.absorb if name in HISTORY):
            self.state.append(name, plans.absorb[name])
        if scored:
            self._record_peaks()
        self._remember_texts()
        self._remember_devices("baseline_hours")
        self._remember_services()
        row = self._statements.run("SELECT min(hour), max(hour) FROM baseline_hours").fetchone()
        if row is not None and row[0] is not None:
            self._remember_hours(int(row[0]), int(row[1]))

    def append_handful(self, slice_: Handful) -> None:
        """The same for a handful of rows, which are all that is encoded: what has nothing to add is not asked."""
        begin, least = self._settled_from(), self.settings.device_warm_up_hours
        slice_.append(lambda first: begin is not None and slice_.hour >= begin and slice_.hour - first >= least)
        if slice_.fresh:
            self._keep_texts_of(slice_)
        if not all(slice_.actors["known"]):
            self._remember_devices("baseline_rows")
        if slice_.answered:
            self._remember_services()
        self._remember_hours(slice_.hour, slice_.hour)

    def _settled_from(self) -> float | None:
        """The hour from which surprise says what is normal: in the first half of the warm-up everything is new."""
        if self.state.get("first_hour") is None and self.settings.warm_up_days > 0:
            return None
        return self.first_hour(0) + self.settings.warm_up_days * 12

    def _settled(self, hour: str, first: str) -> str:
        """When an hour's surprise says what is normal, for a device that was first seen then."""
        begin = self._settled_from()
        if begin is None:
            return "false"
        return f"{hour} >= {begin} AND coalesce({hour} - {first} >= {self.settings.device_warm_up_hours}, false)"

    def _record_peaks(self) -> None:
        self._statements.run(
            f"""INSERT INTO {self.state.alias}.hourly BY NAME
                SELECT s.actor, s.grp, hour, {", ".join(f"0.0 AS {name}" for name in RATES)},
                    {", ".join(f"max({name}) AS {name}" for name in PEAKS)}
                FROM baseline_scored s JOIN actors a USING (actor) SEMI JOIN baseline_rows r USING (row)
                WHERE {self._settled("hour", "a.first")} GROUP BY s.actor, s.grp, hour"""  # noqa: S608
        )

    def _unsettled_peaks(self) -> None:
        """Rows that brought their surprise along: forget it where it is too early to count."""
        if not self._statements.one(f"SELECT count({PEAKS[-1]}) FROM baseline_hours"):  # noqa: S608
            return
        self._statements.run(
            f"""UPDATE baseline_hours SET {", ".join(f"{name} = NULL" for name in PEAKS)} FROM actors a
                WHERE a.actor = baseline_hours.actor AND NOT ({self._settled("baseline_hours.hour", "a.first")})"""  # noqa: S608
        )

    def _remember_texts(self) -> None:
        """The words behind values that the network has now met for the first time."""
        self._statements.fill(
            "fresh",
            """SELECT DISTINCT value FROM baseline_grown
               WHERE old IS NULL AND value NOT IN (SELECT tie FROM baseline_seen)""",
        )
        if self._statements.one("SELECT count(*) FROM fresh"):
            self._keep_texts()

    def _keep_texts(self) -> None:
        """The words behind the values in ``fresh``."""
        kinds = ", ".join(f"'{kind}'" for kind in _TEXT_KINDS)
        parts = f"""SELECT kind, id, min(row) AS row FROM (
                SELECT row, unnest([{kinds}]) AS kind, unnest([{", ".join(_TEXT_KINDS)}]) AS id FROM baseline_rows)
            WHERE id IN (FROM fresh) GROUP BY kind, id"""  # noqa: S608
        text = " ".join(f"WHEN '{kind}' THEN {kind}_text" for kind in _TEXT_KINDS)
        self._statements.fill("fresh_rows", parts)
        encode.want_texts(self._statements, "SELECT DISTINCT row FROM fresh_rows")
        self._statements.run(
            f"""INSERT INTO {self.state.alias}.texts SELECT id, kind, CASE kind {text} END
                FROM fresh_rows JOIN encoded_texts USING (row)"""  # noqa: S608
        )

    def _keep_texts_of(self, slice_: Handful) -> None:
        """The same for a handful, of which is known in which row each is; only the words of these kinds are made."""
        first_rows = slice_.fresh_rows(_TEXT_KINDS)
        text = " ".join(
            f"WHEN '{kind}' THEN {kind}_text" for kind in _TEXT_KINDS if kind in first_rows["kind"].to_pylist()
        )
        if not text:
            return
        with self._statements.handed(first_rows) as rows:
            self._statements.run(
                f"""INSERT INTO {self.state.alias}.texts SELECT id, kind, CASE kind {text} END
                    FROM {rows} JOIN ({encode.EVERY_TEXT}) USING (row)"""  # noqa: S608
            )

    def _remember_devices(self, rows: str) -> None:
        """Devices that the history does not know; ``rows`` is a table of who acted when."""
        alias = self.state.alias
        self._statements.run(
            f"""INSERT INTO {alias}.devices
                SELECT h.actor, a.actor_text, 'unknown', a.grp, min(hour), max(hour)
                FROM {rows} h JOIN actors a USING (actor) ANTI JOIN {alias}.devices d ON d.actor = h.actor
                GROUP BY h.actor, a.actor_text, a.grp"""  # noqa: S608
        )

    def _remember_services(self) -> None:
        """Who was answered on which service by whom: rows from outside and inside (those without a network)."""
        self._statements.fill(
            "offered",
            """SELECT min(row) AS row, count(DISTINCT CASE WHEN inbound THEN endpoint ELSE actor END) AS clients,
                   min(hour) AS first, max(hour) AS last
               FROM baseline_rows
               WHERE (inbound OR network IS NULL) AND connection = 1 AND failed = 0 AND service IS NOT NULL
               GROUP BY CASE WHEN inbound THEN actor ELSE endpoint END, service""",
        )
        if self._statements.one("SELECT count(*) FROM offered"):
            encode.want_texts(self._statements, "SELECT row FROM offered")
            self._statements.run(
                f"""INSERT INTO {self.state.alias}.services
                    SELECT CASE WHEN side = 'in' THEN actor_text ELSE endpoint_text END,
                        split_part(service_text, ' ', 2), side, clients, first, last
                    FROM offered JOIN encoded_texts USING (row)"""  # noqa: S608
            )

    def _remember_hours(self, first: int, latest: int) -> None:
        if self.state.get("first_hour") is None:
            self.state.put("first_hour", str(first))
        if latest > int(self.state.get("latest_hour") or 0):
            self.state.put("latest_hour", str(latest))

    # ---- finished hours and days --------------------------------------------------------------------------------

    def close_before(self, hour: int, plans: Plans) -> bool:
        """Finished hours become history; finished days bring roles up to date. Whether there was anything to close.

        ``regrouped`` then says whether a device has another role now, and its peers other ties.
        """
        self.regrouped = False
        alias = self.state.alias
        run, fill = self._statements.run, self._statements.fill
        self._statements.note("closing", hour=hour)
        finished = "WHERE hour < (SELECT hour FROM closing)"
        hourly, flows = (f"SELECT count(*) FROM {alias}.{name} {finished}" for name in ("hourly", "flows"))  # noqa: S608
        hours, amounts = self._statements.run(f"SELECT ({hourly}), ({flows})").fetchone() or (0, 0)
        if not hours:
            return False
        source = f"(FROM {alias}.hourly {finished})"
        if self._statements.few and hours + amounts <= handful.MOST_CLOSED:
            handful.close(self.state, plans, finished)
        else:
            source = "closing_hourly"
            for name in ("hourly", "flows"):
                fill(f"closing_{name}", f"FROM {alias}.{name} {finished}")
            for name, sql in plans.close_hours.items():
                closed = sql.replace('"baseline_hourly"', "closing_hourly").replace('"baseline_flows"', "closing_flows")
                self.state.append(name, closed)
        run(
            f"""INSERT INTO {alias}.days
                SELECT hour // 24, count(DISTINCT (actor, hour)), 0 FROM {source} GROUP BY 1"""  # noqa: S608
        )
        run(
            f"""UPDATE {alias}.devices d SET last = greatest(d.last, c.hour)
                FROM (SELECT actor, max(hour) AS hour FROM {source} GROUP BY 1) c WHERE c.actor = d.actor"""  # noqa: S608
        )
        for name in ("hourly", "flows"):
            run(f"DELETE FROM {alias}.{name} {finished}")  # noqa: S608
        if hour // 24 > int(self.state.get("roles_day") or 0):
            self.regrouped = roles.assign(self.state, self.settings.roles, self.settings.half_life_days * 24)
            self.state.put("roles_day", str(hour // 24))
            self._execute(f"DELETE FROM {alias}.withheld WHERE hour < {hour} - {WITHHELD_HOURS}")  # noqa: S608
        return True

    # ---- what is kept aside -------------------------------------------------------------------------------------

    def keep_aside(self) -> None:
        """The rows in ``held``, for ``dismiss``."""
        self._statements.run(f"INSERT INTO {self.state.alias}.withheld BY NAME FROM held LIMIT {WITHHELD_ROWS}")

    def bring_back(self, condition: str) -> int:
        """Make the rows kept aside that fit the condition the encoded batch; returns how many there are."""
        alias = self.state.alias
        encode.want_texts(self._statements, "SELECT NULL::BIGINT AS row WHERE false")
        fill, view = self._statements.fill, self._statements.view
        numbered = "* REPLACE (row_number() OVER () AS row)"
        fill("dismissed", f"SELECT {numbered} FROM {alias}.withheld WHERE {condition}")  # noqa: S608
        nothing = ", ".join(f"NULL::DOUBLE AS {name}" for name in PEAKS)
        fill(
            "encoded",
            f"""SELECT row, actor, grp, hour, inbound, {", ".join(KINDS)}, up, down, duration, connection, failed, sent,
                    {nothing} FROM dismissed""",  # noqa: S608
        )
        view("encoded_texts", "FROM dismissed SEMI JOIN wanted USING (row)")
        fill(
            "actors",
            """SELECT actor, any_value(actor_text) AS actor_text, any_value(grp) AS grp, 'unknown' AS role,
                    NULL::BIGINT AS first, false AS known FROM dismissed GROUP BY actor""",
        )
        self._execute(f"DELETE FROM {alias}.withheld WHERE {condition}")  # noqa: S608
        self.recognise()
        return int(str(self.state.one("SELECT count(*) FROM encoded")))
