"""`ojak passphrase`: the same words and codes whatever passphrase it is called with."""

import os
import sys
from pathlib import Path

import pexpect
import pytest

from ojak_client.failures import Failure
from ojak_client.inputs import Inputs
from ojak_client.messages import Message
from ojak_client.profile import Contact
from ojak_client.store import vault_path
from ojak_client.vault import Vault
from ojak_client.vault_files import box_path
from ojak_protocol.stretch import argon2id
from tests.client.devices import WORDS, Device
from tests.client.persons import NAME, RELAY
from tests.client.vaults import typed

NEW = "푸른 고개 너머"
DECOY = "노란 우산"


@pytest.fixture
def kept(device: Device) -> Device:
    device.keep_contact(Contact(NAME, RELAY))
    return device


def names(device: Device, words: str) -> list[str]:
    return [one["name"] for one in device.run("contacts", words=words).events]


def test_the_passphrase_is_changed(kept: Device) -> None:
    ran = kept.run("passphrase", new_words=NEW)
    assert (ran.code, ran.said) == (0, ["passphrase-changed"])
    assert names(kept, NEW) == [NAME]
    ran = kept.run("contacts")
    assert (ran.code, ran.said) == (15, ["passphrase-wrong"])


def test_a_decoy_opens_something_empty_and_its_own_words_and_codes_are_the_same(
    kept: Device,
) -> None:
    ran = kept.run("passphrase", "--decoy", "--yes", new_words=DECOY)
    assert (ran.code, ran.said) == (0, ["about-decoy", "decoy-made"])
    assert names(kept, WORDS) == [NAME]
    from_decoy = kept.run("contacts", words=DECOY)
    other = Device(kept.folder.with_name("other"))
    other.keep_contact(Contact(NAME, RELAY))
    with other.store() as store:
        store.update(lambda profile: (type(profile)(), None))
    empty = other.run("contacts")
    assert (from_decoy.code, from_decoy.events) == (empty.code, empty.events)
    # Also of this verb.
    again = kept.run("passphrase", "--decoy", "--yes", words=DECOY, new_words=NEW)
    assert (again.code, again.events, again.errors) == (ran.code, ran.events, ran.errors)


@pytest.mark.parametrize("options", [(), ("--decoy", "--yes")])
def test_a_passphrase_that_opens_something_already_is_refused(
    kept: Device, options: tuple[str, ...]
) -> None:
    before = vault_path(kept.folder).read_bytes()
    ran = kept.run("passphrase", *options, new_words=WORDS)
    assert (ran.code, ran.said[-1]) == (2, "passphrase-taken")
    assert vault_path(kept.folder).read_bytes() == before


@pytest.mark.parametrize("options", [(), ("--decoy", "--yes")])
def test_without_a_new_passphrase_nothing_is_changed(
    kept: Device, options: tuple[str, ...]
) -> None:
    before = vault_path(kept.folder).read_bytes()
    ran = kept.run("passphrase", *options)
    assert (ran.code, ran.said[-1]) == (2, "needs-option")
    ran = kept.run("passphrase", *options, new_words="")
    assert (ran.code, ran.said[-1]) == (2, "passphrase-empty")
    assert vault_path(kept.folder).read_bytes() == before


def test_a_decoy_is_added_only_after_a_yes(kept: Device) -> None:
    before = vault_path(kept.folder).read_bytes()
    assert kept.run("passphrase", "--decoy", new_words=DECOY).said[-1] == "needs-option"
    assert vault_path(kept.folder).read_bytes() == before


def test_a_fourth_decoy_finds_no_room(kept: Device) -> None:
    for number in range(3):
        assert kept.run("passphrase", "--decoy", "--yes", new_words=f"{DECOY}{number}").code == 0
    ran = kept.run("passphrase", "--decoy", "--yes", new_words=NEW)
    assert (ran.code, ran.said[-1]) == (1, "no-slot-left")


def test_one_descriptor_does_not_give_both() -> None:
    with pytest.raises(Failure) as refused:
        Inputs(passphrase_fd=0).further_passphrase(0)
    assert refused.value.message is Message.ONE_SOURCE


def test_where_nothing_is_kept_there_is_nothing_to_change(device: Device) -> None:
    assert device.run("passphrase", new_words=NEW).said == ["vault-missing"]


def test_a_copy_without_its_second_file_is_refused_with_a_sentence(kept: Device) -> None:
    box_path(vault_path(kept.folder)).unlink()
    before = vault_path(kept.folder).read_bytes()
    for verb in ("contacts", "sync", "status"):
        ran = kept.run(verb)
        assert (ran.code, ran.said) == (1, ["vault-incomplete"])
    assert vault_path(kept.folder).read_bytes() == before


def test_a_person_is_asked_for_the_old_one_first_and_twice_for_the_new(tmp_path: Path) -> None:
    path = vault_path(tmp_path)
    Vault.create(path, typed(WORDS), argon2id, os.urandom, pages=32).close()
    child = pexpect.spawn(
        sys.executable,
        ["-m", "ojak_client", "--lang", "en", "--profile", str(tmp_path), "passphrase", "--decoy"],
        encoding="utf-8",
        timeout=60,
    )
    for asked, answer in (
        ("Passphrase: ", WORDS),
        ("may be erased. Go on?", "yes"),
        ("New passphrase: ", DECOY),
        ("The same once more: ", NEW),
        ("The two differ.", None),
        ("New passphrase: ", DECOY),
        ("The same once more: ", DECOY),
    ):
        child.expect_exact(asked)
        if answer is not None:
            child.send(f"{answer}\r")
    child.expect(pexpect.EOF)
    assert DECOY not in child.before
    child.close()
    assert child.exitstatus == 0
    for words in (WORDS, DECOY):
        Vault.open(path, typed(words), argon2id, os.urandom).close()
