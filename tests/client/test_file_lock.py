"""The lock of a file keeps out every other holder, and ends with the one who has it."""

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from ojak_client import file_lock
from ojak_client.errors import VaultBusy
from tests.client.beside import Beside

HOLDER = """
import sys, time
from pathlib import Path
from ojak_client import file_lock
with file_lock.held(Path(sys.argv[1]), seconds=10):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def holder(path: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_one_at_a_time_holds_it_and_the_file_stays_empty_and_ours(path: Path) -> None:
    with file_lock.held(path, seconds=0):
        with pytest.raises(VaultBusy), file_lock.held(path, seconds=0.05):
            pytest.fail("held twice")
        assert path.stat().st_mode & 0o777 == 0o600
    with file_lock.held(path, seconds=0):
        assert path.read_bytes() == b""


def test_another_process_keeps_us_out_until_it_is_killed(path: Path) -> None:
    process = holder(path)
    with process:
        with pytest.raises(VaultBusy), file_lock.held(path, seconds=0):
            pytest.fail("held twice")
        process.send_signal(signal.SIGKILL)
        with file_lock.held(path, seconds=60):
            pass


def test_it_is_given_back_whatever_ends_the_holding(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), file_lock.held(path, seconds=0):
        raise KeyboardInterrupt
    with file_lock.held(path, seconds=0):
        pass


def test_a_child_that_was_forked_meanwhile_does_not_go_on_holding_it(path: Path) -> None:
    reading, writing = os.pipe()
    with file_lock.held(path, seconds=0):
        child = os.fork()
        if not child:
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
    os.close(reading)
    try:
        with file_lock.held(path, seconds=0):
            pass
    finally:
        os.close(writing)
        os.waitpid(child, 0)


def test_whoever_waited_for_a_lock_that_was_removed_holds_the_one_that_is_there(
    path: Path,
) -> None:
    entered, leave = threading.Event(), threading.Event()

    def wait_for_it() -> None:
        with file_lock.held(path, seconds=60):
            entered.set()
            leave.wait(60)

    with file_lock.held(path, seconds=0):
        waiting = threading.Thread(target=wait_for_it)
        waiting.start()
        path.unlink()
    assert entered.wait(60)
    try:
        assert path.exists()
        with pytest.raises(VaultBusy), file_lock.held(path, seconds=0):
            pytest.fail("held twice")
    finally:
        leave.set()
        waiting.join()


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"), file_lock.held(path, seconds=0):
        pytest.fail("held")
    assert not (tmp_path / "elsewhere").exists()


# Standing in line


def waiting_for(path: Path, *, insists: bool, seconds: float = 3600) -> Beside:
    """Wait for the lock beside us."""

    def hold() -> None:
        with file_lock.held(path, seconds=seconds, insists=insists):
            pass

    return Beside(hold)


@contextmanager
def in_line(path: Path) -> Iterator[None]:
    """Be the first who waits for a lock in that folder."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(folder)


def is_line_free(path: Path) -> bool:
    with suppress(BlockingIOError), in_line(path):
        return True
    return False


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lock, "FIRST_SECONDS", 3600.0)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lock, "FIRST_SECONDS", 0.05)


@pytest.mark.usefixtures("short")
def test_c9_the_first_in_line_is_told_soon_that_somebody_holds_it_for_long(path: Path) -> None:
    with file_lock.held(path, seconds=0):
        assert waiting_for(path, insists=False).ends() == "VaultBusy"
        assert is_line_free(path)


@pytest.mark.usefixtures("short")
def test_c9_whoever_insists_goes_on_and_keeps_nobody_from_being_told_soon(path: Path) -> None:
    with file_lock.held(path, seconds=0):
        insisting = [waiting_for(path, insists=True) for _ in range(3)]
        for _ in range(3):
            assert waiting_for(path, insists=False).ends() == "VaultBusy"
        assert all(one.is_alive() for one in insisting)
    assert [one.ends() for one in insisting] == ["done"] * 3


@pytest.mark.usefixtures("short")
def test_c9_whoever_is_not_first_waits_for_its_turn(path: Path) -> None:
    with file_lock.held(path, seconds=0):
        with in_line(path):
            waiting = waiting_for(path, insists=False)
            assert waiting.goes_on(0.5)
        assert waiting.ends() == "VaultBusy"


@pytest.mark.usefixtures("long")
def test_whoever_is_not_first_leaves_a_free_lock_to_the_first_for_a_while(path: Path) -> None:
    with in_line(path):
        waiting = waiting_for(path, insists=False)
        assert waiting.goes_on(0.3)
    assert waiting.ends() == "done"


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("insists", [False, True])
def test_who_is_first_and_does_nothing_keeps_nobody_out_for_long(
    path: Path, *, insists: bool
) -> None:
    with in_line(path):
        assert waiting_for(path, insists=insists).ends() == "done"


@pytest.mark.usefixtures("short")
def test_who_is_not_first_tries_the_lock_again_and_again(path: Path) -> None:
    with in_line(path):
        with file_lock.held(path, seconds=0):
            waiting = waiting_for(path, insists=False)
            assert waiting.goes_on(0.5)
        assert waiting.ends() == "done"


@pytest.mark.usefixtures("long")
def test_whoever_has_no_time_tries_the_lock_once_and_waits_no_longer(path: Path) -> None:
    with in_line(path):
        assert waiting_for(path, insists=False, seconds=0).ends() == "done"
    with file_lock.held(path, seconds=0):
        assert waiting_for(path, insists=False, seconds=0).ends() == "VaultBusy"


def test_a_lock_that_went_elsewhere_with_its_folder_is_not_taken_for_the_one_that_is_there(
    path: Path, tmp_path: Path
) -> None:
    path = path.parent / "profile" / "lock"
    path.parent.mkdir()
    with ExitStack() as new:
        with file_lock.held(path, seconds=0):
            waiting = waiting_for(path, insists=True)
            waiting.join(0.3)
            path.parent.rename(tmp_path / "elsewhere")
            path.parent.mkdir()
            new.enter_context(file_lock.held(path, seconds=0))
        assert waiting.goes_on(0.5)
    assert waiting.ends() == "done"


def test_c9_who_gives_up_has_time_left_within_a_second_for_its_start() -> None:
    assert file_lock.FIRST_SECONDS + file_lock.FIRST_POLL_SECONDS < 0.75


def test_the_line_is_free_for_the_next_as_soon_as_the_lock_is_held(path: Path) -> None:
    with file_lock.held(path, seconds=0):
        assert is_line_free(path)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("number", [errno.EBADF, errno.EACCES, errno.EPERM, errno.ENOLCK])
def test_where_no_folder_can_be_locked_the_file_still_is(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    flock = fcntl.flock

    def of_files(descriptor: int, what: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        flock(descriptor, what)

    monkeypatch.setattr(fcntl, "flock", of_files)
    with file_lock.held(path, seconds=0):
        with pytest.raises(VaultBusy), file_lock.held(path, seconds=0):
            pytest.fail("held twice")
        assert waiting_for(path, insists=False).ends() == "VaultBusy"


@pytest.mark.usefixtures("short")
def test_c9_where_the_folder_cannot_be_opened_the_file_still_is_locked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def of_files(which: Path, flags: int, mode: int = 0o777) -> int:
        if which == path.parent:
            raise PermissionError(errno.EACCES, "may be entered and not read")
        return real(which, flags, mode)

    monkeypatch.setattr(os, "open", of_files)
    with file_lock.held(path, seconds=0):
        with pytest.raises(VaultBusy), file_lock.held(path, seconds=0.05):
            pytest.fail("held twice")
        assert waiting_for(path, insists=False).ends() == "VaultBusy"
