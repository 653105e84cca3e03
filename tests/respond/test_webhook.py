"""Signed webhooks, judged by the package of the standard itself."""

from __future__ import annotations

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from kanaria.core.errors import ConfigError, SourceError
from kanaria.respond.webhook import place, post, signed
from tests.serve.serving import sink


@given(st.binary(min_size=24, max_size=64), st.dictionaries(st.text(), st.text()))
def test_what_we_sign_the_standard_accepts(key: bytes, data: dict[str, str]) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    body = json.dumps(data).encode()
    headers = signed(secret, "m-1", body, int(time.time()))
    assert Webhook(secret).verify(body, headers) == data
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)


def test_a_message_arrives_signed_and_a_refusal_is_an_error() -> None:
    secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
    with sink() as receiver:
        url = f"webhook+http://127.0.0.1:{receiver.port}/hook?x=1"
        post(url, secret, "m-7", {"title": "探索"})
        (got,) = receiver.received
        assert (got.path, got.headers["webhook-id"]) == ("/hook?x=1", "m-7")
        assert Webhook(secret).verify(got.body, got.headers) == {"title": "探索"}
        receiver.status["/hook?x=1"] = 500
        with pytest.raises(SourceError, match="status 500"):
            post(url, secret, "m-8", {})
    with pytest.raises(SourceError, match="expected a 2xx answer"):
        post(url, secret, "m-9", {})


def test_a_secret_in_another_shape_is_named_without_being_shown() -> None:
    with pytest.raises(ConfigError, match=r"notify\.secret") as error:
        signed("whsec_not base64!", "m-1", b"", 0)
    assert "not base64!" not in str(error.value)


@pytest.mark.parametrize("url", [
    "webhook+ftp://example.org", "webhook+https:///path", "webhook+http://127.0.0.1:99999/", "webhook+http://[::1", "webhook+http://exa mple/",
    "webhook+http://h\x01/", "webhook+http://host:0/",
])  # fmt: skip
def test_what_is_no_address_of_a_webhook_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        place(url)
    assert url not in str(refused.value) and "それ以外の文字列" in refused.value.to("ja")
