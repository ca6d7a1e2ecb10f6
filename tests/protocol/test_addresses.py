"""An address follows from its delete key, and nobody gets from the address back to the key."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_protocol.addresses import ID_BYTES, DeleteKey, mailbox_id
from ojak_protocol.errors import LocalError


@given(st.binary(min_size=32, max_size=32))
def test_an_id_is_the_personalised_hash_of_its_delete_key(key: bytes) -> None:
    made = mailbox_id(DeleteKey(key))
    assert made == hashlib.blake2b(key, digest_size=ID_BYTES, person=b"box").digest()
    assert made != key


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_delete_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(LocalError):
        mailbox_id(DeleteKey(bytes(size)))
