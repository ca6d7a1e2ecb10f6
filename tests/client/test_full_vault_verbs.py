"""C7: at a vault that is full to the last byte each command ends in one sentence and loses nothing.

What makes room always can be done; what needs some changes nothing.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ojak_client.profile import Contact, LetterState, Profile
from ojak_client.store import VaultStore
from ojak_client.vault_format import MAX_CONTENT_BYTES
from tests.bench.own_device import full_profile
from tests.client.brimful import brimful, content_bytes
from tests.client.devices import ANSWERS, QUESTIONS, WORDS, Device

GONE = "http://127.0.0.1:1"
HOST = "사람 0"
"""With a number, unread letters, and letters of ours in every state."""
ALARM = "먼 산 뻐꾸기"


@pytest.fixture(scope="module")
def full() -> Profile:
    profile = full_profile(GONE)
    few = replace(profile, contacts=profile.contacts[:5])
    assert few.contacts[0].name == HOST
    assert few.contacts[0].sets
    return brimful(few)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, full: Profile) -> Device:
    device = Device(tmp_path_factory.mktemp("made") / "own")
    device.keep_contact(full.contacts[0])
    with device.store() as store:
        store.update(lambda _: (full, None))
    return device


@pytest.fixture
def device(tmp_path: Path, made: Device) -> Device:
    shutil.copytree(made.folder, tmp_path / "own")
    return Device(tmp_path / "own")


@pytest.mark.usefixtures("every_relay_answers")
@pytest.mark.parametrize(
    ("arguments", "typed", "answers"),
    [
        (("send", HOST), "편지", None),
        (("send", HOST, "--harmless"), "편지", None),
        (("send", HOST, "--after", "2d"), "편지", None),
        (("stop", HOST, "--yes"), "", None),
        (("contacts", HOST, "--rename", "가" * 40), "", None),
        (("contacts", HOST, "--note", "가" * 200), "", None),
        (("invite", "--name", "새 사람", "--relay", GONE, *QUESTIONS), "", ANSWERS),
        (("questions", HOST, *QUESTIONS), "", ANSWERS),
        (("relay", HOST, "http://127.0.0.1:2"), "", None),
        (
            ("meet", "913210996478", "--own", "새 사람", "--relay", GONE, "--to-stdout"),
            "",
            ANSWERS,
        ),
    ],
    ids=[
        *("send", "harmless", "timed", "stop", "rename", "note"),
        *("invite", "questions", "relay", "meet"),
    ],
)
def test_c7_what_needs_room_is_refused_in_one_sentence_and_changes_nothing(
    device: Device, full: Profile, arguments: tuple[str, ...], typed: str, answers: tuple[str, ...]
) -> None:
    ran = device.run(*arguments, typed=typed, answers=answers)
    assert (ran.code, ran.said, ran.errors) == (1, ["vault-full"], "")
    assert device.profile == full


def waiting_letter(profile: Profile) -> int:
    """One that may be asked back."""
    return next(
        one.reference for one in profile.contacts[0].ours if one.state is LetterState.WAITING
    )


@pytest.mark.parametrize("verb", ["forget", "read", "recall", "shorter note"])
def test_c7_what_makes_room_can_be_done(device: Device, full: Profile, verb: str) -> None:
    arguments = {
        "forget": ("forget", HOST, "--yes"),
        "read": ("read", HOST, "--to-stdout"),
        "recall": ("recall", HOST, f"{waiting_letter(full)}"),
        "shorter note": ("contacts", full.contacts[-1].name, "--note", "짧게"),
    }[verb]
    ran = device.run(*arguments)
    assert ran.code in {0, 13}, ran
    assert ran.errors == ""
    assert content_bytes(device.profile) < MAX_CONTENT_BYTES
    others = [one for one in device.profile.contacts if one.name not in {HOST, arguments[1]}]
    assert [one.name for one in others] == [
        one.name for one in full.contacts if one.name not in {HOST, arguments[1]}
    ]


@pytest.mark.parametrize("verb", ["status", "contacts", "reopen", "allow", "sync"])
def test_c7_what_only_looks_loses_nothing(device: Device, full: Profile, verb: str) -> None:
    """Offline, so that nothing comes; what is to be sealed finds no room and waits."""
    ran = device.run(verb, *(() if verb in {"sync", "contacts", "status"} else (HOST,)))
    assert ran.code in {0, 1, 13}
    assert ran.errors == ""
    after = device.profile
    for name in ("ours", "theirs", "sets", "note"):
        assert [getattr(one, name) for one in after.contacts] == [
            getattr(one, name) for one in full.contacts
        ]


def test_c7_a_full_vault_gets_another_passphrase_a_decoy_and_another_place(
    device: Device, full: Profile, tmp_path: Path
) -> None:
    assert device.run("passphrase", "--decoy", "--yes", new_words="빈 것").said[-1] == "decoy-made"
    assert device.run("contacts", words="빈 것").said == ["no-contacts"]
    assert device.profile == full
    assert device.run("passphrase", new_words="새 말").said == ["passphrase-changed"]
    assert device.run("contacts").said == ["passphrase-wrong"]
    assert device.run("move", str(tmp_path / "there"), "--yes", words="새 말").code == 0
    there = Device(tmp_path / "there")
    assert there.run("contacts", words="빈 것").said == ["no-contacts"]
    assert there.run("passphrase", words="새 말", new_words=WORDS).code == 0
    assert there.profile == full
    assert there.run("wipe", "--yes").said == ["wiped"]
    assert not there.folder.exists()


def test_c7_reading_goes_on_where_even_that_it_was_told_of_finds_no_room(
    device: Device, full: Profile
) -> None:
    """A letter of a later version stays, and must not keep back those whose reading makes room."""
    first = full.contacts[0]
    strange = replace(first.theirs[0], kind=99, reference=77)
    holds = replace(first, theirs=(strange, *first.theirs))
    with device.store() as store:
        _put(store, replace(full, contacts=(holds, *full.contacts[1:-1], _bare(full))))
    ran = device.run("read", HOST, "--to-stdout")
    assert ran.said == ["too-new", *["letter"] * len(first.theirs)]
    assert [one.reference for one in device.profile.contacts[0].theirs] == [77]


def _bare(full: Profile) -> Contact:
    return replace(full.contacts[-1], note="")


def _put(store: VaultStore, profile: Profile) -> None:
    store.update(lambda _: (brimful(profile), None))
