"""Every metric is there, with the number that ``/status`` says, and a source's name cannot end its label."""

from __future__ import annotations

from typing import Any

from kanaria.app.live.state import COUNTERS, GAUGES, metrics

SINGLE = {
    "kanaria_up": "alive", "kanaria_start_time_seconds": "started", "kanaria_batch_duration_seconds": "last_batch_seconds",
    "kanaria_lag_seconds": "lag_seconds", "kanaria_store_free_bytes": "free_bytes", "kanaria_batches_total": "batches",
    "kanaria_records_total": "records", "kanaria_records_rejected_total": "rejected",
    "kanaria_lines_unread_total": "unread", "kanaria_news_total": "news",
}  # fmt: skip
OF_SOURCE = {
    "kanaria_source_last_event_timestamp_seconds": "last", "kanaria_source_backlog_bytes": "behind_bytes",
    "kanaria_source_backlog_records": "behind_records", "kanaria_source_records_total": "records",
    "kanaria_source_lost_total": "lost", "kanaria_source_refused_total": "refused",
}  # fmt: skip
OF_CHANNEL = {
    "kanaria_channel_waiting_messages": "waiting", "kanaria_channel_messages_sent_total": "sent",
    "kanaria_channel_messages_dead_total": "dead",
}  # fmt: skip


def numbered(names: list[str], start: int) -> dict[str, Any]:
    return {name: start + number for number, name in enumerate(names)}


def test_every_metric_has_the_number_of_the_state() -> None:
    source = {"name": 'a"b\\c\nd', "problem": "no permission", **numbered(list(OF_SOURCE.values()), 200)}
    channel = {"name": "phone", **numbered(list(OF_CHANNEL.values()), 300)}
    state = {
        **numbered(list(SINGLE.values()), 100), "alive": True, "events": {"bytes": 401, "rows": 402},
        "sources": [source], "channels": [channel],
    }  # fmt: skip
    lines = metrics(state).splitlines()
    told = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    label = '{source="a\\"b\\\\c\\nd"}'
    assert told == {
        **{name: str(int(state[key])) for name, key in SINGLE.items()},
        **{f"{name}{label}": str(source[key]) for name, key in OF_SOURCE.items()},
        **{f'{name}{{channel="phone"}}': str(channel[key]) for name, key in OF_CHANNEL.items()},
        f"kanaria_source_problem{label}": "1", "kanaria_events_bytes": "401", "kanaria_events_rows": "402",
    }  # fmt: skip
    declared = {line.split()[2]: line.split()[3] for line in lines if line.startswith("# TYPE")}
    assert declared == {**dict.fromkeys(GAUGES, "gauge"), **dict.fromkeys(COUNTERS, "counter")}
    sampled = {name.partition("{")[0].removesuffix("_total") for name in told}
    assert sampled == set(declared), "a metric that is declared has a number"
