"""H9: one ciphertext that opens under two keys is refused where a person's words make the key.

That is the vault alone: whoever could plant a vault that opens under many passphrases would try
them all at one look. The commitment in each slot, a hash, is compared first.

Elsewhere such a ciphertext does no harm, because no seal is keyed by answers. At a meeting place
the key follows from the number, which whoever lays a box there has. In a conversation it follows
from a CPace run: an attacker has at most the two keys of the two words he put in, each is tried at
its own address only, and the address shows already what was guessed.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt

from ojak_client import vault_format
from ojak_client.errors import VaultDamaged, VaultTooNew, WrongPassphrase
from ojak_client.vault_format import (
    FILE_BYTES,
    HEADER_BYTES,
    PAYLOAD_HEADER_BYTES,
    SLOT_BYTES,
    SLOT_SALT_BYTES,
    Saved,
)
from ojak_protocol import guest as guest_
from ojak_protocol import meeting_point as point_
from ojak_protocol import primitives
from ojak_protocol.box import SEALED_HEADER_BYTES, open_header
from ojak_protocol.errors import Unopenable
from ojak_protocol.primitives import KEY_BYTES, blake2b, unseal
from tests.client.vaults import PAGES, WORDS, content_of, create, held_in, is_open, opened, stretch
from tests.hostile.collision import BLOCK, collide
from tests.people import (
    ALARM,
    CLOCK,
    DAY,
    ENTROPY,
    KEM,
    RIGHT,
    SEED,
    WRONG,
    boxes_of,
    collected,
    come,
    confirm,
    look,
    new_point,
    receipt,
    said,
    take,
)

OTHER_WORDS = "푸른 다리 위"
CONTENT = b"x" * 100


@pytest.mark.parametrize("size", [2 * BLOCK, 100, 1608, 4096])
@pytest.mark.parametrize("bound_to", [b"", b"p" * 32, b"q" * 4097])
def test_h9_the_collision_is_real(size: int, bound_to: bytes) -> None:
    keys = os.urandom(32), os.urandom(32)
    both = collide(*keys, os.urandom(24 + size), bound_to=bound_to, free=0)
    first, second = (unseal(key, both, bound_to=bound_to) for key in keys)
    assert (len(first), first != second) == (size, True)
    with pytest.raises(Unopenable):
        unseal(os.urandom(32), both, bound_to=bound_to)
    # It is one ciphertext of many: any other byte of it, and it opens under neither.
    for key in keys:
        with pytest.raises(Unopenable):
            unseal(key, both[:-1] + bytes([both[-1] ^ 1]), bound_to=bound_to)


# In the vault


def key_of(raw: bytes, words: str) -> bytearray:
    return bytearray(stretch(words.encode(), raw[:16]))


def two_faced(slot: int = 0) -> bytes:
    """A file whose slot has a seal that opens under two passphrases, committed to the first."""
    raw = vault_format.blank(os.urandom)
    keys = key_of(raw, WORDS), key_of(raw, OTHER_WORDS)
    raw = vault_format.written(raw, slot, keys[0], Saved(1, CONTENT, PAGES), os.urandom)
    begin = HEADER_BYTES + slot * SLOT_BYTES
    salt, sealed = begin + SLOT_SALT_BYTES, begin + SLOT_SALT_BYTES + KEY_BYTES
    sealing = [vault_format._slot_keys(key, raw[begin:salt])[1] for key in keys]  # noqa: SLF001 - the attacker reads the code
    both = collide(
        sealing[0],
        sealing[1],
        raw[sealed : begin + SLOT_BYTES - 16],
        bound_to=raw[:HEADER_BYTES] + bytes([slot]),
        # Inside the content, so that the first passphrase opens a vault with nothing amiss.
        free=-(-PAYLOAD_HEADER_BYTES // BLOCK) * BLOCK,
    )
    raw = raw[:sealed] + both + raw[begin + SLOT_BYTES :]
    assert len(raw) == FILE_BYTES
    return raw


def test_h9_a_slot_that_opens_under_two_passphrases_is_refused_to_the_second(
    tmp_path: Path,
) -> None:
    path = tmp_path / "profile" / "vault"
    create(path)
    path.write_bytes(two_faced())
    before = path.read_bytes()
    with pytest.raises(WrongPassphrase):
        opened(path, OTHER_WORDS)
    assert path.read_bytes() == before
    assert len(content_of(path)) == len(CONTENT)


def test_h9_without_the_commitment_the_second_passphrase_would_pass_the_seal() -> None:
    raw = two_faced()
    first, second, third = (key_of(raw, words) for words in (WORDS, OTHER_WORDS, "x"))
    assert is_open(raw, 0, first)
    assert not is_open(raw, 0, second)
    # `opened` alone is the planted fault: it looks at no commitment. Authentic bytes of the second
    # key are no payload that this version reads; bytes of any other key are damage.
    assert held_in(raw, 0, first).save_count == 1
    with pytest.raises((VaultTooNew, VaultDamaged), match="version"):
        held_in(raw, 0, second)
    with pytest.raises(VaultDamaged, match="bytes of the vault were changed"):
        held_in(raw, 0, third)


# In a meeting


def test_h9_a_box_that_opens_under_the_keys_of_two_words_tries_no_more_than_its_address() -> None:
    # A false host puts in two words; the guest types the second of them.
    point = new_point(alarm=ALARM)
    attempt = come(point, ALARM)
    _, visit = take(point, attempt)
    places = [branch.outbox[0].place for branch in visit.branches]
    where = places[visit.coin]
    header_keys = [place.header_key for place in places]
    sealed = collide(
        header_keys[0],
        header_keys[1],
        os.urandom(SEALED_HEADER_BYTES - 16),
        bound_to=where.id,
        free=0,
    )
    box = sealed + os.urandom(4000 - len(sealed))
    for key in header_keys:
        assert open_header(where.id, box, header_key=key)
    # The word that was typed is that of the other branch: at this address nobody looks for it.
    assert where.id not in guest_.places(attempt)
    assert guest_.confirm(attempt, where.id, box, kem=KEM) is None


def keys_of_a_meeting(words: bytes, monkeypatch: pytest.MonkeyPatch) -> set[bytes]:
    """Every key under which something is sealed while two people meet and write."""
    used: set[bytes] = set()

    def noting(message: bytes, aad: bytes, nonce: bytes, key: bytes) -> bytes:
        used.add(key)
        return crypto_aead_xchacha20poly1305_ietf_encrypt(message, aad, nonce, key)

    with monkeypatch.context() as patched:
        patched.setattr(primitives, "crypto_aead_xchacha20poly1305_ietf_encrypt", noting)
        point = replace(new_point(), right=words, offers=())
        point = point_.lay(point, day=DAY, now=CLOCK, entropy=ENTROPY)
        attempt = come(point, words)
        point, visit = take(point, attempt)
        found = look(attempt, boxes_of(*visit.branches))
        assert found is not None
        guest = said(receipt(found[0]), "편지")
        confirmed = confirm(point, boxes_of(guest))
        assert confirmed is not None
        host, _ = collected(confirmed[1].conversation, guest)
        said(host, "답")
    return used


def test_h9_no_seal_is_keyed_by_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    once, again, other = (keys_of_a_meeting(words, monkeypatch) for words in (RIGHT, RIGHT, WRONG))
    assert min(len(once), len(again), len(other)) > 5
    # What two meetings with the same number have in common is a key of the number alone: with the
    # same answers no more than with others.
    assert once & again == once & other == again & other == {blake2b(b"meet-seal", SEED)}
