"""What the service manager is told, over real sockets, and that nobody else is told anything."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ojak_client.service_manager import ServiceManager, own_service_manager


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """Give the socket that a service manager would read, a path or `@` and a name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader:
        reader.bind("\0" + address[1:] if address.startswith("@") else address)
        reader.settimeout(0)
        yield reader


def heard(reader: socket.socket) -> list[str]:
    """Return what was told so far."""
    told = []
    while True:
        try:
            told.append(reader.recv(4096).decode())
        except BlockingIOError:
            return told


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@ojak-test-{os.getpid()}"


def test_it_tells_that_it_is_ready_how_it_fares_and_that_it_ends(address: str) -> None:
    with listening(address) as reader:
        manager = ServiceManager.of({"NOTIFY_SOCKET": address}, os.getpid())
        manager.ready()
        manager.status("기다립니다.\n다음 줄")
        manager.alive()
        manager.stopping()
        assert heard(reader) == ["READY=1", "STATUS=기다립니다. 다음 줄", "STOPPING=1"]


def test_the_watchdog_is_told_a_few_times_within_its_time_and_not_more(address: str) -> None:
    now = iter([1_000.0, 1_001.0, 1_014.9, 1_015.0, 1_016.0, 1_030.0])
    environment = {
        "NOTIFY_SOCKET": address,
        "WATCHDOG_USEC": "60000000",
        "WATCHDOG_PID": "77",
    }
    with listening(address) as reader:
        manager = ServiceManager.of(environment, 77, clock=lambda: next(now))
        for expected in (1, 0, 0, 1, 0, 1):
            manager.alive()
            assert heard(reader) == ["WATCHDOG=1"] * expected


@pytest.mark.parametrize(
    "watchdog",
    [
        {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "78"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "-5"},
        {"WATCHDOG_USEC": "9" * 5000},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "\u0665"},
        {},
    ],
)
def test_a_watchdog_that_is_not_meant_for_this_process_is_told_nothing(
    address: str, watchdog: dict[str, str]
) -> None:
    with listening(address) as reader:
        manager = ServiceManager.of({"NOTIFY_SOCKET": address, **watchdog}, 77)
        manager.alive()
        assert heard(reader) == []


@pytest.mark.parametrize(
    "address", ["", "vsock:2:9", "relative", "/no/such/socket", "@" + "x" * 200, "/" + "x" * 200]
)
def test_where_nobody_listens_nothing_happens(address: str) -> None:
    manager = ServiceManager.of({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1"}, 77)
    manager.ready()
    manager.status("x")
    manager.alive()
    manager.stopping()


def test_a_manager_that_reads_nothing_does_not_stop_us(address: str) -> None:
    limit = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text(encoding="ascii"))
    with listening(address) as reader:
        manager = ServiceManager(address, patience_seconds=0.001)
        for _ in range(limit + 50):
            manager.ready()
        assert len(heard(reader)) < limit + 50


def test_without_a_service_manager_in_the_environment_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    manager = own_service_manager()
    manager.ready()
    assert manager._address == ""  # noqa: SLF001 - that it opens no socket is the point
