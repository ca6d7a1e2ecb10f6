"""The lock of a file keeps out every other holder, and ends with the one who has it."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ojak_client import file_lock
from ojak_client.errors import VaultBusy

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
