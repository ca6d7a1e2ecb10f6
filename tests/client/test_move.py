"""`ojak move`: never do two vaults open, and nothing is lost wherever it is cut off."""

import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path

import pytest

from ojak_client import atomic_file, vault, vault_move
from ojak_client.atomic_file import fresh_path
from ojak_client.errors import (
    MoveBegun,
    NoVault,
    VaultBusy,
    VaultError,
    VaultExists,
    VaultUnusable,
    WrongPassphrase,
)
from ojak_client.profile import Contact
from ojak_client.store import vault_path
from ojak_client.vault_files import box_path, closed_path, lock_path
from ojak_client.vault_move import Step
from tests.client import vaults
from tests.client.devices import Device
from tests.client.disks import FaultyDisk
from tests.client.persons import NAME, RELAY, Killed

CONTENT = b"the letters of a family"
KEPT = {"letters", "letters.boxes", "letters.lock"}
Move = Callable[[Path, Path, Callable[[Enum], None]], None]


def ours(path: Path, target: Path, after: Callable[[Enum], None]) -> None:
    vault_move.move(path, target, after=after)


def copied_then_erased(path: Path, target: Path, after: Callable[[Enum], None]) -> None:
    """A move as one would write it first."""
    target.parent.mkdir()
    for old, new in zip(vault.files_of(path), vault.files_of(target), strict=True):
        shutil.copy(old, new)
    after(Step.COPIED)
    vault.wipe(path)
    after(Step.ERASED)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old" / "letters"
    made = vaults.create(path)
    vaults.put(made, CONTENT)
    made.close()
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return tmp_path / "new" / "letters"


def opens(path: Path) -> bool:
    """Whether the vault there opens with all that was in it."""
    try:
        return vaults.content_of(path) == CONTENT
    except VaultError:
        return False


def killed_at(step: Step) -> Callable[[Enum], None]:
    def after(done: Enum) -> None:
        if done is step:
            raise Killed

    return after


def two_that_open(move: Move, old: Path, new: Path) -> bool:
    """Whether after some step of *move* both places have a vault that opens."""
    seen = []
    copies = old.parents[1]

    def look(_: Enum) -> None:
        # The move holds both locks, so copies are looked at.
        places = []
        for name, path in (("a", old), ("b", new)):
            shutil.rmtree(copies / name, ignore_errors=True)
            if path.parent.exists():
                shutil.copytree(path.parent, copies / name)
            places.append(opens(copies / name / path.name))
        seen.append(places)

    move(old, new, look)
    assert seen
    return [True, True] in seen


def test_at_no_moment_do_two_vaults_open(old: Path, new: Path) -> None:
    assert not two_that_open(ours, old, new)
    assert opens(new)
    assert not old.parent.exists()


def test_a_move_that_copies_and_then_erases_is_seen_to_leave_two(old: Path, new: Path) -> None:
    assert two_that_open(copied_then_erased, old, new)


@pytest.mark.parametrize("step", list(Step))
def test_wherever_it_is_cut_off_the_same_call_again_finishes_it(
    old: Path, new: Path, step: Step
) -> None:
    with pytest.raises(Killed):
        vault_move.move(old, new, after=killed_at(step))
    if step is Step.ERASED:
        with pytest.raises(NoVault):
            vaults.opened(old)
    else:
        vault_move.move(old, new)
    assert opens(new)
    assert not old.parent.exists()
    assert {path.name for path in new.parent.iterdir()} <= KEPT


def test_one_cut_off_before_the_old_vault_was_closed_leaves_it_open(old: Path, new: Path) -> None:
    with pytest.raises(Killed):
        vault_move.move(old, new, after=killed_at(Step.COPIED))
    assert opens(old)
    assert not opens(new)


def test_who_waits_for_a_vault_whose_move_is_cut_off_does_not_erase_it(
    old: Path, new: Path
) -> None:
    """`ojak keep` waits for the lock while the stick is written, and the stick is pulled out."""
    kept = vaults.opened(old)
    said = []

    def wait_for_it() -> None:
        try:
            with kept.locked(lock_seconds=60):
                said.append("opened")
        except NoVault as error:
            said.append(str(error))

    waiting = threading.Thread(target=wait_for_it)

    def after(step: Enum) -> None:
        if step is Step.COPIED:
            waiting.start()
            waiting.join(0.3)
            assert waiting.is_alive()
        if step is Step.CLOSED:
            raise Killed

    with pytest.raises(Killed):
        vault_move.move(old, new, after=after)
    waiting.join(60)
    assert said == ["there is no vault any more"]
    assert closed_path(old).exists()
    vault_move.move(old, new)
    assert opens(new)


def test_it_is_finished_though_the_new_vault_was_used_already(old: Path, new: Path) -> None:
    with pytest.raises(Killed):
        vault_move.move(old, new, after=killed_at(Step.OPENED))
    vaults.put(vaults.opened(new), b"more letters")
    vault_move.move(old, new)
    assert vaults.content_of(new) == b"more letters"
    assert not old.parent.exists()


def test_it_is_not_finished_at_another_place(old: Path, new: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        vault_move.move(old, new, after=killed_at(Step.CLOSED))
    with pytest.raises(MoveBegun):
        vault_move.move(old, tmp_path / "third" / "letters")
    assert closed_path(old).exists()
    assert not opens(tmp_path / "third" / "letters")


def test_an_older_copy_made_by_hand_is_not_taken_for_the_vault_that_was_moved(
    old: Path, new: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy" / "letters"
    shutil.copytree(old.parent, copy.parent)
    vaults.put(vaults.opened(old), b"newer letters")
    with pytest.raises(Killed):
        vault_move.move(old, new, after=killed_at(Step.CLOSED))
    with pytest.raises(VaultExists):
        vault_move.move(old, copy)
    vault_move.move(old, new)
    assert vaults.content_of(new) == b"newer letters"
    assert opens(copy)


@pytest.mark.parametrize("first", [Step.COPIED, Step.CLOSED])
def test_what_an_earlier_move_left_elsewhere_is_not_taken_for_this_one(
    old: Path, new: Path, tmp_path: Path, first: Step
) -> None:
    third = tmp_path / "third" / "letters"
    with pytest.raises(Killed):
        vault_move.move(old, third, after=killed_at(first))
    if first is Step.CLOSED:
        vault_move.take_back(old)
    vaults.put(vaults.opened(old), b"newer letters")
    with pytest.raises(Killed):
        vault_move.move(old, new, after=killed_at(Step.CLOSED))
    with pytest.raises(MoveBegun):
        vault_move.move(old, third)
    vault_move.move(old, new)
    assert vaults.content_of(new) == b"newer letters"


FAULTS = ("error", "kill", "torn")


@pytest.mark.parametrize("fault", FAULTS)
def test_c7_whichever_call_of_a_move_goes_wrong_it_can_be_finished_or_has_not_begun(
    tmp_path: Path, fault: str
) -> None:
    made = tmp_path / "made" / "letters"
    vaults.put(vaults.create(made, pages=4), CONTENT)
    k, ends = 0, set()
    while True:
        old, new = tmp_path / str(k) / "old" / "letters", tmp_path / str(k) / "new" / "letters"
        shutil.copytree(made.parent, old.parent)
        disk = FaultyDisk(fault, k)
        with suppress(VaultUnusable, Killed):
            vault_move.move(old, new, disk=disk)
        places = opens(old), opens(new)
        ends.add(places)
        if any(old.parent.glob("*")):
            vault_move.move(old, new)
        assert opens(new)
        assert not any(old.parent.glob("*"))
        assert {path.name for path in new.parent.iterdir()} <= KEPT
        shutil.rmtree(new.parents[1])
        if not disk.fired:
            break
        # Of the pieces that go over old bytes, some.
        k += 1 if len(disk.calls) < 60 else 7
    assert ends == {(True, False), (False, False), (False, True)}
    assert k > 60


def test_one_that_cannot_be_finished_is_taken_back(old: Path, new: Path) -> None:
    with pytest.raises(Killed):
        vault_move.move(old, new, after=killed_at(Step.CLOSED))
    shutil.rmtree(new.parent)
    vault_move.take_back(old)
    assert opens(old)
    with pytest.raises(NoVault):
        vault_move.take_back(old)


@pytest.mark.parametrize("cut_off", [False, True])
def test_another_vault_is_not_written_over(old: Path, new: Path, *, cut_off: bool) -> None:
    if cut_off:
        with pytest.raises(Killed):
            vault_move.move(old, new, after=killed_at(Step.CLOSED))
    vaults.create(new, "다른 사람의 말")
    with pytest.raises(VaultExists):
        vault_move.move(old, new)
    with pytest.raises(WrongPassphrase):
        vaults.opened(new)
    vaults.opened(new, "다른 사람의 말")
    assert closed_path(old).exists() if cut_off else opens(old)


def test_a_vault_is_not_moved_onto_itself(old: Path) -> None:
    with pytest.raises(VaultExists):
        vault_move.move(old, old)
    assert opens(old)


@pytest.mark.parametrize("busy", ["old", "new"])
def test_nothing_is_moved_while_another_process_is_at_it(old: Path, new: Path, busy: str) -> None:
    new.parent.mkdir()
    with vaults.held_lock({"old": old, "new": new}[busy]), pytest.raises(VaultBusy):
        vault_move.move(old, new, lock_seconds=0)
    assert opens(old)


def test_a_wipe_in_between_leaves_nothing(old: Path, new: Path) -> None:
    with pytest.raises(Killed):
        vault_move.move(old, new, after=killed_at(Step.CLOSED))
    vault.wipe(old)
    vault.wipe(new)
    assert not old.parent.exists()
    assert not new.parent.exists()


# The verb


def test_what_a_killed_move_left_under_another_name_is_wiped(
    device: Device, tmp_path: Path
) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    path = vault_path(device.folder)
    with pytest.raises(Killed):
        vault_move.move(path, vault_path(tmp_path / "stick"), after=killed_at(Step.OPENED))
    # Killed again, while the old vault was being erased.
    closed_path(path).rename(atomic_file.fresh_path(path))
    box_path(path).unlink()
    ran = device.run("wipe", "--yes")
    assert (ran.code, ran.said) == (0, ["wiped"])
    assert not device.folder.exists()


def test_everything_is_at_the_new_place_and_nothing_at_the_old(
    device: Device, tmp_path: Path
) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    there = tmp_path / "my stick" / "ojak"
    ran = device.run("move", str(there), "--yes")
    assert (ran.code, ran.said) == (0, ["vault-moved"])
    assert ran.of("vault-moved")[0]["command"] == f"ojak --profile '{there}' keep"
    assert not device.folder.exists()
    assert Device(there).profile.contacts[0].name == NAME
    assert device.run("status").said == ["vault-missing"]


def test_no_verb_makes_a_new_vault_over_one_that_was_being_moved(
    device: Device, tmp_path: Path
) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    path, there = vault_path(device.folder), tmp_path / "stick"
    with pytest.raises(Killed):
        vault_move.move(path, vault_path(there), after=killed_at(Step.CLOSED))
    questions = [word for n in "123" for word in ("--question", f"물음 {n}?")]
    invited = ("invite", "--name", "누나", "--relay", RELAY, *questions)
    for arguments in (("status",), ("keep",), invited):
        ran = device.run(
            *arguments, answers=("하나씩", "둘이서", "셋째날") if arguments is invited else None
        )
        assert (ran.code, ran.said) == (1, ["move-cut-off"]), arguments
    assert device.run("move", str(tmp_path / "elsewhere")).said == ["move-cut-off"]
    assert device.run("move", str(there)).said == ["vault-moved"]
    assert Device(there).profile.contacts[0].name == NAME


def test_copies_of_a_move_that_was_cut_off_are_told_at_both_places_until_they_are_gone(
    device: Device, tmp_path: Path
) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    there = Device(tmp_path / "stick")
    with pytest.raises(Killed):
        vault_move.move(
            vault_path(device.folder), vault_path(there.folder), after=killed_at(Step.COPIED)
        )
    ran = device.run("status")
    assert (ran.code, ran.said[0]) == (0, "move-not-finished")
    for arguments in (("status",), ("read",)):
        ran = there.run(*arguments)
        assert (ran.code, ran.said) == (15, ["move-copies"])
    ran = there.run(
        *("invite", "--name", "누나", "--relay", RELAY),
        *(word for n in "123" for word in ("--question", f"물음 {n}?")),
        answers=("하나씩", "둘이서", "셋째날"),
    )
    assert ran.said == ["move-copies"]
    assert there.run("wipe", "--yes").said == ["wiped"]
    assert there.run("status").said == ["vault-missing"]
    assert device.run("move", "--back", "--yes").said == ["moved-back"]
    assert "move-not-finished" not in device.run("status").said
    assert device.profile.contacts[0].name == NAME
    assert device.run("move", "--back", "--yes").said == ["no-move-cut-off"]


def test_a_move_that_is_finished_after_it_was_cut_off_leaves_no_word_of_it(
    device: Device, tmp_path: Path
) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    there = Device(tmp_path / "stick")
    with pytest.raises(Killed):
        vault_move.move(
            vault_path(device.folder), vault_path(there.folder), after=killed_at(Step.MARKED)
        )
    assert device.run("move", str(there.folder), "--yes").said == ["vault-moved"]
    assert "move-not-finished" not in there.run("status").said


def test_what_a_move_left_that_was_killed_while_it_erased_is_erased_by_the_same_command(
    device: Device, tmp_path: Path
) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    path, there = vault_path(device.folder), tmp_path / "stick"
    left = path.read_bytes()
    assert device.run("move", str(there), "--yes").said == ["vault-moved"]
    device.folder.mkdir()
    fresh_path(path).write_bytes(left)
    ran = device.run("move", str(there))
    assert (ran.code, ran.said) == (15, ["move-remains-erased"])
    assert not device.folder.exists()
    assert Device(there).profile.contacts


def test_an_empty_lock_that_a_killed_move_has_left_goes_with_the_same_command(
    device: Device, tmp_path: Path
) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    there, elsewhere = tmp_path / "stick", tmp_path / "elsewhere"
    assert device.run("move", str(there), "--yes").said == ["vault-moved"]
    device.folder.mkdir()
    lock_path(vault_path(device.folder)).touch()
    assert device.run("move", str(elsewhere)).said == ["vault-missing"]
    assert not elsewhere.exists()
    assert device.run("move", str(there)).said == ["move-remains-erased"]
    assert not device.folder.exists()
    assert Device(there).profile.contacts


@pytest.mark.parametrize("left", [lock_path, fresh_path, box_path])
def test_what_lies_at_the_new_place_by_chance_is_not_said_to_have_been_moved_there(
    device: Device, tmp_path: Path, left: Callable[[Path], Path]
) -> None:
    others = Device(tmp_path / "stick")
    others.keep_contact(Contact(NAME, RELAY))
    device.folder.mkdir(exist_ok=True)
    left(vault_path(device.folder)).touch()
    ran = device.run("move", str(others.folder), "--yes")
    assert (ran.code, ran.said) == (15, ["move-remains-erased"])
    assert not device.folder.exists()
    assert others.profile.contacts


def test_without_a_yes_nothing_is_moved_or_taken_back(device: Device, tmp_path: Path) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    assert device.run("move", str(tmp_path / "stick")).said == ["needs-option"]
    assert device.run("move").said == ["move-needs-place"]
    assert device.run("move", "--back", "--yes").said == ["no-move-cut-off"]
    assert device.profile.contacts
    with pytest.raises(Killed):
        vault_move.move(
            vault_path(device.folder), vault_path(tmp_path / "x"), after=killed_at(Step.CLOSED)
        )
    assert device.run("move", "--back").said == ["needs-option"]
    assert device.run("move", "--back", "--yes").said == ["moved-back"]
    assert device.profile.contacts


def test_where_something_lies_or_nothing_is_kept_the_verb_says_so(
    device: Device, tmp_path: Path
) -> None:
    other = Device(tmp_path / "other")
    other.keep_contact(Contact(NAME, RELAY))
    assert device.run("move", str(other.folder), "--yes").said == ["vault-missing"]
    device.keep_contact(Contact(NAME, RELAY))
    ran = device.run("move", str(other.folder), "--yes")
    assert (ran.code, ran.said) == (1, ["move-place-taken"])
    assert device.profile.contacts
    assert other.profile.contacts


@pytest.mark.parametrize("gone", ["letters.arriving", "letters.boxes.arriving"])
@pytest.mark.parametrize("cut", [False, True])
def test_what_was_lost_from_the_new_place_meanwhile_is_copied_again(
    old: Path, new: Path, gone: str, *, cut: bool
) -> None:
    """The stick was in other hands, or came apart: what is closed here is all there is."""
    before = [path.read_bytes() for path in vault.files_of(old)]
    with pytest.raises(Killed):
        vault_move.move(old, new, after=killed_at(Step.CLOSED))
    copy = new.with_name(gone)
    if cut:
        copy.write_bytes(copy.read_bytes()[:-1] + b"?")
    else:
        copy.unlink()
    vault_move.move(old, new)
    assert opens(new)
    assert [path.read_bytes() for path in vault.files_of(new)] == before
    assert not old.parent.exists()
