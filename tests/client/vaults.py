"""Vaults of tests, whose passphrase costs nothing to stretch."""

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from ojak_client import file_lock, vault_format
from ojak_client.atomic_file import Disk
from ojak_client.vault import Vault
from ojak_client.vault_format import SLOTS, Heads, Saved

SPAWN = multiprocessing.get_context("forkserver")
# Loaded once for all children, which else take longer to begin than to do their work.
SPAWN.set_forkserver_preload(["tests.client.boxes"])
WORDS = "붉은 다리 아래"


def stretch(passphrase: bytes, salt: bytes) -> bytes:
    return hashlib.blake2b(passphrase, salt=salt, digest_size=32).digest()


PAGES = 32
"""How many boxes a slot of these vaults has room for: a small file is made quickly."""


def create(path: Path, words: str = WORDS, *, pages: int = PAGES, disk: Disk = os) -> Vault:
    return Vault.create(path, typed(words), stretch, os.urandom, pages=pages, disk=disk)


def opened(path: Path, words: str = WORDS, *, disk: Disk = os) -> Vault:
    return Vault.open(path, typed(words), stretch, os.urandom, disk=disk)


def typed(words: str) -> bytearray:
    return bytearray(words.encode())


def content_of(path: Path, words: str = WORDS) -> bytes:
    with opened(path, words).locked() as session:
        return bytes(session.content)


def put(vault: Vault, content: bytes) -> None:
    with vault.locked() as session:
        session.save(content)


def own_slot(path: Path) -> int:
    raw = path.read_bytes()
    key = bytearray(stretch(WORDS.encode(), raw[:16]))
    return next(slot for slot in range(SLOTS) if is_open(raw, slot, key))


def heads_of(raw: bytes) -> Heads:
    return vault_format.heads(lambda part: raw[part.start : part.stop])


def is_open(raw: bytes, slot: int, key: bytearray) -> bool:
    return vault_format.is_open(heads_of(raw), slot, key)


def held_in(raw: bytes, slot: int, key: bytearray) -> Saved:
    """What the slot of a whole file holds."""
    sealed = vault_format.sealed_at(slot)
    return vault_format.opened(heads_of(raw), slot, key, raw[sealed.start : sealed.stop])


@contextmanager
def held_lock(path: Path) -> Iterator[None]:
    """Hold the lock as another process would: it belongs to the open file, not to us."""
    with file_lock.held(path.with_name(path.name + ".lock"), seconds=10):
        yield


def change_until_killed(path: Path, at_step: int, words: str, *, decoy: bool) -> None:
    done: list[Enum] = []

    def after(step: Enum) -> None:
        done.append(step)
        if len(done) == at_step:
            os.kill(os.getpid(), signal.SIGKILL)

    vault = Vault.open(path, typed(WORDS), stretch, os.urandom, after=after)
    (vault.add_decoy if decoy else vault.change_passphrase)(typed(words))
