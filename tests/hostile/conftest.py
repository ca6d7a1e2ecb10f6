"""Fixtures of the attack tests: as those of the verbs', with a relay that turns against people."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.devices import Device
from tests.client.persons import Clock
from tests.hostile.relays import HostileRelay


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def relay(clock: Clock) -> HostileRelay:
    return HostileRelay(clock)


@pytest.fixture
def now_clock() -> Clock:
    return Clock(int(time.time()))


@pytest.fixture
def near_relay() -> HostileRelay:
    return HostileRelay()


@pytest.fixture
def url(near_relay: HostileRelay) -> Iterator[str]:
    with near_relay.served() as address:
        yield address


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path / "own")
