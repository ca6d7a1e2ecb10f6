"""C2, C3: the power is cut at any call, with any sectors of what was not synced on the disk.

Nothing acknowledged is lost, nothing deleted is back, and no box lies on the disk that is not
served. The same where the disk refused one call before. Each planted bug is found.
"""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ojak_relay.store import page, repair
from ojak_relay.store.commits import Committer, Job
from ojak_relay.store.page_file import PageFile
from tests.relay.cuts import cut_once, refuse_once
from tests.relay.disks import RecordingDisk

SEED = 20_261_127
CUTS = 80
REFUSALS = 25


def cut_many(folder: Path, cuts: int, make: Callable[..., RecordingDisk] = RecordingDisk) -> int:
    """Return after how many cuts something was wrong, or 0."""
    for number in range(1, cuts + 1):
        chance = random.Random(f"{SEED} {number}")  # noqa: S311 (repeatable, and nothing secret)
        if cut_once(folder, chance, make):
            return number
    return 0


def test_c2_a_power_cut_loses_nothing_acknowledged_and_brings_nothing_back(tmp_path: Path) -> None:
    for number in range(CUTS):
        chance = random.Random(f"{SEED} {number}")  # noqa: S311 (as above)
        assert cut_once(tmp_path, chance) == [], number


class LazyDisk(RecordingDisk):
    """Planted: nothing is made durable before the system likes to."""

    def _sync(self) -> None:
        self._begin()


def test_c2_acknowledging_before_the_sync_is_found(tmp_path: Path) -> None:
    assert cut_many(tmp_path, 30, LazyDisk)


def test_c2_replacing_in_one_sync_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def commit(self: Committer, jobs: list[Job]) -> None:
        for job in jobs:
            job.writes += [(page, None) for page in job.replaced]
            job.replaced.clear()
        honest(self, jobs)

    honest = Committer.commit
    monkeypatch.setattr(Committer, "commit", commit)
    assert cut_many(tmp_path, 200)


def test_c2_pages_without_a_checksum_of_their_body_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "is_torn", lambda *_: False)
    monkeypatch.setattr(repair, "is_torn", lambda *_: False)
    assert cut_many(tmp_path, 100)


def test_c2_a_deletion_that_does_not_overwrite_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Committer._write  # noqa: SLF001 (the planted bug)
    monkeypatch.setattr(
        Committer,
        "_write",
        lambda self, writes: honest(self, [one for one in writes if one[1] is not None]),
    )
    assert cut_many(tmp_path, 20)


def test_c2_a_start_that_leaves_the_older_of_two_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "_older", lambda *_: [])
    assert cut_many(tmp_path, 200)


def test_c2_a_start_that_looks_at_no_body_of_an_erased_page_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that was to be written may keep its old header, and part of a box behind it."""
    monkeypatch.setattr(PageFile, "is_closed", property(lambda _: True))
    assert cut_many(tmp_path, 100)


def test_c3_a_disk_that_refuses_one_call_loses_nothing_acknowledged(tmp_path: Path) -> None:
    for number in range(REFUSALS):
        chance = random.Random(f"{SEED} {number}")  # noqa: S311 (as above)
        assert refuse_once(tmp_path, chance) == [], number


def test_c3_a_store_that_syncs_again_after_a_failed_sync_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync(file: PageFile) -> None:
        try:
            honest(file)
        except OSError:
            honest(file)

    honest = PageFile.sync
    monkeypatch.setattr(PageFile, "sync", sync)
    chances = (random.Random(f"{SEED} {number}") for number in range(100))  # noqa: S311 (as above)
    assert any(refuse_once(tmp_path, chance) for chance in chances)
