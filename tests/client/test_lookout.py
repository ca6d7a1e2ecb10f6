"""What `ojak keep` notices while it waits: another command, a sleep, another address."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ojak_client.incoming import LOOK_SECONDS
from ojak_client.lookout import SLEPT_SECONDS, SOURCE_EVERY_SECONDS, Lookout
from tests.client import vaults

HOUR = 3600.0


@dataclass
class Night:
    """Time that passes only when somebody sleeps, and what happens meanwhile."""

    now: float = 1_000_000.0
    naps: list[float] = field(default_factory=list)
    happens: dict[int, Callable[[], None]] = field(default_factory=dict)
    extra: dict[int, float] = field(default_factory=dict)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        number = len(self.naps)
        self.naps.append(seconds)
        self.happens.get(number, lambda: None)()
        self.now += seconds + self.extra.get(number, 0.0)


@dataclass
class Watched:
    """A lookout over a vault of a test."""

    path: Path
    night: Night = field(default_factory=Night)
    told: int = 0

    def __post_init__(self) -> None:
        self.vault = vaults.create(self.path)
        self.lookout = Lookout(self.path, self.tell, sleep=self.night.sleep, clock=self.night.clock)

    def tell(self) -> None:
        self.told += 1

    def save(self) -> None:
        vaults.put(self.vault, b"changed")


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "letters")


def test_a_nap_lasts_as_long_as_it_should_and_tells_each_second_that_we_live(
    watched: Watched,
) -> None:
    began = watched.night.now
    watched.lookout.nap(10.5)
    assert watched.night.now - began == pytest.approx(10.5)
    assert len(watched.night.naps) == watched.told == 11
    assert (watched.lookout.changes, watched.lookout.sleeps) == (0, 0)


def test_a_saved_vault_ends_a_nap_once_it_is_at_rest(watched: Watched) -> None:
    watched.night.happens = {2: watched.save, 3: watched.save}
    watched.lookout.nap(HOUR)
    # Seen after the third and fourth second, at rest after the fifth.
    assert len(watched.night.naps) == 5
    assert watched.lookout.changes == 1
    watched.night.happens = {}
    watched.lookout.nap(20)
    assert watched.lookout.changes == 1


def test_a_vault_that_is_gone_is_a_change(watched: Watched) -> None:
    watched.night.happens = {0: watched.path.unlink}
    watched.lookout.nap(HOUR)
    assert watched.lookout.changes == 1


def test_reading_a_vault_is_no_change(watched: Watched) -> None:
    def read() -> None:
        with watched.vault.locked() as session:
            assert session.content == b""

    watched.night.happens = dict.fromkeys(range(5), read)
    watched.lookout.nap(10)
    assert watched.lookout.changes == 0


@pytest.mark.parametrize("hours", [0.01, 1, 8, 700])
def test_a_device_that_slept_through_a_nap_is_noticed_at_its_first_look(
    watched: Watched, hours: float
) -> None:
    watched.night.extra = {3: hours * HOUR}
    watched.lookout.nap(300)
    assert len(watched.night.naps) == 4
    assert watched.lookout.sleeps == 1


def test_a_busy_device_did_not_sleep(watched: Watched) -> None:
    watched.night.extra = dict.fromkeys(range(5), SLEPT_SECONDS - LOOK_SECONDS)
    watched.lookout.nap(60)
    assert watched.lookout.sleeps == 0


def test_a_connection_whose_address_is_still_ours_is_left_alone(watched: Watched) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as connection:
            assert not watched.lookout.source_changed(connection)


def test_another_address_is_noticed_at_most_once_a_minute(watched: Watched) -> None:
    """All of 127.0.0.0/8 is this device: a connection made from .2 is one whose address changed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(
            server.getsockname(), source_address=("127.0.0.2", 0)
        ) as connection:
            assert watched.lookout.source_changed(connection)
            watched.night.now += SOURCE_EVERY_SECONDS - 1
            assert not watched.lookout.source_changed(connection)
            watched.night.now += 1
            assert watched.lookout.source_changed(connection)


def test_of_a_connection_that_has_ended_nothing_is_said(watched: Watched) -> None:
    connection = socket.socket()
    connection.close()
    assert not watched.lookout.source_changed(connection)
