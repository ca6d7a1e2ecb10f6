"""C9: many processes at one vault lose no update; whoever cannot have it ends with a sentence.

`ojak keep` and other commands live side by side: each holds the vault from loading to saving only.
Here a few processes start at once; `make torture` starts a hundred at a time.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ojak_client.store import vault_path
from tests.client.vaults import content_of, held_lock
from tests.hostile.side_by_side import ANSWERS, FAMILY, create_at_once, program, start_many
from tests.journeys.actors import Device, World, world

STARTS = 8
ALL_DONE = Counter({"send 0": STARTS // 2, "status 0": STARTS // 2})
LOSES_UPDATES = f"""
import contextlib, os, sys
from ojak_client import vault
vault.locked_if_there = lambda *_, **__: contextlib.nullcontext()
save = vault.Vault._save
def save_when_all_have_loaded(own, *loaded):
    if "send" in sys.argv:
        meeting = own._path.with_name("meeting")
        meeting.mkdir(exist_ok=True)
        (meeting / str(os.getpid())).touch()
        while len(os.listdir(meeting)) < {STARTS // 2}:
            os.sched_yield()
    return save(own, *loaded)
vault.Vault._save = save_when_all_have_loaded
"""
"""Nobody keeps anybody out, and all who write load before one of them saves."""
PATIENT = """
from ojak_client import file_lock
held = file_lock.held
file_lock.held = lambda path, *, seconds, insists: held(path, seconds=60)
"""
"""Nobody is shut out because a machine is slow."""


@pytest.fixture
def people(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def invited(people: World, name: str, relay: str, bug: str = "") -> Device:
    device = people.own(name, relay)
    device.program = program(people.folder / f"{name} program", bug)
    device.invite(FAMILY, ANSWERS)
    return device


def test_c9_processes_beside_one_that_stays_on_lose_no_update_and_one_shut_out_says_so(
    people: World,
) -> None:
    relay = people.relay()
    shut_out = invited(people, "shut out", "http://127.0.0.1:1")
    with held_lock(vault_path(shut_out.profile)):
        ended = shut_out.run("status")
    device = invited(people, "device", relay.url, PATIENT)
    started = start_many(device, times=STARTS, stays_on=True)
    assert started.wrong == []
    assert started.ended == ALL_DONE
    assert (ended.code, ended.said) == (1, ["vault-busy"])


def test_c9_of_many_who_make_a_vault_at_once_one_does(tmp_path: Path) -> None:
    path = tmp_path / "profile" / "letters"
    assert create_at_once(path, 20) == {"made it": 1, "found it there": 19}
    assert content_of(path) == b""
    names = {file.name for file in path.parent.iterdir()}
    assert names == {"letters", "letters.boxes", "letters.lock"}


def test_c9_of_many_who_invite_at_once_none_is_told_yes_and_lost(people: World) -> None:
    device = people.own("device", "http://127.0.0.1:1")
    device.program = program(people.folder / "program")
    questions = [part for n in (1, 2, 3) for part in ("--question", f"물음 {n}?")]
    children = {
        f"이름 {n}": device.start("invite", "--name", f"이름 {n}", *questions, answers=ANSWERS)
        for n in range(3)
    }
    ended = {name: child.wait() for name, child in children.items()}
    invited_well = {name for name, one in ended.items() if one.code == 0}
    assert invited_well
    assert {tuple(one.said) for one in ended.values() if one.code} <= {("vault-exists",)}
    contacts = device.run("contacts").events
    assert {event["name"] for event in contacts} == invited_well


def test_a_client_without_the_lock_would_be_found(people: World) -> None:
    device = invited(people, "device", "http://127.0.0.1:1", LOSES_UPDATES)
    started = start_many(device, times=STARTS, stays_on=False)
    assert started.wrong
    # Letters lost, or no vault there for a moment; but it did not stop for a bug of ours.
    assert not [wrong for wrong in started.wrong if "fault" in wrong]
