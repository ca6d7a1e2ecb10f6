"""`ojak wipe`: all or nothing, and nothing without a yes."""

from ojak_client.profile import Contact
from ojak_client.store import vault_path
from ojak_client.vault_files import lock_path
from tests.client import vaults
from tests.client.devices import Device
from tests.client.persons import NAME, RELAY


def test_nothing_is_left_of_what_was_kept(device: Device) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    ran = device.run("wipe", "--yes")
    assert (ran.code, ran.said) == (0, ["wiped"])
    assert not device.folder.exists()


def test_without_a_yes_nothing_is_erased(device: Device) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    assert device.run("wipe").said == ["needs-option"]
    assert device.profile.contacts


def test_where_nothing_is_kept_nothing_is_erased(device: Device) -> None:
    assert device.run("wipe", "--yes").said == ["vault-missing"]


def test_what_another_process_may_put_back_is_erased_once_more(device: Device) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    with vaults.held_lock(vault_path(device.folder)):
        ran = device.run("wipe", "--yes")
    assert (ran.code, ran.said) == (0, ["wiped"])
    assert not vault_path(device.folder).exists()


def test_a_lock_that_nobody_can_take_keeps_nothing_from_being_erased(device: Device) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    lock = lock_path(vault_path(device.folder))
    lock.unlink(missing_ok=True)
    lock.symlink_to("/nonexistent/lock")
    ran = device.run("wipe", "--yes")
    assert (ran.code, ran.said) == (0, ["wiped"])
    assert not device.folder.exists()


def test_what_cannot_be_removed_is_told_and_all_else_is_erased(device: Device) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    kept = vault_path(device.folder).with_name("letters.boxes.new")
    kept.mkdir()
    (kept / "of somebody").touch()
    ran = device.run("wipe", "--yes")
    assert (ran.code, ran.said) == (1, ["not-all-erased"])
    assert [one.name for one in device.folder.iterdir()] == [kept.name]


def test_a_second_file_that_a_killed_wipe_has_left_is_erased(device: Device) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    vault_path(device.folder).unlink()
    assert device.run("contacts").said == ["vault-missing"]
    ran = device.run("wipe", "--yes")
    assert (ran.code, ran.said) == (0, ["wiped"])
    assert not device.folder.exists()


def test_an_empty_lock_that_a_killed_wipe_has_left_goes_with_the_next(device: Device) -> None:
    """It holds nothing, and tells that something was here."""
    device.keep_contact(Contact(NAME, RELAY))
    assert device.run("wipe", "--yes").said == ["wiped"]
    device.folder.mkdir()
    lock_path(vault_path(device.folder)).touch()
    assert device.run("wipe", "--yes").said == ["wiped"]
    assert not device.folder.exists()
