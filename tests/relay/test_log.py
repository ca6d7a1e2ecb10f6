"""The relay's own lines: what they say of requests, and a relay that cannot write them."""

import errno
import http.client
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ojak_protocol.sync import encode_request
from ojak_relay.log import Log
from tests.relay.kit import CBOR, MEMORY, Relay, address_of, request, start

SYNCS = 5
FULL = Path("/dev/full")
"""Takes nothing: a disk without room."""

REFUSES = """
import asyncio, sys
from ojak_protocol.sync import Found
from ojak_relay import service
from ojak_relay.errors import StoreFailed
from ojak_relay.store.memory import MemoryStore

async def sync(self, request, *, taken=None, visited=None):
    raise {error}

def begin(self, request, taken, come):
    more_than_there_is_room_for = (), (Found(bytes(4000)),) * 32
    comes = {{"again": None, "reply": more_than_there_is_room_for, "no visit": 5}}
    if {how!r} in comes:
        asyncio.get_running_loop().call_soon(come, comes[{how!r}])
    return {how!r} in comes

MemoryStore.is_far = True
service.Service.at_once = lambda self, request: None
service.Service.sync = sync
service.Service.begin = begin
from ojak_relay.__main__ import main
main(["serve", "--listen", "127.0.0.1:0", *sys.argv[1:]])
"""


@contextmanager
def refusing(folder: Path, error: str, log: Path, how: str = "task") -> Iterator[Relay]:
    """Run a relay whose syncs end with *error*, and that writes its lines to *log*.

    How they come to that: in a task, in one that is only begun later, or by what was found, which
    comes later and makes no reply.
    """
    (folder / "relay.py").write_text(REFUSES.format(error=error, how=how))
    with log.open("w") as errors:
        process = start(*MEMORY, program=(str(folder / "relay.py"),), errors=errors)
        try:
            yield Relay(process, *address_of(process))
        finally:
            process.kill()
            process.communicate()


def statuses(relay: Relay) -> list[int]:
    """Return how some syncs are answered, each on a line of its own."""
    seen = []
    for _ in range(SYNCS):
        line = relay.connect(timeout=5)
        line.request("POST", "/v1/sync", encode_request(request()), CBOR)
        seen.append(line.getresponse().status)
        line.close()
    return seen


@pytest.mark.parametrize(
    ("error", "status", "said", "how"),
    [
        *[
            (
                'StoreFailed("x")',
                503,
                "the disk refused; nothing is stored or deleted until a restart",
                how,
            )
            for how in ("task", "again")
        ],
        *[("LookupError", 500, "internal error: LookupError", how) for how in ("task", "again")],
        ("AssertionError", 500, "internal error: LocalError", "reply"),
        ("AssertionError", 500, "internal error: TypeError", "no visit"),
    ],
)
def test_s5_no_request_writes_a_line_of_its_own(
    tmp_path: Path, error: str, status: int, said: str, how: str
) -> None:
    with refusing(tmp_path, error, tmp_path / "log", how) as relay:
        assert statuses(relay) == [status] * SYNCS
        relay.stop()
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[1:] == [f"ojak-relay: {said}"]


def test_a_relay_whose_log_takes_nothing_answers_and_ends_as_always(tmp_path: Path) -> None:
    with refusing(tmp_path, "LookupError", FULL) as relay:
        assert statuses(relay) == [500] * SYNCS
        relay.process.send_signal(signal.SIGHUP)
        line = relay.connect()
        line.request("GET", "/healthz")
        assert line.getresponse().status == http.client.OK
        line.close()
        relay.process.send_signal(signal.SIGTERM)
        assert relay.process.wait(20) in {0, 120}


def test_a_line_that_cannot_be_written_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sys.stderr", Full())
    Log()("a sentence", boxes=1)
    Log(as_json=True).once("a sentence")


SLOW_TO_OPEN = """
import sys, time
from ojak_relay import process

async def open_store(config, report, manager):
    print("opening", flush=True)
    while True:
        time.sleep(0.01)

process.open_store = open_store
from ojak_relay.__main__ import main
main(["serve", *sys.argv[1:]])
"""


def test_c6_a_relay_that_still_opens_its_store_ends_when_told_and_not_by_a_reload(
    tmp_path: Path,
) -> None:
    (tmp_path / "relay.py").write_text(SLOW_TO_OPEN)
    process = start(*MEMORY, program=(str(tmp_path / "relay.py"),))
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "opening\n"
        status = Path(f"/proc/{process.pid}/status").read_text()
        ignored = next(line.split()[1] for line in status.splitlines() if "SigIgn" in line)
        assert int(ignored, 16) & 1 << signal.SIGHUP - 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()
