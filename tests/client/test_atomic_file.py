"""A replaced file is the old or the new, whole, wherever the process is killed."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from ojak_client import atomic_file
from ojak_client.atomic_file import Step

OLD = b"old " * 50_000
NEW = b"new! " * 50_000
SPAWN = multiprocessing.get_context("forkserver")


def killed_by_itself_at(step: Step, path: Path) -> None:
    def after(done: Step) -> None:
        if done is step:
            os.kill(os.getpid(), signal.SIGKILL)

    atomic_file.replace(path, NEW, after=after)


def kill_at(context: ForkServerContext, step: Step, path: Path) -> None:
    child = context.Process(target=killed_by_itself_at, args=(step, path))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("step", list(Step))
def test_a_kill_after_any_step_leaves_the_old_or_the_new(tmp_path: Path, step: Step) -> None:
    path = tmp_path / "vault"
    atomic_file.replace(path, OLD)
    kill_at(SPAWN, step, path)
    is_renamed = step.value >= Step.RENAMED.value
    assert path.read_bytes() == (NEW if is_renamed else OLD)
    atomic_file.replace(path, b"next")
    assert path.read_bytes() == b"next"
    assert os.listdir(tmp_path) == ["vault"]  # noqa: PTH208 - one list is the whole directory


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.HALF_OVERWRITTEN])
def test_a_kill_in_the_first_save_leaves_nothing_or_the_new(tmp_path: Path, step: Step) -> None:
    path = tmp_path / "vault"
    kill_at(SPAWN, step, path)
    assert path.exists() == (step.value >= Step.RENAMED.value)
    if path.exists():
        assert path.read_bytes() == NEW


def test_the_name_is_never_without_a_file(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    atomic_file.replace(path, OLD)
    is_over = threading.Event()
    missed: list[OSError] = []

    def look() -> None:
        while not is_over.is_set():
            try:
                path.stat()
            except OSError as error:
                missed.append(error)

    looking = threading.Thread(target=look)
    looking.start()
    for _ in range(30):
        atomic_file.replace(path, b"x")
    is_over.set()
    looking.join()
    assert missed == []


def test_steps_come_in_the_order_that_makes_it_durable(tmp_path: Path) -> None:
    steps: list[Step] = []
    path = tmp_path / "vault"
    atomic_file.replace(path, OLD)
    atomic_file.replace(path, NEW, after=steps.append)
    assert steps == list(Step)


def test_only_the_owner_reads_it_whatever_the_mask_says(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    mask = os.umask(0)
    try:
        atomic_file.replace(path, OLD)
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_old_bytes_are_overwritten_after_the_new_are_in_place(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    atomic_file.replace(path, OLD)
    with path.open("rb") as old:
        atomic_file.replace(path, NEW)
        rest = old.read()
    assert len(rest) == len(OLD)
    assert b"old old" not in rest
    assert path.read_bytes() == NEW


def test_a_hard_link_that_somebody_made_is_left_whole(tmp_path: Path) -> None:
    path, backup = tmp_path / "vault", tmp_path / "backup"
    atomic_file.replace(path, OLD)
    backup.hardlink_to(path)
    atomic_file.replace(path, NEW)
    assert backup.read_bytes() == OLD
    atomic_file.erase(path)
    path.hardlink_to(backup)
    atomic_file.erase(path)
    assert backup.read_bytes() == OLD


def test_a_symbolic_link_in_the_way_is_removed_and_not_followed(tmp_path: Path) -> None:
    path, other = tmp_path / "vault", tmp_path / "other"
    other.write_bytes(OLD)
    atomic_file.fresh_path(path).symlink_to(other)
    atomic_file.replace(path, NEW)
    assert other.read_bytes() == OLD
    assert path.read_bytes() == NEW
    assert not path.is_symlink()


class _DiskFull(OSError):
    pass


@pytest.mark.parametrize(
    "step", [Step.CREATED, Step.HALF_WRITTEN, Step.WRITTEN, Step.SYNCED], ids=lambda step: step.name
)
def test_an_error_while_writing_leaves_the_old_and_no_leftover(tmp_path: Path, step: Step) -> None:
    path = tmp_path / "vault"
    atomic_file.replace(path, OLD)

    def after(done: Step) -> None:
        if done is step:
            raise _DiskFull

    with pytest.raises(_DiskFull):
        atomic_file.replace(path, NEW, after=after)
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_no_place_for_it_is_an_error_of_the_file_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        atomic_file.replace(tmp_path / "missing" / "vault", NEW)


def test_erasing_overwrites_removes_and_is_content_with_nothing(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    path.write_bytes(OLD)
    with path.open("rb") as old:
        atomic_file.erase(path)
        assert b"old old" not in old.read()
    assert not path.exists()
    atomic_file.erase(path)


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0
    for _ in range(5):
        atomic_file.replace(path, OLD)
        atomic_file.erase(path)
    if before:
        assert len(list(Path("/proc/self/fd").iterdir())) == before
