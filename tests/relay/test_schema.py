"""The published schema against real traffic: what goes over the wire is what it says."""

import http.client
from pathlib import Path

import cbor2
import pytest
from pycddl import Schema, ValidationError

from ojak_protocol.sync import encode_request
from tests.relay.kit import CBOR, MEMORY, Relay, deposit, request, running

TEXT = (Path(__file__).parents[2] / "docs" / "sync.cddl").read_text()
REQUEST, REPLY = (
    Schema(TEXT.replace("message = request / reply", f"message = {root}"))
    for root in ("request", "reply")
)

VISITS = [
    request(1),
    request(1, deposits=(deposit(1, 7),)),
    request(1, deposits=(deposit(1, 8),), room=0),
    request(1, deposits=(deposit(1, 8, shown=True),), room=4),
    request(1, 2, deposits=tuple(deposit(n, n, after=7) for n in range(2, 6)), wait=1),
    request(1, 2, deletes=(1, 2), deposits=tuple(deposit(n, n) for n in range(9, 25)), room=16),
]


def exchange(relay: Relay, body: bytes) -> bytes:
    line = http.client.HTTPConnection(relay.host, relay.port, timeout=20)
    line.request("POST", "/v1/sync", body, CBOR)
    answer = line.getresponse()
    assert answer.status == 200
    reply = answer.read()
    line.close()
    return reply


def test_real_traffic_is_what_the_schema_says() -> None:
    with running(*MEMORY) as relay:
        for visit in VISITS:
            body = encode_request(visit)
            REQUEST.validate_cbor(body)
            REPLY.validate_cbor(exchange(relay, body))


@pytest.mark.parametrize(
    "change",
    [{0: 2}, {1: []}, {2: [bytes(32)] * 9}, {3: [{}]}, {4: 2}, {5: 26}, {6: []}, {7: 0}],
    ids=str,
)
def test_the_schema_refuses_what_the_relay_refuses(change: dict[int, object]) -> None:
    fields = cbor2.loads(encode_request(VISITS[1]))
    REQUEST.validate_cbor(cbor2.dumps(fields))
    with pytest.raises(ValidationError):
        REQUEST.validate_cbor(cbor2.dumps(fields | change))


@pytest.mark.parametrize(
    "change",
    [{0: 2}, {1: -1}, {2: [2]}, {2: [bytes(32)]}, {2: 0}, {3: [4]}, {4: []}, {5: 0}],
    ids=str,
)
def test_the_schema_refuses_other_replies(change: dict[int, object]) -> None:
    fields = {0: 1, 1: 1_800_000_000, 2: [0, 1, bytes(4000)], 3: [0, 3], 4: [b"", b""]}
    REPLY.validate_cbor(cbor2.dumps(fields))
    with pytest.raises(ValidationError):
        REPLY.validate_cbor(cbor2.dumps(fields | change))


def test_the_lengths_in_the_schema_are_those_of_the_code() -> None:
    for visit in VISITS:
        assert f": {visit.sync_class.body_bytes} " in TEXT.replace("  ", " ").replace("  ", " ")
