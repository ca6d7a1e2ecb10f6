"""D4: no deleted box is in the memory of a relay; one that lies there is found, so we can look."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ojak_protocol.sync import Found, Nothing
from tests.relay.kit import (
    MEMORY,
    Relay,
    address_of,
    box,
    boxes_in,
    deposit,
    pages,
    request,
    running,
    start,
    sync_over,
)

PATIENCE_SECONDS = 10


def in_memory(pid: int) -> set[int]:
    """Return the numbers of boxes of which any part is in the memory of a process."""
    found: set[int] = set()
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            where, may, *_ = line.split()
            if "r" not in may or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            first, stop = (int(end, 16) for end in where.split("-"))
            memory.seek(first)
            found |= boxes_in(memory.read(stop - first))
    return found


def until(look: Callable[[], set[int]], wanted: set[int]) -> set[int]:
    """Look again until *wanted* is seen or patience is over; return what was seen last."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while (seen := look()) != wanted and time.monotonic() < ends_at:
        time.sleep(0.1)
    return seen


def after_deleting(relay: Relay, wanted: set[int]) -> set[int]:
    """Deposit two boxes, poll both, delete the first; return those in memory soon after."""
    relay.sync(request(deposits=(deposit(1, 101), deposit(2, 202))))
    relay.sync(request(1, 2, room=4))
    relay.sync(request(deletes=(1,)))
    return until(lambda: in_memory(relay.process.pid), wanted)


def test_d4_no_deleted_box_is_in_memory_and_a_live_one_is_found(tmp_path: Path) -> None:
    with running(*MEMORY) as relay:
        assert after_deleting(relay, {202}) == {202}
    with running(*pages(tmp_path / "store")) as relay:
        # A second after it was stored the durable store keeps no box in memory at all.
        assert after_deleting(relay, set()) == set()


def test_d4_a_box_replaced_within_its_own_request_leaves_nothing(tmp_path: Path) -> None:
    with running(*pages(tmp_path / "store")) as relay:
        relay.sync(request(deposits=(deposit(1, 101), deposit(1, 202, shown=True))))
        relay.sync(request(deletes=(1,)))
        assert until(lambda: in_memory(relay.process.pid), set()) == set()


def test_d4_a_line_that_stays_open_keeps_nothing_of_what_came_over_it(tmp_path: Path) -> None:
    with running(*pages(tmp_path / "store")) as relay:
        line = relay.connect()
        sync_over(line, request(deposits=(deposit(1, 101),)))
        relay.sync(request(deletes=(1,)))
        assert until(lambda: in_memory(relay.process.pid), set()) == set()
        line.close()


REFUSES = """
import os, pathlib, sys
from ojak_relay.__main__ import main
mark, sync = pathlib.Path(sys.argv[0]).with_name("refuses"), os.fdatasync

def refuses(descriptor):
    if mark.exists():
        raise OSError(5, "planted")
    sync(descriptor)

os.fdatasync = refuses
sys.argv = ["ojak-relay", "serve", "--listen", "127.0.0.1:0", *sys.argv[1:]]
main()
"""


def test_what_a_failed_disk_did_not_take_is_not_kept_in_memory(tmp_path: Path) -> None:
    """It was acknowledged to nobody, and nobody can ask for it any more."""
    script = tmp_path / "relay.py"
    script.write_text(REFUSES)
    process = start(*pages(tmp_path / "store"), program=(str(script),))
    try:
        relay = Relay(process, *address_of(process))
        relay.sync(request(deposits=(deposit(1, 101), deposit(2, 202))))
        (tmp_path / "refuses").touch()
        lost = [deposit(n, 300 + n, shown=True) for n in (1, 3, 4, 5)]
        with pytest.raises(AssertionError, match="503"):
            relay.sync(request(deletes=(2,), deposits=tuple(lost)))
        for _ in range(2):
            with pytest.raises(AssertionError, match="503"):
                relay.sync(request(deposits=(deposit(6, 306),)))
        assert until(lambda: in_memory(process.pid), set()) == set()
        # Who waits for such a place waits; of the first box and its replacement one is given out.
        assert relay.sync(request(3, wait=1)).polls[0] == Nothing()
        assert relay.sync(request(1)).polls[0] in {Found(box(101)), Found(box(301))}
    finally:
        process.kill()
        process.communicate()


NOTHING_OVERWRITTEN = """
import sys
from ojak_relay import memory
from ojak_relay.__main__ import main
from ojak_relay.commands import serve
serve.overwrite_freed = lambda: None
sys.argv = ["ojak-relay", "serve", "--listen", "127.0.0.1:0", *sys.argv[1:]]
main()
"""
READ_BUFFER_LEFT = NOTHING_OVERWRITTEN.replace(
    "serve.overwrite_freed = lambda: None",
    "async def nothing(self): pass\nmemory.ReadBuffer.overwrite = nothing",
)


@pytest.mark.parametrize(
    "bug", [NOTHING_OVERWRITTEN, READ_BUFFER_LEFT], ids=["freed memory", "read buffer"]
)
def test_d4_the_checker_finds_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    monkeypatch.setattr("tests.relay.test_d04_memory.PATIENCE_SECONDS", 2)
    script = tmp_path / "relay.py"
    script.write_text(bug)
    process = start(*pages(tmp_path / "store"), program=(str(script),))
    try:
        assert 101 in after_deleting(Relay(process, *address_of(process)), set())
    finally:
        process.kill()
        process.communicate()
