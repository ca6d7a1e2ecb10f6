"""A relay tells the service manager that started it when it serves and what it does before that."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ojak_relay.service_manager import PATIENCE_SECONDS, ServiceManager
from ojak_relay.store import index
from ojak_relay.store.page_file import PageFile
from ojak_relay.store.repair import repair
from tests.relay.disks import QuickDisk
from tests.relay.kit import MEMORY, Relay, address_of, pages, running, start
from tests.relay.test_start import CAPACITY, a_box

READY = b"READY=1\nSTATUS="
EXTENDED = f"EXTEND_TIMEOUT_USEC={PATIENCE_SECONDS * 1_000_000}"
SLOW_DISK = """
import os, sys, time
from ojak_relay.__main__ import main

read = os.preadv
os.preadv = lambda *arguments: (time.sleep(0.7), read(*arguments))[1]
main(["serve", "--listen", "127.0.0.1:0", *sys.argv[1:]])
"""
"""A relay whose disk takes its time for each look at many pages."""


@contextmanager
def listening(at: str) -> Iterator[tuple[socket.socket, str]]:
    """Give a socket of a service manager, bound to *at* or to an abstract name, and its address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(20)
        # The system itself draws an abstract name for an empty one.
        manager.bind(at)
        name = manager.getsockname()
        yield manager, name if at else f"@{name[1:].decode()}"


def serves(relay: Relay) -> bool:
    connection = relay.connect()
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().read() == b"ok"
    finally:
        connection.close()


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_hears_that_the_relay_serves(tmp_path: Path, *, abstract: bool) -> None:
    with (
        listening("" if abstract else str(tmp_path / "manager")) as (manager, address),
        running(*MEMORY, environment={"NOTIFY_SOCKET": address}) as relay,
    ):
        assert manager.recv(1000) == READY
        assert serves(relay)


def test_a_relay_that_reads_a_large_store_says_how_far_it_is_and_is_waited_for(
    tmp_path: Path,
) -> None:
    file = PageFile.open(tmp_path / "store", CAPACITY, disk=QuickDisk())
    file.write_all({page: a_box(page) for page in file.pages})
    file.close()
    (tmp_path / "relay.py").write_text(SLOW_DISK)
    with listening(str(tmp_path / "manager")) as (manager, address):
        process = start(
            *pages(tmp_path / "store", CAPACITY),
            program=(str(tmp_path / "relay.py"),),
            environment={"NOTIFY_SOCKET": address},
        )
        try:
            told = []
            while READY not in told:
                told.append(manager.recv(1000))
            assert serves(Relay(process, *address_of(process)))
        finally:
            process.kill()
            process.communicate()
    assert told[0] == b"STATUS=opening the store"
    assert {line.split(b": page")[0] for line in told[1:-1]} == {b"STATUS=reading the store"}
    assert told[1].decode().endswith(f" of {CAPACITY + 66}\n{EXTENDED}")


def test_how_far_a_store_is_read_is_told_again_and_again(tmp_path: Path) -> None:
    file = PageFile.open(tmp_path / "store", CAPACITY, disk=QuickDisk())
    file.write_all({page: a_box(page) for page in file.pages})
    told: list[tuple[int, int]] = []
    repair(file, lambda page, of: told.append((page, of)))
    end = file.pages.stop
    file.close()
    assert told == [(514, end), (1026, end), (end, end)]


def test_a_store_whose_boxes_take_long_to_be_noted_is_waited_for_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read takes some time more, on a small machine minutes."""
    monkeypatch.setattr(index, "TOLD_EVERY_PAGES", 500)
    file = PageFile.open(tmp_path / "store", CAPACITY, disk=QuickDisk())
    file.write_all({page: a_box(page) for page in file.pages})
    told: list[tuple[int, int]] = []
    start = repair(file, lambda page, of: told.append((page, of)))
    end = file.pages.stop
    file.close()
    assert told == [(514, end), (1026, end), (end, end), (end, end), (end, end)]
    assert all(start.index.find(start.index.id_of(page)) == page for page in file.pages)


def test_what_goes_on_is_told_once_a_second_and_not_by_a_clock(tmp_path: Path) -> None:
    seconds = iter([5.0, 5.5, 5.9, 6.0, 6.1, 900.0])
    with listening(str(tmp_path / "manager")) as (manager, address):
        one = ServiceManager(address, clock=lambda: next(seconds))
        for sentence in "abcdef":
            one.progress(sentence)
        manager.settimeout(0)
        heard = [manager.recv(1000).decode() for _ in "adf"]
        assert heard == [f"STATUS={sentence}\n{EXTENDED}" for sentence in "adf"]
        with pytest.raises(BlockingIOError):
            manager.recv(1000)


def test_a_service_manager_that_was_busy_hears_later_that_the_relay_serves(tmp_path: Path) -> None:
    with (
        listening(str(tmp_path / "manager")) as (manager, address),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other,
    ):
        other.settimeout(0)
        sent = 0
        try:
            while True:
                other.sendto(b"STATUS=of another", address)
                sent += 1
        except BlockingIOError:
            pass
        with running(*MEMORY, environment={"NOTIFY_SOCKET": address}) as relay:
            # It serves though nobody hears of it.
            assert serves(relay)
            heard = [manager.recv(1000) for _ in range(sent + 1)]
    assert heard[-1] == READY


@pytest.mark.parametrize("address", ["", "nowhere", "/nowhere/at/all", "@" + "x" * 300])
def test_a_service_manager_that_cannot_be_told_stops_no_relay(address: str) -> None:
    with running(*MEMORY, environment={"NOTIFY_SOCKET": address}) as relay:
        assert serves(relay)
