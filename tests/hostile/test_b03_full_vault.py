"""B3: without the passphrase nothing of a full vault is found in any file that commands leave.

Real processes: after forgetting, after a move at both ends, after another passphrase, beside a
decoy, and after wiping; what is full is as long as what is empty.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from ojak_client.profile import Profile
from ojak_client.store import VaultStore, vault_path
from ojak_client.vault import Vault
from tests.bench.own_device import full_profile
from tests.client.brimful import brimful
from tests.hostile.full_vaults import (
    GONE,
    NEW_WORDS,
    VERBS,
    Cut,
    device_with,
    opened_with,
)
from tests.hostile.side_by_side import stretched

NAME, NEW_NAME, NOTE, LETTER = "표적 이름 하나", "표적 이름 둘", "표적 적은 말 셋", "표적 편지 넷"
QUESTIONS = ("표적 물음 다섯?", "표적 물음 여섯?", "표적 물음 일곱?")
ANSWERS = ("표적답 여덟째", "표적답 아홉째", "표적답 열째")
ADDRESS = "http://127.0.0.1:1/target-address"
CONTENT: Final = (NAME, NEW_NAME, NOTE, LETTER, *QUESTIONS, ADDRESS)
MARKERS: Final = (*CONTENT, *ANSWERS, NEW_WORDS, "사람 7", "적어 둔 것")
"""The last two are of those who were there before."""
LEAVES_A_COPY = """
from ojak_client import store
encode = store.encode
def left(profile):
    from pathlib import Path
    Path.home().joinpath("last").write_bytes(encode(profile))
    return encode(profile)
store.encode = left
"""


def found_in(folder: Path) -> set[str]:
    """The markers in any file below *folder* but the program, and in the names of files."""
    files = [one for one in folder.rglob("*") if one.is_file() and one.name != "ojak"]
    held = b"\0".join([*(one.read_bytes() for one in files), *(bytes(one) for one in files)])
    return {
        marker
        for marker in MARKERS
        if any(marker.encode(code) in held for code in ("utf-8", "utf-16-le", "utf-16-be"))
    }


def lengths(folder: Path) -> dict[str, int]:
    return {one.name: one.stat().st_size for one in folder.iterdir()}


@pytest.fixture(scope="module")
def some() -> Profile:
    """Nine of fifty contacts, so that there is room for one more."""
    profile = full_profile(GONE)
    return replace(profile, contacts=profile.contacts[:9])


def planted(folder: Path, some: Profile, bug: str = "") -> Cut:
    """A full vault in which the markers were planted by commands, as a person does."""
    made = device_with(folder / "device", some, bug=bug)
    made.relay = ADDRESS
    words = made.passphrase or ""
    asked = [part for question in QUESTIONS for part in ("--question", question)]
    ended = made.run("invite", "--name", NAME, *asked, answers=ANSWERS)
    assert ended.code == 0, ended
    assert made.send(NAME, LETTER).code == 0
    assert made.run("contacts", NAME, "--note", NOTE).code == 0
    assert made.run("contacts", "사람 8", "--rename", NEW_NAME).code == 0
    profile = opened_with(made.profile, words)
    assert profile is not None
    full = brimful(profile)
    vault = Vault.open(vault_path(made.profile), bytearray(words.encode()), stretched, os.urandom)
    VaultStore(vault).update(lambda _: (full, None))
    vault.close()
    return Cut(made, full, folder / "pristine")


def test_b3_no_marker_is_found_after_any_command_at_a_full_vault(
    tmp_path: Path, some: Profile
) -> None:
    cut = planted(tmp_path, some)
    device, folder = cut.device, cut.device.folder
    empty = lengths(device_with(tmp_path / "empty", Profile()).profile)
    assert found_in(folder) == set()
    assert lengths(device.profile) == empty
    for name in (NAME, NEW_NAME):
        assert device.run("--yes", "forget", name).code == 0
        assert found_in(folder) == set()
    assert cut.run(VERBS["passphrase"]).code == 0
    device.passphrase = NEW_WORDS
    assert found_in(folder) == set()
    assert cut.run(VERBS["move"]).code == 0
    assert not device.profile.exists()
    assert found_in(folder) == set()
    assert lengths(cut.there) == empty
    there = ("--profile", str(cut.there))
    assert device.run("--yes", "move", str(device.profile), *there).code == 0
    assert not cut.there.exists()
    assert lengths(device.profile) == empty
    assert found_in(folder) == set()
    assert cut.run(VERBS["wipe"]).code == 0
    assert found_in(folder) == set()
    assert not device.profile.exists()


def test_a_copy_that_is_left_unsealed_would_be_found(tmp_path: Path, some: Profile) -> None:
    cut = planted(tmp_path, some, LEAVES_A_COPY)
    # Answers are stretched and passphrases are not kept: no copy has them.
    assert found_in(cut.device.folder) == {*CONTENT, "사람 7", "적어 둔 것"}
