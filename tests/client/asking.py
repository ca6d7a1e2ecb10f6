"""A request to a server of a test, the right answer to it, and ways of not giving it."""

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

from ojak_client.relay_url import RelayUrl, parse_relay_url
from ojak_client.transport import RelayConnection
from tests.client.hostile_server import Guest, Server, reply

REQUEST = bytes(range(256)) * 21
ANSWER = bytes(reversed(range(256))) * 21
GOOD = reply(ANSWER)
ONION = "a" * 56 + ".onion"


def relay_of(server: Server) -> RelayUrl:
    return parse_relay_url(server.url)


def ask(connection: RelayConnection) -> bytes:
    return connection.sync(REQUEST, reply_bytes=len(ANSWER), wait_seconds=0)


def ask_once(server: Server, *, patience_seconds: float = 20.0) -> bytes:
    with RelayConnection(relay_of(server), patience_seconds=patience_seconds) as connection:
        return ask(connection)


@contextmanager
def within(*, at_least: float, at_most: float) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert at_least <= time.monotonic() - begun <= at_most


@contextmanager
def taking_less_memory_than(limit_bytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit_bytes
    finally:
        tracemalloc.stop()


def silent(guest: Guest) -> None:
    guest.hear()
    guest.hold()


def dripping_body(guest: Guest) -> None:
    guest.hear()
    guest.say(GOOD[:-2000])
    guest.drip(GOOD[-2000:])


def closing_at_once(guest: Guest) -> None:
    guest.stream.recv(65536)


def dropping_each_second_request(guest: Guest) -> None:
    guest.hear()
    guest.say(GOOD)
    guest.hear()
