"""What reading mining out of a web log may cost: a recurring value once, and one database for records and wrappings."""

from __future__ import annotations

import base64

import pyarrow as pa
import pytest

from kanaria.core import schema
from kanaria.core.facts import Knowledge
from kanaria.mining import candidates, stratum
from kanaria.mining.reading import read

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NOTHING = Knowledge(vulnerabilities={}, pools=(), coins={}, agents=(), samples=(), techniques={}, weights={}, caps={})
REFERER = "https://search.example/url?q=%6d%69%6e%69%6e%67&page=%31"


def records(count: int) -> pa.Table:
    """Requests for one page out of one search, each at its own time."""
    rows = [
        {
            "event_id": n,
            "request": b"GET /blog/ HTTP/1.1",
            "url": "/blog/",
            "user_agent": AGENT,
            "referer": REFERER,
            "raw": f'192.0.2.1 - - [{n}] "GET /blog/ HTTP/1.1" 200 7 "{REFERER}" "{AGENT}"'.encode(),
        }
        for n in range(count)
    ]
    return schema.from_rows("http", rows)


def test_a_value_that_recurs_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes | str] = []
    real = stratum._read_once

    def noted(data: bytes | str) -> tuple[list[stratum._Hit], list[stratum.Answer]]:
        seen.append(data)
        return real(data)

    monkeypatch.setattr(stratum, "_read_once", noted)
    stratum._often_read.cache_clear()
    assert not read({"http": records(50)}, NOTHING).messages
    assert len([text for text in seen if text == AGENT]) == len([text for text in seen if text == REFERER]) == 1
    assert len(seen) == len(set(seen))


def test_what_is_under_a_wrapping_needs_no_database_of_its_own() -> None:
    hidden = base64.b64encode(b'{"id":1,"method":"mining.subscribe","params":[]}')
    pages = base64.b64encode(b'{"page" : "an ordinary page of a shop", "of": 12}')
    lines = [b'"GET /?d=%s HTTP/1.1" 200 7' % text for text in (hidden, pages)]
    candidates._for_messages.cache_clear()
    worded, _ = candidates.rows_of_records(pa.chunked_array([pa.array(lines, pa.binary())]))
    assert worded.tolist() == [0]
    assert candidates._for_messages.cache_info().currsize == 0
