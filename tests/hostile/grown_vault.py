"""A vault that grew through commands against a relay until one more contact was refused.

Each of them met by a number of its own, with real processes on both sides.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ojak_client.profile import Profile
from ojak_client.store import VaultStore, vault_path
from ojak_client.vault import Vault
from tests.hostile.side_by_side import program, stretched
from tests.journeys.actors import Device, World
from tests.journeys.children import Ended

ANSWERS: Final = ("감자밭 할머니", "노동자 강철", "왜가리 1974")
ANSWERS_COST_NOTHING: Final = "from ojak_client import asking; asking.argon2id = opening.argon2id"
NUMBERS_A_PEER: Final = 4
"""Of more numbers not all are looked at in one request."""
AT_A_TIME: Final = 4
"""Somebody who visits takes more of the reckoned room than who was met: one at last."""
CAME: Final = {0, 10}
"""The exit codes of `sync` with and without news."""


@dataclass
class Grown:
    """One person's device, whose vault is full, and the devices of all others.

    Attributes:
        own: the device.
        others: by what *own* calls them, the device and what it calls *own*.
        refused: the last command, which found no room.
    """

    world: World
    own: Device
    others: dict[str, tuple[Device, str]] = field(default_factory=dict)
    refused: Ended | None = None

    @property
    def profile(self) -> Profile:
        """What the vault holds."""
        return profile_of(self.own)


def profile_of(device: Device) -> Profile:
    """What the vault of *device* holds."""
    words = bytearray((device.passphrase or "").encode())
    vault = Vault.open(vault_path(device.profile), words, stretched, os.urandom)
    try:
        return VaultStore(vault).read()
    finally:
        vault.close()


def grow(world: World, *, numbers: int, most: int = 1000) -> Grown:
    """Let a vault have so many *numbers* of its own, and guests' contacts until one is refused."""
    relay = world.relay(capacity=20_000)
    path = program(world.folder, ANSWERS_COST_NOTHING)

    def device(name: str) -> Device:
        made = world.own(name, relay.url)
        made.program = path
        return made

    grown = Grown(world, device("own"))
    for first in range(0, numbers, NUMBERS_A_PEER):
        there = device(f"guest{first}")
        count = min(NUMBERS_A_PEER, numbers - first)
        names = [f"손님 {first + n}" for n in range(count)]
        _meet(grown, names, host=grown.own, guest=there)
    first, at_a_time = 0, AT_A_TIME
    while first < most:
        there = device(f"host{first}")
        names = [f"주인 {n}" for n in range(first, min(most, first + at_a_time))]
        grown.refused = None
        _meet(grown, names, host=there, guest=grown.own)
        first += len(names)
        if grown.refused is not None and at_a_time == 1:
            break
        at_a_time = AT_A_TIME if grown.refused is None and at_a_time > 1 else 1
    return grown


def _meet(grown: Grown, names: Sequence[str], *, host: Device, guest: Device) -> None:
    """Let *host* invite so many, and *guest* come to each; all of them stay."""
    is_ours = host is grown.own
    numbers = {}
    for name in names:
        ours = name if is_ours else f"{name}의 손님"
        numbers[name] = host.invite(ours, ANSWERS)
        there = guest if is_ours else host
        grown.others[name] = there, f"{name}의 주인" if is_ours else ours
    synced(host)
    came = []
    for name, number in numbers.items():
        called = grown.others[name][1] if is_ours else name
        ended = guest.meet(number, ANSWERS, "--own", called, "--wait", "1")
        if ended.said[-1:] == ["vault-full"]:
            grown.refused = ended
            del grown.others[name]
            continue
        assert ended.code in {0, 11}, ended
        came.append(name)
    if came:
        synced(host, guest, host)


def synced(*devices: Device) -> None:
    """Let each of them sync."""
    for device in devices:
        ended = device.run("sync")
        assert ended.code in CAME, ended
