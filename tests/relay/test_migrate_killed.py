"""C1 for `ojak-relay migrate`: killed at any moment nothing is lost, and run again it ends."""

from pathlib import Path

import pytest

from tests.relay.killed_migrations import killed_at_any_time, killed_at_each_call, migrations

NO_STORE_FOR_A_MOMENT = """
honest = Path.replace
def replace(new, path):
    os.unlink(path)
    return honest(new, path)
Path.replace = replace
"""
NEVER_ERASED = "migrating.remove_left = lambda *_: None"
ERASED_BEFORE = """
honest = migrating._copied
def copied(before, new, disk):
    descriptor = os.open(new.with_name("store"), os.O_RDWR)
    os.pwritev(descriptor, [os.urandom(4096)], 4096)
    return honest(before, new, disk)
migrating._copied = copied
"""
NEVER_SYNCED = "page_file.PageFile.sync = lambda _: None"


def test_c1_a_migration_killed_before_any_of_its_calls_loses_nothing_and_is_finished(
    tmp_path: Path,
) -> None:
    """Also before each call by which the earlier file is overwritten."""
    wrong, kills = killed_at_each_call(tmp_path, 12, few=9)
    assert wrong == []
    # All that are not for a page, and some of those that are.
    assert kills > 25


def test_c1_a_migration_killed_at_any_time_loses_nothing_and_is_finished(tmp_path: Path) -> None:
    wrong, done = killed_at_any_time(tmp_path, seed=6, goes_on=lambda one: one["migrations"] < 8)
    assert wrong == []
    assert done["kills of a migration"] > 4


@pytest.mark.parametrize(
    ("bug", "found"),
    [
        (NO_STORE_FOR_A_MOMENT, "no store is left"),
        (NEVER_ERASED, "files left"),
        (ERASED_BEFORE, "the store before is not whole any more"),
    ],
)
def test_a_migration_with_a_planted_fault_is_found(tmp_path: Path, bug: str, found: str) -> None:
    wrong, _ = killed_at_each_call(tmp_path, 2, bug, few=40)
    assert found in {what.partition(": ")[2] for what in wrong} | set(wrong)


def order_of_what_must_last(folder: Path, bug: str = "") -> list[str]:
    """Migrate once; say what happened before that on which it stands was durable."""
    with migrations(folder, 12, bug) as one:
        one.begin()
        assert one.run() == 0
        calls = one.calls()
    written = max(at for at, call in enumerate(calls) if call == ("pwritev", "store.migrating"))
    synced = [at for at, (call, name) in enumerate(calls) if "sync" in call and name[-1] == "g"]
    named = calls.index(("replace", "store.migrating"))
    folders = [at for at, call in enumerate(calls) if call == ("fsync", "stores")]
    erased = calls.index(("pwritev", "store.earlier"))
    gone = calls.index(("unlink", "store.earlier"))
    overwritten = [at for at, call in enumerate(calls) if call == ("fsync", "store.earlier")]
    wrong = []
    if not any(written < at < named for at in synced):
        wrong.append("the new file took the name before it was durable")
    if not any(named < at < erased for at in folders):
        wrong.append("the earlier file was overwritten before the name was durable")
    if not any(erased < at < gone for at in overwritten):
        wrong.append("the earlier file was removed before it was overwritten for good")
    if ("pwritev", "store") in calls:
        wrong.append("the earlier file was written to while it had the name")
    return wrong


def test_the_earlier_file_is_intact_until_the_new_one_is_durable(tmp_path: Path) -> None:
    """What a kill cannot show, since what was written outlasts a process: a power cut would."""
    assert order_of_what_must_last(tmp_path) == []


@pytest.mark.parametrize(
    ("bug", "found"),
    [
        (NEVER_SYNCED, "the new file took the name before it was durable"),
        ("migrating.sync_folder = lambda *_: None", "the earlier file was overwritten before the"),
        (ERASED_BEFORE, "the earlier file was written to while it had the name"),
    ],
)
def test_a_migration_in_another_order_is_found(tmp_path: Path, bug: str, found: str) -> None:
    assert any(what.startswith(found) for what in order_of_what_must_last(tmp_path, bug))
