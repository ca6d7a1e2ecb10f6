"""A1 and A2: hostile bodies against a real relay: a plain refusal each, and the relay goes on."""

import http.client
from collections.abc import Iterator

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ojak_protocol.sync import Nothing, SyncClass, encode_request
from tests.protocol.test_cbor import HOSTILE
from tests.relay.kit import CBOR, MEMORY, Relay, deposit, request, running

SIZES = [size.body_bytes for size in SyncClass]
GOOD = cbor2.loads(encode_request(request(deposits=(deposit(1, 1),))))


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    with running(*MEMORY) as relay:
        yield relay
        assert relay.sync(request(1)).polls[1] == Nothing()
        code, err = relay.stop()
        assert code == 0
        assert len(err.splitlines()) == 1, err


def answer(relay: Relay, body: bytes) -> int:
    line = http.client.HTTPConnection(relay.host, relay.port, timeout=20)
    line.request("POST", "/v1/sync", body, CBOR)
    got = line.getresponse()
    assert len(got.read()) < 5000
    line.close()
    return got.status


def sized(data: bytes) -> bytes:
    """Return *data* filled up or cut to the length of a class, so that it is read at all."""
    size = next((size for size in SIZES if size >= len(data)), SIZES[-1])
    return data.ljust(size, b"\0")[:size]


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_cbor_is_a_plain_refusal(relay: Relay, data: bytes) -> None:
    assert answer(relay, sized(data)) == 400


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=200), st.sampled_from(SIZES))
def test_random_bodies_are_plain_refusals(relay: Relay, data: bytes, size: int) -> None:
    assert answer(relay, data.ljust(size, b"\xa1")) == 400


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=40) | st.text(),
    lambda inside: (
        st.lists(inside, max_size=5) | st.dictionaries(st.integers(), inside, max_size=5)
    ),
    max_leaves=10,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 7), anything)
def test_one_field_of_any_kind_is_a_plain_refusal(relay: Relay, key: int, value: object) -> None:
    fields = GOOD | {key: value, 6: [b"", b""]}
    body = cbor2.dumps(fields)
    size = next((size for size in SIZES if size >= len(body) + 3), SIZES[-1])
    fields[6] = [bytes(max(0, size - len(body) - 2)), b""]
    assert answer(relay, sized(cbor2.dumps(fields))) in (200, 400)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 5430), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_requests_are_answered_or_refused(
    relay: Relay, damage: list[tuple[int, int]]
) -> None:
    body = bytearray(encode_request(request(deposits=(deposit(1, 1),))))
    for position, value in damage:
        body[position] = value
    assert answer(relay, bytes(body)) in (200, 400)


def test_a_body_of_no_class_is_refused_unread(relay: Relay) -> None:
    for size in (0, 1, 1378, 1380, 69_205, 10_000_000):
        line = http.client.HTTPConnection(relay.host, relay.port, timeout=20)
        line.putrequest("POST", "/v1/sync")
        line.putheader("Content-Type", "application/cbor")
        line.putheader("Content-Length", str(size))
        line.endheaders()
        assert line.getresponse().status == 400
        line.close()
