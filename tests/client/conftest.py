"""Fixtures of the verbs' tests: a relay on loopback with the device's own time, and a device."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ojak_client.i18n import use
from tests.client.devices import Device
from tests.client.persons import Clock
from tests.client.simulated_relay import SimulatedRelay


@pytest.fixture(autouse=True)
def in_english() -> None:
    """Speak English, whatever a test before in this process spoke."""
    use("en")


@pytest.fixture
def now_clock() -> Clock:
    return Clock(int(time.time()))


@pytest.fixture
def near_relay() -> SimulatedRelay:
    return SimulatedRelay()


@pytest.fixture
def url(near_relay: SimulatedRelay) -> Iterator[str]:
    with near_relay.served() as address:
        yield address


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path / "own")


@pytest.fixture
def every_relay_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `ojak relay` find a relay at any address, and open no line to any."""
    monkeypatch.setattr("ojak_client.verbs.relay.is_answering", lambda *_: True)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def relay(clock: Clock) -> SimulatedRelay:
    return SimulatedRelay(clock)
