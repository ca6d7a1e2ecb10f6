"""A relay tells the service manager that started it when it serves, and needs none."""

import socket
from pathlib import Path

import pytest

from tests.relay.kit import MEMORY, running


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_hears_that_the_relay_serves(tmp_path: Path, *, abstract: bool) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(20)
        # The system itself draws an abstract name for an empty one.
        manager.bind("" if abstract else str(tmp_path / "manager"))
        name = manager.getsockname()
        address = f"@{name[1:].decode()}" if abstract else name
        with running(*MEMORY, environment={"NOTIFY_SOCKET": address}) as relay:
            assert manager.recv(100) == b"READY=1"
            # It listens already.
            connection = relay.connect()
            connection.connect()
            connection.close()


@pytest.mark.parametrize("address", ["", "nowhere", "/nowhere/at/all", "@" + "x" * 300])
def test_a_service_manager_that_cannot_be_told_stops_no_relay(address: str) -> None:
    with running(*MEMORY, environment={"NOTIFY_SOCKET": address}) as relay:
        connection = relay.connect()
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"ok"
        connection.close()
