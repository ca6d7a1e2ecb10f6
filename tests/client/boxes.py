"""Boxes for tests of the vault, and what is seen of them in content and in the file."""

import os
import signal
from collections.abc import Iterator, Sequence
from enum import Enum
from hashlib import shake_256
from pathlib import Path
from typing import Any

import msgspec

from ojak_client.box_file import PAGE_BYTES
from ojak_client.kept_boxes import REFERENCE_BYTES
from ojak_client.profile import Contact, Part, Profile
from ojak_client.store import VaultStore
from ojak_client.vault import Vault
from ojak_client.vault_files import box_path
from ojak_client.vault_format import Saved
from ojak_protocol.addresses import BOX_BYTES, DeleteKey
from tests.client.persons import NAME, RELAY
from tests.client.vaults import WORDS, held_in, opened, own_slot, stretch

BOXES = tuple(shake_256(b"box %d" % number).digest(BOX_BYTES) for number in range(12))
"""The same ones in every process."""


def keeping(boxes: Sequence[bytes]) -> Profile:
    """A profile that keeps these boxes and nothing else."""
    parts = tuple(
        Part(number, DeleteKey(bytes(32)), box, due_at=0) for number, box in enumerate(boxes)
    )
    return Profile((Contact(NAME, RELAY, parts=parts),))


def boxes_in(profile: Profile) -> tuple[bytes, ...]:
    """What `keeping` was given."""
    return tuple(part.box for contact in profile.contacts for part in contact.parts)


def keep(vault: Vault, *boxes: bytes) -> None:
    VaultStore(vault).update(lambda _: (keeping(boxes), None))


def kept(path: Path) -> tuple[bytes, ...]:
    return boxes_in(VaultStore(opened(path)).read())


def keep_until_killed(path: Path, boxes: Sequence[bytes], at_step: int) -> None:
    """Save *boxes*, and kill this very process after so many steps of it."""
    done: list[Enum] = []

    def after(step: Enum) -> None:
        done.append(step)
        if len(done) == at_step:
            os.kill(os.getpid(), signal.SIGKILL)

    keep(Vault.open(path, bytearray(WORDS.encode()), stretch, os.urandom, after=after), *boxes)


def sized(value: Any, size: int) -> Iterator[bytes]:  # noqa: ANN401 - whatever msgpack gives
    """Every bytes of so many in *value*, however deep."""
    if isinstance(value, bytes) and len(value) == size:
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from sized(inner, size)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from sized(inner, size)


def inline(content: bytes) -> list[bytes]:
    """The boxes that stand in a vault's content itself."""
    return list(sized(msgspec.msgpack.decode(content[1:]), BOX_BYTES))


def sealed_pages(path: Path) -> dict[bytes, bytes]:
    """The key of each box that is kept apart, with its page as it lies in the file."""
    content, pages = saved_of(path).content, pages_of(path)
    references = sized(msgspec.msgpack.decode(content[1:]), REFERENCE_BYTES) if content else ()
    return {one[2:]: pages[int.from_bytes(one[:2], "big")] for one in references}


def saved_of(path: Path) -> Saved:
    """What the slot of WORDS holds."""
    raw = path.read_bytes()
    key = bytearray(stretch(WORDS.encode(), raw[:16]))
    return held_in(raw, own_slot(path), key)


def pages_of(path: Path) -> list[bytes]:
    """The pages of the slot of WORDS, as they lie in the file."""
    raw, count = box_path(path).read_bytes(), saved_of(path).pages
    begin = own_slot(path) * count * PAGE_BYTES
    return [raw[begin + page * PAGE_BYTES :][:PAGE_BYTES] for page in range(count)]


def changed_pages(before: list[bytes], after: list[bytes]) -> set[int]:
    """The numbers of the pages that differ."""
    return {page for page, (old, new) in enumerate(zip(before, after, strict=True)) if old != new}
