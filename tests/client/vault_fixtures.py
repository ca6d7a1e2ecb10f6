"""Vaults of each format, kept to be opened by every later version.

`python -m tests.client.vault_fixtures` writes one of the present format, once, before it is
released; those of earlier formats can be made by no program any more. Of the first file only the
header and the open slot are kept, of the file of boxes only the pages in use: everything else in
them is random bytes that no passphrase opens, and is drawn anew.
"""

import hashlib
import io
import json
import os
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from ojak_client.box_file import PAGE_BYTES
from ojak_client.boxes_in_profile import map_boxes
from ojak_client.migrations import FORMAT
from ojak_client.profile import Profile
from ojak_client.store import VaultStore, decode
from ojak_client.vault import Vault
from ojak_client.vault_files import box_path
from ojak_client.vault_format import FILE_BYTES, HEADER_BYTES, SLOT_BYTES, SLOTS
from ojak_protocol.addresses import BOX_BYTES
from ojak_protocol.conversation import Conversation
from ojak_protocol.stretch import argon2id
from tests.client.rich import rich

FIXTURES = Path(__file__).parent / "fixtures"
FORMATS = tuple(sorted(int(file.stem.rpartition("-")[2]) for file in FIXTURES.glob("*.json")))
WORDS = "감나무 두 그루와 우물"
"""The passphrase of all of them."""


def restore(number: int, path: Path) -> dict[str, Any]:
    """Put the vault of format *number* at *path*; return what is to be found in it."""
    described: dict[str, Any] = json.loads((FIXTURES / f"vault-{number}.json").read_text())
    kept = (FIXTURES / f"vault-{number}.bin").read_bytes()
    raw = bytearray(os.urandom(FILE_BYTES))
    begin, end = HEADER_BYTES, HEADER_BYTES + SLOT_BYTES
    raw[:begin] = kept[:begin]
    at = begin + described["slot"] * SLOT_BYTES
    raw[at : at + SLOT_BYTES] = kept[begin:end]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    if "pages" in described:
        boxes = bytearray(os.urandom(SLOTS * described["pages"] * PAGE_BYTES))
        for number_kept, page in enumerate(described["used"]):
            at = (described["slot"] * described["pages"] + page) * PAGE_BYTES
            boxes[at : at + PAGE_BYTES] = kept[end + number_kept * PAGE_BYTES :][:PAGE_BYTES]
        box_path(path).write_bytes(boxes)
    told: dict[str, Any] = described["told"]
    return told


def told(profile: Profile) -> dict[str, Any]:
    """What must be the same in every version: what a person sees, and every box that is kept."""
    found = {
        "references": profile.references,
        "contacts": {
            contact.name: {
                "relays": contact.relays,
                "questions": contact.questions,
                "sets": [
                    [
                        one.questions,
                        one.point.number,
                        one.point.unconfirmed,
                        len(one.point.offers),
                        [_boxes(*visit.branches) for visit in one.point.visits],
                    ]
                    for one in contact.sets
                ],
                "lines": [
                    [line.kept, line.held, _boxes(line.conversation)] for line in contact.lines
                ],
                "ours": [[one.reference, one.text, one.state.value] for one in contact.ours],
                "theirs": [[one.reference, one.kind, one.text] for one in contact.theirs],
                "parts": [_form(one.box) for one in contact.parts],
                "pointers": [[one.due_at, _form(one.box)] for one in contact.pointers],
                "asked": len(contact.our_questions),
                "open": [one.text for one in contact.their_questions],
                "answered": [one.text for one in contact.our_replies],
                "visiting": None
                if contact.visiting is None or contact.visiting.attempt is None
                else [
                    _form(contact.visiting.attempt.box),
                    _boxes(*contact.visiting.attempt.branches),
                ],
            }
            for contact in profile.contacts
        },
    }
    # As it comes out of the file: tuples are lists there.
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def _boxes(*talks: Conversation) -> list[str]:
    return [
        _form(box)
        for talk in talks
        for out in (*talk.outbox, *talk.farewell)
        for box in (out.letter, out.withdrawn)
    ]


def _form(box: bytes) -> str:
    return hashlib.blake2b(box, digest_size=8).hexdigest() if box else ""


def _slot_of(before: bytes, after: bytes) -> int:
    """Which slot a save has written."""
    return next(
        slot
        for slot in range(SLOTS)
        if before[HEADER_BYTES + slot * SLOT_BYTES :][:64]
        != after[HEADER_BYTES + slot * SLOT_BYTES :][:64]
    )


def _make(path: Path, pages: int = 128) -> None:
    with redirect_stdout(io.StringIO()):
        profile = rich()
    vault = Vault.create(path, bytearray(WORDS.encode()), argon2id, os.urandom, pages=pages)
    before = path.read_bytes()
    VaultStore(vault).update(lambda _: (profile, None))
    raw, boxes = path.read_bytes(), box_path(path).read_bytes()
    slot = _slot_of(before, raw)
    used: list[int] = []
    with vault.locked() as session:
        content = session.content

    def use(reference: bytes) -> bytes:
        used.append(int.from_bytes(reference[:2], "big"))
        return bytes(BOX_BYTES)

    map_boxes(decode(content), use)
    used = sorted(set(used))
    begin = HEADER_BYTES + slot * SLOT_BYTES
    kept = raw[:HEADER_BYTES] + raw[begin : begin + SLOT_BYTES]
    for page in used:
        kept += boxes[(slot * pages + page) * PAGE_BYTES :][:PAGE_BYTES]
    described = {"slot": slot, "pages": pages, "used": used, "told": told(profile)}
    (FIXTURES / f"vault-{FORMAT}.bin").write_bytes(kept)
    text = json.dumps(described, ensure_ascii=False, separators=(",", ":"))
    (FIXTURES / f"vault-{FORMAT}.json").write_text(text + "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        _make(Path(folder) / "letters")
