"""The quota by which relays are held to a part of a core, and what the report says without one."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.relay.quota import MOUNTS, lacking, quota
from tests.bench.relay.several import rows

SPIN = (
    "import time; input(); end = time.monotonic() + 1\n"
    "while time.monotonic() < end: pass\n"
    "print(time.process_time())"
)
SHARE = 0.1


def test_a_process_gets_its_part_of_a_core_and_no_more_and_leaves_no_group() -> None:
    why = lacking()
    if why:
        pytest.skip(why)
    before = Path("/proc/self/cgroup").read_text()
    with subprocess.Popen(
        (sys.executable, "-c", SPIN), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        with quota(process.pid, SHARE):
            used = float(process.communicate("\n")[0])
    # To start took some of it before.
    assert used < SHARE + 0.15
    assert Path("/proc/self/cgroup").read_text() == before
    roots = [Path(line.split()[1]) for line in MOUNTS.read_text().splitlines() if "cgroup" in line]
    assert not [group for root in roots for group in root.rglob(f"ojak-bench-{process.pid}")]


def test_without_control_groups_the_report_says_that_nothing_was_measured(tmp_path: Path) -> None:
    nothing = tmp_path / "mounts"
    nothing.write_text("proc /proc proc rw 0 0\n")
    (row,) = rows(nothing)
    assert row.measured.startswith("NOT MEASURED: no control group")


def test_control_groups_that_cannot_be_made_are_named(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"cgroup {tmp_path}/gone cgroup rw,cpu 0 0\n")
    assert f"{tmp_path}/gone" in lacking(mounts)
