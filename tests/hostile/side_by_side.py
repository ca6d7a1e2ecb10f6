"""Many processes of `ojak` at one vault at the same moment, and what must be true afterwards."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ojak_client.errors import VaultError, VaultExists
from ojak_client.store import VaultStore, vault_path
from ojak_client.vault import Vault
from tests.client.vaults import create
from tests.journeys.actors import Device
from tests.journeys.children import BIN

PROGRAM = """
from hashlib import blake2b
from ojak_client import opening
opening.argon2id = lambda secret, salt: blake2b(secret, salt=salt, digest_size=32).digest()
{bug}
from ojak_client.__main__ import main
main()
"""
"""`ojak` whose passphrase costs nothing to stretch, so that many start at once."""
FAMILY = "어머니"
ANSWERS = ("감자밭 할머니", "노동자 강철", "왜가리 1974")


def program(folder: Path, bug: str = "") -> str:
    """Return the path of such an `ojak`, perhaps with a planted bug."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ojak"
    path.write_text(f"#!{BIN / 'python'}\n{PROGRAM.format(bug=bug)}")
    path.chmod(0o700)
    return str(path)


def stretched(secret: bytes, salt: bytes) -> bytes:
    """Stretch as `PROGRAM` does."""
    from hashlib import blake2b  # noqa: PLC0415 - as it does

    return blake2b(secret, salt=salt, digest_size=32).digest()


def letters_in(device: Device) -> list[str]:
    """The letters that wait in the vault of *device*, which must open."""
    passphrase = bytearray((device.passphrase or "").encode())
    vault = Vault.open(vault_path(device.profile), passphrase, stretched, os.urandom)
    contacts = VaultStore(vault).read().contacts
    return [letter.text for contact in contacts for letter in contact.ours]


@dataclass
class Started:
    """What came of many starts."""

    ended: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def start_many(device: Device, *, times: int, stays_on: bool) -> Started:
    """Write and ask at once, so often; somebody may stay on meanwhile.

    Args:
        device: with one person who was invited and has not come.
        times: how many processes.
        stays_on: whether `ojak keep` runs beside them.
    """
    started = Started()
    keeping = device.keep() if stays_on else None
    if keeping is not None:
        keeping.until("keeping")
    children = {
        n: device.start(*(("send", FAMILY) if n % 2 else ("status",)), letter=f"편지 {n}")
        for n in range(times)
    }
    accepted = set()
    for n, child in children.items():
        ended = child.wait()
        started.ended[f"{'send' if n % 2 else 'status'} {ended.code}"] += 1
        if n % 2 and ended.code in {0, 13}:
            accepted.add(f"편지 {n}")
        if ended.code and (ended.code, ended.said[-1:]) != (1, ["vault-busy"]):
            started.wrong.append(f"{ended}")
    if keeping is not None and keeping.stop().code:
        started.wrong.append("who stayed on did not end well")
    try:
        found = letters_in(device)
    except VaultError as error:
        started.wrong.append(f"the vault does not open any more: {error}")
        return started
    if set(found) != accepted or len(found) != len(accepted):
        started.wrong.append(f"accepted {sorted(accepted)}, found {sorted(found)}")
    return started


def create_at_once(path: Path, times: int) -> Counter[str]:
    """Make a vault at *path* in so many processes at the same moment, and say how each ended."""
    ready, go = os.pipe()
    children = []
    for _ in range(times):
        child = os.fork()
        if not child:
            os.close(go)
            os.read(ready, 1)
            try:
                create(path)
            except VaultExists:
                os._exit(1)
            except BaseException:  # noqa: BLE001 - told by its code
                os._exit(2)
            os._exit(0)
        children.append(child)
    os.close(ready)
    os.close(go)
    names = {0: "made it", 1: "found it there"}
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return Counter(names.get(code, f"ended with {code}") for code in codes)
