"""The quota by which relays are held to a part of a core, and what the report says without one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from os import getpid
from pathlib import Path

import pytest

from tests.bench.relay.quota import PROC, lacking, quota
from tests.bench.relay.several import measure_several, rows

SPIN = (
    "import time; input(); end = time.monotonic() + 1\n"
    "while time.monotonic() < end: pass\n"
    "print(time.process_time())"
)
SHARE = 0.1


@contextmanager
def waiting() -> Iterator["subprocess.Popen[str]"]:
    """Run a process that takes a core for a second once it is given a line."""
    why = lacking()
    if why:
        pytest.skip(why)
    with subprocess.Popen(
        (sys.executable, "-c", SPIN), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


def groups_left(process: "subprocess.Popen[str]") -> list[Path]:
    mounts = (PROC / "self" / "mounts").read_text().splitlines()
    roots = [Path(line.split()[1]) for line in mounts if "cgroup" in line]
    return [group for root in roots for group in root.rglob(f"ojak-bench-{process.pid}")]


def test_a_process_gets_its_part_of_a_core_and_no_more_and_leaves_no_group() -> None:
    with waiting() as process:
        with quota(process.pid, SHARE) as held:
            used = float(process.communicate("\n")[0])
            # Beside others, who take their part, it would have used little without a quota too.
            assert held.throttled() > 0
    # To start took some of it before.
    assert used < SHARE + 0.15
    assert groups_left(process) == []


def test_a_process_that_goes_on_is_where_it_was_before() -> None:
    with waiting() as process:
        groups = PROC / str(process.pid) / "cgroup"
        before = groups.read_text()
        with quota(process.pid, SHARE):
            assert f"ojak-bench-{process.pid}" in groups.read_text()
        assert groups.read_text() == before
        assert groups_left(process) == []
        process.communicate("\n")


def told(folder: Path, mounts: str, groups: str) -> Path:
    """Make what the kernel tells of mounts, and of the groups of this process."""
    for name, text in (("self/mounts", mounts), (f"{getpid()}/cgroup", groups)):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    return folder


def test_without_control_groups_the_report_says_that_nothing_was_measured(tmp_path: Path) -> None:
    nothing = told(tmp_path, "proc /proc proc rw 0 0\n", "0::/\n")
    (row,) = rows(nothing)
    assert row.measured.startswith("NOT MEASURED: no control group")


def test_relays_are_held_by_the_groups_that_were_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        measure_several(tmp_path)


@pytest.mark.parametrize(
    ("mounts", "groups", "said"),
    [
        ("cgroup {}/gone cgroup rw,cpu 0 0\n", "1:cpu:/\n", "/gone"),
        # Nobody may make a folder there, root neither.
        ("cgroup /sys cgroup rw,cpu 0 0\n", "1:cpu:/\n", "/sys/ojak-bench-"),
        # The process has groups of version 2 alone, and these share out nothing.
        (
            "cgroup {0} cgroup rw,cpu 0 0\ncgroup2 {0} cgroup2 rw 0 0\n",
            "0::/\n",
            "no control group that shares out cores is mounted",
        ),
        ("cgroup2 {} cgroup2 rw 0 0\n", "1:cpu:/\n", "no control group that shares out cores"),
    ],
)
def test_what_is_lacking_is_named(tmp_path: Path, mounts: str, groups: str, said: str) -> None:
    (tmp_path / "cgroup.controllers").write_text("memory pids\n")
    proc = told(tmp_path / "proc", mounts.format(tmp_path), groups)
    assert said in lacking(proc)


@pytest.mark.parametrize("name", ["cgroup.controllers", "cgroup.subtree_control"])
def test_a_file_that_is_not_there_is_no_lack_of_the_machine(tmp_path: Path, name: str) -> None:
    for each in {"cgroup.controllers", "cgroup.subtree_control"} - {name}:
        (tmp_path / each).write_text("cpu\n")
    proc = told(tmp_path / "proc", f"cgroup2 {tmp_path} cgroup2 rw 0 0\n", "0::/\n")
    with pytest.raises(FileNotFoundError, match=name):
        lacking(proc)


@pytest.mark.parametrize(("before", "after"), [("memory cpu\n", "memory cpu\n"), ("", "-cpu")])
def test_with_version_2_alone_cores_are_shared_out_as_long_as_it_takes(
    tmp_path: Path, before: str, after: str
) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    switch = tmp_path / "cgroup.subtree_control"
    switch.write_text(before)
    proc = told(tmp_path / "proc", f"cgroup2 {tmp_path} cgroup2 rw 0 0\n", "0::/\n")
    assert lacking(proc) == ""
    assert switch.read_text() == after
