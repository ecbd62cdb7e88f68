"""The signature ACS3-HMAC-SHA256: a known answer of the vendor's signer, and everything that must break one."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from fclab.sources.http.signature import WINDOW, Message, Nonces, SignatureRefused, sign, verify

NOW = 1_767_225_600
KEYS = {"AK": "SK"}
BODY = b"hello"
SIGNED = Message(
    "POST", "/a%20b/c~d*%C3%A9", "q=x+y%2F~%2A%2B%26%3D%C3%A9&a=&b=1",
    {
        "host": "127.0.0.1:9000", "x-acs-date": "2026-01-01T00:00:00Z", "x-acs-signature-nonce": "n1",
        "x-acs-content-sha256": hashlib.sha256(BODY).hexdigest(), "content-type": "application/json; charset=utf-8",
        "accept": "application/json",
        "authorization": "ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=accept;content-type;host;x-acs-content-sha256;x-acs-date;"
        "x-acs-signature-nonce,Signature=caeb4e3b78e0d16495c01eaa12a220768f6f86ce2fed08c31ba78a8e83971572",
    },
    BODY,
)  # fmt: skip
"""Signed by alibabacloud-openapi-util 0.2.4."""


def code(message: Message, **options: Any) -> tuple[int, str]:
    with pytest.raises(SignatureRefused) as caught:
        verify(message, **{"secrets": KEYS, "now": NOW, **options})
    return caught.value.status, caught.value.code


def with_header(name: str, value: str) -> Message:
    return replace(SIGNED, headers={**SIGNED.headers, name: value})


def test_the_vendor_s_signature_holds() -> None:
    assert verify(SIGNED, KEYS, now=NOW) == "AK"
    assert verify(SIGNED, KEYS, now=NOW + WINDOW) == "AK"
    assert verify(replace(SIGNED, query="b=1&a&q=x%20y/~*%2b%26=é"), KEYS, now=NOW - WINDOW) == "AK"


CHANGED: list[dict[str, Any]] = [
    {"method": "PUT"}, {"path": "/a b/c~d*é"}, {"path": "/a%20b/c~d*%c3%a9"}, {"query": "a=1"}, {"query": ""}, {"body": b"hello!"},
    {"headers": {**SIGNED.headers, "host": "other"}}, {"headers": {**SIGNED.headers, "x-acs-action": "DeleteFunction"}},
    {"headers": {name: value for name, value in SIGNED.headers.items() if name != "accept"}},
    {"headers": {**SIGNED.headers, "x-acs-content-sha256": hashlib.sha256(b"hello!").hexdigest()}, "body": b"hello!"},
    {"headers": {**SIGNED.headers, "authorization": SIGNED.headers["authorization"].replace("accept;", "")}},
    {"headers": {**SIGNED.headers, "authorization": SIGNED.headers["authorization"].replace(";host", "")}},
    {"headers": {**SIGNED.headers, "authorization": SIGNED.headers["authorization"].replace("caeb", "caec")}},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGED)
def test_any_change_breaks_it(change: dict[str, Any]) -> None:
    assert code(replace(SIGNED, **change)) == (403, "SignatureNotMatch")


def test_what_else_is_refused() -> None:
    assert code(SIGNED, secrets={"AK": "other"}) == (403, "SignatureNotMatch")
    assert code(SIGNED, secrets={}) == (403, "InvalidAccessKeyID")
    assert code(SIGNED, now=NOW + WINDOW + 1) == (403, "AccessDenied")
    assert code(SIGNED, now=NOW - WINDOW - 1) == (403, "AccessDenied")
    for name in ("authorization", "x-acs-date", "x-acs-content-sha256"):
        rest = {key: value for key, value in SIGNED.headers.items() if key != name}
        assert code(replace(SIGNED, headers=rest)) == (400, "MissingRequiredHeader")
    assert code(with_header("authorization", "acs AK:c2ln")) == (400, "InvalidArgument")
    wrong_date = sign(Message("GET", "/", "", {"host": "h"}, b""), "AK", "SK", now=NOW, nonce="n")
    assert code(Message("GET", "/", "", {**wrong_date, "x-acs-date": "today"}, b"")) == (403, "SignatureNotMatch")


def test_a_nonce_counts_once() -> None:
    """Clauses 2 and 3: a wrong signature spends no nonce, and old ones are forgotten."""
    nonces = Nonces()
    assert code(with_header("host", "other"), nonces=nonces) == (403, "SignatureNotMatch")
    assert verify(SIGNED, KEYS, now=NOW, nonces=nonces) == "AK"
    assert code(SIGNED, nonces=nonces) == (403, "SignatureNonceUsed")
    for number in range(20_000):
        nonces.fresh(str(number), NOW + number)
    assert len(nonces._seen) == len(nonces._order) == 2 * WINDOW + 1


def test_what_is_signed_here_holds_here() -> None:
    message = Message("PUT", "/%2Fx", "b=2&a=%20", {"host": "h", "content-type": "text/plain", "x-other": "unsigned"}, b"\x00")
    headers = sign(message, "AK", "SK", now=NOW, nonce="n")
    assert verify(replace(message, headers={**headers, "x-other": "changed"}), KEYS, now=NOW, nonces=Nonces()) == "AK"
