"""C7: a real process killed by the kernel as it saves, makes durable, renames or sends.

Every letter is shown once, what was sent is called collected in the end, and nothing lies beside
the vault. Here at some calls of each command; `make torture` does all of them.
"""

from pathlib import Path

import pytest

from tests.client.simulated_relay import SimulatedRelay
from tests.hostile.killed_processes import has_strace, new_pair, tell

POINTS = [
    ("send", "rename", 3),
    ("send", "pwrite64", 1),
    ("send", "sendto", 1),
    ("sync", "rename", 1),
    ("read", "rename", 1),
    ("read", "rename", 2),
]
SHOWS_UNMARKED = """
from ojak_client import reading
reading._marking = lambda *_, **__: lambda profile: (profile, True)
"""
needs_strace = pytest.mark.skipif(not has_strace(), reason="NO PROCESS WAS KILLED: no strace")


@needs_strace
@pytest.mark.parametrize(("verb", "call", "number"), POINTS)
def test_c7_a_process_killed_at_a_call_loses_nothing_and_shows_nothing_twice(
    verb: str,
    call: str,
    number: int,
    tmp_path: Path,
    near_relay: SimulatedRelay,
    url: str,
) -> None:
    was_killed, wrong = tell(new_pair(tmp_path, near_relay, url), verb, call, number)
    assert was_killed
    assert wrong == []


@needs_strace
def test_a_client_that_marks_nothing_would_be_found(
    tmp_path: Path, near_relay: SimulatedRelay, url: str
) -> None:
    pair = new_pair(tmp_path, near_relay, url, SHOWS_UNMARKED)
    was_killed, wrong = tell(pair, "read", "rename", 1)
    assert was_killed
    assert wrong
