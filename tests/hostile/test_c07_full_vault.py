"""C7: a vault that is full to the last byte, and a command killed at it by the kernel.

Whatever is changed, moved or erased: afterwards the old opens or the new and nothing else, the same
command again ends it, and nothing else lies there. Here at some calls; `make torture` does all.
"""

from pathlib import Path

import pytest

from ojak_client.profile import Profile
from tests.bench.own_device import full_profile
from tests.client.brimful import brimful
from tests.hostile.full_vaults import GONE, Cut
from tests.hostile.killed_processes import has_strace

needs_strace = pytest.mark.skipif(not has_strace(), reason="NO PROCESS WAS KILLED: no strace")
POINTS = [
    ("forget", "write", 2),
    ("forget", "rename", 1),
    ("forget", "fsync", 3),
    ("forget", "pwrite64", 2),
    ("passphrase", "rename", 1),
    ("passphrase", "fsync", 2),
    ("decoy", "rename", 1),
    ("decoy", "fsync", 2),
    ("move", "write", 9),
    ("move", "rename", 3),
    ("move", "rename", 5),
    ("move", "fsync", 12),
    ("move", "unlink", 8),
    ("wipe", "write", 2),
    ("wipe", "fsync", 1),
    ("wipe", "unlink", 2),
]
WRITES_IN_PLACE = """
from ojak_client import atomic_file
def in_place(path, content, **_):
    with open(path, "wb", buffering=0) as file:
        file.write(content[: len(content) // 2])
        file.write(content[len(content) // 2 :])
atomic_file.replace = in_place
"""
ERASES_BEFORE_IT_COPIES = """
from ojak_client import vault_move
copy = vault_move._copy
def moving(old, new, disk):
    copy(old, new, disk)
    vault_move.atomic_file.erase(old)
vault_move._copy = moving
"""


@pytest.fixture(scope="module")
def profile() -> Profile:
    return brimful(full_profile(GONE))


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory, profile: Profile) -> Cut:
    return Cut.of(tmp_path_factory.mktemp("full"), profile)


@needs_strace
@pytest.mark.parametrize(("name", "call", "number"), POINTS)
def test_c7_a_command_killed_at_a_full_vault_leaves_the_old_or_the_new(
    cut: Cut, name: str, call: str, number: int
) -> None:
    was_killed, wrong = cut.cut(name, call, number)
    assert was_killed
    assert wrong == []


@needs_strace
@pytest.mark.parametrize(
    ("bug", "point"),
    [
        (WRITES_IN_PLACE, ("passphrase", "write", 2)),
        (ERASES_BEFORE_IT_COPIES, ("move", "rename", 3)),
    ],
    ids=["in place", "erased early"],
)
def test_a_change_that_destroys_the_old_too_early_would_be_found(
    tmp_path: Path, profile: Profile, bug: str, point: tuple[str, str, int]
) -> None:
    planted = Cut.of(tmp_path, profile, bug=bug)
    was_killed, wrong = planted.cut(*point)
    assert was_killed
    assert wrong
