"""When a held request is given up for a newer one, and that reading never shows on the line."""

import socket
import time
from collections.abc import Iterator

import pytest

from ojak_client.exchange import Exchange
from ojak_client.incoming import LOOK_SECONDS
from ojak_client.lookout import WaitBroken
from ojak_client.opening import connect
from ojak_client.requests import Shape
from ojak_client.steady import steady_seconds
from ojak_client.transport import RelayConnection
from tests.client.asking import ANSWER, GOOD, REQUEST, ask, relay_of
from tests.client.devices import ANSWERS, QUESTIONS, Device
from tests.client.hostile_server import Guest, answering, serving
from tests.client.persons import NAME, RELAY, Clock, Person, kept_pair
from tests.client.simulated_relay import SimulatedRelay
from tests.client.test_keep import family

HOUR = 3600


@pytest.fixture
def other(device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock) -> Person:
    return family(device, near_relay, url, now_clock)


@pytest.fixture
def exchange(device: Device, other: Person, url: str) -> Iterator[Exchange]:
    """A round that was done, as before a metered line is left."""
    other.write("편지")
    other.sync()
    with device.store() as store, connect(store, url, None) as made:
        made.learn_clock()
        for _ in range(3):
            made.round(Shape(room=1))
        made.settle()
        yield made


def test_reading_a_letter_asks_for_nothing_new(device: Device, exchange: Exchange) -> None:
    """Otherwise whoever watches the line, or the relay, would learn when its person reads."""
    assert device.run("read", "--to-stdout").said == ["letter"]
    assert not exchange.is_outdated()


@pytest.mark.parametrize("verb", ["status", "contacts"])
def test_looking_at_what_is_kept_asks_for_nothing_new(
    device: Device, exchange: Exchange, verb: str
) -> None:
    device.run(verb)
    assert not exchange.is_outdated()


def test_a_letter_of_ours_has_new_places_to_look_at(device: Device, exchange: Exchange) -> None:
    assert device.run("send", NAME, typed="답장").code == 0
    assert exchange.is_outdated()
    exchange.settle()
    assert not exchange.is_outdated()


def test_a_letter_that_could_not_leave_is_to_be_deposited(
    device: Device, near_relay: SimulatedRelay, exchange: Exchange
) -> None:
    with near_relay.refuses():
        assert device.run("send", NAME, typed="답장").code == 14
    assert exchange.is_outdated()


def test_a_new_number_is_to_be_laid(device: Device, exchange: Exchange, url: str) -> None:
    device.run("invite", "--relay", url, "--name", "또", *QUESTIONS, answers=ANSWERS)
    assert exchange.is_outdated()


def test_before_anything_was_asked_everything_is_new(device: Device, other: Person) -> None:
    assert other.texts == []
    with device.store() as store, connect(store, RELAY, None) as made:
        assert made.is_outdated()


def test_whatever_connects_carries_the_relays_clock_on_by_a_clock_that_nobody_sets(
    device: Device, other: Person, url: str
) -> None:
    assert other.texts == []
    with device.store() as store, connect(store, url, None) as made:
        assert made.steady is steady_seconds
    counted = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert counted <= steady_seconds() <= counted + HOUR


# The clock of the relay, carried on by a clock that nobody sets


@pytest.mark.parametrize("jump", [-10 * HOUR, -HOUR, HOUR, 26 * HOUR, 20_000 * HOUR])
def test_c5_whoever_sets_the_devices_clock_does_not_move_the_relays(
    relay: SimulatedRelay, clock: Clock, jump: int
) -> None:
    host, _ = kept_pair(relay, clock)
    wall, steady = Clock(clock.now), Clock(5_000)
    exchange = Exchange(host.store, RELAY, relay.connection, clock=wall, steady=steady)
    exchange.learn_clock()
    wall.now += jump + 60
    steady.now += 60
    assert exchange.moment.now == clock.now + jump + 60
    assert exchange.moment.relay_clock == clock.now + 60


def test_c5_after_hours_of_sleep_the_relays_clock_is_known_at_once(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, _ = kept_pair(relay, clock)
    wall, steady = Clock(clock.now), Clock(5_000)
    exchange = Exchange(host.store, RELAY, relay.connection, clock=wall, steady=steady)
    assert exchange.moment.relay_clock == clock.now
    exchange.learn_clock()
    wall.now += 9 * HOUR
    steady.now += 9 * HOUR
    assert exchange.moment.relay_clock == clock.now + 9 * HOUR


# Looking around while an answer is awaited


def test_who_waits_looks_around_once_a_second_until_the_answer_begins() -> None:
    looks: list[float] = []

    def talk(guest: Guest) -> None:
        guest.hear()
        guest.server.over.wait(2.5 * LOOK_SECONDS)
        guest.say(GOOD[:100])
        guest.server.over.wait(1.5 * LOOK_SECONDS)
        guest.say(GOOD[100:])

    with serving(talk) as server:
        with RelayConnection(relay_of(server), look=lambda _, took: looks.append(took)) as line:
            assert ask(line) == ANSWER
    assert len(looks) == 2
    assert all(LOOK_SECONDS * 0.9 < took < LOOK_SECONDS * 5 for took in looks)


def test_a_broken_wait_closes_the_line_and_the_next_request_makes_another() -> None:
    patience: list[int] = []

    def look(stream: socket.socket, _: float) -> None:
        assert stream.getpeername()
        patience.append(1)
        raise WaitBroken

    def talk(guest: Guest) -> None:
        if guest.server.connections == 1:
            guest.hear()
            assert guest.hear() == b""
        else:
            answering(GOOD)(guest)

    with serving(talk) as server:
        with RelayConnection(relay_of(server), look=look) as line:
            with pytest.raises(WaitBroken):
                line.sync(REQUEST, reply_bytes=len(ANSWER), wait_seconds=25)
            assert ask(line) == ANSWER
    assert (server.connections, len(server.requests), len(patience)) == (2, 2, 1)
